"""Filters of rows: from the value of an argument to conditions. `metrics.conditions` of the core writes their SQL."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from graphql import GraphQLError

from logistics_api.graphql.meanings import LOGIC
from logistics_api.graphql.variables import Variables, resolved
from logistics_core.catalogue.metrics import Condition, Operator
from logistics_core.metrics.conditions import MAX_CONDITIONS, MAX_DEPTH, AllOf, AnyOf, Filter, Not, conditions_in

MAX_VALUES = 1_000
"""Values of one `in`."""


def read_filter(value: Mapping[str, Any] | None) -> Filter:
    """The filter that an argument is; everything passes if it is not given.

    Raises:
        GraphQLError: it is too large, or has an empty list or null where that means nothing.
    """
    found = AllOf(()) if value is None else _read(value, "filter", 1)
    if sum(1 for _ in conditions_in(found)) > MAX_CONDITIONS:
        raise GraphQLError(f"filter has more than {MAX_CONDITIONS} conditions.")
    return found


def _read(value: Mapping[str, Any], where: str, depth: int) -> Filter:
    if depth > MAX_DEPTH:
        raise GraphQLError(f"filter is nested more than {MAX_DEPTH} deep.")
    parts: list[Filter] = []
    for name, given in value.items():
        if given is None:
            raise GraphQLError(f"{where}.{name.strip('#')} is null. Leave it out, or say what must hold.")
        if name == LOGIC["not"]:
            parts.append(Not(_read(given, f"{where}.not", depth + 1)))
        elif name in (LOGIC["and"], LOGIC["or"]):
            parts.append(_read_list(name, given, where, depth))
        else:
            parts += _comparisons(name, given, where)
    return AllOf(tuple(parts))


def _read_list(name: str, given: list[Any], where: str, depth: int) -> Filter:
    word = name.strip("#")
    if not given:
        raise GraphQLError(f"{where}.{word} is empty. Leave it out, or give at least one filter.")
    parts = tuple(_read(each, f"{where}.{word}[{number}]", depth + 1) for number, each in enumerate(given))
    return AllOf(parts) if name == LOGIC["and"] else AnyOf(parts)


def _comparisons(column: str, given: Mapping[str, Any], where: str) -> Iterator[Condition]:
    for name, value in given.items():
        operator = Operator(name)
        if operator is Operator.IN:
            if not value or len(value) > MAX_VALUES:
                raise GraphQLError(f"{where}: in takes 1 to {MAX_VALUES:,} values.")
            value = tuple(value)
        elif value is None and operator not in (Operator.EQ, Operator.NE):
            raise GraphQLError(f"{where}: {name} takes a value, not null. `isNull: true` finds rows without one.")
        yield Condition(column, operator, value)


def fingerprint_of(value: Mapping[str, Any] | None, variables: Variables) -> dict[str, object]:
    """What tells filters apart in cursors: nothing for one that everything passes."""
    filled = resolved(value, variables)
    return {"filter": json.dumps(filled, sort_keys=True, default=str)} if filled else {}


def converted(filter: Filter, bind: Any) -> Filter:
    """The filter with what stands for each value in a statement; `bind` takes a column and a value."""
    match filter:
        case AllOf(parts):
            return AllOf(tuple(converted(part, bind) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(converted(part, bind) for part in parts))
        case Not(part):
            return Not(converted(part, bind))
        case Condition(column, operator, value):
            if operator is Operator.IS_NULL or value is None:
                return filter
            if isinstance(value, tuple):
                return replace(filter, value=tuple(None if each is None else bind(column, each) for each in value))
            return replace(filter, value=bind(column, value))
