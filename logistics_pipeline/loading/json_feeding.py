"""JSON text on its way into ijson: cut where a parser may rest, harmless to it, and bounded.

ijson by itself is not for hostile input: it crashes the process on an integer of more than 4,300 digits, replaces some
halves of surrogate pairs and stops at others, takes form feeds for white space, lexes a string anew for every piece it
comes in, and holds strings and numbers of any size.

Memory: one block, and one string or number (`max_bytes`).
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import ijson.backends.yajl2_c as yajl
from ijson import sendable_list
from ijson.common import JSONError

from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.json_text import MAX_DEPTH
from logistics_pipeline.loading.source import Source

PARSER_ERRORS = (JSONError, ValueError, ArithmeticError)
"""What ijson raises: for the text itself, and from the Python types it makes of it."""

Event = tuple[str, object]

_NUMBERS_AND_ESCAPES = b"0123456789+-.abcdefABCDEFu\\"
_DIGITS_ALIKE = bytes(0x30 if byte in b"0123456789" else byte for byte in range(256))
_MANY_DIGITS = b"0" * 20
_LONG_NUMBER = re.compile(rb"([0-9]{10})[0-9]{10,}")
_ESCAPE = re.compile(rb"\\(?:(?P<surrogate>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)
_STRING_REST = re.compile(rb'(?:[^"\\]++|\\.)*+"', re.DOTALL)
_STEPS = {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}


class Piece(NamedTuple):
    """A piece of JSON text."""

    raw: bytes
    safe: bytes
    """What a parser is given in its place: the same object unless it would choke on it. As valid as `raw`."""


def cut_pieces(source: Source, mark: bytes, max_bytes: int) -> Iterator[Piece]:
    """Yields what is left of `source` in pieces that end behind a `mark` outside strings, or where a block ends.

    No piece ends inside a number or an escape, unless there are `max_bytes` of nothing else.
    """
    strings, held = _Strings(), b""
    while block := source.read():
        block = held + block
        end = len(block.rstrip(_NUMBERS_AND_ESCAPES)) if len(held) <= max_bytes else len(block)
        block, held = block[:end], block[end:]
        is_odd = _MANY_DIGITS in block.translate(_DIGITS_ALIKE) or b"\f" in block or b"\v" in block
        for raw in strings.cut(block, mark):
            yield safe_piece(raw, is_odd=is_odd)
    if held:
        yield safe_piece(held)


class _Strings:
    """Follows text block by block and knows whether it stands inside a string."""

    def __init__(self) -> None:
        self._is_inside = False

    def cut(self, block: bytes, mark: bytes) -> Iterator[bytes]:
        """Yields `block` in pieces that end behind each `mark` outside strings."""
        begin = end = 0
        while end < len(block):
            if self._is_inside:  # it may be full of marks: on to its end
                closed = _STRING_REST.match(block, end)
                if closed is None:
                    break
                end, self._is_inside = closed.end(), False
            found = block.find(mark, end) + 1
            self._follow(block[end : found or len(block)])
            end = found or len(block)
            if found and not self._is_inside:
                yield block[begin:end]
                begin = end
        if begin < len(block):
            yield block[begin:]

    def _follow(self, text: bytes) -> None:
        if b"\\" in text:
            text = _ESCAPE.sub(b"", text)
        self._is_inside ^= text.count(b'"') % 2 == 1


def safe_piece(raw: bytes, *, is_odd: bool = True) -> Piece:
    """Text with its stand-in for ijson: surrogates and invalid UTF-8 replaced, and if it `is_odd` (the whole block was
    looked at) numbers shortened, form feeds made plainly invalid."""
    safe = raw
    if is_odd:
        safe = _LONG_NUMBER.sub(rb"\1", raw).replace(b"\f", b"\0").replace(b"\v", b"\0")
    if b"\\u" in safe:
        safe = _ESCAPE.sub(lambda match: rb"\u0020" if match["surrogate"] else match[0], safe)
    if not safe.isascii():
        try:
            safe.decode()
        except UnicodeDecodeError:
            safe = safe.decode("utf-8", "replace").encode()
    return Piece(raw, raw if safe == raw else safe)


def walk_events(
    pieces: Iterable[Piece], offset: int, max_bytes: int, opening: bytes = b""
) -> Iterator[tuple[int, list[Event]]]:
    """Yields ijson's events of each piece with the offset behind it; the first piece begins at `offset`.

    `opening` is what the parser is told before, to make a whole document of a rest. Without it there may be several.

    Raises:
        FileError: not JSON, with an opening also if it ends early; nested too deep, or a single value is too large.
    """
    events = sendable_list()
    parser = yajl.basic_parse_coro(events, multiple_values=not opening)
    if opening:  # nothing at all would mean the end
        parser.send(opening)
    depth = sum(_STEPS.get(event, 0) for event, _ in events)
    events.clear()
    silent_bytes = 0
    for raw, safe in pieces:
        try:
            parser.send(safe)
        except PARSER_ERRORS as error:
            raise FileError(f"Not JSON: {parser_reason(error)}", byte_offset=offset) from error
        offset += len(raw)
        silent_bytes = 0 if events else silent_bytes + len(raw)
        if silent_bytes > max_bytes:
            raise FileError(f"A value is larger than {max_bytes:,} bytes (LOGISTICS_MAX_RECORD_BYTES)", None, offset)
        for event, _ in events:
            depth += _STEPS.get(event, 0)
            if depth > MAX_DEPTH:
                raise FileError(f"Nested deeper than {MAX_DEPTH} levels", byte_offset=offset)
        yield offset, list(events)
        events.clear()
    if opening:
        try:
            parser.close()
        except PARSER_ERRORS as error:
            raise FileError(f"The file ends in the middle ({parser_reason(error)})", byte_offset=offset) from error


def parser_reason(error: Exception) -> str:
    """What a parser says went wrong, without its drawing of the place."""
    text = error.args[0] if error.args else str(error)
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return str(text).strip().splitlines()[0]
