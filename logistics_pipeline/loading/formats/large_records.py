"""Decodes records of more than a mebibyte in bounded memory: what is nested in a field is checked, but never built.

An empty array or object stands for it, and no field takes that one. Texts too long for any field are counted instead.
For small records the result is the same, only slower, which is why `json_decoding` does those as a whole.

Memory: the record's text, and once more if it is not plain JSON, whatever it holds.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from json import JSONDecodeError, JSONDecoder

import msgspec

from logistics_pipeline.loading.formats.json_decoding import constant_name, decode, invalid_constant
from logistics_pipeline.loading.formats.json_feed import make_large_safe, next_constant
from logistics_pipeline.loading.formats.json_scanner import MAX_DEPTH, is_too_deep, value_end
from logistics_pipeline.loading.formats.long_texts import BEGINNING_CHARACTERS, read_long_text
from logistics_pipeline.loading.formats.record_positions import Span
from logistics_pipeline.loading.layouts import LargeArray, LargeMember, LargeObject, Unreadable

LARGE_BYTES = 1 << 20
"""A record up to this size may hold anything: its values take some thirty times as much memory as its text."""

MAX_FIELDS = 200_000
"""More than a record of `LARGE_BYTES` can hold. A larger one with more would fill the memory with their names."""

_LONG_TEXT_BYTES = 64 * 1024
_LONG_NUMBER_BYTES = 64 * 1024
_KEPT_DIGITS = 1000
"""Of a long number: far more than any field takes."""
_LONGEST_EXPONENT = 18
"""Digits that `Decimal` takes."""

_WHITE = rb"[ \t\r\n]*+"
_MEMBER = re.compile(_WHITE + rb",?+" + _WHITE + rb'"((?:[^"\\]++|\\.)*+)"' + _WHITE + rb":" + _WHITE, re.DOTALL)
_TEXT_PIECE = re.compile(
    rb'(?:[^"\\\xc0-\xff]{1,256}+|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|[\xc0-\xff][\x80-\xbf]{0,3}+){1,256}+',
    re.DOTALL,
)

_NUMBER = re.compile(
    rb"(?P<digits>-?(?:0|[1-9][0-9]*+)(?:\.(?P<zeros>0*+)[0-9]*+)?)(?:[eE](?P<sign>[+-]?)0*+(?P<exponent>[0-9]*+))?"
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
        return invalid_constant(constant_name(raw, constant), _field_at(raw, constant), _names(raw))
    return _shallow_object(raw) if raw.startswith(b"{") else _shallow_value(raw, 0, len(raw))


def _find_fault(raw: bytes) -> str | None:
    """What is wrong with the text of a value, apart from constants that JSON lacks."""
    try:
        _check(raw)
    except msgspec.DecodeError:
        try:
            _check(make_large_safe(raw))
        except msgspec.DecodeError as error:
            return str(error).removeprefix("JSON is malformed: ")
    return None


def _members(raw: bytes) -> Iterator[tuple[Span, Span]]:
    """Yields where the name and the value of each member of a valid object are."""
    position = 1
    while (member := _MEMBER.match(raw, position)) is not None:
        end = value_end(raw, member.end(), MAX_DEPTH)
        assert end is not None
        yield member.span(1), (member.end(), end)
        position = end


def member_text(raw: bytes, is_wanted: Callable[[str], bool]) -> bytes | None:
    """The text of a member of a valid object, of several the last one that is not null; None if there is none."""
    found = None
    for name, (begin, end) in _members(raw) if raw.startswith(b"{") else ():
        if is_wanted(_name(raw, name)) and not raw.startswith(b"null", begin):
            found = raw[begin:end]
    return found


def _field_at(raw: bytes, position: int) -> str | None:
    if not raw.startswith(b"{"):
        return None
    return next((_name(raw, name) for name, (begin, end) in _members(raw) if begin <= position < end), None)


def _names(raw: bytes) -> set[str]:
    """The names of a record's fields."""
    return {_name(raw, name) for name, _ in islice(_members(raw), MAX_FIELDS)} if raw.startswith(b"{") else set()


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
        return LargeArray()
    if raw.startswith(b"{", begin):
        return LargeMember()
    if raw.startswith(b'"', begin) and end - begin > _LONG_TEXT_BYTES:
        return read_long_text(map(_decode_text, _text_pieces(raw, begin + 1, end - 1)))
    if end - begin > _LONG_NUMBER_BYTES:
        return decode(_short_number(raw, begin, end))
    return decode(raw[begin:end])


def _short_number(raw: bytes, begin: int, end: int) -> bytes:
    """A number with few digits for one with many: either has more than any field takes, on the same side of the point.

    Zeros after the decimal point, before any other digit, move into the exponent instead: the number may be plain.
    """
    number = _NUMBER.match(raw, begin, end)
    assert number is not None
    exponent = _short_exponent(raw, *number.span("exponent"))
    if number["sign"] == b"-":
        exponent = -exponent
    zeros = number.end("zeros") - number.start("zeros")
    if zeros > _KEPT_DIGITS and raw.startswith((b"0", b"-0"), begin):
        begin_after, whole, exponent = number.end("zeros"), raw[begin : number.start("zeros")], exponent - zeros
    else:
        begin_after, whole = begin, b""
    rest_end = number.end("digits")
    digits = raw[begin_after : min(rest_end, begin_after + _KEPT_DIGITS)]
    if rest_end - begin_after > _KEPT_DIGITS and abs(exponent) > _KEPT_DIGITS // 2:
        exponent = 0  # many digits remain too many, whatever the exponent
    return (whole + digits).rstrip(b".") + (b"e%d" % exponent if exponent or whole else b"")


def _short_exponent(raw: bytes, begin: int, end: int) -> int:
    return 999_999 if end - begin > _LONGEST_EXPONENT else int(raw[begin:end] or b"0")


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
