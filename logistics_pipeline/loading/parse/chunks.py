"""Chunks: what either parser makes of a part of a file, and all that is needed to load it.

A parser reads some 64 KiB of input at a time and passes on the result: rows as COPY text, rejects with their raw text,
and the checkpoint after them. The writer groups chunks into transactions; it never sees a record.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from logistics_core.catalogue import Dataset, FieldType
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.contract.column_validator import ColumnEncoder
from logistics_pipeline.loading.contract.columns import Column, Texts
from logistics_pipeline.loading.contract.copy_text import encode_row
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.contract.extras import Extras, as_copy_text
from logistics_pipeline.loading.contract.file_formats import AS_THE_CONTRACT, FileFormats
from logistics_pipeline.loading.contract.record_days import day_of_record
from logistics_pipeline.loading.contract.record_validator import ClearedValue, PartialRow, Rejection, Row
from logistics_pipeline.loading.formats.reader import Checkpoint
from logistics_pipeline.loading.layouts import Records, Table, Unreadable
from logistics_pipeline.loading.parse.held_records import FoundDate, HeldRecord
from logistics_pipeline.loading.parse.judging import RecordJudge
from logistics_pipeline.loading.parse.written_rejects import Reject, WrittenRejects, merge_rejects, write_rejects

SAMPLED_FIRST = 400
"""Records at the beginning of a file that all belong to its sample."""
SAMPLED_SHARE = 256
"""Of the rest, every 256th."""

MAX_UNKNOWN_FIELDS = 100
"""Names of unknown fields that are reported per file: a file that uses data as keys must not fill the ledger."""

_FORMULA = re.compile(r'\s*="[^"]*"\s*')


@dataclass
class Chunk:
    """Consecutive records of a file, ready to be written."""

    checkpoint: Checkpoint
    """The position after its last record."""
    text: bytes = b""
    """Rows as COPY text, one per line: the columns that a record fills, then record_no, then file_id."""
    rows: int = 0
    sample: list[str] = field(default_factory=list)
    """Some of the rows, without their line ends and `file_id`, for the profile of the file."""
    filled: tuple[int, ...] = ()
    """How many of the rows have a value, by column of the dataset; empty if there are no rows."""
    days: frozenset[str] = frozenset()
    """The days that the rows make stale, as ISO dates, if records hold their own date."""
    rejects: list[Reject] = field(default_factory=list)
    """Not sent to another process."""
    written_rejects: WrittenRejects = field(default_factory=WrittenRejects)
    """The same as the ledger stores them."""
    held: list[HeldRecord] = field(default_factory=list)
    """Records that are held back. Not sent to another process."""
    held_numbers: tuple[int, ...] = ()
    """Their numbers."""
    releases_held: bool = False
    """Its rows and rejects are all the records that were held back before."""
    dates: list[FoundDate] = field(default_factory=list)
    """Dates of all numbers, where records are held back. Not sent to another process."""
    cleared: list[tuple[int, ClearedValue]] = field(default_factory=list)
    """Values of its rows that were invalid and are stored as NULL, with the numbers of their records."""
    unknown_fields: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    """What was understood about these records that is not plain, one sentence each, without values that differ from
    record to record: the ledger keeps few."""
    formats: FileFormats | None = None
    """How the file's values are written, in the first chunk for which this had to be found out."""
    widened: frozenset[str] = frozenset()
    """Integer fields that are read as numbers from this chunk on."""
    codec: str | None = None
    """The encoding of the file, by Python's name, if its bytes have shown it."""
    damage: FileError | None = None
    """Why the file cannot be read to its end, if that showed when its formats were found out: the proof of a format may
    stand behind the damage."""
    error: FileError | None = None
    """Why the file cannot be read after this chunk, if it cannot: the chunk itself is good."""

    @property
    def records(self) -> int:
        """Those that it decides about: not those that are held back."""
        return self.rows + self.written_rejects.count

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to another process: pickling rejects as objects would take longer than making them."""
        return self.__dict__ | {"rejects": [], "held": [], "dates": []}


@dataclass(frozen=True)
class EndOfFile:
    """What a process that parses says last."""

    content_hash: str | None
    """Of a file of a store, if it was read from its beginning to its end."""


def merge_chunks(parts: Sequence[Chunk]) -> Chunk:
    """Makes one chunk of consecutive ones, between which no load can resume."""
    if len(parts) == 1:
        return parts[0]
    filled = [part.filled for part in parts if part.filled]
    return Chunk(
        checkpoint=parts[-1].checkpoint,
        text=b"".join(part.text for part in parts),
        rows=sum(part.rows for part in parts),
        sample=[line for part in parts for line in part.sample],
        filled=tuple(map(sum, zip(*filled, strict=True))),
        days=frozenset[str]().union(*(part.days for part in parts)),
        rejects=[reject for part in parts for reject in part.rejects],
        written_rejects=merge_rejects([part.written_rejects for part in parts]),
        held=[held for part in parts for held in part.held],
        held_numbers=tuple(number for part in parts for number in part.held_numbers),
        dates=[found for part in parts for found in part.dates],
        cleared=[cleared for part in parts for cleared in part.cleared],
        unknown_fields=frozenset[str]().union(*(part.unknown_fields for part in parts)),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


OtherColumns = Callable[[], Mapping[str, Column]]
"""Returns the columns of records that are not of the dataset, by name."""


class RecordTaker(Protocol):
    """What a parser passes records to."""

    def from_records(self, records: Records) -> Chunk:
        """Makes a chunk of decoded records."""
        ...

    def from_columns(
        self, columns: Sequence[Column], records: Records, names: Iterable[str], others: OtherColumns
    ) -> Chunk:
        """Makes a chunk of records whose values are also given as one column per field of the dataset.

        `names` are those of all fields found in the records, `others` gives the columns of those that are not fields of
        the dataset.
        """
        ...


def columns_of(records: Records, fields: Sequence[str]) -> tuple[list[Column], Iterable[str]]:
    """The values of records as one column for each of some fields, and the names of all fields found in them."""
    values = records.values
    if isinstance(values, Table):
        nothing: Column = [None] * len(values)
        named = [name for name, column in values.columns.items() if name or any(column)]  # delimiters at line ends
        return [values.columns.get(name, nothing) for name in fields], named
    mappings = [value if isinstance(value, dict) else {} for value in values]  # without a key: not plain
    names = set[str]().union(*mappings, names_of_unreadable(values))
    return [[mapping.get(name) for mapping in mappings] for name in fields], names


def names_of_unreadable(values: Iterable[object]) -> set[str]:
    """The names of all fields found in records that could not be decoded, where they are certain."""
    return set[str]().union(*(value.names for value in values if isinstance(value, Unreadable)))


class ChunkMaker:
    """Makes the chunks of one file.

    Where formats were not looked for, its methods raise FormatsNeededError for a value that only its whole column
    explains. With `holds_dates_back`, records with such dates are held back instead.
    """

    def __init__(
        self,
        dataset: Dataset,
        file_id: int,
        date_order: DateOrder | None = None,
        formats: FileFormats = AS_THE_CONTRACT,
        *,
        holds_dates_back: bool = False,
    ) -> None:
        self._names = dataset.columns
        self._fields = dataset.fields
        self._with_formulas = set[int]()
        """Positions of the fields that a note says to have formulas."""
        self._dating = dataset.own_date_index
        self._day_of = day_of_record(dataset) if self._dating is not None else None
        self._file_id = file_id
        self._line_end = f"\t{file_id}\n"
        self._encoder = ColumnEncoder(dataset, date_order, formats, holds_dates_back=holds_dates_back)
        self._extras = Extras(dataset) if dataset.has_extras else None
        self._judge = RecordJudge(dataset, date_order, formats, self._extras, holds_dates_back=holds_dates_back)
        self._reported = set(dataset.columns)
        """Names of fields that are known or were reported."""

    def from_records(self, records: Records) -> Chunk:
        """Makes a chunk of decoded records."""
        columns, names = columns_of(records, self._names)
        return self._chunk(columns, records, names, self._extras_of(records))

    def from_columns(
        self, columns: Sequence[Column], records: Records, names: Iterable[str], others: OtherColumns
    ) -> Chunk:
        """Makes a chunk of records whose values are also given as one column per field of the dataset.

        `names` are those of all fields found in the records, `others` gives the columns of those that are not fields of
        the dataset.
        """
        extras = self._extras
        texts = None if extras is None else extras.of_columns(extras.unknown(others()), len(records.values))
        return self._chunk(columns, records, names, texts)

    def _extras_of(self, records: Records) -> Texts | None:
        if self._extras is None:
            return None
        if isinstance(records.values, Table):
            return self._extras.of_columns(self._extras.unknown(records.values.columns), len(records.values))
        mappings = (value if isinstance(value, dict) else {} for value in records.values)
        return as_copy_text(map(self._extras.of_record, mappings))

    def _chunk(self, columns: Sequence[Column], records: Records, names: Iterable[str], extras: Texts | None) -> Chunk:
        """Single values of `records` are read only where the columns do not decide."""
        first = records.before + 1
        encoded = self._encoder.encode(columns, first, extras)
        values = records.values
        rows = _Rows(encoded.lines, encoded.nulls, set(encoded.days), self._day_of_row)
        rejects, held = list[Reject](), list[HeldRecord]()
        for index, judgement in self._judge.judge(values, columns, encoded.irregular):
            if judgement is None:
                held.append(HeldRecord(records.raw_record(index), values[index]))
            elif isinstance(judgement, Rejection):
                rejects.append(Reject(records.raw_record(index), judgement))
            else:
                rows.add(first + index, judgement)
        chunk = self._make_chunk(Checkpoint(records.before + len(values), records.end), rows, rejects)
        chunk.sample = _sample(rows.lines, records.before)
        chunk.held, chunk.held_numbers = held, tuple(each.raw_record.record_no for each in held)
        chunk.dates = list(self._judge.find_dates(encoded.irregular, columns, first))
        chunk.unknown_fields = self._report_unknown(names)
        formulas = self._note_formulas(columns) if records.may_have_formulas else ()
        chunk.notes = (*records.notes, *formulas, *chunk.notes)
        return chunk

    def release(self, held: Iterable[HeldRecord], end: Checkpoint) -> Chunk:
        """Makes the chunk of records that were held back, when their file was read to `end`."""
        rows, rejects = _Rows([], [0] * len(self._names), set(), self._day_of_row), list[Reject]()
        for raw_record, value in held:
            judgement = self._judge.judge_whole(value)
            if isinstance(judgement, Rejection):
                rejects.append(Reject(raw_record, judgement))
            else:
                rows.add(raw_record.record_no, judgement)
        chunk = self._make_chunk(end, rows, rejects)
        chunk.releases_held = True
        return chunk

    def _make_chunk(self, checkpoint: Checkpoint, rows: "_Rows", rejects: list[Reject]) -> Chunk:
        lines = rows.lines
        return Chunk(
            checkpoint,
            (self._line_end.join(lines) + self._line_end).encode() if lines else b"",
            len(lines),
            filled=tuple(len(lines) - number for number in rows.nulls) if lines else (),
            days=frozenset(rows.days),
            rejects=rejects,
            written_rejects=write_rejects(self._file_id, rejects),
            cleared=rows.cleared,
            notes=() if self._extras is None else self._extras.take_notes(),
        )

    def _day_of_row(self, row: Sequence[str | None]) -> set[str]:
        """The day that a row makes stale, if it holds its own."""
        date = None if self._dating is None else row[self._dating]
        return set() if date is None or self._day_of is None else {self._day_of(date)}

    def _note_formulas(self, columns: Sequence[Column]) -> Iterator[str]:
        """A sentence for each field with a text that Excel writes as a formula, to keep its zeros."""
        for index, each in enumerate(self._fields):
            is_text = each.type is FieldType.STRING and index not in self._with_formulas
            if is_text and any(isinstance(value, str) and _FORMULA.fullmatch(value) for value in columns[index]):
                self._with_formulas.add(index)
                yield (
                    f'Values in {each.name} are written as formulas of a spreadsheet, as in `="00123"`: they are kept '
                    "as they are written, with the equals sign and the quotation marks."
                )

    def _report_unknown(self, names: Iterable[str]) -> frozenset[str]:
        """Returns the names that are unknown and not reported yet, in a form that PostgreSQL can store."""
        new = {name[:255] for name in names} - self._reported
        if not new:
            return frozenset()
        room = MAX_UNKNOWN_FIELDS + len(self._names) - len(self._reported)
        reported = sorted(new)[: max(room, 0)]
        self._reported.update(reported)
        return frozenset(name.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode() for name in reported)


class _Rows:
    """The rows of a chunk, and what is counted of them."""

    def __init__(
        self, lines: list[str], nulls: list[int], days: set[str], days_of: Callable[[Sequence[str | None]], set[str]]
    ) -> None:
        self.lines, self.nulls, self.days = lines, nulls, days
        self._days_of = days_of
        self.cleared: list[tuple[int, ClearedValue]] = []

    def add(self, record_no: int, row: Row | PartialRow) -> None:
        """Adds what became of a record."""
        if isinstance(row, PartialRow):
            self.cleared += [(record_no, value) for value in row.cleared]
            row = row.row
        self.lines.append(encode_row(row, record_no))
        self.nulls = [number + (value is None) for number, value in zip(self.nulls, row, strict=False)]  # no extras
        self.days |= self._days_of(row)


def _sample(lines: list[str], before: int) -> list[str]:
    """Those of some rows that belong to the sample of their file, where `before` records precede them."""
    first = max(SAMPLED_FIRST - before, 0)
    next_one = first + -(before + first) % SAMPLED_SHARE
    return lines[:first] + lines[next_one::SAMPLED_SHARE]
