"""Takes the quotes out of whole rows of CSV, all at once, so that they can be split like rows that never had any.

Two quotes in a row are taken for one within quotes, from left to right. What remains is right if every other quote then
stands beside a separator: RFC 4180 lets a text be read in one way only.
"""

import re

CELL_END, ROW_BEGIN = "\x1f", "\x1e"
"""What separates cells in the result, and what is before the first cell of every row but the first."""

_QUOTE, _PAIR = b'"', b"\x01"
_MARKS = (_PAIR, CELL_END.encode(), ROW_BEGIN.encode())


class QuoteRemover:
    """Takes the quotes out of texts with one delimiter, of a single byte."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter.encode()
        escaped = re.escape(self._delimiter)
        self._stray_quote = stray(_QUOTE, escaped)
        self._stray_pair = stray(_PAIR, escaped)
        self._begins_with_pair = re.compile(rb'"""(?<![^\n%b]""")' % escaped)
        """A quote that begins a cell, and a pair behind it."""

    def without_quotes(self, text: bytes) -> bytes | None:
        """The cells of rows, between `CELL_END` and `ROW_BEGIN`; None if the text may not be rows by RFC 4180."""
        if any(mark in text for mark in _MARKS):
            return None
        found = self._remove(text)
        if found is None:
            text, count = self._begins_with_pair.subn(_QUOTE + _PAIR, text)
            found = self._remove(text) if count else None
        return found

    def _remove(self, text: bytes) -> bytes | None:
        parts = text.replace(_QUOTE + _QUOTE, _PAIR).removesuffix(b"\n").split(_QUOTE)
        if len(parts) % 2 == 0:
            return None
        outside = _QUOTE.join(parts[::2])
        if b"\r" in outside and b"\r" in (outside := outside.removesuffix(b"\r").replace(b"\r\n", b"\n")):
            return None
        if self._stray_quote.search(outside) is not None:
            return None
        if _PAIR in outside:  # an empty cell
            if self._stray_pair.search(outside) is not None:
                return None
            outside = outside.replace(_PAIR, b"")
        cell_end = CELL_END.encode()
        outside = outside.replace(self._delimiter, cell_end).replace(b"\n", cell_end + ROW_BEGIN.encode())
        parts[::2] = outside.split(_QUOTE)
        return b"".join(parts).replace(_PAIR, _QUOTE)


def stray(byte: bytes, delimiter: bytes) -> re.Pattern[bytes]:
    """Matches a byte beside something that ends no cell. The delimiter is escaped for a pattern."""
    other = rb"[^\r\n%b]" % delimiter
    return re.compile(rb"%b(?:%b|(?<=%b%b))" % (byte, other, other, byte))
