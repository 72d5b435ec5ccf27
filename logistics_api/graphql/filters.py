"""Filters of rows: from the value of an argument to a filter as REST has it, and to conditions on columns.

`metrics.conditions` of the core reads and writes both. Fields of records that a row refers to have paths there,
`log.vehicle.name`, as in metrics.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graphql import GraphQLError
from psycopg import sql

from logistics_api.graphql.meanings import LOGIC, RELATION
from logistics_api.graphql.variables import Variables, resolved
from logistics_api.rows.queries import column_of_row, page_column
from logistics_api.rows.tables import DAY, Kind, Table, table_of
from logistics_core.catalogue import Catalogue, FieldType
from logistics_core.catalogue.metrics import Condition, Operator
from logistics_core.metrics.conditions import EVERYTHING, AllOf, AnyOf, Filter, Not
from logistics_core.metrics.conditions import read_filter as read_document
from logistics_core.metrics.paths import MAX_STEPS, relations_of
from logistics_core.metrics.relations import CURRENT_LINKS, Joins, Records, raw_table

MAX_VALUES = 1_000
"""Values of one `in`."""

_WORDS = {written: name for name, written in LOGIC.items()}


def read_filter(value: Mapping[str, Any] | None) -> Filter:
    """The filter that an argument is; everything passes if it is not given.

    Raises:
        GraphQLError: it is too large, or has an empty list or null where that means nothing.
    """
    if value is None:
        return EVERYTHING
    try:
        return read_document(as_document(value), _condition)
    except ValueError as error:
        raise GraphQLError(str(error)) from None


def _condition(path: str, operator: Operator, value: Any, where: str) -> Condition:
    """Values have been checked by the schema, or are not known yet."""
    if operator is Operator.IN:
        if not value or len(value) > MAX_VALUES:
            raise ValueError(f"{where}: in takes 1 to {MAX_VALUES:,} values.")
        return Condition(path, operator, tuple(value))
    if value is None and operator not in (Operator.EQ, Operator.NE):
        raise ValueError(f"{where}: {operator} takes a value, not null. `isNull: true` finds rows without one.")
    return Condition(path, operator, value)


# -- the document ------------------------------------------------------------------------------------------------------


def as_document(value: Mapping[str, Any]) -> dict[str, Any]:
    """The filter as REST has it.

    Raises:
        GraphQLError: it has an empty list or null where that means nothing, or follows too many references.
    """
    return _document(value, (), "filter")


def _document(value: Mapping[str, Any], steps: tuple[str, ...], where: str) -> dict[str, Any]:
    if len(steps) > MAX_STEPS:
        raise GraphQLError(f"{where} follows {len(steps)} references; at most {MAX_STEPS} are followed.")
    found: dict[str, Any] = {}
    for name, given in value.items():
        word = _WORDS.get(name, name.removesuffix(RELATION))
        place = f"{where}.{word}"
        if given is None:
            raise GraphQLError(f"{place} is null. Leave it out, or say what must hold.")
        if name.endswith(RELATION):
            _add(found, _document(given, (*steps, word), place))
        elif name in _WORDS:
            _add(found, {word: _joined(word, given, steps, place)})
        else:
            _add(found, {_path(steps, name): given})
    return found


def _path(steps: tuple[str, ...], name: str) -> str:
    return f".{name}" if not steps and name in LOGIC else ".".join((*steps, name))


def _joined(word: str, given: Any, steps: tuple[str, ...], where: str) -> Any:
    if word == "not":
        return _document(given, steps, where)
    if not given:
        raise GraphQLError(f"{where} is empty. Leave it out, or give at least one filter.")
    return [_document(each, steps, f"{where}[{number}]") for number, each in enumerate(given)]


def _add(found: dict[str, Any], more: dict[str, Any]) -> None:
    """Adds what must hold as well: a reference has an `and`, `or` and `not` of its own."""
    for name, each in more.items():
        if name not in found:
            found[name] = each
        elif name == "and":
            found["and"] = [*found["and"], *each]
        else:
            found["and"] = [*found.get("and", ()), {name: each}]


def as_metrics_document(value: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """The filter as metrics have it: what the record that dates a row adds is one of that record's fields.

    Raises:
        GraphQLError: as `as_document`, or metrics cannot be filtered by that.
    """
    found: dict[str, Any] = _renamed(as_document(value), table)
    return found


def _renamed(document: Any, table: Table) -> Any:
    if isinstance(document, list):
        return [_renamed(each, table) for each in document]
    found: dict[str, Any] = {}
    for name, each in document.items():
        if name in LOGIC:
            _add(found, {name: _renamed(each, table)})
        else:
            _add(found, {_path_in_metrics(name, table): each})
    return found


def _path_in_metrics(path: str, table: Table) -> str:
    added, other, dating = table.added.get(path), table.dataset.dated_through, table.dataset.dating
    if added is None or other is None or dating is None:
        return path
    step = next((name for name, each in relations_of(table.dataset).items() if each.fields == (dating.field,)), None)
    if step is None or (path == DAY and other.field(added.source).type is not FieldType.DATE):
        raise GraphQLError(f"Metrics cannot be filtered by {path}: use start and end, or the record referred to.")
    return f"{step}.{added.source}"


# -- columns -----------------------------------------------------------------------------------------------------------


class Columns:
    """The columns of a table and, by paths, of the records that its rows refer to; what these need is joined."""

    def __init__(
        self,
        table: Table,
        catalogue: Catalogue,
        records: Records = raw_table,
        links: sql.Composable = CURRENT_LINKS,
    ) -> None:
        self._table, self._catalogue, self._joins = table, catalogue, Joins(records, links=links)

    @property
    def joins(self) -> sql.Composable:
        """What is joined with `page` for the columns asked for so far."""
        return sql.SQL(" ").join(self._joins.clauses)

    def kind(self, path: str) -> Kind:
        """What the column holds."""
        *steps, name = path.split(".")
        dataset = self._table.dataset
        for step in steps:
            dataset = self._catalogue[relations_of(dataset)[step].dataset]
        if dataset.external_id_called(name) is not None:
            return "string"
        return table_of(dataset).columns[name]

    def column(self, path: str) -> sql.Composable:
        """The column, joined with `page` if need be."""
        *steps, name = path.split(".")
        alias, dataset = self._joins.follow_path(steps, self._table.dataset, self._catalogue)
        external = dataset.external_id_called(name)
        if external is not None:
            if self._table.permitted is not None:
                self._table.permitted.require(external.entity)
            return self._joins.master_key(alias, external)
        if not steps:
            return page_column(self._table, name)
        table, dating = table_of(dataset), alias
        if name in table.added and dataset.dating is not None:
            reference = dataset.reference_of(dataset.dating.field)
            assert reference is not None
            dating = self._joins.follow(alias, reference)
        return column_of_row(table, name, row=alias, dating=dating)


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
