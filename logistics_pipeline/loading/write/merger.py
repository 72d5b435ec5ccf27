"""Merges rows whose keys may be in the table already: stages them, compares them with the table, updates or inserts.

The record registered last wins its key: the one with the higher (file_id, record_no). A single statement does this and
so sees one state of the table; writes of another loader in the meantime are detected, and the merge is repeated.

Without a key every record is a row of its own: a merge only adds, and serves rows that COPY alone cannot take.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from operator import add, itemgetter
from typing import Any

from psycopg import errors, sql

from logistics_core.catalogue import Dataset, FieldType
from logistics_core.catalogue.column_types import type_name
from logistics_core.catalogue.model import SOURCE_COLUMNS
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import TransientError
from logistics_pipeline.loading.contract.copy_text import unescape
from logistics_pipeline.loading.write.history import History
from logistics_pipeline.loading.write.statement_parts import column_list, had_values, lost_cells, touched_value


@dataclass
class Merged:
    """The result of merging rows."""

    written: Counter[int] = field(default_factory=Counter)
    """Rows that are in the table now, by the file they come from."""
    superseded: Counter[int] = field(default_factory=Counter)
    """Rows that are not, because a later record has their key, by the file they come from."""
    overwritten: Counter[int] = field(default_factory=Counter)
    """Rows that were in the table and lost their key to one of these, by the file they came from."""
    conflicts: Counter[int] = field(default_factory=Counter)
    """Rows with the key of another row and other values, whichever of the two is in the table now, by the file that
    the other one came from. Not counted where a person has confirmed the key."""
    filled: dict[int, list[int]] = field(default_factory=dict)
    """Cells with a value that files have gained, or lost where negative: one number per column of the dataset."""
    stale_days: set[date] = field(default_factory=set)
    """Days that lost a row to another day."""
    stale_keys: set[str] = field(default_factory=set)
    """Keys of the dataset that dates this one (`Dating.dataset`) whose records lost a row. Not their days: until the
    next refresh, such a record may still arrive or change its day."""

    def __add__(self, other: "Merged") -> "Merged":
        return Merged(
            self.written + other.written,
            self.superseded + other.superseded,
            self.overwritten + other.overwritten,
            self.conflicts + other.conflicts,
            _sums(self.filled, other.filled),
            self.stale_days | other.stale_days,
            self.stale_keys | other.stale_keys,
        )

    def count_filled(self, file_id: int, filled: Sequence[int]) -> None:
        """Adds cells with a value that a file has gained or lost, one number per column."""
        self.filled = _sums(self.filled, {file_id: filled})


def _sums(some: Mapping[int, Sequence[int]], others: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    sums = {file_id: list(numbers) for file_id, numbers in some.items()}
    for file_id, numbers in others.items():
        sums[file_id] = list(map(add, sums[file_id], numbers)) if file_id in sums else list(numbers)
    return sums


class Merger:
    """Merges rows into the table of a dataset, in the caller's transactions."""

    def __init__(self, connection: Connection, dataset: Dataset) -> None:
        self._connection = connection
        self.dataset = dataset
        self.columns = (*dataset.stored_columns, "record_no", "file_id")
        """The values of a row, in this order."""
        self._key_of = _key_reader(dataset.key_indexes)
        self._may_differ = any(dataset.field(name).type is not FieldType.STRING for name in dataset.key)
        """Whether equal values of the key may differ in their texts, as 1 and 1.0 do."""
        self.stage = sql.Identifier(f"stage_{dataset.name}")
        self._copy = sql.SQL("COPY {} ({}) FROM STDIN").format(self.stage, column_list(self.columns))
        self.table = sql.Identifier("raw", dataset.name)
        self._make_stage = sql.SQL(read_sql("loading/stage")).format(stage=self.stage, table=self.table)
        self._lock = sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(self.table)
        self._history = History(connection, dataset, self.columns)
        self._merges: dict[tuple[bool, Sequence[str] | None], sql.Composed] = {}

    def statement(self, rows: sql.Composable, *, has_repeated: bool) -> sql.Composed:
        """Returns the statement that merges the rows of `rows`, a table or a subquery. To be called after `prepare`.

        `has_repeated`: several may have an equal key; the one registered last is merged.
        """
        stage = self.distinct(rows) if has_repeated else rows
        identity = self.dataset.identity
        compares_all = self._history.is_kept or not self.dataset.is_key_confirmed
        changing = [sql.Identifier(column) for column in self.columns if column not in identity or self._may_differ]
        return sql.SQL(read_sql("loading/merge")).format(
            table=self.table,
            stage=stage,
            existing_key=column_list(identity, "existing"),
            staged_key=column_list(identity, "staged"),
            columns=column_list(self.columns),
            is_compared=sql.SQL("true") if compares_all else _is_due(),
            is_due=_is_due() if compares_all else sql.SQL("true"),
            existing_row=self._history.existing_row,
            superseding=self._history.superseding,
            is_conflict=_is_conflict(self.dataset),
            touched=touched_value(self.dataset),
            had_values=had_values(self.dataset),
            gained=sql.SQL(", ").join(
                sql.SQL("count({})").format(sql.Identifier(name)) for name in self.dataset.columns
            ),
            lost=lost_cells(self.dataset),
            assignments=sql.SQL(", ").join(sql.SQL("{0} = due.{0}").format(column) for column in changing),
        )

    def distinct(self, rows: sql.Composable) -> sql.Composed:
        """Rows as a subquery: of several with an equal key, the one registered last."""
        return sql.SQL("({})").format(
            sql.SQL(read_sql("loading/distinct_rows")).format(
                stage=rows, key=column_list(self.dataset.identity), columns=column_list(self.columns)
            )
        )

    def keep_repeated(self, rows: sql.Composable) -> sql.SQL | sql.Composed:
        """The statement that keeps those of `rows` that lose their key to another one; nothing if none are kept."""
        return self._history.repeated(rows)

    def merge(self, text: bytes) -> Merged:
        """Merges rows given as lines of COPY text: the dataset's columns, then record_no, then file_id.

        Raises:
            TransientError: another loader wrote one of these keys at the same moment.
            psycopg.Error: PostgreSQL refused a row.
        """
        lines = text.splitlines(keepends=True)
        self.prepare()
        newest = lines if self._history.is_kept else self._newest(lines)
        self.fill_stage(text if newest is lines else b"".join(newest))
        has_repeated = self._may_differ or (self._history.is_kept and self._newest(lines) is not lines)
        self.look_up(self.stage)
        with self.translated_errors():
            if has_repeated and self._history.is_kept:
                self._connection.execute(self.keep_repeated(self.stage))
            rows = self._connection.execute(self._merge(has_repeated)).fetchall()
        merged = self.merged(rows, lines)
        self.write_back()
        return merged

    @property
    def is_distributed(self) -> bool:
        """Whether the rows lie on several nodes."""
        return False

    def copy_keys(self, texts: Iterable[bytes]) -> None:
        """Writes the keys of rows that COPY has just written to where they are kept: they are in the table itself."""

    def look_up(self, rows: sql.Composable) -> None:
        """Brings existing rows with the keys of `rows` to where the statement looks for them: they are there."""

    def write_back(self) -> None:
        """Brings what the statement has done to where the rows belong: it is there."""

    def fill_stage(self, text: bytes) -> None:
        """Makes the rows given as lines of COPY text the staged ones."""
        self._connection.execute(self._make_stage)
        self._connection.execute(sql.SQL("TRUNCATE {}").format(self.stage))
        with self._connection.cursor() as cursor, cursor.copy(self._copy) as copy:
            copy.write(text)

    def _merge(self, has_repeated: bool) -> sql.Composed:
        """The statement for the staged rows: it is long, and the same for most batches."""
        which = has_repeated, self._history.columns
        if which not in self._merges:
            self._merges[which] = self.statement(self.stage, has_repeated=has_repeated)
        return self._merges[which]

    def has_any_of(self, text: bytes) -> bool:
        """Whether the table has a key of the first lines of COPY text: then merging is the way to write them."""
        lines = text[:_SAMPLE_BYTES].splitlines()[:-1]
        keys = [
            {name: unescape(value.decode()) for name, value in zip(self.dataset.key, self._key_of(line), strict=True)}
            for line in lines
        ]
        query = sql.SQL(read_sql("loading/known_keys")).format(
            table=self.table,
            existing_key=column_list(self.dataset.key, "existing"),
            sampled_key=column_list(self.dataset.key, "sampled"),
        )
        return self._connection.execute(query, {"sample": json.dumps(keys)}).fetchone() == (True,)

    def prepare(self) -> None:
        """Makes the caller's transaction ready for merging."""
        self._connection.execute(self._lock)  # right away: taking it later could deadlock with an index build
        self._history.look()  # under the lock: whoever begins to keep records waits for it
        self._connection.execute(_USE_KEY_INDEX)

    def identity_types(self) -> list[tuple[str, str]]:
        """The columns that identify a row, with their types."""
        types = {"file_id": "integer", "record_no": "bigint"}
        return [
            (name, types[name] if name in SOURCE_COLUMNS else type_name(self.dataset.field(name)))
            for name in self.dataset.identity
        ]

    @property
    def keeps_history(self) -> bool:
        """Whether the dataset keeps superseded records. To be asked after `prepare`."""
        return self._history.is_kept

    def has_repeated_keys(self, lines: Sequence[bytes]) -> bool:
        """Whether several rows have the same key, as far as texts tell."""
        return bool(self.dataset.key) and len(set(map(self._key_of, lines))) < len(lines)

    @contextmanager
    def translated_errors(self) -> Iterator[None]:
        """Raises a TransientError where another loader has just written one of the keys."""
        try:
            yield
        except errors.UniqueViolation as error:
            if error.diag.constraint_name != f"{self.dataset.name}_pkey":
                raise  # a constraint that is not ours
            raise TransientError("Another loader wrote one of these keys at the same moment; merging again") from error

    def _newest(self, lines: list[bytes]) -> Iterable[bytes]:
        """Returns the winner of each key, as far as texts tell: equal values of other types may differ in theirs."""
        if not self.has_repeated_keys(lines):
            return lines
        return {self._key_of(line): line for line in sorted(lines, key=_rank)}.values()

    def merged(self, rows: Iterable[tuple[Any, ...]], lines: Sequence[bytes]) -> Merged:
        """Sums up what the statement returned, once or several times, when it merged `lines`.

        Raises:
            TransientError: it did not write all that it meant to.
        """
        merged, done, due = Merged(), 0, 0
        for file_id, overwritten_file_id, count, touched, filled in rows:
            if filled is not None:
                merged.count_filled(file_id, filled)
                continue
            if file_id is None and overwritten_file_id is not None:
                merged.conflicts[overwritten_file_id] += count
                continue
            if file_id is None:
                due += count
                continue
            done += count
            merged.written[file_id] += count
            if overwritten_file_id is not None:
                merged.overwritten[overwritten_file_id] += count
                self.note_touched(merged, touched)
        if done != due:
            raise TransientError("Another loader changed one of these rows at the same moment; merging again")
        merged.superseded = _count_by_file(lines) - merged.written
        if not self.dataset.key and (merged.superseded or merged.overwritten):
            raise TransientError("Another loader wrote these records at the same moment; merging again")
        if merged.superseded and not self.dataset.is_key_confirmed:
            merged.conflicts += self._conflicts_within(lines)
        return merged

    def _conflicts_within(self, lines: Sequence[bytes]) -> Counter[int]:
        """Rows that are not staged, as a later one of the same file has their key, and other values."""
        newest: dict[tuple[bytes, ...], bytes] = {}
        found: Counter[int] = Counter()
        for line in sorted(lines, key=_rank, reverse=True):
            winner = newest.setdefault(self._key_of(line), line)
            if winner is not line and _values(winner) != _values(line):
                found[_rank(winner)[0]] += 1
        return found

    def note_touched(self, merged: Merged, touched: Any) -> None:
        """Notes the day or the key that overwritten rows had and the rows in their place do not have."""
        if self.dataset.dating is None or touched is None:
            return
        if self.dataset.dating.is_own:
            merged.stale_days.add(touched)
        else:
            merged.stale_keys.add(touched)


_SAMPLE_BYTES = 2_000

_USE_KEY_INDEX = """
    SELECT set_config('enable_' || way, 'off', true) FROM unnest(ARRAY['hashjoin', 'mergejoin', 'seqscan']) AS way
"""
"""Makes PostgreSQL look up each key in the index: any other join may read the whole table."""


def _is_due() -> sql.Composable:
    """Whether a staged row is new, or registered later than the existing one."""
    return sql.SQL(
        "(existing.file_id IS NULL OR (existing.file_id, existing.record_no) < (staged.file_id, staged.record_no))"
    )


def _is_conflict(dataset: Dataset) -> sql.Composable:
    """Whether an existing row is another record with other values."""
    others = [name for name in dataset.columns if name not in dataset.key]
    if dataset.is_key_confirmed or not dataset.key or not others:
        return sql.SQL("false")
    return sql.SQL(
        "(existing.file_id, existing.record_no) <> (staged.file_id, staged.record_no) "
        "AND ({existing_values}) IS DISTINCT FROM ({staged_values})"
    ).format(existing_values=column_list(others, "existing"), staged_values=column_list(others, "staged"))


def _count_by_file(lines: Sequence[bytes]) -> Counter[int]:
    if not lines:
        return Counter()
    end = lines[0][lines[0].rindex(b"\t") :]
    if all(line.endswith(end) for line in lines):  # as those of a load
        return Counter({int(end): len(lines)})
    return Counter(int(line[line.rindex(b"\t") :]) for line in lines)


def _values(line: bytes) -> bytes:
    """A row without the number of its record and its file."""
    return line.rsplit(b"\t", 2)[0]


def _rank(line: bytes) -> tuple[int, int]:
    """The order that decides which record wins: its file, then its number."""
    _, number, file_id = line.rsplit(b"\t", 2)
    return int(file_id), int(number)


def _key_reader(indexes: Sequence[int]) -> Callable[[bytes], tuple[bytes, ...]]:
    """Returns what reads the texts of a key from a line: only as far as the last of its columns."""
    if len(indexes) == 1:
        (index,) = indexes
        return lambda line: (line.split(b"\t", index + 1)[index],)
    if not indexes:
        return lambda line: ()
    last, pick = max(indexes) + 1, itemgetter(*indexes)
    return lambda line: pick(line.split(b"\t", last))
