"""The records of JSON files: elements of an array at any depth, objects in a row, objects line by line.

Arrays and rows of objects are parsed by ijson, which tells no offsets. So it is fed piece by piece, each piece ending
with a closing brace: an object that is complete after a piece ends exactly there. That gives every record its place and
its raw text in constant memory. A load resumes by starting a new parser inside an array opened for it.

Memory: one block and one record (`max_record_bytes`).
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import count

import ijson.backends.yajl2_c as yajl
from ijson import sendable_list
from ijson.common import JSONError

from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.json_text import MAX_DEPTH, is_deeper_than, parser_reason, skip_gap, value_end
from logistics_pipeline.loading.layouts import ElementsLayout, LinesLayout, ObjectsLayout, Record, Unreadable
from logistics_pipeline.loading.lines import read_lines
from logistics_pipeline.loading.source import Source

_WRAPPER_KEY = "logistics-wrapper"
"""Stands for every key on the way to the array: ijson's prefixes would confuse keys that contain dots."""


def read_elements(source: Source, layout: ElementsLayout, done: int, max_record_bytes: int) -> Iterator[Record]:
    """Yields the elements of the array behind the position of `source`, numbered after `done`.

    Raises:
        FileError: the text is not JSON, ends early, or holds a record that is too large or nested too deep. All records
            before that place have been yielded.
    """
    opening = f'{{"{_WRAPPER_KEY}":' * len(layout.keys) + "["
    prefix = ".".join([*[_WRAPPER_KEY] * len(layout.keys), "item"])
    parser = _Pieces(prefix, opening + ("0" if done else ""), opening + "]")
    return parser.records(source, done, max_record_bytes)


def read_objects(source: Source, layout: ObjectsLayout, done: int, max_record_bytes: int) -> Iterator[Record]:
    """Yields objects that stand one after the other. Otherwise as `read_elements`."""
    return _Pieces("", "", None).records(source, done, max_record_bytes)


def read_json_lines(source: Source, layout: LinesLayout, done: int, max_record_bytes: int) -> Iterator[Record]:
    """Yields one record per line that is not blank. A line that is not JSON is a record that cannot be read.

    Raises:
        FileError: a line is too large.
    """
    numbers = count(done + 1)
    for offset, line in read_lines(source, b"\n", max_record_bytes):
        raw = line.strip()
        if raw:
            start = offset + len(line) - len(line.lstrip())
            yield Record(next(numbers), start, offset + len(line), raw, decode(raw))


def decode(raw: bytes) -> object:
    """Decodes one record by itself, keeping what a strict parser cannot represent for the contract to judge.

    Bytes that are not UTF-8 and lone surrogates come out as lone surrogates; numbers come out exact.
    """
    try:
        return json.loads(raw.decode("utf-8", "surrogateescape"), parse_float=Decimal, parse_constant=_refuse_constant)
    except RecursionError:
        return Unreadable("nested too deep")
    except ValueError as error:
        return Unreadable(f"not JSON: {error}")


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number in JSON")


class _Pieces:
    """Feeds an ijson parser piece by piece and cuts the records out of what it was fed."""

    def __init__(self, prefix: str, opening: str, closed: str | None) -> None:
        self._items = sendable_list()
        self._parser = yajl.items_coro(self._items, prefix, multiple_values=prefix == "")
        self._parser.send(opening.encode())
        self._closed = closed
        """What a parser of the text behind the array has to be told first; None where nothing can follow."""
        self._buffer = bytearray()
        """Bytes behind the last record."""
        self._opened = 0
        """Brackets opened in the buffer, including any in strings: a cheap upper bound of its depth."""
        self._suspicious = False
        """The buffer holds an escape or a byte that ijson would silently replace: decode its records otherwise."""

    def records(self, source: Source, done: int, max_record_bytes: int) -> Iterator[Record]:
        number, offset = done, source.position
        resumed = bool(done) and self._closed is not None
        for piece in _pieces(source, max_record_bytes):
            if not self._buffer and self._ends_array(piece):
                return self._check_rest(piece, source, number)
            if len(self._buffer) + len(piece) > max_record_bytes:
                raise _too_large(number + 1, offset, max_record_bytes)
            self._feed(piece, number, offset)
            if resumed and self._items:
                del self._items[0]  # the zero that stood for the records before the checkpoint
                resumed = False
            for record in self._cut(number, offset):
                yield record
                number, offset = record.number, record.end
            if self._buffer and self._ends_array(self._buffer):
                return self._check_rest(bytes(self._buffer), source, number)
        self._close(number, offset)
        yield from self._cut(number, offset)

    def _feed(self, piece: bytes, number: int, offset: int) -> None:
        self._buffer += piece
        self._opened += piece.count(b"{") + piece.count(b"[")
        if self._opened > MAX_DEPTH and is_deeper_than(self._buffer, MAX_DEPTH):
            raise FileError(f"Nested deeper than {MAX_DEPTH} levels", number + 1, offset)
        self._suspicious |= b"\\u" in piece
        if not piece.isascii():
            piece = self._with_valid_utf8(piece)
        try:
            self._parser.send(piece)
        except (JSONError, ValueError) as error:
            raise FileError(f"Not JSON: {parser_reason(error)}", number + 1, offset) from error

    def _with_valid_utf8(self, piece: bytes) -> bytes:
        try:
            piece.decode()
        except UnicodeDecodeError:
            self._suspicious = True
            return piece.decode("utf-8", "replace").encode()
        return piece

    def _cut(self, number: int, offset: int) -> Iterator[Record]:
        """Cuts the complete values out of the buffer. Nearly always it is one object that ends with the buffer."""
        start = 0
        for item in self._items:
            begin = skip_gap(self._buffer, start)
            only = len(self._items) == 1 and isinstance(item, dict)
            end = len(self._buffer) if only else value_end(self._buffer, begin)
            if end is None:
                raise FileError("Not JSON: a value without an end", number + 1, offset + begin)
            raw = bytes(self._buffer[begin:end])
            number += 1
            yield Record(number, offset + begin, offset + end, raw, decode(raw) if self._suspicious else item)
            start = end
        self._items.clear()
        del self._buffer[:start]
        self._opened = self._buffer.count(b"{") + self._buffer.count(b"[")
        self._suspicious = b"\\u" in self._buffer

    def _close(self, number: int, offset: int) -> None:
        try:
            self._parser.close()
        except JSONError as error:
            raise FileError(
                f"The file ends in the middle, after {number:,} complete records ({parser_reason(error)})",
                number + 1,
                offset,
            ) from error

    def _ends_array(self, text: bytes | bytearray) -> bool:
        return self._closed is not None and text.lstrip(b" \t\r\n").startswith(b"]")

    def _check_rest(self, piece: bytes, source: Source, number: int) -> None:
        """Reads what follows the array. Its content does not matter, but a file cut off there is not whole."""
        offset = source.position
        parser = yajl.basic_parse_coro(_Nowhere())
        assert self._closed is not None
        block = self._closed.encode() + piece.lstrip()[1:]
        try:
            while block:
                parser.send(block)
                offset = source.position
                block = source.read()
            parser.close()
        except JSONError as error:
            raise FileError(
                f"Not JSON after the array's {number:,} records: {parser_reason(error)}", None, offset
            ) from error


class _Nowhere:
    """A sink for events nobody looks at."""

    def send(self, event: object) -> None:
        """Forgets the event."""


def _pieces(source: Source, most: int) -> Iterator[bytes]:
    """Yields the bytes of `source` in pieces that end with a closing brace, the file, or after `most`."""
    rest = bytearray()
    while block := source.read():
        *pieces, tail = block.split(b"}")
        for piece in pieces:
            yield bytes(rest) + piece + b"}"
            rest.clear()
        rest += tail
        if len(rest) > most:
            yield bytes(rest)
            rest.clear()
    if rest:
        yield bytes(rest)


def _too_large(number: int, offset: int, most: int) -> FileError:
    return FileError(f"A record is larger than {most:,} bytes (LOGISTICS_MAX_RECORD_BYTES)", number, offset)
