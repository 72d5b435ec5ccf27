"""Where JSON values begin and end in bytes, and how deep they go, without decoding them."""

import re

MAX_DEPTH = 64
"""Levels of nesting that are accepted. Parsers need memory that grows with depth, some with its square."""

# Possessive quantifiers: a string of many megabytes must not cost the matcher a place to come back to per character.
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_TOKEN = re.compile(_STRING + rb"|[\[{]|[\]}]", re.DOTALL)
_OPEN_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|(?P<rest>\\?+\Z))|[\[{]|[\]}]', re.DOTALL)
_SCALAR = re.compile(_STRING + rb"|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|true|false|null", re.DOTALL)
_GAP = re.compile(rb"[ \t\r\n,]*")


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


class Nesting:
    """Follows the nesting of JSON text that comes in pieces, cut anywhere. Brackets in strings do not count."""

    def __init__(self) -> None:
        self._depth = 0
        self._open_string = b""
        """As much of a string that the last piece left open as the next must be told: its quote, and half an escape."""

    def find_deeper(self, limit: int, piece: bytes | bytearray) -> int | None:
        """Takes in the next piece; returns the place in it of the first bracket deeper than `limit` levels."""
        told = len(self._open_string)
        text, self._open_string = self._open_string + piece, b""
        for token in _OPEN_TOKEN.finditer(text):
            first = token.group()[:1]
            if token["rest"] is not None:
                self._open_string = first + token["rest"]
            self._depth += (first in b"[{") - (first in b"]}")
            if self._depth > limit:
                return token.start() - told
        return None


def is_too_deep(text: bytes) -> bool:
    """Whether a whole value is nested deeper than is accepted."""
    return text.count(b"[") + text.count(b"{") > MAX_DEPTH and Nesting().find_deeper(MAX_DEPTH, text) is not None
