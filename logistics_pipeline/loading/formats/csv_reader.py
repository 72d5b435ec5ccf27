"""Reads the records of CSV files and finds each in the file's text. The csv module handles quoting; positions are ours.

Memory: one block and twice one record (`max_record_bytes`), which is also where an unclosed quote ends.
"""

import csv
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate
from typing import NamedTuple, Self, cast

from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.formats.lines import cut_lines
from logistics_pipeline.loading.formats.lookahead import Lookahead
from logistics_pipeline.loading.formats.record_positions import RawRecords, Span
from logistics_pipeline.loading.layouts import CsvLayout, Records, Table, Unreadable
from logistics_pipeline.sources.byte_stream import Source


def read_csv(source: Source, layout: CsvLayout, done: int, max_record_bytes: int, run_bytes: int) -> Iterator[Records]:
    """Yields the rows after the source's position, numbered after `done`, without blank lines.

    Raises:
        FileError: a quote is not closed within `max_record_bytes`, or before the end of the file. All rows before it
            were yielded.
    """
    csv.field_size_limit(max(csv.field_size_limit(), max_record_bytes))
    ahead, wanted_bytes = Lookahead(source), run_bytes
    while text := cut_lines(ahead, layout.newline, wanted_bytes, max_record_bytes):
        is_small = len(text) <= max_record_bytes
        rows = (_read_at_once(text, layout) if is_small else None) or _read_row_by_row(
            text, layout, run_bytes, max_record_bytes
        )
        if rows.end:
            raw_records = RawRecords(done, ahead.offset, text, rows.find)
            ahead.consume(rows.end)
            wanted_bytes = run_bytes
            if rows.values:
                yield Records(done, _tabulate(rows.values, layout.header), ahead.offset, raw_records)
            done += len(rows.values)
        elif is_small and len(text) >= wanted_bytes:  # a row that continues after the text
            wanted_bytes = min(2 * len(text), max_record_bytes + 1)
        else:
            raise _unclosed_quote(ahead, text, done, max_record_bytes)


def _unclosed_quote(ahead: Lookahead, text: bytes, done: int, max_record_bytes: int) -> FileError:
    if ahead.damage is not None:
        return ahead.damage
    if ahead.is_at_end and len(text) == len(ahead.text) <= max_record_bytes:
        return FileError("A quote is opened and never closed", done + 1, ahead.offset)
    message = f"A row is larger than {max_record_bytes:,} bytes: is a quote never closed?"
    return FileError(message, done + 1, ahead.offset)


def _tabulate(rows: list[object], header: tuple[str, ...]) -> Table:
    """Turns rows, each a list as long as the header or unreadable, into columns."""
    others, count = {}, len(rows)
    if set(map(type, rows)) != {list}:
        others = {index: row for index, row in enumerate(rows) if type(row) is not list}
        nothing = [None] * len(header)
        rows = [nothing if index in others else row for index, row in enumerate(rows)]
    columns = zip(*cast("list[list[object]]", rows), strict=True)
    return Table(dict(zip(header, columns, strict=True)), count, others)


class _Rows(NamedTuple):
    """Rows of a text, without blank lines."""

    values: list[object]
    end: int
    """Offset of the first row not included; that row may be incomplete."""
    find: Callable[[bytes], Iterator[Span]]
    """Finds each of them in the text, without the line end after it."""


def _read_at_once(text: bytes, layout: CsvLayout) -> _Rows | None:
    """Reads all rows of a text together; None if one of them may be irregular."""
    newline = layout.newline.decode()
    lines = text.decode("utf-8", "surrogateescape").split(newline)
    if not lines[-1]:
        lines.pop()
    if b'"' in text:  # a line end may be part of a field
        lines = [line + newline for line in lines]
    try:
        rows = list(csv.reader(lines, delimiter=layout.delimiter, strict=True))
    except csv.Error:
        return None
    is_row_per_line = len(rows) == len(lines)
    find = partial(_find_lines if is_row_per_line else _find_rows, layout)
    if set(map(len, rows)) == {len(layout.header)}:
        return _Rows(cast("list[object]", rows), len(text), find)
    return (
        _Rows([_check_width(row, layout.header) for row in rows if row], len(text), find) if is_row_per_line else None
    )


def _find_lines(layout: CsvLayout, text: bytes) -> Iterator[Span]:
    begin = 0
    for line in text.split(layout.newline):
        raw = line.rstrip(b"\r\n")
        if raw:
            yield begin, begin + len(raw)
        begin += len(line) + 1


def _check_width(cells: list[str], header: tuple[str, ...]) -> list[str] | Unreadable:
    if len(cells) != len(header):
        return Unreadable(f"the row has {len(cells)} fields, the header {len(header)}")
    return cells


def _read_row_by_row(text: bytes, layout: CsvLayout, run_bytes: int, max_record_bytes: int) -> _Rows:
    """Reads rows up to the length of a run, or up to one that is incomplete or too large."""
    values: list[object] = []
    end = 0
    for row in _RowByRow(text, layout):
        if end >= run_bytes or row.end - row.begin > max_record_bytes:
            break
        end = row.end
        if row.value is not None:
            values.append(row.value)
    return _Rows(values, end, partial(_find_rows, layout))


def _find_rows(layout: CsvLayout, text: bytes) -> Iterator[Span]:
    for row in _RowByRow(text, layout):
        if row.value is not None:
            yield row.begin, row.begin + len(text[row.begin : row.end].rstrip(b"\r\n"))


class _Row(NamedTuple):
    """A complete row."""

    value: list[str] | Unreadable | None
    """None for a blank line."""
    begin: int
    """Offset of its first line."""
    end: int
    """Offset after its last line."""


class _RowByRow:
    """Reads the rows of a text one by one, up to its end or to a row that continues after it."""

    def __init__(self, text: bytes, layout: CsvLayout) -> None:
        self._header = layout.header
        self._lines = _Lines(text, layout.newline)
        self._rows = csv.reader(self._lines, delimiter=layout.delimiter, strict=True)

    def __iter__(self) -> Iterator[_Row]:
        while True:
            begin = self._rows.line_num
            try:
                cells = next(self._rows)
                value = _check_width(cells, self._header) if cells else None
            except StopIteration:
                return
            except csv.Error as error:
                if self._lines.are_exhausted:  # the csv module needs more lines within a row
                    return
                value = Unreadable(f"not CSV: {str(error).partition(' - ')[0]}")
            yield _Row(value, self._lines.begins[begin], self._lines.begins[self._rows.line_num])


class _Lines:
    """Passes lines to the csv module and notices when it needs more than there are."""

    def __init__(self, text: bytes, newline: bytes) -> None:
        lines = [line + newline for line in text.split(newline)]
        lines[-1] = lines[-1].removesuffix(newline)
        self.begins = [0, *accumulate(map(len, lines))]
        """Offset of each line, and after the last."""
        self._lines = iter(lines)
        self.are_exhausted = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = next(self._lines, b"")
        if not line:
            self.are_exhausted = True
            raise StopIteration
        return line.decode("utf-8", "surrogateescape")
