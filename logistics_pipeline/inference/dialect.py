"""How a CSV file is written: its delimiter, found by trial parsing, and its line end.

Each delimiter splits the first rows; the one counts that makes a regular table of cells that are values. Unlike
`formats.csv_delimiters`, which asks CleverCSV about the few headers that leave it open, this takes a millisecond.
"""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.formats.csv_header import first_line_end
from logistics_pipeline.loading.layouts import DELIMITERS, CsvSyntax

TRIAL_BYTES = 64 * 1024
"""How much of a file's beginning shows how it is written."""
_TRIAL_CHARACTERS = 16 * 1024
_MOST_ROWS = 300
_MOST_CELLS = 1_000
RARE_DELIMITERS = ("^", "~", "\x1f", "\x01")
"""Tried where none of the usual ones makes columns."""

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r*(?:\n|$)', re.IGNORECASE)
_VALUE = re.compile(
    r"\s*(?:[+-]?[$\u20ac\u00a3]?[0-9][0-9.,'\u00a0 ]*%?"
    r"|[0-9]{1,4}[-/.:][0-9]{1,2}(?:[-/.:][0-9]{1,4})?(?:[T ][0-9:.]+)?"
    r"|[\w .,'()&/@#+:%-]{0,60}|\"[^\"]*\")\s*"
)
_DOUBLED_QUOTE = {quote: re.compile(rb"[^\\,;\t|^~\r\n %b]%b%b" % ((quote.encode(),) * 3)) for quote in "\"'"}
_ESCAPED_QUOTE = {
    quote: re.compile(rb"(?:^|[,;\t|^~\r]) ?%b[^%b\r\n]*\\%b[^\r\n]" % ((quote.encode(),) * 3), re.MULTILINE)
    for quote in "\"'"
}
_STRAY_RETURN = re.compile(r"\r+(?=(\n)?)")
_DOUBLE_QUOTED = re.compile(rb'(?:^|[,;\t|^~\r]) ?"', re.MULTILINE)
_SINGLE_QUOTED = re.compile(rb"(?:^|[,;\t|^~\r]) ?'[^'\r\n]*'(?=[,;\t|^~\r\n]|$)", re.MULTILINE)


@dataclass(frozen=True)
class Dialect:
    """How rows are split into cells."""

    delimiter: str
    newline: bytes
    quote: str = '"'
    has_spaces: bool = False
    """A blank follows each delimiter, also before quotes."""
    escape: str | None = None
    """What precedes a quote within quotes, if that is not another quote."""
    separator_line: bool = False
    """The first line names the delimiter."""
    has_returns: bool = False
    """A carriage return precedes the line feeds."""
    comment: str | None = None
    """What lines of comments begin with."""

    @property
    def syntax(self) -> CsvSyntax:
        """The same for the loader's readers."""
        return CsvSyntax(
            self.delimiter,
            self.newline,
            self.quote,
            escape=self.escape,
            skips_spaces=self.has_spaces,
            comment=self.comment,
        )

    @property
    def line_end(self) -> str:
        """What ends a line: `newline` for readers, which pass over the carriage return."""
        return "\r\n" if self.has_returns else self.newline.decode()


def find_dialect(text: bytes) -> Dialect:
    """Returns the dialect of a CSV file by its beginning."""
    head = text[:TRIAL_BYTES]
    newline = first_line_end(head, 0) or b"\n"
    if len(text) > TRIAL_BYTES:
        head = head[: head.rfind(newline) + 1] or head
    decoded = head.decode("utf-8", "replace")
    has_returns = newline == b"\n" and b"\r\n" in head
    line = _SEPARATOR_LINE.match(decoded)
    if line is not None:
        return Dialect(line[1], newline, separator_line=True, has_returns=has_returns)
    is_single = len(_SINGLE_QUOTED.findall(head[:8192])) >= 4 and not _DOUBLE_QUOTED.search(head)
    quote = "'" if is_single else '"'
    line_end = newline.decode()
    decoded = decoded[: decoded.rfind(line_end, 0, _TRIAL_CHARACTERS) + 1] or decoded
    delimiter = _best(decoded, line_end, DELIMITERS, quote) or _best(decoded, line_end, RARE_DELIMITERS, quote)
    has_spaces = _has_spaces(decoded, delimiter or ",", quote)
    escape = "\\" if _has_escapes(head, quote) else None
    return Dialect(delimiter or ",", newline, quote, has_spaces, escape, has_returns=has_returns)


def _has_spaces(text: str, delimiter: str, quote: str) -> bool:
    """Whether blanks stand between delimiters and quotes."""
    return f"{delimiter} {quote}" in text and f"{delimiter}{quote}" not in text


def _has_escapes(head: bytes, quote: str) -> bool:
    """Whether a backslash precedes quotes within quotes. The patterns are slow: few files need them."""
    if f"\\{quote}".encode() not in head or _ESCAPED_QUOTE[quote].search(head) is None:
        return False
    return _DOUBLED_QUOTE[quote].search(head) is None


def _best(text: str, newline: str, delimiters: Sequence[str], quote: str) -> str | None:
    present = [each for each in delimiters if each in text]
    scores = {each: _score(text, newline, each, quote, is_only=len(present) == 1) for each in present}
    best = max(scores, key=lambda each: scores[each], default=None)
    return best if best is not None and scores[best] > 0 else None


def _score(text: str, newline: str, delimiter: str, quote: str, *, is_only: bool) -> float:
    """How regular a table a delimiter makes: rows of one width, many columns, cells that are values.

    Of the only one, no more than whether it makes a table.
    """
    rows = [row for row in split_rows(text, delimiter, newline, quote, most=_MOST_ROWS) if any(row)]
    widths = Counter(map(len, rows))
    columns = Counter({width: count for width, count in widths.items() if width > 1})
    if not columns:
        return 0
    width, count = max(columns.items(), key=lambda pair: (pair[1], pair[0]))
    cells = [cell for row in rows if len(row) == width for cell in row][:_MOST_CELLS]
    others = frozenset(DELIMITERS) - {delimiter, ","}
    are_values = (_is_value(cell, others) for cell in cells)
    values = any(are_values) if is_only else sum(are_values)
    return (count / len(rows)) ** 2 * (width - 1) / width * (values / len(cells)) ** 2


def _is_value(cell: str, others: frozenset[str]) -> bool:
    """Whether a cell looks like one value, without another delimiter that may split it further."""
    return _VALUE.fullmatch(cell) is not None and others.isdisjoint(cell)


def split_rows(
    text: str, delimiter: str, newline: str, quote: str = '"', escape: str | None = None, most: int | None = None
) -> list[list[str]]:
    """Splits text into rows, at most `most` of them, as forgiving as possible.

    Raises:
        FileError: a quote is opened and never closed, or a NUL stands in the text.
    """
    if newline == "\n" and "\r" in text:
        text = _STRAY_RETURN.sub(lambda found: "" if found[1] else " ", text)
    lines = [line + newline for line in text.split(newline)]
    if lines and lines[-1] == newline:
        lines.pop()
    csv.field_size_limit(max(csv.field_size_limit(), 16 << 20))
    try:
        reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, escapechar=escape, skipinitialspace=True)
        return list(islice(reader, most))
    except csv.Error as error:
        if "field larger" in str(error):
            reason = f"a field is longer than {csv.field_size_limit():,} characters; a quote may never be closed"
        else:
            reason = "a line break outside of quotes differs from the other line ends"
        raise FileError(f"The text is not CSV: {reason}") from error
