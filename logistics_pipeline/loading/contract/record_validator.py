"""A record against the data contract: out comes a row, or the reason why not. The reference for every lane.

A row holds text as PostgreSQL reads it, in the order of the dataset's columns, None for NULL; numbers stay as they were
delivered, digit by digit. What is not in the catalogue is ignored here and noticed by `batching`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from logistics_core.catalogue import Dataset, Field, FieldType
from logistics_pipeline.loading.contract.dates import DateOrder, InvalidDateError, parse_date
from logistics_pipeline.loading.excerpts import shown
from logistics_pipeline.loading.layouts import Unreadable

Row = tuple[str | None, ...]

MAX_TEXT_CHARACTERS = 255
MAX_DIGITS = 100
"""Digits before the decimal point, and after it. A stated bound: PostgreSQL would take 131,072 and store them all."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?", re.ASCII)


@dataclass(frozen=True)
class Rejection:
    """Why a record is not stored. `field` is the first that broke a rule; None if the record as a whole did."""

    field: str | None
    reason: str


class _InvalidError(Exception):
    """A value broke its field's rule; the text says which, what was expected and what was found."""


Validate = Callable[[object], Row | Rejection]
_Convert = Callable[[object], str | None]


def compile_validator(dataset: Dataset, date_order: DateOrder | None = None) -> Validate:
    """Returns the function that holds a decoded record against the rules of `dataset`."""
    converters = [(field.name, _converter(field, date_order)) for field in dataset.fields]

    def validate(value: object) -> Row | Rejection:
        if not isinstance(value, dict):
            return _not_a_record(value)
        row = []
        for name, convert in converters:
            try:
                row.append(convert(value.get(name)))
            except _InvalidError as error:
                return Rejection(name, f"{name} {error}")
        return tuple(row)

    return validate


def value_validator(field: Field, date_order: DateOrder | None = None) -> Callable[[object], str | Rejection | None]:
    """Returns the function that holds one field's decoded value against its rules."""
    convert = _converter(field, date_order)

    def validate(value: object) -> str | Rejection | None:
        try:
            return convert(value)
        except _InvalidError as error:
            return Rejection(field.name, f"{field.name} {error}")

    return validate


def _not_a_record(value: object) -> Rejection:
    if isinstance(value, Unreadable):
        return Rejection(None, value.reason)
    return Rejection(None, f"expected an object, found {_describe(value)}")


def _converter(field: Field, date_order: DateOrder | None) -> _Convert:
    convert: _Convert
    match field.type:
        case FieldType.STRING:
            convert = _convert_text
        case FieldType.NUMBER:
            convert = _number_converter(field)
        case FieldType.DATE:
            convert = _date_converter(date_order)
    return _required(convert) if field.required else convert


def _required(convert: _Convert) -> _Convert:
    def convert_required(value: object) -> str | None:
        text = convert(value)
        if text is None:
            raise _InvalidError("is missing" if value is None else "is empty")
        return text

    return convert_required


def _convert_text(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise _InvalidError(f"must be text, found {_describe(value)}")
    text = value.strip()
    if len(text) > MAX_TEXT_CHARACTERS:
        raise _InvalidError(f"must have at most {MAX_TEXT_CHARACTERS} characters, found {len(text):,}")
    if not text.isascii() and not _is_utf8(text):
        raise _InvalidError("is not valid UTF-8 (broken bytes or half of a surrogate pair)")
    if "\0" in text:
        raise _InvalidError("contains a NUL character")
    return text or None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number_converter(field: Field) -> _Convert:
    def convert(value: object) -> str | None:
        if isinstance(value, str):
            value = _parse_number(value)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise _InvalidError(f"must be a number, found {_describe(value)}")
        number = value if isinstance(value, Decimal) else Decimal(value)
        text = str(number)
        if len(text) > MAX_DIGITS or "E" in text:
            _refuse_extreme(number)
        if field.at_least is not None and number < field.at_least:
            raise _InvalidError(f"must be at least {field.at_least}, found {number}")
        if field.above is not None and number <= field.above:
            raise _InvalidError(f"must be more than {field.above}, found {number}")
        return text

    return convert


def _refuse_extreme(number: Decimal) -> None:
    if number.adjusted() >= MAX_DIGITS or -int(number.as_tuple().exponent) > MAX_DIGITS:
        raise _InvalidError(f"must have at most {MAX_DIGITS} digits on either side of the decimal point")


def _parse_number(text: str) -> Decimal | None:
    """Reads a numeric string; None if it is empty. Stricter than Decimal, which takes NaN, `1_000` and other digits."""
    text = text.strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise _InvalidError(f"must be a number, found {_describe(text)}")
    return Decimal(text)


def _date_converter(date_order: DateOrder | None) -> _Convert:
    @lru_cache(maxsize=4096)  # dates repeat: a file of a million logs has a few hundred
    def parse(text: str) -> str | InvalidDateError:
        try:
            return parse_date(text, date_order).isoformat()
        except InvalidDateError as error:
            return error

    def convert(value: object) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str):
            raise _InvalidError(f"must be a date, found {_describe(value)}")
        text = value.strip()
        if not text:
            return None
        parsed = parse(text) if len(text) <= 64 else InvalidDateError(f"must be a date, found {_describe(text)}")
        if isinstance(parsed, InvalidDateError):
            raise _InvalidError(str(parsed))
        return parsed

    return convert


def _describe(value: object) -> str:
    """A value for a message: its kind, and as much of it as is readable."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return f"the number {str(value)[:40]}"
        case str():
            return f'the text "{shown(value)}"'
        case list():
            return "an array"
        case _:
            return "an object"
