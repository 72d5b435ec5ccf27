"""Validates one record against the data contract: the result is a row, or a rejection. The reference for both parsers.

A row holds text as PostgreSQL reads it, in the order of the dataset's columns, with None for NULL. Numbers keep every
digit they were delivered with. Fields that are not in the contract are ignored here; `parse.chunks` reports them.
"""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from logistics_core.catalogue import Dataset, Field, FieldType, InvalidValues
from logistics_core.catalogue.time_patterns import time_pattern
from logistics_pipeline.loading.contract.clock_times import MAX_TIME_CHARACTERS
from logistics_pipeline.loading.contract.columns import FormatsNeededError, WideningNeededError
from logistics_pipeline.loading.contract.dates import MAX_DATE_CHARACTERS, DateOrder
from logistics_pipeline.loading.contract.extras import Extras
from logistics_pipeline.loading.contract.file_formats import AS_THE_CONTRACT, FileFormats
from logistics_pipeline.loading.contract.nested_values import InvalidNestedError, nested_text, nested_text_of
from logistics_pipeline.loading.contract.number_evidence import (
    NumberReading,
    UnreadableNumberError,
    contract_reading,
    is_doubtful,
)
from logistics_pipeline.loading.contract.number_formats import PLAIN
from logistics_pipeline.loading.contract.reject_kinds import reject_kind
from logistics_pipeline.loading.contract.time_readers import time_reader
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.layouts import LongText, UnclearValue, Unreadable

Row = tuple[str | None, ...]

MAX_TEXT_CHARACTERS = 255
MAX_DIGITS = 100
"""Digits before the decimal point, and after it. A deliberate limit: PostgreSQL would accept 131,072 and store them."""


class Rejection(NamedTuple):
    """Why a record is not stored. `field` is the first field that broke a rule; None if the record as a whole did."""

    field: str | None
    reason: str

    @property
    def kind(self) -> str:
        """The reason without what differs from record to record."""
        return reject_kind(self.reason)


class _InvalidError(Exception):
    """A value broke its field's rule; the text says what was expected and what was found."""


@dataclass(frozen=True)
class ClearedValue:
    """An invalid value of an optional field that is stored as NULL: the field's policy says so."""

    field: str
    reason: str
    raw: bytes
    """The value as it was delivered: a text as it is, anything else as JSON."""


@dataclass(frozen=True)
class PartialRow:
    """A row some of whose values were cleared."""

    row: Row
    cleared: tuple[ClearedValue, ...]


Validate = Callable[[object], Row | PartialRow | Rejection]
_Convert = Callable[[object], str | None]


def compile_validator(
    dataset: Dataset,
    date_order: DateOrder | None = None,
    formats: FileFormats = AS_THE_CONTRACT,
    extras: Extras | None = None,
) -> Validate:
    """Returns a function that validates a decoded record of `dataset`: a row, or the rejection.

    Where the policy of a field is to clear invalid values, the result is a row without them. Where formats were not
    looked for, it raises FormatsNeededError for a record with a value that only its whole column explains. A dataset
    with the column `extras` has one more value per row, made by `extras` if given.
    """
    validate = _fields_validator(dataset, date_order, formats)
    if not dataset.has_extras:
        return validate
    keeper = Extras(dataset) if extras is None else extras

    def validate_and_keep(value: object) -> Row | PartialRow | Rejection:
        outcome = validate(value)
        if isinstance(outcome, Rejection) or not isinstance(value, dict):
            return outcome
        kept = keeper.of_record(value)
        return replace(outcome, row=(*outcome.row, kept)) if isinstance(outcome, PartialRow) else (*outcome, kept)

    return validate_and_keep


def _fields_validator(dataset: Dataset, date_order: DateOrder | None, formats: FileFormats) -> Validate:
    converters = [
        (field.name, _converter(field, date_order, formats), field.invalid_values is InvalidValues.NULL)
        for field in dataset.fields
    ]
    undecided = [
        (field.name, convert)
        for field, (_, convert, _) in zip(dataset.fields, converters, strict=True)
        if field.formatted_as in formats.not_looked_for
    ]

    def look_at_others(value: dict[str, object]) -> None:
        """Asks for formats that a replay of a rejected record will need: it no longer has the file."""
        for name, convert in undecided:
            if isinstance(text := value.get(name), str):
                with suppress(_InvalidError):
                    convert(text)

    def validate(value: object) -> Row | PartialRow | Rejection:
        if not isinstance(value, dict):
            return _not_a_record(value)
        row, cleared = list[str | None](), list[ClearedValue]()
        for name, convert, clears in converters:
            try:
                row.append(convert(value.get(name)))
            except _InvalidError as error:
                if not clears:
                    look_at_others(value)
                    return Rejection(name, f"{name} {error}")
                row.append(None)
                cleared.append(ClearedValue(name, f"{name} {error}", _raw_value(value[name])))
        return PartialRow(tuple(row), tuple(cleared)) if cleared else tuple(row)

    return validate


def _raw_value(value: object) -> bytes:
    if isinstance(value, UnclearValue):
        value = value.written
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return value.encode("utf-8", "surrogateescape" if _has_only_broken_bytes(value) else "backslashreplace")


def _has_only_broken_bytes(text: str) -> bool:
    """Whether each surrogate in a text is a byte that is not UTF-8, rather than half of a pair."""
    return not re.search("[\ud800-\udc7f\udd00-\udfff]", text)


def value_validator(
    field: Field, date_order: DateOrder | None = None, formats: FileFormats = AS_THE_CONTRACT
) -> Callable[[object], str | Rejection | None]:
    """Returns a function that validates a field's decoded value: its COPY text, None for NULL, or the rejection.

    Where formats were not looked for, it raises FormatsNeededError for a value that only its whole column explains.
    """
    convert = _converter(field, date_order, formats)

    def validate(value: object) -> str | Rejection | None:
        try:
            return convert(value)
        except _InvalidError as error:
            return Rejection(field.name, f"{field.name} {error}")

    return validate


def _not_a_record(value: object) -> Rejection:
    if isinstance(value, Unreadable):
        return Rejection(value.field, value.reason)
    return Rejection(None, f"expected an object, found {describe_value(value)}")


def _converter(field: Field, date_order: DateOrder | None, formats: FileFormats) -> _Convert:
    convert: _Convert
    match field.type:
        case FieldType.STRING:
            convert = _text_converter(field)
        case FieldType.NUMBER:
            convert = _number_converter(field, formats)
        case FieldType.INTEGER:
            convert = _integer_converter(field, formats)
        case FieldType.YEAR:
            convert = _year_converter(field)
        case FieldType.BOOLEAN:
            convert = _boolean_converter(field)
        case FieldType.OBJECT | FieldType.ARRAY:
            convert = _nested_converter(field)
        case FieldType.DATE | FieldType.DATETIME | FieldType.TIME | FieldType.DURATION | FieldType.YEAR_MONTH:
            convert = _time_converter(field, time_reader(field, date_order, formats))
    convert = _required(convert) if field.required else convert
    return _clear(convert) if field.aliases else convert


def _clear(convert: _Convert) -> _Convert:
    def convert_clear(value: object) -> str | None:
        if isinstance(value, UnclearValue):
            raise _InvalidError(value.reason)
        return convert(value)

    return convert_clear


def _required(convert: _Convert) -> _Convert:
    def convert_required(value: object) -> str | None:
        text = convert(value)
        if text is None:
            raise _InvalidError(_describe_missing(value))
        return text

    return convert_required


def _describe_missing(value: object) -> str:
    word = value.strip() if isinstance(value, str) else ""
    return f"is missing, found {describe_value(word)}" if word else "is missing" if value is None else "is empty"


def _text_converter(field: Field) -> _Convert:
    missing = field.missing_words

    def convert(value: object) -> str | None:
        text = _convert_text(value)
        return None if text in missing else text

    return convert if missing else _convert_text


def _convert_text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, LongText):
        raise _InvalidError(f"must have at most {MAX_TEXT_CHARACTERS} characters, found {value.characters:,}")
    if not isinstance(value, str):
        raise _InvalidError(f"must be text, found {describe_value(value)}")
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


def _expected_number(field: Field) -> str:
    return "an integer" if field.type is FieldType.INTEGER or field.was_integer else "a number"


def _number_converter(field: Field, formats: FileFormats) -> _Convert:
    parse = _number_parser(field, formats)

    def convert(value: object) -> str | None:
        if isinstance(value, str):
            plain = parse(value.strip())
            value = None if plain is None else Decimal(plain)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise _InvalidError(f"must be {_expected_number(field)}, found {describe_value(value)}")
        number = value if isinstance(value, Decimal) else Decimal(value)
        text = str(number)
        if len(text) > MAX_DIGITS or "E" in text:
            _reject_extreme(number)
        _check_bounds(field, number)
        return text

    return convert


_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:0|[1-9][0-9]*)\.[0-9]+", re.ASCII)
_LEADING_ZERO = re.compile(r"[+-]?0[0-9]+", re.ASCII)


def _integer_converter(field: Field, formats: FileFormats) -> _Convert:
    """An integer has no decimal point, not even as 5.0, and no leading zeros: 007 is a code.

    Where the field may widen, a decimal number raises WideningNeededError.
    """
    parse = _number_parser(field, formats)

    def convert(value: object) -> str | None:
        plain = parse(value.strip()) if isinstance(value, str) else None if value is None else str(value)
        if plain is None:
            return None
        if isinstance(value, bool | list | dict) or not _INTEGER.fullmatch(plain):
            if field.may_widen and _DECIMAL.fullmatch(plain):
                raise WideningNeededError(field.name)
            zeros = " without leading zeros" if isinstance(value, str) and _LEADING_ZERO.fullmatch(plain) else ""
            raise _InvalidError(f"must be an integer{zeros}, found {describe_value(value)}")
        number = Decimal(plain)
        if len(plain) > MAX_DIGITS:
            _reject_extreme(number)
        _check_bounds(field, number)
        return "0" if number == 0 else plain.removeprefix("+")

    return convert


_YEAR = re.compile(r"[0-9]{4}", re.ASCII)


def _year_converter(field: Field) -> _Convert:
    missing = field.missing_words

    def convert(value: object) -> str | None:
        if value is None:
            return None
        text = value.strip() if isinstance(value, str) else str(value) if type(value) is int else ""
        if isinstance(value, str) and (not text or text in missing):
            return None
        if not _YEAR.fullmatch(text) or text == "0000":
            raise _InvalidError(f"must be a year of four digits, found {describe_value(value)}")
        _check_bounds(field, Decimal(text))
        return str(int(text))

    return convert


def _boolean_converter(field: Field) -> _Convert:
    texts = dict.fromkeys(field.true_values, "t") | dict.fromkeys(field.false_values, "f")
    missing = field.missing_words - texts.keys()
    expected = f"one of {', '.join(field.true_values)} or {', '.join(field.false_values)}"

    def convert(value: object) -> str | None:
        if value is None:
            return None
        if isinstance(value, bool):
            return "t" if value else "f"
        word = value.strip() if isinstance(value, str) else str(value) if type(value) is int else ""
        if isinstance(value, str) and (not word or word in missing):
            return None
        if word not in texts:
            raise _InvalidError(f"must be {expected}, found {describe_value(value)}")
        return texts[word]

    return convert


def _nested_converter(field: Field) -> _Convert:
    missing = field.missing_words

    def convert(value: object) -> str | None:
        if isinstance(value, str):
            value = value.strip()
            if not value or value in missing:
                return None
        elif value is None:
            return None
        try:
            if isinstance(value, str):
                return nested_text_of(value, field.type)
            if isinstance(value, dict | list):
                return nested_text(value, field.type)
        except InvalidNestedError as error:
            raise _InvalidError(str(error)) from None
        if isinstance(value, LongText):
            raise _InvalidError(f"is a text of {value.characters:,} characters: a longer one than is read as JSON")
        expected = "an object or an array" if field.type is FieldType.OBJECT else "an array"
        raise _InvalidError(f"must be {expected}, found {describe_value(value)}")

    return convert


def _check_bounds(field: Field, number: Decimal) -> None:
    if field.at_least is not None and number < field.at_least:
        raise _InvalidError(f"must be at least {field.at_least}, found {number}")
    if field.above is not None and number <= field.above:
        raise _InvalidError(f"must be more than {field.above}, found {number}")
    if field.at_most is not None and number > field.at_most:
        raise _InvalidError(f"must be at most {field.at_most}, found {number}")
    if field.below is not None and number >= field.below:
        raise _InvalidError(f"must be less than {field.below}, found {number}")


def _reject_extreme(number: Decimal) -> None:
    if number.adjusted() >= MAX_DIGITS or -int(number.as_tuple().exponent) > MAX_DIGITS:
        raise _InvalidError(f"must have at most {MAX_DIGITS} digits on either side of the decimal point")


def _number_parser(field: Field, formats: FileFormats) -> Callable[[str], str | None]:
    """Returns a function that makes a plain number of a trimmed text; None if it is empty or means nothing."""
    declared, missing = contract_reading(field), field.missing_words
    found = formats.numbers
    reading = declared if found is None else found.get(field.name, declared)

    def parse(text: str) -> str | None:
        if not text or text in missing:
            return None
        if found is None and is_doubtful(text, field):
            raise FormatsNeededError(FieldType.NUMBER)
        number = _read_plain(text) if reading is None else _read_by(reading, text, field)
        if number is None:
            raise _InvalidError(f"must be {_expected_number(field)}, found {describe_value(text)}")
        return number

    return parse


def _read_plain(text: str) -> str | None:
    """Stricter than Decimal, which takes NaN, `1_000`, other digits."""
    return text if PLAIN.fullmatch(text) else None


def _read_by(reading: NumberReading, text: str, field: Field) -> str | None:
    try:
        return reading.read(text, field)
    except UnreadableNumberError as error:
        raise _InvalidError(str(error)) from None


_A_TIME = {
    FieldType.DATE: "a date",
    FieldType.DATETIME: "a date and a time",
    FieldType.TIME: "a time of day",
    FieldType.DURATION: "a duration",
    FieldType.YEAR_MONTH: "a month",
}


def _time_converter(field: Field, read: Callable[[str], str]) -> _Convert:
    @lru_cache(maxsize=4096)  # dates repeat: a file has few hundred
    def parse(text: str) -> str | _InvalidError:
        try:
            return read(text)
        except ValueError as error:
            return _InvalidError(str(error))

    missing, most = field.missing_words, max(MAX_DATE_CHARACTERS, MAX_TIME_CHARACTERS)
    takes_numbers = field.format not in (None, "default") and time_pattern(field.format or "").is_digits
    """The contract says that nothing but digits is written, which JSON may do as a number."""

    def convert(value: object) -> str | None:
        if value is None:
            return None
        if takes_numbers and type(value) is int:
            value = str(value)
        if not isinstance(value, str):
            raise _InvalidError(f"must be {_A_TIME[field.type]}, found {describe_value(value)}")
        text = value.strip()
        if not text or text in missing:
            return None
        if len(text) > most:
            raise _InvalidError(f"must be {_A_TIME[field.type]}, found {describe_value(text)}")
        parsed = parse(text)
        if isinstance(parsed, _InvalidError):
            raise _InvalidError(str(parsed))
        return parsed

    return convert


def describe_value(value: object) -> str:
    """Describes a value for a message: its kind, and as much of it as is readable."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return f"the number {str(value)[:40]}"
        case LongText():
            return describe_value(value.beginning)
        case str():
            return f'the text "{excerpt(value)}"'
        case list():
            return "an array"
        case _:
            return "an object"
