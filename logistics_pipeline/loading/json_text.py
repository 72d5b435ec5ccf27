"""Where JSON values begin and end in bytes, without decoding them. For single records, not for whole files."""

import re

MAX_DEPTH = 64
"""Levels of nesting that are accepted. Parsers need memory that grows with depth, some with its square."""

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_SCALAR = re.compile(rb'"(?:[^"\\]|\\.)*"|[^\s,\]}\[{"]+', re.DOTALL)
_GAP = re.compile(rb"[\s,]*")


def skip_gap(text: bytes | bytearray, start: int = 0) -> int:
    """Returns the offset of the first byte at or after `start` that is neither white space nor a comma."""
    match = _GAP.match(text, start)
    assert match is not None
    return match.end()


def value_end(text: bytes | bytearray, start: int) -> int | None:
    """Returns the offset behind the JSON value that begins at `start`; None if it is not complete."""
    if text[start : start + 1] not in (b"{", b"["):
        match = _SCALAR.match(text, start)
        return match.end() if match else None
    depth = 0
    for token in _TOKEN.finditer(text, start):
        first = token.group()[:1]
        depth += (first in b"[{") - (first in b"]}")
        if depth == 0:
            return token.end()
    return None


def is_deeper_than(text: bytes | bytearray, limit: int) -> bool:
    """Whether the nesting in `text` ever exceeds `limit` levels. Counts brackets outside strings."""
    depth = 0
    for token in _TOKEN.finditer(text):
        first = token.group()[:1]
        depth += (first in b"[{") - (first in b"]}")
        if depth > limit:
            return True
    return False


def parser_reason(error: Exception) -> str:
    """What a parser says went wrong, without its drawing of the place."""
    text = error.args[0] if error.args else str(error)
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return str(text).strip().splitlines()[0]
