"""Validates one record against the data contract: the result is a row, or a rejection. The reference for both parsers.

A row holds text as PostgreSQL reads it, in the order of the dataset's columns, with None for NULL. Numbers keep every
digit they were delivered with. Fields that are not in the contract are ignored here; `parse.chunks` reports them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from logistics_core.catalogue import Dataset, Field, FieldType
from logistics_pipeline.loading.contract.dates import DateOrder, InvalidDateError, parse_date
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.layouts import LongText, Unreadable

Row = tuple[str | None, ...]

MAX_TEXT_CHARACTERS = 255
MAX_DIGITS = 100
"""Digits before the decimal point, and after it. A deliberate limit: PostgreSQL would accept 131,072 and store them."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?", re.ASCII)


@dataclass(frozen=True)
class Rejection:
    """Why a record is not stored. `field` is the first field that broke a rule; None if the record as a whole did."""

    field: str | None
    reason: str


class _InvalidError(Exception):
    """A value broke its field's rule; the text says what was expected and what was found."""


Validate = Callable[[object], Row | Rejection]
_Convert = Callable[[object], str | None]


def compile_validator(dataset: Dataset, date_order: DateOrder | None = None) -> Validate:
    """Returns a function that validates a decoded record of `dataset`: a row, or the rejection."""
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
    """Returns a function that validates a field's decoded value: its COPY text, None for NULL, or the rejection."""
    convert = _converter(field, date_order)

    def validate(value: object) -> str | Rejection | None:
        try:
            return convert(value)
        except _InvalidError as error:
            return Rejection(field.name, f"{field.name} {error}")

    return validate


def _not_a_record(value: object) -> Rejection:
    if isinstance(value, Unreadable):
        return Rejection(value.field, value.reason)
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
    if isinstance(value, LongText):
        raise _InvalidError(f"must have at most {MAX_TEXT_CHARACTERS} characters, found {value.characters:,}")
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
            _reject_extreme(number)
        if field.at_least is not None and number < field.at_least:
            raise _InvalidError(f"must be at least {field.at_least}, found {number}")
        if field.above is not None and number <= field.above:
            raise _InvalidError(f"must be more than {field.above}, found {number}")
        return text

    return convert


def _reject_extreme(number: Decimal) -> None:
    if number.adjusted() >= MAX_DIGITS or -int(number.as_tuple().exponent) > MAX_DIGITS:
        raise _InvalidError(f"must have at most {MAX_DIGITS} digits on either side of the decimal point")


def _parse_number(text: str) -> Decimal | None:
    """Parses a numeric string; None if it is empty. Stricter than Decimal, which takes NaN, `1_000`, other digits."""
    text = text.strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise _InvalidError(f"must be a number, found {_describe(text)}")
    return Decimal(text)


def _date_converter(date_order: DateOrder | None) -> _Convert:
    @lru_cache(maxsize=4096)  # dates repeat: a file of a million records has a few hundred
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
    """Describes a value for a message: its kind, and as much of it as is readable."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return f"the number {str(value)[:40]}"
        case LongText():
            return _describe(value.beginning)
        case str():
            return f'the text "{excerpt(value)}"'
        case list():
            return "an array"
        case _:
            return "an object"
