"""Filters: conditions on fields, joined by and, or and not. Read from JSON, written as SQL.

A filter is true or false of every record, never unknown: `ne` and `not` keep records without a value.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from logistics_core.catalogue import Field
from logistics_core.catalogue.contract_metrics import read_condition
from logistics_core.catalogue.contract_shapes import described
from logistics_core.catalogue.metrics import Condition, Operator, Value

ColumnOf = Callable[[str], sql.Composable]
"""Gives the column of a field, or of a path."""
Bind = Callable[[Value], sql.Composable]
"""Gives what stands for a value in a statement: a literal, or a parameter that it is bound to."""

MAX_CONDITIONS = 50
MAX_DEPTH = 8


@dataclass(frozen=True)
class AllOf:
    """All of these hold."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True)
class AnyOf:
    """One of these holds."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True)
class Not:
    """This does not hold."""

    part: "Filter"


Filter = Condition | AllOf | AnyOf | Not

EVERYTHING = AllOf(())

_LOGIC = frozenset({"and", "or", "not"})


ReadCondition = Callable[[str, Operator, Any, str], Condition]
"""Makes a condition of a path, an operator, a value, and the place that messages name; raises ValueError."""


def conditions_on(field_of: Callable[[str], Field]) -> ReadCondition:
    """Conditions whose values are of their fields' types. `field_of` finds a field by its path, raises ValueError."""
    return lambda path, operator, value, where: read_condition(path, operator, value, where, {path: field_of(path)})


def read_filter(document: Any, read: ReadCondition) -> Filter:
    """Reads a filter such as `{"origin": {"in": ["Aachen", "Zug"]}, "not": {"cost": {"lt": 100}}}`.

    The keys of an object hold together: each is a field with operators or, for short, a value, or `and` and `or` with
    a list of filters, or `not` with one. A field of such a name is written with a dot: `.not`.

    Raises:
        ValueError: it is no filter; the message says where.
    """
    found = _read(document, read, "filter", 1)
    if sum(1 for _ in conditions_in(found)) > MAX_CONDITIONS:
        raise ValueError(f"filter has more than {MAX_CONDITIONS} conditions.")
    return found


def _read(document: Any, read: ReadCondition, where: str, depth: int) -> Filter:
    if depth > MAX_DEPTH:
        raise ValueError(f"filter is nested more than {MAX_DEPTH} deep.")
    if not isinstance(document, Mapping):
        raise ValueError(
            f'{where} must be an object such as {{"origin": {{"eq": "Aachen"}}}}, not {described(document)}.'
        )
    parts: list[Filter] = []
    for key, value in document.items():
        if key in _LOGIC:
            parts.append(_read_logic(key, value, read, f"{where}.{key}", depth))
        else:
            parts += _read_field(str(key).removeprefix("."), value, read, where)
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _read_logic(key: str, value: Any, read: ReadCondition, where: str, depth: int) -> Filter:
    if key == "not":
        return Not(_read(value, read, where, depth + 1))
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{where} must be a list of filters, not {described(value)}.")
    if len(value) > MAX_CONDITIONS:
        raise ValueError(f"{where} has more than {MAX_CONDITIONS} filters.")
    parts = tuple(_read(each, read, f"{where}[{number}]", depth + 1) for number, each in enumerate(value))
    return AllOf(parts) if key == "and" else AnyOf(parts)


def _read_field(path: str, value: Any, read: ReadCondition, where: str) -> Iterator[Condition]:
    operators = value if isinstance(value, Mapping) else {Operator.EQ.value: value}
    for name, operand in operators.items():
        if name not in {each.value for each in Operator}:
            known = ", ".join(Operator)
            raise ValueError(f"{where}: {path} has no operator {name!r}. There are: {known}.")
        yield read(path, Operator(name), operand, where)


def conditions_in(filter: Filter) -> Iterator[Condition]:
    """All conditions of a filter."""
    match filter:
        case Condition():
            yield filter
        case Not(part):
            yield from conditions_in(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from conditions_in(part)


def fields_in(filter: Filter) -> frozenset[str]:
    """The paths that a filter asks for."""
    return frozenset(each.field for each in conditions_in(filter))


# -- SQL ---------------------------------------------------------------------------------------------------------------


def as_literal(value: Value) -> sql.Composable:
    """A value as part of a statement's text."""
    return sql.Literal(value)


def all_of(filters: Iterable[Filter], column: ColumnOf, bind: Bind) -> sql.Composable:
    """The condition that all filters hold."""
    parts = [sql_of(each, column, bind) for each in filters]
    return sql.SQL(" AND ").join(parts) if parts else sql.SQL("true")


def sql_of(filter: Filter, column: ColumnOf, bind: Bind) -> sql.Composable:
    """A filter as an SQL condition. In a WHERE clause, unknown is false, so only `not` has to turn it into that."""
    match filter:
        case AllOf(parts):
            return sql.SQL("({})").format(all_of(parts, column, bind))
        case AnyOf(parts):
            return sql.SQL("({})").format(sql.SQL(" OR ").join(sql_of(part, column, bind) for part in parts))
        case Not(part):
            return sql.SQL("(({}) IS NOT TRUE)").format(sql_of(part, column, bind))
        case Condition(field, operator, value):
            return _comparison(column(field), operator, value, bind)


_SIGNS = {Operator.LT: "<", Operator.LTE: "<=", Operator.GT: ">", Operator.GTE: ">=", Operator.STARTS_WITH: "^@"}


def _comparison(
    column: sql.Composable, operator: Operator, value: Value | tuple[Value | None, ...] | None, bind: Bind
) -> sql.Composable:
    if operator is Operator.IS_NULL:
        return sql.SQL("{} IS NULL" if value else "{} IS NOT NULL").format(column)
    if isinstance(value, tuple):
        return _among(column, value, bind)
    if value is None:
        return sql.SQL("{} IS NULL" if operator is Operator.EQ else "{} IS NOT NULL").format(column)
    if operator is Operator.NE:
        return sql.SQL("{} IS DISTINCT FROM {}").format(column, bind(value))
    return sql.SQL("{} {} {}").format(column, sql.SQL(_SIGNS.get(operator, "=")), bind(value))


def _among(column: sql.Composable, values: tuple[Value | None, ...], bind: Bind) -> sql.Composable:
    given = [bind(value) for value in values if value is not None]
    parts = [sql.SQL("{} IN ({})").format(column, sql.SQL(", ").join(given))] if given else []
    if None in values:
        parts.append(sql.SQL("{} IS NULL").format(column))
    return sql.SQL("({})").format(sql.SQL(" OR ").join(parts))
