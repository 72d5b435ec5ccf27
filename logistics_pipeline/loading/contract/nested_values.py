"""Arrays and objects: JSON text that PostgreSQL's jsonb holds without a change of meaning, or the reason why not."""

import json
from collections.abc import Iterable
from decimal import Decimal

from logistics_core.catalogue import FieldType
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.layouts import JsonObject, LargeNested, object_of

MAX_NUMBER_DIGITS = 1_000
"""Digits of a number within, on either side of the decimal point."""
MAX_NESTING = 100
"""Levels of arrays and objects in a text. A record of JSON has a limit of its own."""


class InvalidNestedError(ValueError):
    """The value cannot be kept as it is. The message is written to follow the name of the field."""


def nested_text(value: object, type: FieldType) -> str:
    """Returns a decoded array or object as JSON.

    Raises:
        InvalidNestedError: it cannot be kept; the message says why.
    """
    if isinstance(value, LargeNested):
        raise InvalidNestedError("is in a record of more than 1 MiB, of which arrays and objects are not kept")
    _check_kind(value, type)
    return "".join(_pieces(value))


def nested_text_of(text: str, type: FieldType) -> str:
    """Checks a trimmed JSON text of an array or object and returns it as it is.

    Raises:
        InvalidNestedError: it is none, or cannot be kept; the message says why.
    """
    if _nesting(text) > MAX_NESTING:
        raise InvalidNestedError(f"must not be nested deeper than {MAX_NESTING} levels")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise InvalidNestedError(
            f'must be {_KINDS[type]} as JSON, found the text "{excerpt(text)}": {error.msg.lower()} at character '
            f"{error.pos + 1:,}"
        ) from None
    except _ConstantError as error:
        raise InvalidNestedError(f"holds {error}, which is not JSON") from None
    _check_kind(value, type)
    for _ in _pieces(value):  # for what it refuses
        pass
    return text


def _check_kind(value: object, type: FieldType) -> None:
    if not isinstance(value, dict | list if type is FieldType.OBJECT else list):
        found = "an object" if isinstance(value, dict) else "an array" if isinstance(value, list) else "another value"
        raise InvalidNestedError(f"must be {_KINDS[type]}, found {found}")


_KINDS = {FieldType.OBJECT: "an object or an array", FieldType.ARRAY: "an array"}
"""Programs that have one kind of table for both write an empty object as []: an object field takes either."""


def _nesting(text: str) -> int:
    """No fewer levels than a text has: brackets within its strings count, too."""
    if text.count("{") + text.count("[") <= MAX_NESTING:
        return 0
    depth = deepest = 0
    for character in text:
        if character in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}]":
            depth -= 1
    return deepest


def _pieces(value: object) -> Iterable[str]:
    """The text of a value, piece by piece. Numbers keep their digits."""
    match value:
        case dict():
            yield from _object_pieces(value)
        case list():
            yield "["
            for number, item in enumerate(value):
                if number:
                    yield ","
                yield from _pieces(item)
            yield "]"
        case None | bool():
            yield json.dumps(value)
        case str():
            yield _string(value)
        case int() | Decimal():
            yield _number(value)
        case _:
            raise InvalidNestedError("holds a text of more than 64 KiB in a record of more than 1 MiB")


def _object_pieces(value: dict[str, object]) -> Iterable[str]:
    if isinstance(value, JsonObject) and value.repeated is not None:
        raise InvalidNestedError(f'holds the name "{excerpt(value.repeated)}" twice in one object: one would be lost')
    yield "{"
    for number, (name, member) in enumerate(value.items()):
        yield f"{',' if number else ''}{_string(name)}:"
        yield from _pieces(member)
    yield "}"


def _string(text: str) -> str:
    if "\0" in text:
        raise InvalidNestedError("holds a NUL character (\\u0000), which the database cannot store")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidNestedError("is not valid UTF-8 (broken bytes or half of a surrogate pair)") from None
    return json.dumps(text, ensure_ascii=False)


def _number(value: int | Decimal) -> str:
    number = Decimal(value)
    if not number.is_finite():
        raise InvalidNestedError(f"holds {value}, which is not JSON")
    if number.adjusted() >= MAX_NUMBER_DIGITS or -int(number.as_tuple().exponent) > MAX_NUMBER_DIGITS:
        raise InvalidNestedError(
            f"holds a number with more than {MAX_NUMBER_DIGITS:,} digits on one side of the decimal point"
        )
    return str(value)


class _ConstantError(Exception):
    """A constant that Python writes and JSON lacks."""


def _refuse_constant(name: str) -> object:
    raise _ConstantError(name)


def _any_number(text: str) -> Decimal:
    """Parses any number; an exponent beyond what Decimal takes becomes one that is refused just as well."""
    mantissa, _, exponent = text.lower().partition("e")
    return Decimal(text) if len(exponent) <= 9 else Decimal(f"{mantissa}e{exponent[:1].strip('0123456789+')}999999")


_DECODER = json.JSONDecoder(
    parse_float=_any_number,
    parse_int=Decimal,
    parse_constant=_refuse_constant,
    object_pairs_hook=object_of,
)
