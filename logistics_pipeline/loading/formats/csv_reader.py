"""Reads the records of CSV files and finds each in the file's text.

Rows are read some 64 KiB at a time: split at once by `csv_columns` where few of them are of another width, otherwise by
the csv module. Where that may not read one of them rightly, `csv_rows` reads them one by one; it also reads a row that
is larger than that.

Memory: one block, or one row (`max_record_bytes`) twice while it is read. An unclosed quote ends there as well.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple, cast

from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import Source
from logistics_pipeline.files.encodings import UTF8_MARK
from logistics_pipeline.loading.formats.csv_columns import ColumnSplitter, RowsOfColumns, has_blank_row
from logistics_pipeline.loading.formats.csv_quotes import stray
from logistics_pipeline.loading.formats.csv_rows import Cell, RowReader, beginning
from logistics_pipeline.loading.formats.lookahead import Lookahead
from logistics_pipeline.loading.formats.record_positions import LineSpans, RawRecords, Span
from logistics_pipeline.loading.formats.repeated_header import HEADER_REPEATED, RepeatedHeader
from logistics_pipeline.loading.layouts import CsvLayout, RawRecord, Records, Table, Unreadable

_LARGE_BYTES = 1 << 20
"""The csv module makes too much of a longer text."""

FindRaw = Callable[[int], RawRecord]


class _Rows(NamedTuple):
    """Rows from the beginning of a text, without those that are no records."""

    values: Sequence[object]
    end: int
    """Offset of the first row not included; that row may be incomplete."""
    raw_record: FindRaw
    notes: tuple[str, ...] = ()
    columns: Sequence[Sequence[object]] | None = None
    """The values as columns, if that is known and nearly all of them are rows."""
    others: Mapping[int, Unreadable] | None = None
    """What is no row, by index, if the columns are known: there, they have None."""


def read_csv(
    source: Source, layout: CsvLayout, done: int, max_record_bytes: int, run_bytes: int, *, only_dates: bool = False
) -> Iterator[Records]:
    """Yields the rows after the source's position, numbered after `done`, without rows that have no value.

    With `only_dates`, rows may be empty that have no date of all numbers.

    Raises:
        FileError: a row is larger than `max_record_bytes`, or a quote is not closed before the end of the file, or the
            columns of the rest are in another order. All rows before it were yielded.
    """
    csv.field_size_limit(max(csv.field_size_limit(), max_record_bytes))
    reader, header = _CsvReader(layout, max_record_bytes, run_bytes, only_dates), RepeatedHeader(layout)
    ahead, notes = Lookahead(source), dict[str, None]()
    while (rows := reader.read(ahead, done)) is not None:
        may_have_formulas = ahead.text.find(b'="', 0, rows.end) >= 0
        ahead.consume(rows.end)
        notes |= dict.fromkeys(rows.notes)
        if rows.values:
            empty = Records(done, (), ahead.offset, rows.raw_record, tuple(notes), may_have_formulas)
            yield from _records(rows, layout, header, empty)
            notes = {}
        done += len(rows.values)
    if notes:  # of rows at the end that are no records
        yield Records(done, (), ahead.offset, RawRecords(done, ahead.offset, b"", lambda _: ()), tuple(notes))


def _records(rows: _Rows, layout: CsvLayout, header: RepeatedHeader, empty: Records) -> Iterator[Records]:
    """Yields rows as a table. A row that repeats the header is no record."""
    if rows.columns is None:
        table = _tabulate(list(rows.values), layout.header)
    else:
        table = Table(dict(zip(layout.header, rows.columns, strict=True)), len(rows.values), rows.others)
    suspects = header.find_suspects(table.columns)
    if not suspects:
        yield empty._replace(values=table)
        return
    values = list(rows.values)
    for index in suspects:
        cells = [beginning(cell) for cell in cast("list[Cell]", values[index])]
        if header.is_reordered(cells):
            yield from _records_before(index, rows, layout, empty)
        if header.is_repeated(cells):
            values[index] = Unreadable(HEADER_REPEATED)
    yield empty._replace(values=_tabulate(values, layout.header))


def _records_before(index: int, rows: _Rows, layout: CsvLayout, empty: Records) -> Iterator[Records]:
    """Yields the rows before one that shows that all rows after it have their columns in another order.

    Raises:
        FileError: always.
    """
    place = rows.raw_record(index)
    assert place.byte_offset is not None
    if index:
        values = list(rows.values)[:index]
        yield empty._replace(values=_tabulate(values, layout.header), end=place.byte_offset)
    raise FileError(
        "Another header begins here, with the columns in another order: the file is several files joined together; "
        "deliver them one by one",
        place.record_no,
        place.byte_offset,
    )


def _tabulate(rows: list[object], header: tuple[str, ...]) -> Table:
    """Turns rows, each a list as long as the header or unreadable, into columns."""
    others, count = {}, len(rows)
    if set(map(type, rows)) != {list}:
        others = {index: row for index, row in enumerate(rows) if type(row) is not list}
        nothing = [None] * len(header)
        rows = [nothing if index in others else row for index, row in enumerate(rows)]
    columns = zip(*cast("list[list[object]]", rows), strict=True)
    return Table(dict(zip(header, columns, strict=True)), count, others)


class _CsvReader:
    """Reads rows of one file from the text ahead."""

    def __init__(self, layout: CsvLayout, max_record_bytes: int, run_bytes: int, only_dates: bool) -> None:
        self._layout = layout
        self._width = len(layout.header)
        self._max_record_bytes = max_record_bytes
        self._run_bytes = run_bytes
        self._rows = RowReader(layout.syntax)
        self._regular = _RegularRows(layout, only_dates)

    def read(self, ahead: Lookahead, done: int) -> _Rows | None:
        """Reads the next rows, which follow `done` others; None at the end."""
        lines = self._cut_lines(ahead)
        if not lines and ahead.is_at_end:
            if ahead.damage is not None and len(ahead.text) <= self._max_record_bytes:
                raise ahead.damage
            if not ahead.text:
                return None
        is_last = len(lines) == len(ahead.text) and _is_whole(ahead)
        rows = self._read_lines(lines, done, ahead.offset, is_whole=is_last) if lines else None
        return rows if rows is not None and rows.end else self._read_large_row(ahead, done)

    def _cut_lines(self, ahead: Lookahead) -> bytes:
        """The lines of the next run; empty if the first line is longer than that."""
        ahead.fill(self._run_bytes)
        newline, text = self._layout.newline, ahead.text
        end = text.find(newline, self._run_bytes - 1) + 1 or text.rfind(newline) + 1
        return text[:end] if end or not _is_whole(ahead) else text

    def _read_lines(self, text: bytes, done: int, offset: int, *, is_whole: bool) -> _Rows:
        regular = self._regular.read(text) if len(text) <= min(self._max_record_bytes, _LARGE_BYTES) else None
        if regular is None:
            return self._read_one_by_one(text, done, offset, is_whole)
        is_line = regular.is_row_per_line
        find = partial(LineSpans, newline=self._layout.newline) if is_line else partial(self._find_rows, is_whole)
        raw_records = RawRecords(done, offset, text, find)
        return _Rows(regular.values, len(text), raw_records, (), regular.columns, regular.others)

    def _read_one_by_one(self, text: bytes, done: int, offset: int, is_whole: bool) -> _Rows:
        """Reads rows up to one that is incomplete or too large."""
        values: list[object] = []
        notes, end = dict[str, None](), 0
        while end < len(text):
            row = self._rows.read(text, end, self._width, is_whole=is_whole)
            if row is None or row.end - row.begin > self._max_record_bytes:
                break
            end = row.end
            if row.value is not None:
                values.append(row.value)
            if row.note is not None:
                notes[row.note] = None
        raw_records = RawRecords(done, offset, text, partial(self._find_rows, is_whole))
        return _Rows(values, end, raw_records, tuple(notes))

    def _find_rows(self, is_whole: bool, text: bytes) -> Iterator[Span]:
        end = 0
        while end < len(text) and (row := self._rows.read(text, end, self._width, is_whole=is_whole)) is not None:
            end = row.end
            if row.value is not None:
                yield row.begin, row.text_end

    def _read_large_row(self, ahead: Lookahead, done: int) -> _Rows:
        """Reads one row that is larger than a run."""
        while (row := self._rows.read(ahead.text, 0, self._width, is_whole=_is_whole(ahead))) is None:
            if len(ahead.text) > self._max_record_bytes:
                raise self._too_large(ahead, done)
            if ahead.is_at_end:
                raise ahead.damage or FileError("A quote is opened and never closed", done + 1, ahead.offset)
            ahead.fill(min(2 * max(len(ahead.text), self._run_bytes), self._max_record_bytes + 1))
        if row.end > self._max_record_bytes:
            raise self._too_large(ahead, done)
        values: list[object] = [] if row.value is None else [row.value]
        notes = () if row.note is None else (row.note,)
        raw = RawRecord(done + 1, ahead.offset, ahead.text[: row.text_end])  # now, so that the text need not be kept
        return _Rows(values, row.end, lambda _: raw, notes)

    def _too_large(self, ahead: Lookahead, done: int) -> FileError:
        limit = f"{self._max_record_bytes:,} bytes (LOGISTICS_MAX_RECORD_BYTES)"
        message = f"A row is larger than {limit}: is a quote never closed?"
        return FileError(message, done + 1, ahead.offset)


def _is_whole(ahead: Lookahead) -> bool:
    """Whether nothing follows the text ahead, as far as is known."""
    return ahead.is_at_end and ahead.damage is None


class _Regular(NamedTuple):
    """All rows of a text."""

    values: Sequence[object]
    is_row_per_line: bool
    columns: Sequence[Sequence[object]] | None = None
    others: Mapping[int, Unreadable] | None = None


class _RegularRows:
    """Reads all rows of a text together, if all of them are regular."""

    def __init__(self, layout: CsvLayout, only_dates: bool = False) -> None:
        syntax = layout.syntax
        self._only_dates = only_dates
        self._syntax = syntax
        self._newline = syntax.newline.decode()
        self._quote = syntax.quote
        self._width = len(layout.header)
        self._splitter = ColumnSplitter(layout)
        self._escape = None if syntax.escape is None else syntax.escape.encode()
        self._comment = None if syntax.comment is None else syntax.comment.encode()
        delimiter, quote = re.escape(syntax.delimiter.encode()), re.escape(syntax.quote.encode())
        pairs = rb"(?:%b%b[^%b]*+)*+" % (quote, quote, quote) if syntax.doubles_quotes else b""
        spaces = b" *+" if syntax.skips_spaces else b""
        unquoted = rb"[^%b\r\n%b]*+" % (quote, delimiter)
        self._stray_quote = None if len(syntax.delimiter.encode()) > 1 else stray(_QUOTE, delimiter)
        if len(syntax.delimiter.encode()) > 1:
            unquoted = rb"(?:(?!%b)[^%b\r\n])*+" % (delimiter, quote)
        field = rb"%b(?:%b[^%b]*+%b%b|%b)" % (spaces, quote, quote, pairs, quote, unquoted)
        self._well_formed = re.compile(rb"(?:%b(?:%b%b)*+(?:\r*\n|\r|$))*+" % (field, delimiter, field))

    def read(self, text: bytes) -> _Regular | None:
        """Returns the rows of whole lines; None if one of them may be irregular."""
        if self._may_be_irregular(text):
            return None
        found = self._splitter.read_dates(text) if self._only_dates else None
        if (found := found or self._splitter.split(text)) is not None:
            columns, others, is_row_per_line = found
            return _Regular(RowsOfColumns(columns, others), is_row_per_line, columns, others)
        return self._read_by_module(text)

    def _read_by_module(self, text: bytes) -> _Regular | None:
        has_quotes = self._quote.encode() in text
        lines = text.decode("utf-8", "surrogateescape").split(self._newline)
        if not lines[-1]:
            lines.pop()
        if has_quotes:  # a line end may be part of a field
            lines = [line + self._newline for line in lines]
        try:
            rows = list(self._reader(lines))
        except csv.Error:
            return None
        if has_quotes and self._has_stray_quote(text, rows):
            return None
        is_row_per_line = len(rows) == len(lines)
        if set(map(len, rows)) == {self._width}:
            columns = list(zip(*rows, strict=True))
            if has_blank_row(columns[0], rows):
                return None
            return _Regular(cast("list[object]", rows), is_row_per_line, columns)
        rows = [row for row in rows if row]
        if not is_row_per_line or has_blank_row([row[0] for row in rows], rows):
            return None
        return _Regular([self._checked(row) for row in rows], is_row_per_line)

    def _may_be_irregular(self, text: bytes) -> bool:
        """Whether there is something in a text that the csv module does not read as `csv_rows` does."""
        if not text.isascii() and UTF8_MARK[:1] in text and UTF8_MARK in text:  # looking for one byte is much faster
            return True
        if self._escape is not None and self._escape in text:
            return True
        comment = self._comment
        return comment is not None and (text.startswith(comment) or self._syntax.newline + comment in text)

    def _reader(self, lines: list[str]) -> Iterator[list[str]]:
        syntax = self._syntax
        return csv.reader(
            lines,
            delimiter=syntax.delimiter,
            quotechar=syntax.quote,
            doublequote=syntax.doubles_quotes,
            skipinitialspace=syntax.skips_spaces,
            strict=True,
        )

    def _has_stray_quote(self, text: bytes, rows: list[list[str]]) -> bool:
        """Whether a quote stands in a field without quotes."""
        if self._syntax.is_plain and self._stray_quote is not None:
            return not self._are_fields_quoted_whole(text)
        has_quote_in_field = self._quote in "".join(chain.from_iterable(rows))
        return has_quote_in_field and not self._well_formed.fullmatch(text)

    def _are_fields_quoted_whole(self, text: bytes) -> bool:
        """Whether each quote begins a field, ends it, or is one of two in a row within it.

        What is between quotes is left out, and so are doubled quotes. Where a whole field was quoted, one quote remains
        then, between separators.
        """
        assert self._stray_quote is not None
        parts = text.split(_QUOTE)
        parts[0], parts[-1] = parts[0] or b"\n", parts[-1] or b"\n"
        outside = _QUOTE.join(filter(None, parts[::2]))
        return len(parts) % 2 == 1 and self._stray_quote.search(outside) is None

    def _checked(self, cells: list[str]) -> list[str] | Unreadable:
        if len(cells) != self._width:
            return Unreadable(f"the row has {len(cells)} fields, the header {self._width}")
        return cells


_QUOTE = b'"'
