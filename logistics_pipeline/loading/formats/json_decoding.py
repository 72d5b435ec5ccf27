"""Decodes one JSON record by itself; `large_records` takes those that are too large to be decoded as a whole."""

import json
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from logistics_pipeline.loading.formats.json_feed import find_constants
from logistics_pipeline.loading.formats.json_scanner import MAX_DEPTH, is_too_deep
from logistics_pipeline.loading.layouts import Unreadable, object_of


def decode(raw: bytes) -> object:
    """Decodes one record by itself. What a strict parser cannot represent is kept, for the contract to validate.

    Bytes that are not UTF-8 become lone surrogates; lone surrogates and the digits of numbers stay as they are.
    """
    if is_too_deep(raw):
        return Unreadable(f"nested deeper than {MAX_DEPTH} levels")
    text = raw.decode("utf-8", "surrogateescape")
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        return Unreadable(f"not JSON: {error}")
    except (ValueError, InvalidOperation):  # a number that int or Decimal refuses, or a constant
        pass
    try:
        value = _LENIENT_DECODER.decode(text)
    except ValueError as error:
        return Unreadable(f"not JSON: {error}")
    constants = find_constants(raw)
    return _find_constant(value, constant_name(raw, constants[0])) if constants else value


def constant_name(text: bytes, position: int) -> str:
    """The constant that JSON lacks at a position of a text."""
    return next(name for name in ("NaN", "Infinity", "-Infinity") if text.startswith(name.encode(), position))


def invalid_constant(name: str, field: str | None, names: Iterable[str]) -> Unreadable:
    """What takes the place of a record that holds a constant that JSON lacks, perhaps in a field.

    `names` are those of all its fields.
    """
    where = "" if field is None else f"{field} is "
    return Unreadable(f"{where}{name}, which is not JSON: expected a number or null", field, True, frozenset(names))


class _Constant:
    """A constant that Python writes and JSON lacks."""

    def __init__(self, name: str) -> None:
        self.name = name


def _find_constant(record: object, first: str) -> Unreadable:
    """Names the first field with a constant. There is none if a later field of the same name replaced it."""
    names = record.keys() if isinstance(record, dict) else ()
    members = record.items() if isinstance(record, dict) else [(None, record)]
    for field, value in members:
        found = _constant_in(value)
        if found is not None:
            return invalid_constant(found.name, field, names)
    return invalid_constant(first, None, names)


def _constant_in(value: object) -> _Constant | None:
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        return next((found for item in items if (found := _constant_in(item)) is not None), None)
    return value if isinstance(value, _Constant) else None


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number in JSON")


def _any_number(text: str) -> Decimal:
    """Parses any number.

    Decimal takes integers of any length, but no exponent of more than 18 digits: that becomes one of 6 digits. No field
    accepts either, so only the sign of the exponent matters.
    """
    try:
        return Decimal(text)
    except InvalidOperation:
        mantissa, _, exponent = text.lower().partition("e")
        return Decimal(f"{mantissa}e{'-' if exponent.startswith('-') else ''}999999")


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=object_of)
_LENIENT_DECODER = json.JSONDecoder(
    parse_float=_any_number,
    parse_int=_any_number,
    parse_constant=_Constant,
    object_pairs_hook=object_of,
)
