"""The scalars beside GraphQL's own: numbers with all their digits, days, times, and JSON as it is."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from graphql import (
    FloatValueNode,
    GraphQLBoolean,
    GraphQLError,
    GraphQLInt,
    GraphQLScalarType,
    GraphQLString,
    IntValueNode,
    StringValueNode,
    ValueNode,
    print_ast,
    value_from_ast_untyped,
)
from pydantic import AfterValidator, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from logistics_api.rows.filters import TYPES
from logistics_api.rows.tables import Kind

_NUMBER = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_WHOLE = re.compile(r"[+-]?[0-9]{1,400}", re.ASCII)
LONGEST_SHOWN = 100

Parse = Callable[[Any], Any]


def _shown(value: Any) -> str:
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def _number(name: str, pattern: re.Pattern[str], expected: str) -> Parse:
    def parse(value: Any) -> Decimal:
        is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        text = str(value) if is_number or isinstance(value, str) else ""
        if not pattern.fullmatch(text):
            raise GraphQLError(f"{name} takes {expected}, not {_shown(value)}.")
        return Decimal(text)

    return parse


def _text(name: str, kind: Kind, expected: str) -> Parse:
    """Reads what a query parameter of that kind takes; the value stays a text, in which nothing is lost."""
    adapter: TypeAdapter[Any] = TypeAdapter(TYPES[kind])

    def parse(value: Any) -> str:
        try:
            if isinstance(value, str):
                found = adapter.validate_python(value)
                return found if isinstance(found, str) else value
        except ValidationError:
            pass
        raise GraphQLError(f"{name} takes {expected}, not {_shown(value)}.")

    return parse


def _stamp(value: Any) -> str:
    for kind in ("datetime", "moment"):
        try:
            return str(_STAMPS[kind](value))
        except GraphQLError:
            continue
    raise GraphQLError(f"DateTime takes a time such as 2024-01-31T14:30:00 or 2024-01-31T14:30Z, not {_shown(value)}.")


_STAMPS: Mapping[str, Parse] = {
    "datetime": _text("DateTime", "datetime", "a time"),
    "moment": _text("DateTime", "moment", "a time"),
}


def _as_number(value: Any) -> Any:
    """Numbers go out as they come from the database."""
    return value


def _as_iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value


def _of_literals(parse: Parse, nodes: tuple[type[ValueNode], ...]) -> Callable[..., Any]:
    def parse_literal(node: ValueNode, _: dict[str, Any] | None = None) -> Any:
        if not isinstance(node, nodes):
            raise GraphQLError(f"A value of another type was expected, not {print_ast(node)}.", node)
        return parse(node.value)  # type: ignore[attr-defined]

    return parse_literal


def _scalar(name: str, description: str, serialize: Parse, parse: Parse, *nodes: type[ValueNode]) -> GraphQLScalarType:
    return GraphQLScalarType(
        name,
        serialize=serialize,
        parse_value=parse,
        parse_literal=_of_literals(parse, nodes),
        description=description,
    )


DECIMAL = _scalar(
    "Decimal",
    "A number with all the digits it is stored with. As a value of a filter: a number or, so that no program rounds "
    "it, a text.",
    _as_number,
    _number("Decimal", _NUMBER, "a number such as 12.5"),
    IntValueNode,
    FloatValueNode,
    StringValueNode,
)
BIG_INT = _scalar(
    "BigInt",
    "A whole number of any size. As a value of a filter: a number or, so that no program rounds it, a text.",
    _as_number,
    _number("BigInt", _WHOLE, "a whole number such as 42"),
    IntValueNode,
    StringValueNode,
)
DATE = _scalar(
    "Date",
    "A day as in ISO 8601, such as 2024-01-31.",
    _as_iso,
    _text("Date", "date", "a day such as 2024-01-31"),
    StringValueNode,
)
DATE_TIME = _scalar(
    "DateTime",
    "A date and a time as in ISO 8601: with an offset such as +00:00 where the field has a time zone, otherwise "
    "without.",
    _as_iso,
    _stamp,
    StringValueNode,
)
TIME = _scalar(
    "Time",
    "A time of day as in ISO 8601, such as 14:30:00; 24:00:00 is the end of the day.",
    _as_iso,
    _text("Time", "time", "a time of day such as 14:30:00"),
    StringValueNode,
)
DURATION = _scalar(
    "Duration",
    "A duration as in ISO 8601, such as PT25H10M.",
    _as_iso,
    _text("Duration", "duration", "a duration such as PT25H10M"),
    StringValueNode,
)
MONTH = _scalar(
    "Month",
    "A month as in ISO 8601, such as 2024-01.",
    _as_iso,
    _text("Month", "month", "a month such as 2024-01"),
    StringValueNode,
)
JSON = GraphQLScalarType(
    "JSON",
    description="Any JSON value.",
    parse_value=lambda value: value,
    parse_literal=value_from_ast_untyped,
)

OF_KIND: Mapping[Kind, GraphQLScalarType] = {
    "string": GraphQLString,
    "number": DECIMAL,
    "whole": BIG_INT,
    "integer": BIG_INT,
    "boolean": GraphQLBoolean,
    "date": DATE,
    "datetime": DATE_TIME,
    "moment": DATE_TIME,
    "time": TIME,
    "duration": DURATION,
    "year": GraphQLInt,
    "month": MONTH,
    "object": JSON,
    "array": JSON,
}
"""The scalar of each kind of column."""


def value_for_column(value: Any, kind: Kind) -> Any:
    """A value of a filter or a key as the database takes it.

    Raises:
        GraphQLError: no such column can hold it.
    """
    try:
        return _ADAPTERS[kind].validate_python(value if isinstance(value, bool) else str(value))
    except ValidationError as error:
        expected = str(error.errors()[0]["msg"]).removeprefix("Input should be ")
        raise GraphQLError(f"Expected {expected}; found {_shown(value)}.") from None


def _storable(text: str) -> str:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise PydanticCustomError("text", "text without NUL and without halves of surrogate pairs")
    return text


_ADAPTERS: Mapping[Kind, TypeAdapter[Any]] = {kind: TypeAdapter(type_) for kind, type_ in TYPES.items()} | {
    "string": TypeAdapter(Annotated[str, AfterValidator(_storable)]),
    "integer": TypeAdapter(int),
}
