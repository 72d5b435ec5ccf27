"""Splits lines of CSV into columns, all at once, where nearly every line is a row without quotes.

The few others, with quotes or of another width, are read by `csv_rows`, one by one: they do not slow down their
neighbours. Where more than a few lines are like that, or a row continues on the next line, nothing is split.
"""

from collections.abc import Iterator, Mapping, Sequence
from operator import methodcaller
from typing import NamedTuple

from logistics_pipeline.loading.formats.csv_rows import Row, RowReader
from logistics_pipeline.loading.formats.record_positions import Span
from logistics_pipeline.loading.layouts import CsvLayout, Unreadable

MIN_REGULAR_SHARE = 8
"""If more than one in this many lines is irregular, all are left to the csv module."""
_LINE_BYTES = 32
"""A usual line has at least as many: it tells the number of lines well enough."""

_Line = tuple[int, Span]
"""The number of a line, from 0, and where it is, with its line end."""


class Columns(NamedTuple):
    """Rows, one on each line of a text, as columns."""

    columns: Sequence[Sequence[object]]
    others: Mapping[int, Unreadable]
    """What stands in place of a row, by index: there, the columns have None."""


class ColumnSplitter:
    """Splits lines of one file."""

    def __init__(self, layout: CsvLayout) -> None:
        syntax = layout.syntax
        self._delimiter, self._quote = syntax.delimiter, syntax.quote.encode()
        self._width = len(layout.header)
        self._can_split = syntax.newline == b"\n" and not syntax.skips_spaces and self._width > 1
        self._rows = RowReader(syntax)
        self._stand_in = f"{syntax.delimiter.join('?' * self._width)}\n".encode()
        """A regular row, to be split in place of an irregular one."""

    def split(self, text: bytes) -> Columns | None:
        """Splits whole lines without byte order marks, comments and escapes; None if that is not certain to be right.

        Lines of another width are looked for only where there are some.
        """
        if not self._can_split:
            return None
        lines = self._quoted_lines(text)
        if lines is None or (rows := self._read(text, lines)) is None:
            return None
        columns = self._split(_replaced(text, lines, self._stand_in))
        if columns is None:
            lines = self._irregular_lines(text)
            if lines is None or (rows := self._read(text, lines)) is None:
                return None
            columns = self._split(_replaced(text, lines, self._stand_in))
        return None if columns is None else self._with_rows(columns, rows)

    def _split(self, data: bytes) -> list[list[str]] | None:
        """Splits lines without quotes; None if one of them is blank or not as wide as the header.

        A line break, behind a delimiter of its own, begins a cell. If that is always the first of a row, every row has
        as many cells as the header.
        """
        text, delimiter, width = data.decode("utf-8", "surrogateescape"), self._delimiter, self._width
        if "\r" in text and "\r" in (text := text.replace("\r\n", "\n")):
            return None
        text = text.removesuffix("\n")
        cells = text.replace("\n", f"{delimiter}\n").split(delimiter)
        columns = [cells[index::width] for index in range(width)]
        firsts, breaks = "".join(columns[0]), len(columns[0]) - 1
        if len(cells) != (breaks + 1) * width or firsts.count("\n") != breaks or text.count("\n") != breaks:
            return None
        columns[0] = firsts.split("\n")
        return None if has_blank_row(columns[0], RowsOfColumns(columns)) else columns

    def _quoted_lines(self, text: bytes) -> list[_Line] | None:
        """The lines that hold a quote; None if these are too many."""
        found, most = list[_Line](), len(text) // (_LINE_BYTES * MIN_REGULAR_SHARE) + 1
        number, end = 0, 0
        while (quote := text.find(self._quote, end)) >= 0:
            if len(found) == most:
                return None
            begin = max(text.rfind(b"\n", end, quote) + 1, end)
            number += text.count(b"\n", end, begin)
            end = text.find(b"\n", quote) + 1 or len(text)
            found.append((number, (begin, end)))
            number += 1
        return found

    def _irregular_lines(self, text: bytes) -> list[_Line] | None:
        """The lines with a quote, a line break of another kind or another number of fields; None if too many."""
        lines = text.split(b"\n")
        if not lines[-1]:
            lines.pop()
        counts = map(methodcaller("count", self._delimiter.encode()), lines)
        numbers = {number for number, count in enumerate(counts) if count != self._width - 1}
        for byte in (self._quote, b"\r"):
            if byte in text:
                numbers.update(number for number, line in enumerate(lines) if byte in line[:-1] or line == byte)
        if len(numbers) * MIN_REGULAR_SHARE > len(lines):
            return None
        return [(number, span) for number, span in enumerate(_spans(lines, len(text))) if number in numbers]

    def _read(self, text: bytes, lines: Sequence[_Line]) -> dict[int, Row] | None:
        """Reads single lines, by number; None if one of them is no row of its own, or there is something to note."""
        rows, is_last = dict[int, Row](), not text.endswith(b"\n")
        for number, (begin, end) in lines:
            row = self._rows.read(text, begin, self._width, is_whole=is_last)
            if row is None or row.value is None or row.note is not None or row.end != end:
                return None
            if row.text_end != begin + len(text[begin:end].rstrip(b"\r\n")):
                return None
            rows[number] = row
        return rows

    def _with_rows(self, columns: list[list[str]], rows: Mapping[int, Row]) -> Columns:
        """Columns with rows in place of those that stood in for them."""
        filled: list[list[object]] = columns  # type: ignore[assignment]  # nobody else holds them
        others = dict[int, Unreadable]()
        for index, row in rows.items():
            cells: Sequence[object] = [None] * self._width
            if isinstance(row.value, Unreadable):
                others[index] = row.value
            elif row.value is not None:
                cells = row.value
            for column, cell in zip(filled, cells, strict=True):
                column[index] = cell
        return Columns(filled, others)


class RowsOfColumns(Sequence[object]):
    """Rows of which the columns are known: few are ever looked at as rows."""

    def __init__(self, columns: Sequence[Sequence[object]], others: Mapping[int, Unreadable] | None = None) -> None:
        self._columns = columns
        self._others = others or {}

    def __len__(self) -> int:
        return len(self._columns[0])

    def __getitem__(self, index: int) -> object:  # type: ignore[override]  # nobody slices
        return self._others.get(index) or [column[index] for column in self._columns]


def has_blank_row(first_cells: Sequence[str], rows: Sequence[object]) -> bool:
    """Whether a row has no value. Its first cell is empty or blank then, and so sorts before all others."""
    if min(first_cells, default="!") >= "!":
        return False
    suspects = [index for index, cell in enumerate(first_cells) if cell < "!"]
    return any(not "".join(rows[index]).strip(" \t") for index in suspects)  # type: ignore[arg-type]  # all are texts


def _spans(lines: Sequence[bytes], size: int) -> Iterator[Span]:
    end = 0
    for line in lines:
        begin, end = end, min(end + len(line) + 1, size)
        yield begin, end


def _replaced(text: bytes, lines: Sequence[_Line], stand_in: bytes) -> bytes:
    """A text with another line in place of each of some."""
    if not lines:
        return text
    parts, place = list[bytes](), 0
    for _, (begin, end) in lines:
        parts += (text[place:begin], stand_in)
        place = end
    return b"".join([*parts, text[place:]])
