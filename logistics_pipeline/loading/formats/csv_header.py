"""Finds the header of a CSV file, and with it the delimiter and where the rows begin.

The header is the first record that names the required fields of the dataset, of any length and on any number of lines.
Records above it are a preamble (titles, blank lines, `sep=;`): passed over with a note, unless one of them may be a
header or a row itself. The dialect of the contract answers what this leaves open: several header rows, none, comments,
unusual delimiters and quotes. Where a file contradicts it and shows its own way, the file counts, and a note says so.

Memory: one block, or the header (`max_record_bytes`) twice.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from logistics_core.catalogue import Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import HEAD_BYTES, Source
from logistics_pipeline.files.encodings import UTF8_MARK
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.formats.column_names import (
    ColumnNames,
    FieldNames,
    missing_fields,
    nearest_names,
    note_likely_columns,
)
from logistics_pipeline.loading.formats.csv_delimiters import most_regular
from logistics_pipeline.loading.formats.csv_positions import columns_by_position
from logistics_pipeline.loading.formats.csv_rows import (
    LARGE_ROW_BYTES,
    MARK_LEFT_OUT,
    Cell,
    Parsed,
    RowReader,
    beginning,
)
from logistics_pipeline.loading.formats.header_titles import join_titles, position_name
from logistics_pipeline.loading.formats.long_texts import BEGINNING_CHARACTERS
from logistics_pipeline.loading.formats.lookahead import Lookahead
from logistics_pipeline.loading.formats.wrapped_arrays import EXPECTED
from logistics_pipeline.loading.layouts import DELIMITERS, CsvLayout, CsvSyntax, LongText, delimiter_name

MOST_COLUMNS = 100_000
_LONG_NAME = 64
"""Characters that are kept of a name in a header of more than `LARGE_ROW_BYTES`: as many as a field's name may have.
The ledger does not keep such a header as it is written."""
_MOST_RECORDS = 1_000
"""Records in which a header is looked for, within the first 64 KiB."""

_SEPARATOR_LINE = re.compile(rb'"?sep=([^\x00-\x08\x0a-\x1f"a-z0-9\x80-\xff])"?\r*(?:\n|$)', re.IGNORECASE)
"""As Excel writes it above the header."""
_OUTSIDE_QUOTES = re.compile(rb'(?:[^"\r\n]++|"[^"]*+")*+')
_LINE_END = re.compile(rb"\r*\n|\r")
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True)
class _Record:
    """A record that may be the header, as one syntax splits it."""

    syntax: CsvSyntax
    parsed: Parsed
    names: ColumnNames
    lacks: tuple[str, ...]
    """Required fields that it does not name."""
    known: int
    """How many fields of the dataset it names."""
    number: int = 1
    """Of its last row in the file, from 1; blank rows count."""
    rows: int = 1
    """Rows of the file that it is made of."""

    @property
    def delimiter(self) -> str:
        return self.syntax.delimiter

    @property
    def filled(self) -> int:
        """How many of its cells hold something."""
        return sum(map(bool, self.names.names))

    @property
    def excerpt(self) -> str:
        """Its beginning, for messages."""
        return excerpt(", ".join(self.names.names[:100]), 200)


def find_header(source: Source, dataset: Dataset, max_record_bytes: int) -> CsvLayout:
    """Returns the layout of a CSV file, reading only as far as that takes.

    Raises:
        FileError: no record names the required fields of the dataset, or what stands above that record may be data.
    """
    search = _HeaderSearch(source, dataset, max_record_bytes)
    if dataset.dialect.header is False:
        return search.layout_by_position()
    header = search.find()
    search.check(header)
    return search.layout(header)


class _HeaderSearch:
    """Looks for the header of one file."""

    def __init__(self, source: Source, dataset: Dataset, max_record_bytes: int) -> None:
        self._dataset = dataset
        self._dialect = dataset.dialect
        self._fields = FieldNames(dataset)
        self._max_bytes = max_record_bytes
        self._ahead = Lookahead(source)
        self._ahead.fill(HEAD_BYTES)
        self._begin = len(self._ahead.text) - len(self._ahead.text.lstrip(b"\r\n"))
        self._notes = ["Blank lines above the header were passed over."] if self._begin else []
        delimiters = self._separator_line() or tuple(
            dict.fromkeys(filter(None, (self._dialect.delimiter, *DELIMITERS)))
        )
        self._newline = self._find_newline()
        self._rows_above = self._text.count(self._newline, 0, self._begin)
        self._syntaxes = [self._syntax(delimiter) for delimiter in delimiters]
        self._is_cut = False
        """The text ends within a record."""

    def _syntax(self, delimiter: str) -> CsvSyntax:
        """How a file with a delimiter is written, as the contract says. Its quotes count if the file has any."""
        dialect = self._dialect
        quote = dialect.quote_char or '"'
        if quote.encode() not in self._text and b'"' in self._text:
            quote = '"'
        return CsvSyntax(
            delimiter,
            self._newline,
            quote,
            dialect.double_quote is not False,
            dialect.escape_char,
            bool(dialect.skip_initial_space),
            dialect.comment_char,
        )

    @property
    def _text(self) -> bytes:
        return self._ahead.text

    @property
    def _is_whole(self) -> bool:
        return self._ahead.is_at_end and self._ahead.damage is None

    def _separator_line(self) -> tuple[str, ...]:
        """Passes over the line that names the delimiter, and returns that; empty if there is none."""
        match = _SEPARATOR_LINE.match(self._text, self._begin)
        if match is None:
            return ()
        delimiter = match[1].decode()
        self._begin = match.end()
        self._notes.append(f"The first line, `sep={excerpt(delimiter)}`, names the delimiter.")
        return (delimiter,)

    def _find_newline(self) -> bytes:
        """The line end, for which a long header must be read."""
        while not (newline := first_line_end(self._text, self._begin)):
            if self._ahead.is_at_end or len(self._text) > self._max_bytes:
                return b"\n"
            self._ahead.fill(min(2 * len(self._text), self._max_bytes + 1))
        return newline

    # -- finding ---------------------------------------------------------------------------------------------------

    def find(self) -> _Record:
        """Returns the header, or else the record that comes closest to one."""
        self._check_text()
        while (header := self._find_in_text()) is None:
            if len(self._text) > self._max_bytes or self._ahead.is_at_end:
                raise self._no_record()
            self._ahead.fill(min(2 * len(self._text), self._max_bytes + 1))
        return header

    def _check_text(self) -> None:
        line_end = self._text.find(self._newline, self._begin)
        found = _CONTROLS.search(self._text, self._begin, line_end if line_end >= 0 else len(self._text))
        if found and found.group().decode() not in {each.delimiter for each in self._syntaxes}:
            raise FileError(f"Not text; {EXPECTED}", byte_offset=self._offset(self._begin))

    def _find_in_text(self) -> _Record | None:
        """Returns the header; None if more text may show it. The first record is nearly always the header."""
        self._is_cut = False
        if found := self._where_the_contract_says():
            return self._most_likely(found)
        firsts = [record for syntax in self._syntaxes for record in self._records(syntax, most=1)]
        found = [record for record in firsts if self._is_header(record)]
        if found:
            return self._most_likely(found)
        every = [record for syntax in self._syntaxes for record in self._records(syntax, _MOST_RECORDS)]
        found = [record for record in every if self._is_header(record)]
        if found:
            first = min(record.parsed.begin for record in found)
            return self._most_likely([record for record in found if record.parsed.begin == first])
        required = self._required_fields
        named = [record for record in every if (len(record.lacks) < required if required else record.known)]
        if self._is_cut and (not named or (not self._ahead.is_at_end and len(self._text) <= self._max_bytes)):
            return None
        return self._most_likely(named or firsts) if firsts else None

    def _is_header(self, record: _Record) -> bool:
        """Whether a record names the required fields, or of a dataset without any, some fields."""
        least = 1 if self._required_fields else min(2, len(self._dataset.fields))
        return not record.lacks and record.known >= least

    def _where_the_contract_says(self) -> list[_Record]:
        """Headers in the rows that the contract names, or of as many rows at another place; none if it names none."""
        wanted = self._dialect.header_rows
        if not wanted:
            return []
        found = []
        for syntax in self._syntaxes:
            rows = list(islice(self._rows_of(syntax), _MOST_RECORDS))
            shifts = (0, *range(1 - wanted[0], rows[-1][0])) if rows and len(wanted) > 1 else (0,)
            by_number = dict(rows)
            for shift in shifts:
                parts = [by_number.get(number + shift) for number in wanted]
                joined = self._joined(syntax, [part for part in parts if part is not None], wanted[-1] + shift)
                if None not in parts and joined is not None and self._is_header(joined):
                    found.append(joined)
                    break
        first = min((record.parsed.begin for record in found), default=0)
        return [record for record in found if record.parsed.begin == first]

    def _joined(self, syntax: CsvSyntax, rows: Sequence[Parsed], number: int) -> _Record | None:
        if not rows:
            return None
        if len(rows) == 1:
            return self._record(syntax, rows[0], number)
        titles = join_titles([[_name(cell, BEGINNING_CHARACTERS) for cell in row.cells] for row in rows], self._join)
        whole = rows[0]._replace(text_end=rows[-1].text_end, end=rows[-1].end, fields=len(titles), cells=[*titles])
        return replace(self._record(syntax, whole, number), rows=len(rows))

    @property
    def _join(self) -> str:
        return self._dialect.header_join

    @property
    def _required_fields(self) -> int:
        return sum(field.required for field in self._dataset.fields)

    def _most_likely(self, records: list[_Record]) -> _Record:
        """The record that names most fields. If several do, the contract decides, or else the rows."""
        most = max(record.known for record in records)
        likely = [record for record in records if record.known == most]
        delimiters = list(dict.fromkeys(record.delimiter for record in likely))
        delimiter = delimiters[0]
        if len(delimiters) > 1 and delimiter != self._dialect.delimiter:
            begin = likely[0].parsed.begin
            delimiter = most_regular(self._text[begin : begin + HEAD_BYTES], delimiters) or delimiter
        return next(record for record in likely if record.delimiter == delimiter)

    def _records(self, syntax: CsvSyntax, most: int) -> Iterator[_Record]:
        """Yields the first records that are not blank."""
        for number, parsed in islice(self._rows_of(syntax), most):
            yield self._record(syntax, parsed, number)

    def _rows_of(self, syntax: CsvSyntax) -> Iterator[tuple[int, Parsed]]:
        """Yields the rows that are not blank and no comments, with their numbers in the file."""
        reader, place, number = RowReader(syntax, _long_name), self._begin, self._rows_above
        while place < len(self._text) and place <= self._begin + HEAD_BYTES:
            number += 1
            if reader.is_comment(self._text, place):
                comment = reader.read(self._text, place, 1, is_whole=self._is_whole)
                if comment is None:
                    self._is_cut = True
                    return
                place = comment.end
                continue
            parsed = reader.parse(self._text, place, MOST_COLUMNS, is_whole=self._is_whole)
            if parsed is None:
                self._is_cut = True
                return
            place = parsed.end
            if not reader.is_blank(self._text, parsed) and number not in self._dialect.comment_rows:
                yield number, parsed

    def _record(self, syntax: CsvSyntax, parsed: Parsed, number: int) -> _Record:
        most = _LONG_NAME if parsed.text_end - parsed.begin > LARGE_ROW_BYTES else BEGINNING_CHARACTERS
        names = self._fields.read([_name(cell, most) for cell in parsed.cells])
        columns = set(names.names)
        known = len(columns.intersection(self._dataset.columns))
        lacks = missing_fields(columns, self._dataset)
        if lacks == [self._first_field] and self._is_narrow(syntax, parsed):
            lacks = []
        return _Record(syntax, parsed, names, tuple(lacks), known, number)

    @property
    def _first_field(self) -> str | None:
        """The field that the contract finds in the first column by its position; None if there is none."""
        return self._fields.read([position_name(1)]).names[0] if position_name(1) in self._fields else None

    def _is_narrow(self, syntax: CsvSyntax, header: Parsed) -> bool:
        """Whether the row after a header has one cell more: its first column has no name."""
        if header.end >= len(self._text):
            return False
        row = RowReader(syntax).parse(self._text, header.end, 1, is_whole=self._is_whole)
        return row is not None and row.fields == header.fields + 1

    # -- checking --------------------------------------------------------------------------------------------------

    def check(self, header: _Record) -> None:
        """Raises an error if a record is no header of the dataset, or if it is in doubt which record is."""
        offset, names = self._offset(header.parsed.begin), header.names.names
        nearest = nearest_names(header.lacks, names)
        if not header.known or len(header.lacks) == self._required_fields > 0:
            raise FileError(
                f"Neither JSON nor a CSV header of {self._dataset.name}: {header.excerpt}; {EXPECTED}. "
                f"A header must name {', '.join(header.lacks) or 'some of its fields'}{nearest}",
                byte_offset=offset,
            )
        if header.lacks:
            raise FileError(
                f"The CSV header lacks {', '.join(header.lacks)}; it names {header.excerpt}{nearest}",
                byte_offset=offset,
            )
        controls = _CONTROLS.findall(self._text, header.parsed.begin, header.parsed.text_end)
        if set(controls) - {header.delimiter.encode()}:
            raise FileError(f"Not text; {EXPECTED}", byte_offset=offset)
        twice = [name for name in self._dataset.columns if names.count(name) > 1]
        if header.names.same_field is not None:
            one, other, field = (excerpt(name) for name in header.names.same_field)
            raise FileError(
                f"The columns `{one}` and `{other}` both read as {field}; rename or remove one of them",
                byte_offset=offset,
            )
        if twice:
            raise FileError(f"The CSV header names {', '.join(twice)} twice: {header.excerpt}", byte_offset=offset)
        self._check_preamble(header)

    def _check_preamble(self, header: _Record) -> None:
        """Raises an error if a record above the header may be a header or a row."""
        if header.parsed.begin == self._begin:
            return
        above = [
            record
            for record in self._records(header.syntax, _MOST_RECORDS)
            if record.parsed.begin < header.parsed.begin
        ]
        is_as_the_contract_says = self._dialect.header_rows[-1:] == (header.number,)
        for record in () if is_as_the_contract_says else above:
            if record.known:
                raise FileError(
                    f"The CSV header lacks {', '.join(record.lacks)}; it names {record.excerpt}. "
                    f"A second header follows at byte {self._offset(header.parsed.begin):,}",
                    byte_offset=self._offset(record.parsed.begin),
                )
            if record.filled >= header.filled:
                raise FileError(
                    f"Above the header, {header.excerpt}, stands what may be a row: {record.excerpt}. "
                    "Remove it if it is none, or put the header first",
                    byte_offset=self._offset(record.parsed.begin),
                )
        if above:
            self._notes.append(
                f"What stands above the header was passed over: {len(above):,} "
                f"{'line' if len(above) == 1 else 'lines'}, beginning with `{above[0].excerpt}`."
            )

    def _no_record(self) -> FileError:
        offset = self._offset(self._begin)
        if self._ahead.damage is not None:
            return self._ahead.damage
        if len(self._text) > self._max_bytes:
            limit = f"{self._max_bytes:,} bytes (LOGISTICS_MAX_RECORD_BYTES)"
            return FileError(f"The header is larger than {limit}: is a quote never closed?", byte_offset=offset)
        if self._is_cut:
            found = "a quote is opened and never closed"
            return FileError(
                f"Neither JSON nor a CSV header of {self._dataset.name}: {found}; {EXPECTED}", byte_offset=offset
            )
        return FileError(f"The file has no header: its rows hold nothing; {EXPECTED}", byte_offset=offset)

    def _offset(self, place: int) -> int:
        return self._ahead.offset + place

    # -- the layout ------------------------------------------------------------------------------------------------

    def layout(self, header: _Record) -> CsvLayout:
        """Returns the layout that the header begins."""
        parsed = header.parsed
        self._ahead.fill(parsed.end + 1)
        likely = note_likely_columns(header.names.names, self._dataset)
        notes = [*self._notes, *self._notes_of(header), *header.names.notes, *likely]
        if parsed.begin > self._begin and self._text[parsed.begin - 3 : parsed.begin] == UTF8_MARK:
            notes.append(MARK_LEFT_OUT)
        text = self._header_text(header) + self._text[parsed.text_end : parsed.end]
        start = self._after_comment_rows(header)
        layout = self._layout(header.syntax, start, header.names.names, text, notes)
        layout = self._with_trailing_delimiters(layout, header, start)
        return self._with_first_column(layout, start)

    def _layout(
        self, syntax: CsvSyntax, start: int, names: tuple[str, ...], text: bytes, notes: Sequence[str]
    ) -> CsvLayout:
        return CsvLayout(
            start=self._offset(start),
            delimiter=syntax.delimiter,
            newline=syntax.newline,
            header=names,
            header_text=text,
            notes=tuple(notes),
            quote=syntax.quote,
            doubles_quotes=syntax.doubles_quotes,
            escape=syntax.escape,
            skips_spaces=syntax.skips_spaces,
            comment=syntax.comment,
        )

    def _notes_of(self, header: _Record) -> Iterator[str]:
        """How the file was read otherwise than its contract says, and what its header is made of."""
        yield from self._contradictions(header.syntax)
        wanted = self._dialect.header_rows
        if header.rows > 1:
            yield f"{header.rows} header rows were joined."
        if wanted and wanted[-1] != header.number:
            yield f"The header is in row {header.number:,}; the contract says row {wanted[-1]:,}."

    def _contradictions(self, syntax: CsvSyntax) -> Iterator[str]:
        says, has = self._dialect.delimiter, syntax.delimiter
        if says is not None and says != has:
            yield f"The file is separated by {delimiter_name(has)}; the contract says {delimiter_name(says)}."
        quote = self._dialect.quote_char
        if quote is not None and quote != syntax.quote:
            yield f"The file has {syntax.quote} as quotes; the contract says {quote}."

    def _after_comment_rows(self, header: _Record) -> int:
        """Where the rows begin: after those below the header that are comments by their numbers."""
        reader, place, number = RowReader(header.syntax), header.parsed.end, header.number + 1
        shift = header.number - (self._dialect.header_rows or (header.number,))[-1]
        while number - shift in self._dialect.comment_rows and place < len(self._text):
            parsed = reader.parse(self._text, place, 1, is_whole=self._is_whole)
            if parsed is None:
                break
            place, number = parsed.end, number + 1
        return place

    # -- without a header ------------------------------------------------------------------------------------------

    def layout_by_position(self) -> CsvLayout:
        """Returns the layout of a file whose columns follow from their positions, unless it has a header after all.

        Raises:
            FileError: its rows are not as wide as the contract says.
        """
        self._check_text()
        firsts = [record for syntax in self._syntaxes for record in self._records(syntax, most=1)]
        headers = [record for record in firsts if self._is_header(record) and record.known >= min(2, self._width)]
        if headers:
            header = self._most_likely(headers)
            self._notes.append("The file has a header; the contract says that files have none.")
            self.check(header)
            return self.layout(header)
        widths = {
            syntax: [row.fields for _, row in islice(self._rows_of(syntax), _MOST_RECORDS)] for syntax in self._syntaxes
        }
        if not any(widths.values()):
            raise self._no_record()
        found = columns_by_position(self._dataset, self._fields, widths)
        self._notes = [note for note in self._notes if "above the header" not in note]
        notes = [*self._notes, *self._contradictions(found.syntax), *found.notes]
        return self._layout(found.syntax, self._first_row(found.syntax), found.names, b"", notes)

    @property
    def _width(self) -> int:
        return len(self._dataset.fields)

    def _first_row(self, syntax: CsvSyntax) -> int:
        return next((row.begin for _, row in self._rows_of(syntax)), self._begin)

    # -- the header's text and width -------------------------------------------------------------------------------

    def _header_text(self, header: _Record) -> bytes:
        """The header as written, without its line end; if it is very long, written anew with the names as read."""
        parsed = header.parsed
        if parsed.text_end - parsed.begin <= LARGE_ROW_BYTES:
            return self._text[parsed.begin : parsed.text_end]
        quoted = ('"' + name.replace('"', '""') + '"' for name in header.names.names)
        return header.delimiter.join(quoted).encode()

    def _with_trailing_delimiters(self, layout: CsvLayout, header: _Record, start: int) -> CsvLayout:
        """Takes into account delimiters after the last column, in the header, the rows or both."""
        width = self._width_of_rows(layout, start)
        names = layout.header[:width] + ("",) * (width - len(layout.header))
        if width > len(layout.header):
            note = "Rows end with a delimiter after the last column."
        elif not layout.header[-1] and len(layout.header) > 1:
            note = "The header ends with a delimiter after the last column."
        else:
            return layout
        text = self._header_text(header) + layout.delimiter.encode() * (width - len(layout.header))
        line_end = self._text[header.parsed.text_end : header.parsed.end]
        return replace(layout, header=names, header_text=text + line_end, notes=(*layout.notes, note))

    def _with_first_column(self, layout: CsvLayout, start: int) -> CsvLayout:
        """Takes into account a first column that the header leaves out, if the contract knows it by its position."""
        first = self._first_field
        if first is None or first in layout.header:
            return layout
        widths = {row.fields for row in self._rows(layout, start)}
        if widths != {len(layout.header) + 1}:
            return layout
        names = (first, *layout.header)
        text = layout.delimiter.encode() + layout.header_text
        note = "The header has one name less than the rows have cells: the first column has no name."
        return replace(layout, header=names, header_text=text, notes=(*layout.notes, note))

    def _width_of_rows(self, layout: CsvLayout, begin: int) -> int:
        """The number of fields of the rows in the first 64 KiB, if all differ from the header by delimiters at the end.

        Of a single row it cannot be told whether a delimiter belongs to a value.
        """
        width, rows = len(layout.header), 0
        found = width
        for row in self._rows(layout, begin):
            is_like_header = row.fields == width or row.problem is not None
            if is_like_header or (rows and row.fields != found) or _has_more(row, layout.header):
                return width
            found, rows = row.fields, rows + 1
        return found if rows > 1 or found < width else width

    def _rows(self, layout: CsvLayout, begin: int) -> Iterator[Parsed]:
        """The rows after the header, as far as they were read already."""
        reader, place, end = RowReader(layout.syntax), begin, begin + HEAD_BYTES
        while place < min(len(self._text), end):
            parsed = reader.parse(self._text, place, MOST_COLUMNS, is_whole=self._is_whole)
            if parsed is None:
                return
            place = parsed.end
            if not reader.is_blank(self._text, parsed) and not reader.is_comment(self._text, parsed.begin):
                yield parsed


def _name(cell: Cell, most_characters: int) -> str:
    """A column's name. A long one ends with a mark, so that its beginning is not taken for a field."""
    name = _printable(beginning(cell)).strip()
    is_long = isinstance(cell, LongText) or len(name) > most_characters
    return f"{name[:most_characters]}~" if is_long else name


def _long_name(cell: Cell) -> str:
    """What is kept of a name in a large header: parsed as a whole, many long names take more memory than a load may."""
    return _name(cell, _LONG_NAME)


def _printable(cell: str) -> str:
    """A cell whose broken bytes are replaced by the character for them."""
    return cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _has_more(row: Parsed, header: tuple[str, ...]) -> bool:
    """Whether a row has values beyond the header, or the header names beyond the row."""
    return any(beginning(cell).strip() for cell in row.cells[len(header) :]) or any(header[row.fields :])


def first_line_end(text: bytes, begin: int) -> bytes:
    """The end of the first line outside quotes, and so of every line; empty if there is none.

    A line feed (perhaps after a carriage return), or a bare carriage return.
    """
    quoted = _OUTSIDE_QUOTES.match(text, begin)
    assert quoted is not None
    line_end = _LINE_END.search(text, quoted.end())  # after a quote that is never closed, anywhere
    if line_end is None:
        return b""
    return b"\n" if line_end.group().endswith(b"\n") else b"\r"
