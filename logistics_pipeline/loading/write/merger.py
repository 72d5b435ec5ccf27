"""Merges rows whose keys may be in the table already: staged, compared with what is there, updated or inserted.

The record registered last wins its key: the higher (file_id, record_no). One statement does it, so that it sees one
state of the table; whatever another loader writes meanwhile is noticed and merged again.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from psycopg import errors, sql

from logistics_core.catalogue import Dataset
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import TransientError


@dataclass
class Merged:
    """What became of rows that were merged."""

    written: Counter[int] = field(default_factory=Counter)
    """Rows that are in the table now, by the file they came from."""
    superseded: Counter[int] = field(default_factory=Counter)
    """Rows that are not, having lost their key to a later record, by the file they came from."""
    overwritten: Counter[int] = field(default_factory=Counter)
    """Rows that were there before and lost their key to one of these, by the file they came from."""
    stale_days: set[date] = field(default_factory=set)
    """Days that lost a row to another day."""
    stale_keys: set[str] = field(default_factory=set)
    """Keys of the dataset that dates this one (`Dating.dataset`) whose records lost a row. Not their days: until the
    next refresh such a record may still arrive or move."""

    def __add__(self, other: "Merged") -> "Merged":
        return Merged(
            self.written + other.written,
            self.superseded + other.superseded,
            self.overwritten + other.overwritten,
            self.stale_days | other.stale_days,
            self.stale_keys | other.stale_keys,
        )


class Merger:
    """Merges rows into the table of a dataset, in the caller's transactions."""

    def __init__(self, connection: Connection, dataset: Dataset) -> None:
        self._connection = connection
        self._dataset = dataset
        columns = (*dataset.columns, "record_no", "file_id")
        self._stage = sql.Identifier(f"stage_{dataset.name}")
        self._copy = sql.SQL("COPY {} ({}) FROM STDIN").format(self._stage, _list(columns))
        names = {
            "table": sql.Identifier("raw", dataset.name),
            "stage": self._stage,
            "key": sql.Identifier(dataset.key),
            "columns": _list(columns),
            "touched": _touched(dataset),
            "assignments": sql.SQL(", ").join(
                sql.SQL("{0} = due.{0}").format(sql.Identifier(column)) for column in columns if column != dataset.key
            ),
        }
        self._make_stage = sql.SQL(read_sql("loading/stage")).format(**names)
        self._lock = sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(names["table"])
        self._merge = sql.SQL(read_sql("loading/merge")).format(**names)

    def merge(self, text: bytes) -> Merged:
        """Merges rows given as COPY text: the dataset's columns, then record_no, then file_id.

        Raises:
            TransientError: another loader wrote one of these keys at the same moment.
            psycopg.Error: PostgreSQL refuses a row.
        """
        lines = text.splitlines(keepends=True)
        self._connection.execute(self._make_stage)
        self._connection.execute(sql.SQL("TRUNCATE {}").format(self._stage))
        self._connection.execute(self._lock)  # at once: asking for it later could meet one who builds an index
        with self._connection.cursor() as cursor, cursor.copy(self._copy) as copy:
            copy.write(b"".join(self._newest(lines)))
        merged = self._merge_stage()
        merged.superseded = Counter(int(line[line.rindex(b"\t") :]) for line in lines) - merged.written
        return merged

    def _newest(self, lines: list[bytes]) -> Iterable[bytes]:
        """Of the lines with the same key the one that wins."""
        index = self._dataset.key_index
        if len({line.split(b"\t", index + 1)[index] for line in lines}) == len(lines):
            return lines
        return {line.split(b"\t", index + 1)[index]: line for line in sorted(lines, key=_rank)}.values()

    def _merge_stage(self) -> Merged:
        self._connection.execute(_LOOK_UP_ONE_BY_ONE)
        try:
            rows = self._connection.execute(self._merge).fetchall()
        except errors.UniqueViolation as error:
            if error.diag.constraint_name != f"{self._dataset.name}_pkey":
                raise  # a rule that somebody else has made
            raise TransientError("Another loader wrote one of these keys at the same moment; merging again") from error
        merged, done, due = Merged(), 0, 0
        for file_id, overwritten_file_id, count, touched in rows:
            if file_id is None:
                due = count
                continue
            done += count
            merged.written[file_id] += count
            if overwritten_file_id is not None:
                merged.overwritten[overwritten_file_id] += count
                self._note_touched(merged, touched)
        if done != due:
            raise TransientError("Another loader changed one of these rows at the same moment; merging again")
        return merged

    def _note_touched(self, merged: Merged, touched: list[Any]) -> None:
        if self._dataset.dating is None:
            return
        if self._dataset.dating.is_own:
            merged.stale_days.update(touched or ())
        else:
            merged.stale_keys.update(touched or ())


_LOOK_UP_ONE_BY_ONE = """
    SELECT set_config('enable_' || way, 'off', true) FROM unnest(ARRAY['hashjoin', 'mergejoin', 'seqscan']) AS way
"""
"""Keys are looked up by their index, each by itself: joining another way may mean to read the whole table."""


def _touched(dataset: Dataset) -> sql.Composable:
    """What dated an overwritten row, if the new one is dated otherwise: the latter's own day is noted anyway."""
    if dataset.dating is None:
        return sql.SQL("NULL::text")
    return sql.SQL("nullif(existing.{0}, staged.{0})").format(sql.Identifier(dataset.dating.field))


def _rank(line: bytes) -> tuple[int, int]:
    """What decides which record wins: its file, then its number."""
    _, number, file_id = line.rsplit(b"\t", 2)
    return int(file_id), int(number)


def _list(columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
