"""Splits lines of CSV into columns, all at once.

Where nearly every line is a row without quotes, the few others, with quotes or of another width, are read by
`csv_rows`, one by one: they do not slow down their neighbours. Where more lines have quotes, `csv_quotes` takes them
out. Where more than a few lines are of another width, nothing is split.
"""

from collections.abc import Iterator, Mapping, Sequence
from operator import methodcaller
from typing import Any, NamedTuple

from logistics_pipeline.loading.formats.column_names import spelling_key
from logistics_pipeline.loading.formats.csv_quotes import CELL_END, ROW_BEGIN, QuoteRemover
from logistics_pipeline.loading.formats.csv_rows import Row, RowReader
from logistics_pipeline.loading.formats.record_positions import Span
from logistics_pipeline.loading.layouts import CsvLayout, Unreadable

MIN_REGULAR_SHARE = 8
"""If more than one in this many lines is irregular, all are left to the csv module."""

_Line = tuple[int, Span]
"""The number of a line, from 0, and where it is, with its line end."""


class Columns(NamedTuple):
    """All rows of a text, as columns."""

    columns: Sequence[Sequence[object]]
    others: Mapping[int, Unreadable]
    """What stands in place of a row, by index: there, the columns have None."""
    is_row_per_line: bool = True


class ColumnSplitter:
    """Splits lines of one file."""

    def __init__(self, layout: CsvLayout) -> None:
        syntax = layout.syntax
        self._delimiter, self._quote = syntax.delimiter, syntax.quote.encode()
        self._width = len(layout.header)
        self._can_split = syntax.newline == b"\n" and not syntax.skips_spaces and self._width > 1
        names = "".join([*layout.header, layout.header_text.decode("utf-8", "replace")])
        self._has_numbered_names = any(map(str.isnumeric, spelling_key(names)))
        self._rows = RowReader(syntax)
        can_remove_quotes = syntax.is_plain and len(syntax.delimiter.encode()) == 1
        self._quotes = QuoteRemover(syntax.delimiter) if can_remove_quotes else None
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
            return self._split_quoted(text)
        columns = self._split(_replaced(text, lines, self._stand_in))
        if columns is None:
            lines = self._irregular_lines(text)
            if lines is None or (rows := self._read(text, lines)) is None:
                return None
            columns = self._split(_replaced(text, lines, self._stand_in))
        return None if columns is None else self._with_rows(columns, rows)

    def _split_quoted(self, text: bytes) -> Columns | None:
        """Splits rows, many of which have quotes; None if one of them is irregular."""
        data = None if self._quotes is None else self._quotes.without_quotes(text)
        if data is None:
            return None
        columns = self._split_cells(data.decode("utf-8", "surrogateescape"), CELL_END, ROW_BEGIN)
        if columns is None:
            return None
        lines = text.count(b"\n") + (not text.endswith(b"\n"))
        return Columns(columns, {}, lines == len(columns[0]))

    def read_dates(self, text: bytes) -> Columns | None:
        """Reads only the rows that may hold a date of all numbers: the others have None. Takes what `split` takes.

        None if a row may be blank or a header. Either has no digit.
        """
        if not self._can_split or self._has_numbered_names:
            return None
        if b"\r" in text and text.count(b"\r") != text.count(b"\r\n"):
            return None
        digits = b"\n" + text.removesuffix(b"\n").translate(None, _NO_DIGITS) + b"\n"
        quoted = self._quoted_lines(text)
        if b"\n\n" in digits or quoted is None:
            return None
        lines = sorted({*quoted, *_date_lines(text)})
        rows = self._read(text, lines)
        if rows is None:
            return None
        count = digits.count(b"\n") - 1
        return self._with_rows([[None] * count for _ in range(self._width)], rows)

    def _split(self, data: bytes) -> list[list[str]] | None:
        """Splits lines without quotes; None if one of them is blank or not as wide as the header."""
        text, delimiter = data.decode("utf-8", "surrogateescape"), self._delimiter
        if "\r" in text and "\r" in (text := text.replace("\r\n", "\n")):
            return None
        return self._split_cells(text.removesuffix("\n").replace("\n", f"{delimiter}\n"), delimiter, "\n")

    def _split_cells(self, text: str, cell_end: str, row_begin: str) -> list[list[str]] | None:
        """Splits a text into columns; None if a row of it is blank or not as wide as the header.

        The first cell of every row but the first begins with a mark. If all marks are in first cells, and every first
        cell has one, then every row has as many cells as the header.
        """
        width = self._width
        cells = text.split(cell_end)
        columns = [cells[index::width] for index in range(width)]
        firsts, breaks = "".join(columns[0]), len(columns[0]) - 1
        if len(cells) != (breaks + 1) * width or firsts.count(row_begin) != breaks or text.count(row_begin) != breaks:
            return None
        columns[0] = firsts.split(row_begin)
        return None if has_blank_row(columns[0], RowsOfColumns(columns)) else columns

    def _quoted_lines(self, text: bytes) -> list[_Line] | None:
        """The lines that hold a quote; None if these are too many."""
        if self._quote not in text:  # looking is much faster than counting
            return []
        found, most = list[_Line](), text.count(b"\n") // MIN_REGULAR_SHARE + 1
        if text.count(self._quote) > 2 * self._width * most:  # far too many: no need to look at each
            return None
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

    def _with_rows(self, columns: list[list[Any]], rows: Mapping[int, Row]) -> Columns:
        """Columns with rows in place of those that stood in for them."""
        others = dict[int, Unreadable]()
        for index, row in rows.items():
            cells: Sequence[object] = [None] * self._width
            if isinstance(row.value, Unreadable):
                others[index] = row.value
            elif row.value is not None:
                cells = row.value
            for column, cell in zip(columns, cells, strict=True):
                column[index] = cell
        return Columns(columns, others)


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


_DIGITS = b"0123456789"
_NO_DIGITS = bytes(byte for byte in range(256) if byte not in _DIGITS + b"\n")
_SHAPES = bytes(ord("9") if byte in _DIGITS else ord("/") if byte in b"-./" else ord(" ") for byte in range(256))
_DATE_SHAPES = (b" 9/9/9", b" 99/9/9", b" 9/99/9", b" 99/99/9")
"""How dates of all numbers begin, after anything else."""


def _date_lines(text: bytes) -> Iterator[_Line]:
    """The lines in which a date of all numbers may stand."""
    shapes = b" " + text.translate(_SHAPES)
    for shape in _DATE_SHAPES:
        number, end, place = 0, 0, shapes.find(shape)
        while place >= 0:
            begin = text.rfind(b"\n", end, place) + 1 or end
            number += text.count(b"\n", end, begin)
            end = text.find(b"\n", place) + 1 or len(text)
            yield number, (begin, end)
            number += 1
            place = shapes.find(shape, end)


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
