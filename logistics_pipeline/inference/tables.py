"""A sample as a table: columns of texts, whatever the format. The loader's own readers split it into records."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import cast

from logistics_pipeline.errors import FileError
from logistics_pipeline.inference.column_reading import looks_typed
from logistics_pipeline.inference.column_types import Column, Doubt
from logistics_pipeline.inference.dialect import TRIAL_BYTES, Dialect, find_dialect, split_rows
from logistics_pipeline.inference.header import Header, find_header
from logistics_pipeline.inference.sampling import (
    MOST_RECORDS,
    MOST_VALUES,
    Sample,
    as_source,
    first_lines,
    last_lines,
    shares,
    thinned,
)
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.formats.csv_reader import read_csv
from logistics_pipeline.loading.formats.csv_rows import RowReader, beginning
from logistics_pipeline.loading.formats.header_titles import join_titles
from logistics_pipeline.loading.formats.repeated_header import HEADER_REPEATED
from logistics_pipeline.loading.layouts import CsvLayout, LongText, Records, Table, Unreadable

MAX_COLUMNS = 1_500
_RUN_BYTES = 256 * 1024
_TOTAL_WORDS = frozenset(
    {"total", "totals", "sum", "summe", "gesamt", "gesamtsumme", "totale", "suma", "somme", "итого"}
)
_SECOND_TABLE_SHARE = 0.2
_MOST_LINE_ENDS = 50
"""Of a piece, after which a row may begin: a cell with more lines is rare."""
_ROWS_IN_ORDER = 3
_COMMENT = "#"
_MOST_FIRST_ROWS = 300

Cells = Sequence[str | None]


@dataclass
class SampleTable:
    """The records of a sample, by columns of one length."""

    titles: list[str]
    columns: list[Cells]
    natives: list[frozenset[str]] = field(default_factory=list)
    format: str = ""
    notes: list[str] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    bad_records: int = 0
    dialect: Dialect | None = None
    header_rows: tuple[int, ...] = (1,)
    """The numbers of the rows that make up the header, from 1; none if there is no header."""
    array_path: tuple[str, ...] = ()
    """The keys that lead to the array of records in a JSON document."""
    empty_in_total: list[int] = field(default_factory=list)
    """The columns that only the last row leaves empty, if that seems to be a total."""
    children: list[str] = field(default_factory=list)
    """Fields that hold arrays of objects: datasets of their own."""
    sample: Sample | None = None
    """What was read: maybe less than what was handed over."""

    @property
    def rows(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def column(self, index: int) -> Column:
        """A column's distinct values with their counts."""
        cells = self.columns[index]
        counted = Counter(cells)
        empty = counted.pop(None, 0)
        counts = _stripped(cast("Counter[str]", counted))
        empty += counts.pop("", 0)
        natives = self.natives[index] if self.natives else frozenset()
        return Column(self.titles[index], counts, empty, len(cells), natives)


def _stripped(counted: "Counter[str]") -> dict[str, int]:
    """The counts of trimmed texts. Most are trimmed already."""
    texts = list(counted)
    stripped = list(map(str.strip, texts))
    if stripped == texts:
        return dict(counted)
    counts: dict[str, int] = {}
    for text, count in zip(stripped, counted.values(), strict=True):
        counts[text] = counts.get(text, 0) + count
    return counts


def read_table(sample: Sample, max_record_bytes: int) -> SampleTable:
    """Reads the records of a CSV sample.

    Raises:
        FileError: there are none, or the text is not CSV.
    """
    dialect = find_dialect(sample.head)
    rows = _first_rows(sample.head, dialect)
    skipped = int(dialect.separator_line)
    if not any(cell.strip() for row in rows[skipped:] for cell in row):
        raise FileError("The file holds no rows; expected JSON, NDJSON or CSV")
    header = find_header(rows[skipped:])
    if header.width > MAX_COLUMNS:
        raise FileError(
            f"The file has {header.width:,} columns; a dataset has at most {MAX_COLUMNS:,}. Split it into several files"
        )
    dialect = replace(dialect, comment=_find_comment(rows[skipped + header.first :], header))
    read = thinned(sample) if sample.is_whole and _has_too_many_cells(sample.head, dialect) else sample
    table = _CsvTable(read, dialect, header, skipped, max_record_bytes).read()
    table.sample = read
    return table


def _has_too_many_cells(text: bytes, dialect: Dialect) -> bool:
    if len(text) < MOST_RECORDS:
        return False
    rows = text.count(dialect.newline)
    return rows > MOST_RECORDS or rows + text.count(dialect.delimiter.encode()) > MOST_VALUES


def _find_comment(rows: Sequence[Sequence[str]], header: Header) -> str | None:
    """What lines of comments within the table begin with: then no row of its width does."""
    first_cells = [(row[0].lstrip().startswith(_COMMENT), len(row)) for row in rows if row]
    widths = {width for is_comment, width in first_cells if is_comment}
    return _COMMENT if widths and header.width > 1 and header.width not in widths else None


def _first_rows(head: bytes, dialect: Dialect) -> list[list[str]]:
    """The rows that show where the header is: if there may be comments, all of the beginning of the file."""
    text = _head_text(head, dialect)
    most = None if dialect.newline.decode() + _COMMENT in text else _MOST_FIRST_ROWS
    return split_rows(text, dialect.delimiter, dialect.newline.decode(), dialect.quote, dialect.escape, most)


def _head_text(text: bytes, dialect: Dialect) -> str:
    head = text[:TRIAL_BYTES]
    if len(text) > TRIAL_BYTES:
        head = head[: head.rfind(dialect.newline) + 1] or head
    return head.decode("utf-8", "replace")


class _CsvTable:
    """Reads one CSV sample."""

    def __init__(self, sample: Sample, dialect: Dialect, header: Header, skipped: int, max_record_bytes: int) -> None:
        self._sample = sample
        self._dialect = dialect
        self._skipped = skipped
        self._max_record_bytes = max_record_bytes
        self._begin, self._header_text, titles = self._read_header(header)
        self._header = replace(header, titles=titles)
        self._names = _unique_names(titles)
        self._parts: list[list[Cells]] = []
        self._faults: Counter[str] = Counter()
        self._repeated = 0
        self._last_faults: list[bool] = []
        self._passed_over = 0

    def read(self) -> SampleTable:
        """Reads all parts."""
        self._read_parts()
        columns = [_joined([part[index] for part in self._parts]) for index in range(len(self._names))]
        table = SampleTable(
            list(self._header.titles),
            columns,
            format=f"csv with {_name_of(self._dialect.delimiter)}",
            notes=[*self._header.notes, *self._notes()],
            doubts=[*self._header.doubts, *self._doubts()],
            bad_records=sum(self._faults.values()),
            dialect=self._dialect,
            header_rows=tuple(
                range(
                    self._skipped + self._header.first + 1, self._skipped + self._header.first + 1 + self._header.rows
                )
            ),
        )
        _find_total(table)
        _drop_trailing_column(table)
        return table

    def _read_parts(self) -> None:
        begin = self._begin
        head = self._sample.head[begin:]
        if not self._sample.is_whole:
            head = head[: head.rfind(self._dialect.newline) + 1]
            if not head:
                raise FileError(
                    f"The first row is longer than {len(self._sample.head):,} bytes: is a quote never closed?"
                )
        shared = shares(self._sample, min(MOST_RECORDS, MOST_VALUES // len(self._names)))
        self._add_head(head, begin, next(shared))
        for number, (piece, most) in enumerate(zip(self._sample.pieces, shared, strict=True), 1):
            is_last = number == len(self._sample.pieces) and self._sample.has_end
            piece = (last_lines if is_last else first_lines)(piece, self._dialect.newline, most)
            end = len(piece) if is_last else piece.rfind(self._dialect.newline) + 1
            first = self._first_row(piece[:end])
            if first is None:
                self._passed_over += 1
            else:
                self._add_piece(piece[first:end])

    def _first_row(self, piece: bytes) -> int | None:
        """Where the first row of a piece begins that was cut anywhere; None if no place makes sense.

        After a line end that is within quotes, the next rows have other widths, or text follows their quotes.
        """
        reader, place = RowReader(self._dialect.syntax), 0
        for _ in range(_MOST_LINE_ENDS):
            place = piece.find(self._dialect.newline, place) + 1
            if not place:
                return None
            if self._begins_rows(reader, piece, place):
                return place
        return None

    def _begins_rows(self, reader: RowReader, piece: bytes, place: int) -> bool:
        for _ in range(_ROWS_IN_ORDER):
            parsed = reader.parse(piece, place, 1, is_whole=True)
            if parsed is None or place >= len(piece):
                return False
            if parsed.problem is not None or parsed.fields != len(self._names):
                return False
            place = parsed.end
        return True

    def _read_header(self, header: Header) -> tuple[int, bytes, tuple[str, ...]]:
        """Where the rows begin, the header as it is written, and the titles as the loader reads them."""
        reader, place, text = RowReader(self._dialect.syntax), 0, self._sample.head
        first, rows = self._skipped + header.first, list[list[str]]()
        begin = 0
        for number in range(first + header.rows):
            parsed = reader.parse(text, place, MAX_COLUMNS, is_whole=True)
            if parsed is None:
                break
            if number == first:
                begin = parsed.begin
            if number >= first:
                rows.append([beginning(cell) for cell in parsed.cells])
            place = parsed.end
        if not rows:
            return place, b"", header.titles
        titles = join_titles(rows)
        if header.is_narrow:
            titles = ["", *titles] if header.titles[-1] else [*titles, ""]
        same = len(titles) == header.width
        return place, text[begin:place], tuple(titles) if same else header.titles

    def _add_head(self, text: bytes, begin: int, most: int) -> None:
        """Takes the rows at the beginning. An error in a file that was read wholly is one of the file."""
        try:
            self._add(text, most)
        except FileError as error:
            if self._sample.is_whole or not self._parts:
                offset = None if error.byte_offset is None else error.byte_offset + begin
                raise replace(error, byte_offset=offset) from error

    def _add_piece(self, text: bytes) -> None:
        """Takes the rows of a piece, of which the last one may be cut."""
        with suppress(FileError):
            self._add(text, MOST_RECORDS)

    def _add(self, text: bytes, most: int) -> None:
        """Takes `most` rows of a text."""
        syntax = self._dialect.syntax
        layout = CsvLayout(
            0,
            syntax.delimiter,
            syntax.newline,
            self._names,
            b"" if self._header.is_narrow else self._header_text,
            quote=syntax.quote,
            escape=syntax.escape,
            skips_spaces=syntax.skips_spaces,
            comment=syntax.comment,
        )
        for records in read_csv(as_source(text), layout, 0, self._max_record_bytes, _RUN_BYTES):
            part, faults = _part_of(records, self._names)
            self._parts.append([cells[:most] for cells in part])
            wrong = [reason for reason in faults if reason != HEADER_REPEATED]
            self._faults.update(wrong)
            self._repeated += len(faults) - len(wrong)
            self._last_faults = _last_faults(records)
            most -= len(records.values)
            if most <= 0:
                break

    def _notes(self) -> Iterator[str]:
        if self._repeated:
            yield f"Rows that repeat the header: {self._repeated:,}. The file is several files joined together."
        for reason, count in self._faults.most_common(3):
            yield f"{count:,} {'record is' if count == 1 else 'records are'} no good: {reason}."
        if any(self._last_faults):
            yield "The last rows are of another width than the table: they may be a footer."
        if self._passed_over:
            yield f"{self._passed_over:,} blocks of the sample were passed over: no row begins in them."
        if self._dialect.comment:
            yield f"Lines that begin with {self._dialect.comment} are comments."
        if self._dialect.separator_line:
            yield "The first line names the delimiter."

    def _doubts(self) -> Iterator[Doubt]:
        rows = sum(len(part[0]) for part in self._parts if part)
        for reason, count in self._faults.most_common(1):
            if count >= 2 and count > _SECOND_TABLE_SHARE * (rows + count):
                text = f"{count:,} of {rows + count:,} rows do not fit the table ({reason}): is there a second table?"
                yield Doubt("second_table", text, count, ("reject them", "another file"))


def _part_of(records: Records, names: Sequence[str]) -> tuple[list[Cells], list[str]]:
    """The good records as columns, and why the others are none."""
    table = records.values
    if not isinstance(table, Table):
        return [[] for _ in names], []
    others = table.others
    faults = [value.reason for value in others.values() if isinstance(value, Unreadable)]
    columns: list[Cells] = []
    for name in names:
        cells = table.columns[name]
        if others:
            cells = [cell for index, cell in enumerate(cells) if index not in others]
        columns.append(_texts(cells))
    return columns, faults


def _texts(cells: Sequence[object]) -> Cells:
    if LongText in set(map(type, cells)):
        return [beginning(cell) if isinstance(cell, LongText) else cell for cell in cells]  # type: ignore[misc]
    return cells  # type: ignore[return-value]  # a CSV file holds nothing but texts


def _last_faults(records: Records) -> list[bool]:
    table, count = records.values, len(records.values)
    if not isinstance(table, Table):
        return []
    return [index in table.others for index in range(max(0, count - 3), count)]


def _joined(parts: Sequence[Cells]) -> Cells:
    return parts[0] if len(parts) == 1 else [cell for part in parts for cell in part]


def _unique_names(titles: Sequence[str]) -> tuple[str, ...]:
    """Names for the columns while they are read: the titles, as far as they are there and differ."""
    names: dict[str, None] = {}
    for number, title in enumerate(titles):
        name = title or f"\x00{number}"
        names[name if name not in names else f"{title}\x00{number}"] = None
    return tuple(names)


def _name_of(delimiter: str) -> str:
    return CsvLayout(0, delimiter, b"\n", (), b"").name.removeprefix("csv with ")


def _drop_trailing_column(table: SampleTable) -> None:
    """Leaves out a last column without name and values: rows end with a delimiter."""
    if (
        len(table.titles) > 1
        and not table.titles[-1]
        and table.header_rows
        and not any((cell or "").strip() for cell in table.columns[-1])
    ):
        table.titles.pop()
        table.columns.pop()
        table.notes.append("Rows end with a delimiter after the last column.")


def _find_total(table: SampleTable) -> None:
    """Asks about a last row that says it is the total of the others, or is."""
    if table.rows < 4:
        return
    last = [(column[-1] or "").strip() for column in table.columns]
    says_total = any(cell.casefold().rstrip(":") in _TOTAL_WORDS for cell in last)
    may_be_total = "" in last and all(not cell or looks_typed(cell) for cell in last)
    if says_total or (may_be_total and any(map(_is_sum, table.columns, last))):
        shown = excerpt(", ".join(last), 80)
        text = f"The last row, `{shown}`, seems to be a total: is it a record?"
        table.empty_in_total = [index for index, column in enumerate(table.columns) if _is_empty_at_end_only(column)]
        if table.empty_in_total:
            text += f" Loads reject a total, as it lacks {excerpt(table.titles[table.empty_in_total[0]], 80)}."
        table.doubts.append(Doubt("total", text, 1, ("a total", "a record")))


def _is_empty_at_end_only(column: Cells) -> bool:
    *others, last = ((cell or "").strip() for cell in column)
    return not last and all(others)


def _is_sum(column: Cells, last: str) -> bool:
    try:
        total = Decimal(last)
        return total != 0 and sum(Decimal((cell or "0").strip() or "0") for cell in column[:-1]) == total
    except InvalidOperation:
        return False
