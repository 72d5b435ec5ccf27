"""Feeds JSON text to ijson: cut where a parser may pause, made safe for it, and bounded.

ijson alone is not fit for hostile input: it crashes the process on an integer of more than 4,300 digits, replaces some
lone surrogates and stops at others, takes form feeds for white space, lexes a string again for every piece of it, and
keeps strings and numbers of any size in memory.

Memory: one block, and one string or number (`max_bytes`).
"""

import re
from collections.abc import Iterable, Iterator

import ijson.backends.yajl2_c as yajl
from ijson import sendable_list
from ijson.common import JSONError

from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.formats.json_scanner import MAX_DEPTH
from logistics_pipeline.sources.byte_stream import Source

PARSER_ERRORS = (JSONError, ValueError, ArithmeticError)
"""Errors that ijson raises, for the text itself and from the Python types it creates."""

Event = tuple[str, object]

_NUMBERS_AND_ESCAPES = b"0123456789+-.abcdefABCDEFu\\"
_DIGITS_ALIKE = bytes(0x30 if byte in b"0123456789" else byte for byte in range(256))
_MANY_DIGITS = b"0" * 20
_LONG_NUMBER = re.compile(rb"([0-9]{10})[0-9]{10,}")
_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE_HALF = re.compile(rb"\\u[dD](?:[89abAB]..(?!\\u[dD][c-fC-F])|(?<!" + _HIGH + rb"\\u[dD])[c-fC-F])", re.DOTALL)
"""Correct unless there are escaped backslashes. The pattern begins with literal text, which is many times faster."""
_ANY_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(rb"(?P<pair>" + _HIGH + _LOW + rb")|(?P<half>" + _HIGH + rb"|" + _LOW + rb")|\\.", re.DOTALL)
_STRING_REST = re.compile(rb'(?:[^"\\]++|\\.)*+"', re.DOTALL)
_STEPS = {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}


def cut_pieces(source: Source, mark: bytes, max_bytes: int, begun: bytes = b"") -> Iterator[bytes]:
    """Yields the rest of `source` in pieces that end after a `mark` outside strings, or where a block ends.

    The first piece begins with the text `begun` that was read already.
    No piece ends inside a number or an escape, unless that is longer than `max_bytes`.
    """
    strings, held = _Strings(), begun
    while block := source.read():
        block = held + block
        end = len(block.rstrip(_NUMBERS_AND_ESCAPES)) if len(held) <= max_bytes else len(block)
        block, held = block[:end], block[end:]
        yield from strings.cut(block, mark)
    if held:
        yield held


class _Strings:
    """Follows text block by block and knows whether it is inside a string."""

    def __init__(self) -> None:
        self._is_inside = False

    def cut(self, block: bytes, mark: bytes) -> Iterator[bytes]:
        """Yields `block` in pieces that end after each `mark` outside strings."""
        begin = end = 0
        while end < len(block):
            if self._is_inside:  # it may be full of marks: skip to its end
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


def make_safe(text: bytes) -> bytes:
    """Returns text that is safe for ijson: the same object if `text` is safe already.

    It is valid exactly if `text` is, and holds the same number of values. Long numbers are shortened, form feeds made
    invalid, lone surrogates and invalid UTF-8 replaced.
    """
    safe = text
    if _MANY_DIGITS in text.translate(_DIGITS_ALIKE) or b"\f" in text or b"\v" in text:
        safe = _LONG_NUMBER.sub(rb"\1", text).replace(b"\f", b"\0").replace(b"\v", b"\0")
    if b"\\" in safe and (_LONE_HALF.search(safe) or (b"\\\\" in safe and _ANY_HALF.search(safe))):
        safe = _ESCAPE.sub(lambda escape: rb"\u0020" if escape["half"] else escape[0], safe)
    if not safe.isascii():
        try:
            safe.decode()
        except UnicodeDecodeError:
            safe = safe.decode("utf-8", "replace").encode()
    return text if safe == text else safe


def is_broken(text: bytes) -> bool:
    """Whether `text` cannot be the beginning of a JSON value, whatever follows."""
    try:
        yajl.basic_parse_coro(_Nowhere(), multiple_values=True).send(make_safe(text))
    except PARSER_ERRORS:
        return True
    return False


class _Nowhere:
    """Discards events."""

    send = staticmethod(bool)  # accepts anything and does nothing, without a call into Python


def walk_events(
    pieces: Iterable[bytes], offset: int, max_bytes: int, opening: bytes = b""
) -> Iterator[tuple[int, list[Event]]]:
    """Yields ijson's events of each piece with the offset after it; the first piece begins at `offset`.

    The parser is given `opening` first, which completes the rest of a document. Without it there may be several values.

    Raises:
        FileError: not JSON; with an opening, also if it ends early; nested too deep; or a single value is too large.
    """
    events = sendable_list()
    parser = yajl.basic_parse_coro(events, multiple_values=not opening)
    if opening:  # empty text would mean the end
        parser.send(opening)
    depth = sum(_STEPS.get(event, 0) for event, _ in events)
    events.clear()
    silent_bytes = 0
    for raw in pieces:
        try:
            parser.send(make_safe(raw))
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
    """Returns a parser's error message without its drawing of the position."""
    text = error.args[0] if error.args else str(error)
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return str(text).strip().splitlines()[0]
