"""What loads leave behind, in the database and among the rejects' files, and how two such accounts differ.

Times, attempts and the gaps that a rollback leaves in numbers are left out: loads that did the same leave the same.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from psycopg import sql

from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from tests.keyed import CATALOGUE

Key = tuple[Any, ...]
Entries = list[tuple[Key, Key]]
"""What there is, as (what tells it from others, all that it says)."""

Name = tuple[str, int]
"""A version of a file: path and version."""
Files = dict[Name, ledger.LedgerFile]

SETTLED = ("state", "error", "content_hash", "format", "unknown_fields", "bytes_read")
COUNTS = ("records_read", "records_loaded", "records_superseded", "records_rejected")


@dataclass
class Account:
    """Everything that a set of loads is answerable for."""

    rows: Entries
    rejects: Entries
    files: Files
    exports: dict[str, bytes]

    def without(self, name: Name) -> "Account":
        """All but what one version of a file is answerable for."""
        return replace(
            self,
            rows=[(key, value) for key, value in self.rows if value[-2] != name],
            rejects=[(key, value) for key, value in self.rejects if key[0] != name],
            files={key: file for key, file in self.files.items() if key != name},
        )


@dataclass
class Differences:
    """What an account has less, more or otherwise than it should."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.wrong)

    def __str__(self) -> str:
        parts = [("lost", self.lost), ("doubled", self.doubled), ("wrong", self.wrong)]
        return "; ".join(f"{len(each)} {name}: {', '.join(each[:3])}" for name, each in parts if each)


def read_account(connection: Connection, failed_dir: Path) -> Account:
    files = {file.file_id: file for file in ledger.files_in_order(connection)}

    def named(file_id: int) -> Key:
        file = files.get(file_id)
        return (file.path, file.version) if file else ("of no file", file_id)

    return Account(
        rows=[
            ((dataset, *(key or (named(file_id), record_no))), (*values, named(file_id), record_no))
            for dataset in CATALOGUE
            for key, values, file_id, record_no in _rows(connection, dataset)
        ],
        rejects=[
            ((named(file_id), number), tuple(values))
            for file_id, number, *values in connection.execute(
                "SELECT file_id, record_no, byte_offset, field, reason, raw FROM ingest.rejects ORDER BY 1, 2"
            )
        ],
        files={(file.path, file.version): file for file in files.values()},
        exports={
            str(path.relative_to(failed_dir)): path.read_bytes()
            for path in sorted(failed_dir.rglob("*"))
            if path.is_file()
        },
    )


def _rows(connection: Connection, dataset: str) -> Iterator[tuple[Key, Key, int, int]]:
    """Key, all values, file and record number of each row."""
    described = CATALOGUE[dataset]
    names = sql.SQL(", ").join(map(sql.Identifier, [*described.columns, "file_id", "record_no"]))
    query = sql.SQL("SELECT {} FROM {}").format(names, sql.Identifier("raw", dataset))
    for *values, file_id, record_no in connection.execute(query).fetchall():
        yield tuple(values[index] for index in described.key_indexes), tuple(map(str, values)), file_id, record_no


def compare(found: Account, expected: Account, changed: frozenset[Name] = frozenset()) -> Differences:
    """Holds an account to that of an undisturbed load.

    A version whose file was `changed` while it was loaded does not end like one that was not. Its counts, rows and
    rejects are those of the part that was read all the same.
    """
    differences = Differences()
    _compare_entries("row", found.rows, expected.rows, differences)
    _compare_entries("reject", found.rejects, expected.rejects, differences)
    _compare_files(found.files, expected.files, changed, differences)
    _compare_exports(found.exports, expected.exports, differences)
    return differences


def _compare_entries(what: str, found: Entries, expected: Entries, differences: Differences) -> None:
    counts, wanted = Counter(key for key, _ in found), Counter(key for key, _ in expected)
    differences.lost += [f"{what} {key}" for key in (wanted - counts).elements()]
    differences.doubled += [f"{what} {key}" for key in (counts - wanted).elements()]
    should = dict(expected)
    differences.wrong += [
        f"{what} {key} is {value}, not {should[key]}" for key, value in found if key in should and should[key] != value
    ]


def _compare_files(found: Files, expected: Files, changed: frozenset[Name], differences: Differences) -> None:
    if list(found) != list(expected):
        differences.wrong.append(f"files {list(found)}, not {list(expected)}")
        return
    for key, file in found.items():
        for name in COUNTS if key in changed else COUNTS + SETTLED:
            value, should = getattr(file, name), getattr(expected[key], name)
            if value != should:
                differences.wrong.append(f"{name} of {key} is {value}, not {should}")


def _compare_exports(found: dict[str, bytes], expected: dict[str, bytes], differences: Differences) -> None:
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            is_there = {True: "there", False: "not there"}
            differences.wrong.append(
                f"export {name} is {is_there[name in found]}, should be {is_there[name in expected]}, or differs"
            )


def contradictions(connection: Connection) -> list[str]:
    """What a database says of itself that does not hold together, whatever was loaded into it."""
    accounts = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT file_id FROM {}").format(sql.Identifier("raw", dataset)) for dataset in CATALOGUE
    )
    found = connection.execute(sql.SQL(_CONTRADICTIONS).format(raw=accounts)).fetchall()
    return [
        f"{path} version {version}: {what} {counted}, ledger {noted}" for path, version, what, counted, noted in found
    ]


_CONTRADICTIONS = """
WITH owned AS (SELECT file_id, count(*) AS n FROM ({raw}) AS of_all GROUP BY file_id),
     rejected AS (SELECT file_id, count(*) AS n FROM ingest.rejects GROUP BY file_id),
     committed AS (SELECT file_id, sum(records) AS n, max(last_record) AS last FROM ingest.batches GROUP BY file_id),
     checks AS (
         SELECT path, version, what, counted, noted
         FROM ingest.files
         FULL JOIN owned USING (file_id)
         FULL JOIN rejected USING (file_id)
         FULL JOIN committed USING (file_id)
         CROSS JOIN LATERAL (VALUES
             ('rows', coalesce(owned.n, 0), records_loaded),
             ('rejects', coalesce(rejected.n, 0), records_rejected),
             ('records of its batches', coalesce(committed.n, 0), records_read),
             ('last record of its batches', coalesce(committed.last, 0), records_read),
             ('loaded + superseded + rejected', records_loaded + records_superseded + records_rejected, records_read)
         ) AS figures (what, counted, noted)
     )
SELECT path, version, what, counted, noted FROM checks WHERE counted IS DISTINCT FROM noted
UNION ALL
-- A day that a log stands on and that no batch of its file has named would never reach the figures.
SELECT path, version, 'a log on a day not noted as stale, ' || trip_date, 1, 0
FROM (
    SELECT file_id, trip_date FROM raw.vehicle_logs
    EXCEPT SELECT file_id, unnest(stale_days) FROM ingest.batches
) AS unnoticed
JOIN ingest.files USING (file_id)
"""


def indexes(connection: Connection) -> set[tuple[Any, ...]]:
    """The valid indexes of the raw tables: a bulk load may set some aside, and has to bring them back."""
    return set(
        connection.execute(
            "SELECT tablename, indexname, indexdef FROM pg_indexes "
            "JOIN pg_index ON indexrelid = format('%I.%I', schemaname, indexname)::regclass "
            "WHERE schemaname = 'raw' AND indisvalid"
        ).fetchall()
    )
