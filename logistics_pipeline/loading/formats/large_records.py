"""Decodes records of more than a mebibyte in bounded memory: what is nested in a field is checked, but never built.

No field takes an array or an object, so an empty one stands for it. Texts too long for any field are counted instead.
For small records the result is the same, only slower, which is why `json_decoding` does those as a whole.

Memory: the record's text, and once more if it is not plain JSON, whatever it holds.
"""

import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder

import msgspec

from logistics_pipeline.loading.formats.json_decoding import constant_name, decode, invalid_constant
from logistics_pipeline.loading.formats.json_feed import make_safe, next_constant, replace_constants
from logistics_pipeline.loading.formats.json_scanner import MAX_DEPTH, is_too_deep, value_end
from logistics_pipeline.loading.formats.long_texts import BEGINNING_CHARACTERS, read_long_text
from logistics_pipeline.loading.formats.record_positions import Span
from logistics_pipeline.loading.layouts import LargeObject, Unreadable

LARGE_BYTES = 1 << 20
"""A record up to this size may hold anything: its values take some thirty times as much memory as its text."""

MAX_FIELDS = 200_000
"""More than a record of `LARGE_BYTES` can hold. A larger one with more would fill the memory with their names."""

_LONG_TEXT_BYTES = 64 * 1024
_PIECE_BYTES = 1 << 20

_WHITE = rb"[ \t\r\n]*+"
_MEMBER = re.compile(_WHITE + rb",?+" + _WHITE + rb'"((?:[^"\\]++|\\.)*+)"' + _WHITE + rb":" + _WHITE, re.DOTALL)
_TEXT_PIECE = re.compile(
    rb'(?:[^"\\\xc0-\xff]{1,4096}+|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|[\xc0-\xff][\x80-\xbf]{0,3}+){1,4096}+',
    re.DOTALL,
)

_DECODER = JSONDecoder()
_check = msgspec.json.Decoder(msgspec.Raw).decode
"""Refuses what is not JSON and half surrogate pairs, without building anything."""


def decode_record(raw: bytes) -> object:
    """Decodes one record by itself. See `json_decoding.decode`."""
    return decode(raw) if len(raw) <= LARGE_BYTES else _decode_large(raw)


def _decode_large(raw: bytes) -> object:
    if is_too_deep(raw):
        return Unreadable(f"nested deeper than {MAX_DEPTH} levels")
    fault = _find_fault(raw)
    if fault is not None:
        return Unreadable(f"not JSON: {fault}")
    constant = next_constant(raw, 0)
    if constant is not None:
        return invalid_constant(constant_name(raw, constant), _field_at(raw, constant))
    return _shallow_object(raw) if raw.startswith(b"{") else _shallow_value(raw, 0, len(raw))


def _find_fault(raw: bytes) -> str | None:
    """What is wrong with the text of a value, apart from constants that JSON lacks."""
    try:
        _check(raw)
    except msgspec.DecodeError:
        try:
            safe = bytearray()
            for piece in _pieces(_without_constants(raw)):
                safe += make_safe(piece)
            _check(safe)
        except msgspec.DecodeError as error:
            return str(error).removeprefix("JSON is malformed: ")
    return None


def _without_constants(raw: bytes) -> bytes:
    position = next_constant(raw, 0)
    if position is None:
        return raw
    text = bytearray(raw)
    while position is not None:
        constant = constant_name(raw, position).encode()
        text[position : position + len(constant)] = replace_constants(constant)
        position = next_constant(raw, position + len(constant))
    return bytes(text)


def _pieces(text: bytes) -> Iterator[bytes]:
    """Cuts text into pieces that `make_safe` may change one by one: outside escapes, numbers and characters."""
    begin = 0
    while begin < len(text):
        end = min(begin + _PIECE_BYTES, len(text))
        if end < len(text):
            end = _last_boundary(text, begin, end)
        yield text[begin:end]
        begin = end


def _last_boundary(text: bytes, begin: int, end: int) -> int:
    """An offset shortly before `end` where an escape may begin and none continues; `end` if there is none."""
    for boundary in range(end - 1, max(begin, end - 1000), -1):
        if text[boundary] in b'"[]{},: \\' and text[boundary - 1] != ord("\\"):
            return boundary
    return end - (end - begin) % 2


def _members(raw: bytes) -> Iterator[tuple[Span, Span]]:
    """Yields where the name and the value of each member of a valid object are."""
    position = 1
    while (member := _MEMBER.match(raw, position)) is not None:
        end = value_end(raw, member.end(), MAX_DEPTH)
        assert end is not None
        yield member.span(1), (member.end(), end)
        position = end


def _field_at(raw: bytes, position: int) -> str | None:
    if not raw.startswith(b"{"):
        return None
    return next((_name(raw, name) for name, (begin, end) in _members(raw) if begin <= position < end), None)


def _shallow_object(raw: bytes) -> LargeObject | Unreadable:
    record = LargeObject()
    for name, value in _members(raw):
        record[_name(raw, name)] = _shallow_value(raw, *value)
        if len(record) > MAX_FIELDS:
            return Unreadable(f"has more than {MAX_FIELDS:,} fields", is_json=True)
    return record


def _name(raw: bytes, span: Span) -> str:
    begin, end = span
    if end - begin > _LONG_TEXT_BYTES:
        return _decode_text(next(_text_pieces(raw, begin, end)))[:BEGINNING_CHARACTERS]
    return _decode_text(raw[begin:end])[:BEGINNING_CHARACTERS]


def _shallow_value(raw: bytes, begin: int, end: int) -> object:
    if raw.startswith(b"[", begin):
        return []
    if raw.startswith(b"{", begin):
        return {}
    if raw.startswith(b'"', begin) and end - begin > _LONG_TEXT_BYTES:
        return read_long_text(map(_decode_text, _text_pieces(raw, begin + 1, end - 1)))
    return decode(raw[begin:end])


def _text_pieces(raw: bytes, begin: int, end: int) -> Iterator[bytes]:
    """Yields the text between two quotes in pieces that end between characters."""
    while begin < end:
        piece = _TEXT_PIECE.match(raw, begin, end)
        piece_end = piece.end() if piece else begin + 1  # a byte that is no character's
        yield raw[begin:piece_end]
        begin = piece_end


def _decode_text(raw: bytes) -> str:
    try:
        return str(_DECODER.decode(f'"{raw.decode("utf-8", "surrogateescape")}"'))
    except JSONDecodeError:
        return "\udcff"  # cut out of a character by broken bytes: as invalid as those
