"""The records of JSON files: elements of an array at any depth, objects in a row, objects line by line.

Arrays and rows of objects are parsed by ijson, which tells no offsets. So it is fed piece by piece, each piece ending
with a closing brace: an object that is complete after a piece ends exactly there. That gives every record its place and
its raw text in constant memory. A load resumes by starting a new parser inside an array opened for it.

Memory: one block and one record (`max_record_bytes`).
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import chain, count

import ijson.backends.yajl2_c as yajl
from ijson import sendable_list

from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.json_feeding import (
    PARSER_ERRORS,
    Piece,
    cut_pieces,
    parser_reason,
    safe_piece,
    walk_events,
)
from logistics_pipeline.loading.json_text import MAX_DEPTH, Nesting, is_too_deep, skip_gap, value_end
from logistics_pipeline.loading.layouts import ElementsLayout, LinesLayout, ObjectsLayout, Record, Unreadable
from logistics_pipeline.loading.lines import read_lines
from logistics_pipeline.loading.source import Source

_WHITE = b" \t\r\n"
_ARRAY_END = re.compile(rb"[ \t\r\n]*\]")

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
    return _Records(source, done, max_record_bytes, prefix, opening.encode()).read()


def read_objects(source: Source, layout: ObjectsLayout, done: int, max_record_bytes: int) -> Iterator[Record]:
    """Yields objects that stand one after the other. Otherwise as `read_elements`."""
    return _Records(source, done, max_record_bytes, "", b"").read()


def read_json_lines(source: Source, layout: LinesLayout, done: int, max_record_bytes: int) -> Iterator[Record]:
    """Yields one record per line that is not blank. A line that is not JSON is a record that cannot be read.

    Raises:
        FileError: a line is too large.
    """
    numbers = count(done + 1)
    for offset, line in read_lines(source, b"\n", max_record_bytes):
        raw = line.strip(_WHITE)
        if raw:
            start = offset + len(line) - len(line.lstrip(_WHITE))
            yield Record(next(numbers), start, offset + len(line), raw, decode(raw))


def decode(raw: bytes) -> object:
    """Decodes one record by itself, keeping what a strict parser cannot represent for the contract to judge.

    Bytes that are not UTF-8 and lone surrogates come out as lone surrogates; numbers come out exact.
    """
    if is_too_deep(raw):
        return Unreadable(f"nested deeper than {MAX_DEPTH} levels")
    text = raw.decode("utf-8", "surrogateescape")
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        return Unreadable(f"not JSON: {error}")
    except (ValueError, InvalidOperation):  # a number that int or Decimal refuses
        pass
    try:
        return _PATIENT_DECODER.decode(text)
    except ValueError as error:
        return Unreadable(f"not JSON: {error}")


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number in JSON")


def _any_number(text: str) -> Decimal:
    """Decimal knows integers of any length, but no exponent of more than 18 digits: that becomes one of 6.

    No field takes either, so only the sign of the exponent matters.
    """
    try:
        return Decimal(text)
    except InvalidOperation:
        mantissa, _, exponent = text.lower().partition("e")
        return Decimal(f"{mantissa}e{'-' if exponent.startswith('-') else ''}999999")


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)
_PATIENT_DECODER = json.JSONDecoder(parse_float=_any_number, parse_int=_any_number, parse_constant=_refuse_constant)


class _Records:
    """Feeds an ijson parser piece by piece and cuts the records out of what it was fed."""

    def __init__(self, source: Source, done: int, max_record_bytes: int, prefix: str, opening: bytes) -> None:
        self._pieces = cut_pieces(source, b"}", max_record_bytes)
        self._number = done
        """Records read so far."""
        self._offset = source.position
        """Of the buffer, behind the last record."""
        self._max_record_bytes = max_record_bytes
        self._opening = opening
        """What stands for the text before an array; empty where there is no array."""
        self._items = sendable_list()
        self._parser = yajl.items_coro(self._items, prefix, multiple_values=not opening)
        if opening:
            self._parser.send(opening + b"null" if done else opening)
            self._items.clear()  # the null stood for the records before the checkpoint
        self._buffer = bytearray()
        """Bytes behind the last record."""
        self._is_odd = False
        """The buffer holds what ijson would silently replace, or was not given: decode its records otherwise."""
        self._nesting = Nesting()
        self._opened = 0
        """Brackets opened in the buffer, including any in strings: a cheap upper bound of its depth."""
        self._measured = 0
        """So much of the buffer has been measured exactly."""

    def read(self) -> Iterator[Record]:
        for piece in self._pieces:
            error = self._feed(piece)
            yield from self._cut()
            if self._opening and _ARRAY_END.match(self._buffer):
                return self._check_rest()
            if error is not None:
                error.record_no, error.byte_offset = self._number + 1, self._offset
                raise error
            if len(self._buffer) > self._max_record_bytes:
                raise self._too_large()
        self._close()
        yield from self._cut()

    def _feed(self, piece: Piece) -> FileError | None:
        """Gives a piece to the parser. An error is returned, not raised: records before it may be complete."""
        deep_at = self._find_too_deep(piece.raw)
        raw, safe = piece if deep_at is None else safe_piece(piece.raw[:deep_at])
        self._buffer += raw
        self._is_odd |= safe is not raw
        try:
            if safe:
                self._parser.send(safe)
        except PARSER_ERRORS as error:
            return self._error(f"Not JSON: {parser_reason(error)}")
        return None if deep_at is None else self._error(f"Nested deeper than {MAX_DEPTH} levels")

    def _cut(self) -> Iterator[Record]:
        """Cuts the complete values out of the buffer. Nearly always it is one object that ends with the buffer."""
        if not self._items:
            return
        base, start = self._offset, 0
        only_object = len(self._items) == 1 and isinstance(self._items[0], dict)
        for item in self._items:
            begin = skip_gap(self._buffer, start)
            if self._buffer.startswith(b"]", begin):
                break  # the array has ended: what looks like it behind it is none of it
            end = len(self._buffer) if only_object else value_end(self._buffer, begin)
            if end is None:
                raise self._error("Not JSON: a value without an end")
            if end - start > self._max_record_bytes:
                raise self._too_large()
            raw = bytes(self._buffer[begin:end])
            start = end
            self._number, self._offset = self._number + 1, base + end
            yield Record(self._number, base + begin, base + end, raw, decode(raw) if self._is_odd else item)
        self._items.clear()
        del self._buffer[:start]
        self._is_odd &= bool(self._buffer)
        self._opened = self._buffer.count(b"{") + self._buffer.count(b"[")
        if self._measured:
            self._nesting, self._measured = Nesting(), 0

    def _find_too_deep(self, raw: bytes) -> int | None:
        """Returns the place in the next piece where it goes too deep for ijson, if it does."""
        self._opened += raw.count(b"{") + raw.count(b"[")
        if self._opened <= MAX_DEPTH:
            return None
        before = self._buffer[self._measured :]
        self._measured = len(self._buffer) + len(raw)
        found = self._nesting.find_deeper(MAX_DEPTH, before + raw)
        return None if found is None else found - len(before)

    def _close(self) -> None:
        if not self._opening and not self._buffer.strip(_WHITE):
            return  # between two objects is a good place to end
        try:
            self._parser.close()
        except PARSER_ERRORS as error:
            raise self._error(
                f"The file ends in the middle, after {self._number:,} complete records ({parser_reason(error)})"
            ) from error

    def _check_rest(self) -> None:
        """Reads what follows the array. Its content does not matter, but a file cut off there is not whole."""
        rest = chain([safe_piece(bytes(self._buffer))], self._pieces)
        for _ in walk_events(rest, self._offset, self._max_record_bytes, self._opening):
            pass

    def _error(self, message: str) -> FileError:
        return FileError(message, self._number + 1, self._offset)

    def _too_large(self) -> FileError:
        return self._error(f"A record is larger than {self._max_record_bytes:,} bytes (LOGISTICS_MAX_RECORD_BYTES)")
