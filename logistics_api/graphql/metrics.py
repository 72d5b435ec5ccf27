"""Metrics of datasets: their types, and how an answer of `logistics_api.querying` becomes what a selection asks for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLError,
    GraphQLField,
    GraphQLInputType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
)
from psycopg import sql

from logistics_api.database.pool import Database
from logistics_api.graphql.compiling import TYPE_NAME, RootField, Selection
from logistics_api.graphql.meanings import LOGIC, DatasetMetrics, MetricColumn, MetricPart, meaning_of
from logistics_api.graphql.names import Names, camel, constant, pascal
from logistics_api.graphql.rest import checked
from logistics_api.graphql.rows import json_object
from logistics_api.graphql.scalars import BIG_INT, DATE, DECIMAL, OF_KIND
from logistics_api.graphql.schema import Fields, field_of
from logistics_api.metrics.descriptions import dimensions_of
from logistics_api.metrics.parameters import MetricParameters, question
from logistics_api.querying.answering import ROWS, Answer, answer
from logistics_api.querying.metric_query import MAX_ROWS, PERIOD
from logistics_api.querying.planner import Source
from logistics_api.querying.registry import RollupRegistry
from logistics_api.rows.tables import kind_of
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.metrics import Aggregate, Metric
from logistics_core.metrics.defaults import metrics_of
from logistics_core.metrics.periods import Comparison, Grain
from logistics_core.metrics.relations import read_path

MAX_DIMENSIONS = 300
"""Dimensions that a dataset's enumeration lists."""

ELEMENTS = """
(
    SELECT coalesce(json_agg({shown} ORDER BY "Position"), '[]'::json)
    FROM json_array_elements({rows}::json) WITH ORDINALITY AS "Element" ("Row", "Position")
)
"""


def _enum(name: str, members: type[Grain] | type[Comparison] | type[Source], description: str) -> GraphQLEnumType:
    values = {constant(each.value): GraphQLEnumValue(each.value) for each in members}
    return GraphQLEnumType(name, values, description=description)


GRAIN = _enum("Grain", Grain, "Periods of the calendar; weeks begin on Monday")
COMPARISON = _enum(
    "Comparison", Comparison, "The period before, the same days a year before, or the same weekdays 364 days before"
)
SOURCE = _enum("MetricsSource", Source, "A pre-aggregate as of the last refresh, or the records as they are now")

SHARED = (GRAIN, COMPARISON, SOURCE)
"""Types whose names no type of a dataset can have."""


def metrics_fields(catalogue: Catalogue, dataset: Dataset, types: Names, filter: GraphQLInputType) -> Fields:
    """The field of the root that answers questions about the metrics of a dataset; none if it has no metrics."""
    if not metrics_of(dataset):
        return {}
    return {f"{camel(dataset.name)}Metrics": _MetricsMaker(catalogue, dataset, types).field(filter)}


class _MetricsMaker:
    def __init__(self, catalogue: Catalogue, dataset: Dataset, types: Names) -> None:
        self._dataset, self._types = dataset, types
        self._many = pascal(dataset.name)
        listed = dimensions_of(dataset, catalogue)[:MAX_DIMENSIONS]
        self._paths = [read_path(each.path, dataset, catalogue) for each in listed]
        self._metrics = metrics_of(dataset)

    def field(self, filter: GraphQLInputType) -> GraphQLField:
        dimensions = self._dimensions()
        meaning = DatasetMetrics(self._dataset, {name: each.value for name, each in dimensions.values.items()})
        described = f"Metrics of {self._dataset.name}, by period and by what records are of"
        return field_of(GraphQLNonNull(self._answer()), meaning, described, self._arguments(filter, dimensions))

    def _arguments(self, filter: GraphQLInputType, dimensions: GraphQLEnumType) -> dict[str, GraphQLArgument]:
        def several(type_: GraphQLEnumType) -> Any:
            return GraphQLList(GraphQLNonNull(type_))

        found = {
            "metrics": GraphQLArgument(several(self._names()), description="Which ones; the first 20, if left out"),
            "by": GraphQLArgument(several(dimensions), description="What to group by"),
            "grain": GraphQLArgument(GRAIN, description="Also group by period"),
            "start": GraphQLArgument(DATE, description="First day; that of the records, if left out"),
            "end": GraphQLArgument(DATE, description="Last day, inclusive; that of the records, if left out"),
            "filter": GraphQLArgument(filter, description="Records that count; all, if left out"),
            "compare": GraphQLArgument(COMPARISON, description="What to compare with"),
            "order": GraphQLArgument(several(self._order()), description="What to sort by; what has no value is last"),
            "limit": GraphQLArgument(GraphQLInt, 1_000, description=f"Maximum number of rows, up to {MAX_ROWS:,}"),
        }
        return found if self._dataset.dating is not None else _without(found, "grain", "start", "end", "compare")

    def _names(self) -> GraphQLEnumType:
        names = Names()
        values = {
            names.claim(constant(each.name)): GraphQLEnumValue(each.name, description=each.description)
            for each in self._metrics
        }
        return GraphQLEnumType(self._types.claim(f"{self._many}Metric"), values)

    def _dimensions(self) -> GraphQLEnumType:
        names = Names()
        values = {
            names.claim(constant(each.name)): GraphQLEnumValue(each.name, description=each.field.title)
            for each in self._paths
        }
        return GraphQLEnumType(
            self._types.claim(f"{self._many}Dimension"), values or {"NONE": GraphQLEnumValue("none")}
        )

    def _order(self) -> GraphQLEnumType:
        names, values = Names(), {}
        columns = [PERIOD, *(each.name for each in self._paths), *(each.name for each in self._metrics)]
        for column in columns:
            for sign, suffix in (("", "ASC"), ("-", "DESC")):
                values[names.claim(f"{constant(column)}_{suffix}")] = GraphQLEnumValue(f"{sign}{column}")
        return GraphQLEnumType(self._types.claim(f"{self._many}MetricsOrder"), values)

    def _answer(self) -> GraphQLObjectType:
        rows = GraphQLObjectType(self._types.claim(f"{self._many}MetricsRow"), self._columns())
        return GraphQLObjectType(
            self._types.claim(f"{self._many}Metrics"),
            {
                "rows": field_of(
                    GraphQLNonNull(GraphQLList(GraphQLNonNull(rows))), MetricPart("rows"), "One per group and period"
                ),
                "groups": field_of(
                    GraphQLNonNull(BIG_INT), MetricPart("groups"), "How many rows there are without the limit"
                ),
                "source": field_of(GraphQLNonNull(SOURCE), MetricPart("source"), "Where the answer comes from"),
                "dataVersion": field_of(
                    BIG_INT, MetricPart("data_version"), "The refresh that it is of; null if it is of the records"
                ),
            },
        )

    def _columns(self) -> Fields:
        names, found = Names(), {}

        def add(name: str, type_: Any, description: str) -> None:
            found[names.claim(camel(name))] = field_of(type_, MetricColumn(name), description)

        if self._dataset.dating is not None:
            add(PERIOD, DATE, "First day of the period")
        for path in self._paths:
            add(path.name, OF_KIND[kind_of(path.field)], f"{path.field.title_with_unit}; null unless grouped by it")
        for metric in self._metrics:
            type_ = self._type_of(metric)
            add(metric.name, type_, metric.description)
            add(f"{metric.name}_previous", type_, f"{metric.title} in the period compared with")
            add(f"{metric.name}_change", DECIMAL, f"{metric.title}: change in percent")
        return found

    def _type_of(self, metric: Metric) -> Any:
        if metric.aggregate in (Aggregate.ROWS, Aggregate.COUNT, Aggregate.DISTINCT):
            return BIG_INT
        if metric.field is None:
            return DECIMAL
        kind = kind_of(self._dataset.field(metric.field))
        return DECIMAL if kind in ("number", "whole") else OF_KIND[kind]


def _without(arguments: dict[str, GraphQLArgument], *names: str) -> dict[str, GraphQLArgument]:
    return {name: each for name, each in arguments.items() if name not in names}


# -- answers -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MetricsQuestion:
    """A question that a field asks."""

    root: RootField
    selection: Selection

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the field."""
        return self.selection.arguments(self.root.field, self.root.nodes[0])

    @property
    def cost(self) -> int:
        """Rows asked for × the columns of each."""
        limit = self.arguments.get("limit") or 1_000
        return int(limit) * max(1, sum(len(fields) for fields in self._row_fields()))

    def _row_fields(self) -> list[dict[str, list[FieldNode]]]:
        type_ = get_named_type(self.root.field.type)
        assert isinstance(type_, GraphQLObjectType)
        found = self.selection.of_fields(type_, self.root.nodes)
        rows = get_named_type(type_.fields["rows"].type)
        assert isinstance(rows, GraphQLObjectType)
        return [self.selection.of_fields(rows, nodes) for nodes in found.values() if nodes[0].name.value == "rows"]

    async def ask(self, database: Database, registry: RollupRegistry, catalogue: Catalogue) -> tuple[str, Answer]:
        """The answer as JSON, and what it comes from.

        Raises:
            Problem: 422, the question makes no sense; whatever `answer` raises.
        """
        meaning = meaning_of(self.root.field)
        assert isinstance(meaning, DatasetMetrics)
        query = question(_parameters(self.arguments), meaning.dataset, catalogue)
        type_ = get_named_type(self.root.field.type)
        assert isinstance(type_, GraphQLObjectType)
        fields = self.selection.of_fields(type_, self.root.nodes)
        shown = {key: self._rows(type_, nodes) for key, nodes in fields.items() if nodes[0].name.value == "rows"}
        found = await answer(
            database, registry, catalogue, query, sql.SQL("{}::text").format(json_object(shown)) if shown else ROWS
        )
        if len(shown) == len(fields):
            return found.rows, found
        return _joined(fields, found, type_, has_rows=bool(shown)), found

    def _rows(self, type_: GraphQLObjectType, nodes: Sequence[FieldNode]) -> sql.Composable:
        row = get_named_type(type_.fields["rows"].type)
        assert isinstance(row, GraphQLObjectType)
        columns: dict[str, sql.Composable] = {}
        for key, found in self.selection.of_fields(row, nodes).items():
            name = found[0].name.value
            meaning = None if name == TYPE_NAME else meaning_of(row.fields[name])
            if isinstance(meaning, MetricColumn):
                columns[key] = sql.SQL('"Element"."Row" -> {}').format(sql.Literal(meaning.name))
            else:
                columns[key] = sql.Literal(row.name)
        return sql.SQL(ELEMENTS).format(shown=json_object(columns), rows=ROWS)


def _joined(fields: Mapping[str, list[FieldNode]], found: Answer, type_: GraphQLObjectType, *, has_rows: bool) -> str:
    """The members in the order of the selection: rows as PostgreSQL wrote them."""
    rows = msgspec.json.decode(found.rows, type=dict[str, msgspec.Raw]) if has_rows else {}
    members = []
    for key, nodes in fields.items():
        name = nodes[0].name.value
        value = {
            "groups": found.groups,
            "source": constant(found.plan.source.value),
            "dataVersion": found.data_version,
            TYPE_NAME: type_.name,
        }.get(name)
        text = bytes(rows[key]).decode() if name == "rows" else json.dumps(value)
        members.append(f"{json.dumps(key)}:{text}")
    return f"{{{','.join(members)}}}"


def _parameters(arguments: Mapping[str, Any]) -> MetricParameters:
    def joined(name: str) -> str | None:
        return ",".join(arguments[name]) if arguments.get(name) else None

    def text(name: str) -> Any:
        return arguments.get(name)

    filter = arguments.get("filter")
    limit = arguments.get("limit")
    if limit is not None and not 1 <= limit <= MAX_ROWS:
        raise GraphQLError(f"limit takes a number from 1 to {MAX_ROWS:,}, not {limit:,}.")
    parameters: MetricParameters = checked(
        MetricParameters,
        {
            "metrics": joined("metrics"),
            "by": joined("by"),
            "grain": text("grain"),
            "start": text("start"),
            "end": text("end"),
            "filter": None if not filter else json.dumps(_as_rest(filter), default=str),
            "compare": text("compare"),
            "order": joined("order"),
            "limit": 1_000 if limit is None else limit,
        },
    )
    return parameters


def _as_rest(value: Any) -> Any:
    """A filter as REST has it."""
    if isinstance(value, Mapping):
        rest = {written: name for name, written in LOGIC.items()}
        return {rest.get(name, name): _as_rest(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_rest(each) for each in value]
    return value
