"""Reads a file by a contract that is not in force, to say what a load would make of it. Writes nothing.

The records are read by the parsers of the loader, so what is accepted and rejected is what a load accepts and rejects.
"""

import dataclasses
from collections.abc import Collection
from typing import Any

from psycopg import sql

from logistics_core.catalogue import Dataset, FieldType
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import FileError
from logistics_pipeline.files.stored_file import StoredFile
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.formats.reader import Checkpoint, check_format, detect_format
from logistics_pipeline.loading.options import CHUNK_BYTES
from logistics_pipeline.loading.parse.chunks import Chunk
from logistics_pipeline.loading.parse.parsers import ReadTask, read_chunks

MOST_RECORDS = 100_000
"""Others wait for the watch meanwhile; the keys of so many records take some ten megabytes."""
MOST_CAUSES = 50
LINES_PER_CAUSE = 3
LONGEST_LINE = 300


@dataclasses.dataclass
class _Cause:
    field: str | None
    reason: str
    count: int = 0
    lines: list[dict[str, Any]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class DryRun:
    """What a load would make of the records that were read."""

    read: int = 0
    accepted: int = 0
    superseded: int = 0
    """Accepted records whose key a later record of the file has."""
    replaced: int | None = None
    """Rows of the table with the key of an accepted record; None if there is no table, or no key."""
    rejected: int = 0
    values_cleared: int = 0
    is_whole: bool = True
    """Whether the file was read to its end."""
    unknown_fields: set[str] = dataclasses.field(default_factory=set)
    notes: list[str] = dataclasses.field(default_factory=list)
    error: str | None = None
    """Why the file cannot be read to its end."""
    keys: set[bytes] = dataclasses.field(default_factory=set)
    """Those of the accepted records, as COPY takes them."""
    causes: dict[tuple[str | None, str], _Cause] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For programs: `rejects` has the causes, most frequent first, each with its first records."""
        causes = sorted(self.causes.values(), key=lambda cause: -cause.count)
        return {
            "records": {
                "read": self.read,
                "accepted": self.accepted,
                "superseded": self.superseded,
                "replaced": self.replaced,
                "rejected": self.rejected,
            },
            "values_cleared": self.values_cleared,
            "is_whole": self.is_whole,
            "unknown_fields": sorted(self.unknown_fields),
            "notes": self.notes,
            "error": self.error,
            "rejects": [cause.__dict__ for cause in causes],
        }

    def most_frequent_reasons(self, most: int = 3) -> tuple[str, ...]:
        """Why records would be rejected, the first of each of the most frequent causes."""
        causes = sorted(self.causes.values(), key=lambda cause: -cause.count)[:most]
        return tuple(
            f"{cause.count:,} as in record {first['record_no']:,}: {first['reason']}"
            for cause in causes
            for first in cause.lines[:1]
        )

    @property
    def sentence(self) -> str:
        """What it has shown."""
        if self.error is not None and not self.read:
            return f"The file could not be loaded: {self.error}"
        extent = "" if self.is_whole else f" Only the first {self.read:,} records were read."
        broken = f" The file cannot be read to its end: {self.error}" if self.error else ""
        replaced = f" {self.replaced:,} have the key of a row in the table." if self.replaced else ""
        return (
            f"Of {self.read:,} records, {self.accepted:,} would be accepted, {self.superseded:,} of them superseded by "
            f"later ones of the file, and {self.rejected:,} rejected.{replaced}{extent}{broken} Nothing was stored."
        )


def dry_run(path: StoredFile, dataset: Dataset, names: Collection[str], settings: Settings) -> DryRun:
    """Reads at most `MOST_RECORDS` records of a file. `names`: the datasets there are.

    A dataset that has its `parent` is read from within the records of the file.
    """
    found = DryRun()
    try:
        format = detect_format(path, dataset, names, settings.max_record_bytes, is_nested=dataset.parent is not None)
        check_format(path, format, dataset, settings.max_record_bytes)
        found.notes += format.notes
        task = ReadTask(
            path=path,
            dataset=dataset,
            layout=format.layout,
            file_id=0,
            after=Checkpoint(),
            date_order=settings.date_order,
            chunk_bytes=CHUNK_BYTES,
            max_record_bytes=settings.max_record_bytes,
            max_expansion=settings.max_expansion,
        )
        for chunk in read_chunks(task):
            _add(found, chunk, dataset)
            if chunk.error is not None:
                raise chunk.error
            if found.read >= MOST_RECORDS:
                found.is_whole = False
                break
    except FileError as error:
        found.error, found.is_whole = str(error), False
    found.superseded = found.accepted - len(found.keys) if dataset.key else 0
    return found


def count_replaced(connection: Connection, in_force: Dataset, dataset: Dataset, run: DryRun) -> int | None:
    """How many rows of the table have the key of a record that was accepted by `dataset`. Leaves nothing behind.

    None if the contract in force has no key, or another one: then keys cannot be compared.
    """
    if not in_force.key or _key_types(in_force) != _key_types(dataset):
        return None
    table = sql.Identifier("raw", dataset.name)
    columns = sql.SQL(", ").join(map(sql.Identifier, dataset.key))
    with connection.transaction(force_rollback=True), connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE TEMPORARY TABLE tried AS SELECT {} FROM {} LIMIT 0").format(columns, table))
        with cursor.copy("COPY pg_temp.tried FROM STDIN") as copy:
            for key in run.keys:
                copy.write(key + b"\n")
        query = sql.SQL("SELECT count(*) FROM pg_temp.tried JOIN {} USING ({})").format(table, columns)
        row = cursor.execute(query).fetchone()
    return int(row[0]) if row is not None else 0


def _key_types(dataset: Dataset) -> list[tuple[str, FieldType, bool]]:
    fields = map(dataset.field, dataset.key)
    return [(field.name, field.type, field.has_time_zone) for field in fields]


def _add(found: DryRun, chunk: Chunk, dataset: Dataset) -> None:
    found.read += chunk.records
    found.accepted += chunk.rows
    found.rejected += chunk.written_rejects.count
    found.values_cleared += len(chunk.cleared)
    found.unknown_fields |= chunk.unknown_fields
    found.notes += [note for note in chunk.notes if note not in found.notes]
    if dataset.key:
        places = [dataset.columns.index(name) for name in dataset.key]
        for line in chunk.text.split(b"\n")[:-1]:
            cells = line.split(b"\t")
            found.keys.add(b"\t".join(cells[place] for place in places))
    for raw_record, rejection in chunk.rejects:
        place = rejection.field, rejection.kind
        if place not in found.causes and len(found.causes) >= MOST_CAUSES:
            place = None, "other causes"
        cause = found.causes.setdefault(place, _Cause(*place))
        cause.count += 1
        if len(cause.lines) < LINES_PER_CAUSE:
            cause.lines.append(
                {
                    "record_no": raw_record.record_no,
                    "reason": rejection.reason,
                    "text": excerpt(raw_record.raw.decode(errors="replace"), LONGEST_LINE),
                }
            )
