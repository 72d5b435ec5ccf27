"""Reads single rows of CSV from bytes, of any size: the reference for what a row is, after RFC 4180.

Other quotes, escapes, blanks before cells and comments are as the layout of the file says (`CsvSyntax`).

It is also the only reader of irregular rows. `csv_reader` reads regular rows many at a time with the csv module; a
property test holds the two to the same result.

Memory: the cells of one row, never more of them than the header has, and of a long one only its beginning.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from logistics_pipeline.files.encodings import UTF8_MARK
from logistics_pipeline.loading.formats.long_texts import read_long_text
from logistics_pipeline.loading.layouts import CsvSyntax, LongText, Unreadable

_MARK = UTF8_MARK.decode()
MARK_LEFT_OUT = "A byte order mark within the file was left out: the file seems to be several files joined together."
BLANK_PASSED_OVER = "Rows without any value (such as `,,,`) were passed over."
COMMENTS_PASSED_OVER = "Lines of comments were passed over: they begin with `{}`."

_BLANK = " \t"
_LARGE_BYTES = 64 * 1024
"""A field that is longer is read piece by piece."""
LARGE_ROW_BYTES = 1 << 20
_MARKS = re.compile(rb"(?:%b)*+" % UTF8_MARK)
_FORMULA = re.compile(rb'[ \t]*+="[^"\r\n]*+"[ \t\r]*+')
"""A field as Excel writes it to keep the zeros of an id: there is no doubt where its quotes belong."""
_LINE_BREAK = "a line break stands in a field without quotes"
_IN_DOUBT = (
    "another quote follows, so where the field ends is in doubt; enclose the field in quotes and double those within it"
)


Cell = str | LongText


class Parsed(NamedTuple):
    """A complete row."""

    cells: list[Cell]
    """At most as many as were asked for."""
    fields: int
    """The number of fields."""
    begin: int
    """Offset of its first field: after a byte order mark, if there is one."""
    text_end: int
    """Offset after its last field."""
    end: int
    """Offset after its line end."""
    problem: str | None = None
    """Why the fields are not certain."""


class Row(NamedTuple):
    """A complete row for the reader."""

    value: list[Cell] | Unreadable | None
    """None for a row without any value, which is no record."""
    begin: int
    text_end: int
    end: int
    note: str | None = None


class RowReader:
    """Reads rows of one file."""

    def __init__(self, syntax: CsvSyntax, shorten: Callable[[Cell], Cell] | None = None) -> None:
        """With `shorten`, it takes the place of each cell from `LARGE_ROW_BYTES` of a row on."""
        self.shorten = shorten
        self.delimiter = syntax.delimiter.encode()
        self.newline = syntax.newline
        self.quote = syntax.quote.encode()
        self.escape = syntax.escape.encode() if syntax.escape is not None else None
        self.skips_spaces = syntax.skips_spaces
        self.comment = syntax.comment.encode() if syntax.comment is not None else None
        self.comment_note = COMMENTS_PASSED_OVER.format(syntax.comment)
        self.line_end = re.compile(rb"\r*\n" if syntax.newline == b"\n" else syntax.newline)
        self.patterns = _CellPatterns(syntax)
        blank = rb"(?:%b|[ \t])*+" % re.escape(self.delimiter)
        self._blank = re.compile(blank)
        self._blank_rows = re.compile(rb"(?:%b%b)*+" % (blank, self.line_end.pattern))

    def read(self, text: bytes, begin: int, width: int, *, is_whole: bool) -> Row | None:
        """Reads the row at an offset; None if it may continue after the text. `is_whole`: nothing follows the text."""
        if self.is_comment(text, begin):
            return self._comment(text, begin, is_whole=is_whole)
        parsed = self.parse(text, begin, width, is_whole=is_whole)
        if parsed is None:
            return None
        note = MARK_LEFT_OUT if parsed.begin > begin else None
        value: list[Cell] | Unreadable | None = parsed.cells
        if self.is_blank(text, parsed):
            return self._blank_row(text, begin, parsed, note)
        if parsed.problem is not None:
            value = Unreadable(f"not CSV: {parsed.problem}")
        elif parsed.fields != width:
            value = Unreadable(f"the row has {parsed.fields} fields, the header {width}")
        elif any(beginning(cell).startswith(_MARK) for cell in parsed.cells):
            value = Unreadable("a field begins with a byte order mark: two files may have been joined within the row")
        return Row(value, begin, parsed.text_end, parsed.end, note)

    def is_comment(self, text: bytes, begin: int) -> bool:
        """Whether the line at an offset is no row but a comment."""
        return self.comment is not None and text.startswith(self.comment, _after_marks(text, begin))

    def _comment(self, text: bytes, begin: int, *, is_whole: bool) -> Row | None:
        end = text.find(self.newline, begin)
        if end < 0 and not is_whole:
            return None
        end = len(text) if end < 0 else end
        return Row(None, begin, end, min(end + 1, len(text)), self.comment_note)

    def _blank_row(self, text: bytes, begin: int, parsed: Parsed, note: str | None) -> Row:
        """A row without any value, together with those right after it: a file may have millions."""
        others = self._blank_rows.match(text, parsed.end, parsed.end + _LARGE_BYTES)
        assert others is not None
        are_empty = parsed.begin == parsed.text_end and not others.group().strip(b"\r\n")
        return Row(None, begin, parsed.text_end, others.end(), note if are_empty else BLANK_PASSED_OVER)

    def is_blank(self, text: bytes, parsed: Parsed) -> bool:
        """Whether no field holds anything but blanks."""
        match = self._blank.match(text, parsed.begin, parsed.text_end)
        if match is not None and match.end() == parsed.text_end:
            return True
        are_certain = parsed.problem is None and parsed.fields == len(parsed.cells)
        return are_certain and not "".join(map(beginning, parsed.cells)).strip(_BLANK)

    def parse(self, text: bytes, begin: int, most_cells: int, *, is_whole: bool) -> Parsed | None:
        """Splits the row at an offset into fields; None if it may continue after the text."""
        return _RowParser(self, text, _after_marks(text, begin), most_cells, is_whole).parse()


class _CellPatterns:
    """What cells of a file look like, in bytes, and what they mean."""

    def __init__(self, syntax: CsvSyntax) -> None:
        quote, delimiter = re.escape(syntax.quote.encode()), re.escape(syntax.delimiter.encode())
        escape = None if syntax.escape is None else re.escape(syntax.escape.encode())
        within = quote if escape is None else quote + escape
        pairs = [quote + quote] if syntax.doubles_quotes else []
        pairs += [escape + rb"[\s\S]"] if escape is not None else []
        more = rb"(?:(?:%b)[^%b]*+)*+" % (b"|".join(pairs), within) if pairs else b""
        self.quoted = re.compile(rb"[^%b]*+%b%b" % (within, more, quote))
        """The rest of a quoted field after its first quote, with its last one. Cut text may end between two quotes."""
        single = b"|".join([*pairs, *(each for each in (quote, escape) if each is not None)])
        self.piece = re.compile(
            rb"(?:[^%b\xc0-\xff]{1,256}+|%b|[\xc0-\xff][\x80-\xbf]{0,3}+){1,256}+" % (within, single)
        )
        """Whole characters, and both characters of a pair."""
        self.unquoted = re.compile(rb"(?:%b[\s\S]|(?!%b)[^\r\n])*+" % (escape or rb"(?!)", delimiter))
        """A field without quotes, up to a delimiter or a line end that no escape precedes."""
        self._quote, self._pair = syntax.quote, syntax.quote * 2 if syntax.doubles_quotes else None
        self._escaped = _escaped(syntax)

    def within_quotes(self, text: str) -> str:
        """What a text within quotes means."""
        if self._escaped is not None:
            return self._escaped.sub(lambda found: found[1] or self._quote, text)
        return text if self._pair is None else text.replace(self._pair, self._quote)

    def without_quotes(self, text: str) -> str:
        """What a text with escapes outside of quotes means."""
        return text if self._escaped is None else self._escaped.sub(lambda found: found[1] or found[0], text)


def _escaped(syntax: CsvSyntax) -> re.Pattern[str] | None:
    """What an escape and the character after it stand for, and two quotes."""
    if syntax.escape is None:
        return None
    escape, quote = re.escape(syntax.escape), re.escape(syntax.quote)
    pair = rf"|{quote}{quote}" if syntax.doubles_quotes else ""
    return re.compile(rf"{escape}([{escape}{quote}{re.escape(syntax.delimiter)}\r\n]){pair}")


def _after_marks(text: bytes, begin: int) -> int:
    """The offset after byte order marks."""
    marks = _MARKS.match(text, begin)
    assert marks is not None
    return marks.end()


def beginning(cell: Cell) -> str:
    """A cell, or what is kept of a long one."""
    return cell.beginning if isinstance(cell, LongText) else cell


def _decode(text: bytes, begin: int, end: int) -> str:
    """Decodes a part of a text. Broken bytes become halves of surrogate pairs, which validation refuses."""
    return text[begin:end].decode("utf-8", "surrogateescape")


def _pieces(text: bytes, begin: int, end: int, pattern: re.Pattern[bytes]) -> Iterator[str]:
    """Decodes a part of a text piece by piece."""
    while begin < end:
        piece = pattern.match(text, begin, end)
        piece_end = piece.end() if piece else begin + 1
        yield _decode(text, begin, piece_end)
        begin = piece_end


class _RowParser:
    """Reads one row from quote to quote: runs of fields without quotes are read at once."""

    def __init__(self, reader: RowReader, text: bytes, begin: int, most_cells: int, is_whole: bool) -> None:
        self._reader = reader
        self._delimiter = reader.delimiter
        self._patterns = reader.patterns
        self._text = text
        self._begin = begin
        self._most_cells = most_cells
        self._is_whole = is_whole
        self._cells: list[Cell] = []
        self._count = 0
        self._problem: str | None = None
        self._stray_field = 0
        """Number of the field that has a quote in its middle; 0 if none has."""
        self._line_end = -1
        """Offset of a line end, or of the end of the text if that is the last one: looked for only once."""

    def parse(self) -> Parsed | None:
        """Reads field after field."""
        step: int | Parsed | None = self._begin
        while isinstance(step, int):
            step = self._after_spaces(step)
            is_quoted = self._text.startswith(self._reader.quote, step)
            step = self._read_quoted(step) if is_quoted else self._read_unquoted(step)
        return step

    def _after_spaces(self, place: int) -> int:
        """Where a field begins."""
        if self._reader.skips_spaces:
            while self._text.startswith(b" ", place):
                place += 1
        return place

    # -- fields: each returns the offset of the next field, or the row, or None if the text ends too early ----------

    def _read_quoted(self, begin: int) -> int | Parsed | None:
        match = self._patterns.quoted.match(self._text, begin + 1)
        if match is None:
            return None
        self._doubt_stray_quote()
        end = match.end()
        self._add_quoted(begin + 1, end - 1)
        if self._text.startswith(self._delimiter, end):
            return end + len(self._delimiter)
        line_end = self._reader.line_end.match(self._text, end)
        if line_end is not None:
            return self._row(end, line_end.end())
        if not self._text[end : end + 2].strip(b"\r"):  # the text ends here
            return self._row(end, len(self._text)) if self._is_whole else None
        self._note_problem(f"text follows the closing quote of field {self._count}")
        return self._row_to_line_end(end)  # what the rest is, cannot be told

    def _read_unquoted(self, begin: int) -> int | Parsed | None:
        line_end = self._find_line_end(begin)
        if line_end is None:
            return None
        if self._reader.escape is not None and self._text.find(self._reader.escape, begin, line_end) >= 0:
            return self._read_escaped(begin)
        quote = self._text.find(self._reader.quote, begin, line_end)
        if quote < 0:
            return self._read_last(begin)
        delimiter = self._text.rfind(self._delimiter, begin, quote)
        field = begin
        if delimiter >= 0:
            field = delimiter + len(self._delimiter)
            self._add_unquoted(begin, delimiter)
        return quote if self._after_spaces(field) == quote else self._read_stray(field, quote, line_end)

    def _read_escaped(self, begin: int) -> int | Parsed | None:
        """Reads one field without quotes where an escape may precede a delimiter or a line end."""
        found = self._patterns.unquoted.match(self._text, begin)
        assert found is not None
        end = found.end()
        if not self._text[end : end + 2].strip(b"\r") and not self._is_whole:
            return None
        if self._reader.quote in found.group().replace(self._escaped_quote, b""):
            self._doubt_stray_quote()
            self._stray_field = self._count + 1
        self._add_escaped(begin, end)
        if self._text.startswith(self._delimiter, end):
            return end + len(self._delimiter)
        line_end = self._reader.line_end.match(self._text, end)
        if line_end is not None or end == len(self._text):
            return self._row(end, len(self._text) if line_end is None else line_end.end())
        self._note_problem(_LINE_BREAK)
        return self._row_to_line_end(end)

    def _read_stray(self, begin: int, quote: int, line_end: int) -> int | Parsed | None:
        """Reads a field with a quote in its middle: the quote is text, if nothing is in doubt."""
        self._doubt_stray_quote()
        if not self._text[begin:quote].strip():
            self._note_problem(
                f"a space precedes the opening quote of field {self._count + 1}; quotes must enclose the whole field"
            )
        end = self._text.find(self._delimiter, quote, line_end)
        if _FORMULA.fullmatch(self._text, begin, line_end if end < 0 else end) is None:
            self._stray_field = self._count + 1
        if end < 0:
            return self._read_last(begin)
        self._add_unquoted(begin, end)
        return end + len(self._delimiter)

    def _read_last(self, begin: int) -> Parsed | None:
        """Reads the fields up to the end of the line, none of them quoted."""
        row = self._row_to_line_end(begin)
        if row is None:
            return None
        if any(self._text.find(line_break, begin, row.text_end) >= 0 for line_break in (b"\r", b"\n")):
            self._note_problem(_LINE_BREAK)
        self._add_unquoted(begin, row.text_end)
        return self._row(row.text_end, row.end)

    # -- what they have in common ----------------------------------------------------------------------------------

    def _find_line_end(self, begin: int) -> int | None:
        """Offset of the next line end, None if the text ends before it."""
        if self._line_end < begin:
            found = self._text.find(self._reader.newline, begin)
            self._line_end = len(self._text) if found < 0 else found
        return None if self._line_end == len(self._text) and not self._is_whole else self._line_end

    def _row_to_line_end(self, begin: int) -> Parsed | None:
        line_end = self._find_line_end(begin)
        if line_end is None:
            return None
        text_end = line_end
        while text_end > begin and self._text[text_end - 1] in b"\r\n":
            text_end -= 1
        return self._row(text_end, min(line_end + 1, len(self._text)))

    def _doubt_stray_quote(self) -> None:
        if self._stray_field:
            self._note_problem(f"a quote stands in the middle of field {self._stray_field} and {_IN_DOUBT}")

    def _note_problem(self, problem: str) -> None:
        self._problem = self._problem or problem

    def _add_quoted(self, begin: int, end: int) -> None:
        self._count += 1
        if self._count > self._most_cells:
            return
        if end - begin > _LARGE_BYTES:
            pieces = _pieces(self._text, begin, end, self._patterns.piece)
            self._add(begin, read_long_text(map(self._patterns.within_quotes, pieces)))
        else:
            self._add(begin, self._patterns.within_quotes(_decode(self._text, begin, end)))

    @property
    def _escaped_quote(self) -> bytes:
        assert self._reader.escape is not None
        return self._reader.escape + self._reader.quote

    def _add_escaped(self, begin: int, end: int) -> None:
        self._count += 1
        if self._count > self._most_cells:
            return
        if end - begin > _LARGE_BYTES:
            pieces = _pieces(self._text, begin, end, self._patterns.piece)
            self._add(begin, read_long_text(map(self._patterns.without_quotes, pieces)))
        else:
            self._add(begin, self._patterns.without_quotes(_decode(self._text, begin, end)))

    def _add_unquoted(self, begin: int, end: int) -> None:
        self._count += self._text.count(self._delimiter, begin, end) + 1
        if self._count > self._most_cells:
            return
        while end - begin > _LARGE_BYTES:  # as many fields as fit together, or a long one
            cut = self._text.rfind(self._delimiter, begin, begin + _LARGE_BYTES)
            if cut < 0:
                cut = self._text.find(self._delimiter, begin, end)
                cut = end if cut < 0 else cut
                self._add(begin, read_long_text(_pieces(self._text, begin, cut, self._patterns.piece)))
            else:
                self._add(begin, *self._split(begin, cut))
            if cut == end:
                return
            begin = cut + len(self._delimiter)
        self._add(begin, *self._split(begin, end))

    def _add(self, begin: int, *cells: Cell) -> None:
        shorten = self._reader.shorten
        is_large = begin - self._begin > LARGE_ROW_BYTES
        self._cells += map(shorten, cells) if shorten is not None and is_large else cells

    def _split(self, begin: int, end: int) -> list[str]:
        cells = _decode(self._text, begin, end).split(self._delimiter.decode())
        return [cell.lstrip(" ") for cell in cells] if self._reader.skips_spaces else cells

    def _row(self, text_end: int, end: int) -> Parsed:
        return Parsed(self._cells, self._count, self._begin, text_end, end, self._problem)
