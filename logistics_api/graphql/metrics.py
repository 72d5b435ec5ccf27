"""Metrics of datasets: their types, and how an answer of `logistics_api.querying` becomes what a selection asks for."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLError,
    GraphQLField,
    GraphQLInputType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
    get_named_type,
)
from psycopg import sql

from logistics_api.database.pool import Database
from logistics_api.graphql.compiling import TYPE_NAME, RootField, Selection
from logistics_api.graphql.filters import as_metrics_document
from logistics_api.graphql.meanings import DatasetMetrics, MetricColumn, MetricPart, meaning_of
from logistics_api.graphql.names import Names, camel, constant, pascal
from logistics_api.graphql.rest import checked
from logistics_api.graphql.rows import json_object
from logistics_api.graphql.scalars import BIG_INT, DATE, DECIMAL, OF_KIND
from logistics_api.graphql.schema import AS_OF_ARGUMENT, Fields, field_of
from logistics_api.metrics.descriptions import dimensions_of
from logistics_api.metrics.parameters import MetricParameters, can_show, question, question_as_of
from logistics_api.querying.answering import ROWS, Answer, answer, common_version
from logistics_api.querying.metric_query import MAX_ROWS, PERIOD, Show, total_of
from logistics_api.querying.planner import Source
from logistics_api.querying.registry import RollupRegistry
from logistics_api.row_access.permitted import PermittedRows
from logistics_api.rows.tables import kind_of, table_of
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.metrics import Aggregate, Metric
from logistics_core.metrics.defaults import metrics_of
from logistics_core.metrics.paths import read_path
from logistics_core.metrics.periods import Comparison, Grain

MAX_DIMENSIONS = 300
"""Dimensions that a dataset's enumeration lists."""

ELEMENTS = """
(
    SELECT coalesce(json_agg({shown} ORDER BY "Position"), '[]'::json)
    FROM json_array_elements({rows}::json) WITH ORDINALITY AS "Element" ("Row", "Position")
)
"""

TOTAL = """(SELECT {shown} FROM json_array_elements({rows}::json) AS "Element" ("Row") LIMIT 1)"""


def _enum(name: str, members: type[StrEnum], description: str) -> GraphQLEnumType:
    values = {constant(each.value): GraphQLEnumValue(each.value) for each in members}
    return GraphQLEnumType(name, values, description=description)


GRAIN = _enum("Grain", Grain, "Periods of the calendar; weeks begin on Monday")
COMPARISON = _enum(
    "Comparison", Comparison, "The period before, the same days a year before, or the same weekdays 364 days before"
)
SOURCE = _enum("MetricsSource", Source, "A pre-aggregate as of the last refresh, or the records as they are now")
SHOW = _enum(
    "Show",
    Show,
    "Running totals, shares of the total in percent, and averages over the last periods, beside the values",
)

APPROXIMATION = GraphQLObjectType(
    "Approximation",
    {
        "metric": field_of(
            GraphQLNonNull(GraphQLString), MetricPart("metric"), "The metric whose values are approximate"
        ),
        "within": field_of(
            GraphQLNonNull(DECIMAL),
            MetricPart("within"),
            "How far they may be off, as a share: of quantiles at most, of distinct counts the standard error",
        ),
    },
)

SHARED = (GRAIN, COMPARISON, SOURCE, SHOW, APPROXIMATION)
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
            "show": GraphQLArgument(several(SHOW), description="Further columns of each metric"),
            "periods": GraphQLArgument(GraphQLInt, 7, description="How many periods `AVERAGE` covers, 2 to 366"),
            "exact": GraphQLArgument(GraphQLBoolean, False, description="Whether approximations are refused"),
            "order": GraphQLArgument(several(self._order()), description="What to sort by; what has no value is last"),
            AS_OF_ARGUMENT: GraphQLArgument(
                GraphQLString,
                description="What was known earlier: a file by its number or path, a day, or a moment",
                out_name="as_of",
            ),
            "limit": GraphQLArgument(GraphQLInt, 1_000, description=f"Maximum number of rows, up to {MAX_ROWS:,}"),
        }
        return found if self._dataset.has_periods else _without(found, "grain", "start", "end", "compare", "periods")

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
                "total": field_of(rows, MetricPart("total"), "The metrics over all groups and periods"),
                "approximations": field_of(
                    GraphQLNonNull(GraphQLList(GraphQLNonNull(APPROXIMATION))),
                    MetricPart("approximations"),
                    "The metrics whose values are approximate",
                ),
                "undated": field_of(
                    BIG_INT,
                    MetricPart("undated"),
                    "Records without a day, which never count, as of the last refresh; null if that is not known yet",
                ),
            },
        )

    def _columns(self) -> Fields:
        names, found = Names(), {}

        def add(name: str, type_: Any, description: str) -> None:
            found[names.claim(camel(name))] = field_of(type_, MetricColumn(name), description)

        if self._dataset.has_periods:
            add(PERIOD, DATE, "First day of the period")
        for path in self._paths:
            add(path.name, OF_KIND[kind_of(path.field)], f"{path.field.title_with_unit}; null unless grouped by it")
        for metric in self._metrics:
            add(metric.name, self._type_of(metric), metric.description)
        for metric in self._metrics:
            for suffix, type_, words in self._beside(metric):
                add(f"{metric.name}_{suffix}", type_, f"{metric.title}{words}")
        return found

    def _beside(self, metric: Metric) -> Iterator[tuple[str, Any, str]]:
        """What a metric can have beside its value: suffix, type, and what follows its title in the description."""
        type_ = self._type_of(metric)
        yield "previous", type_, " in the period compared with"
        yield "change", DECIMAL, ": change in percent"
        for show in Show:
            if can_show(metric, frozenset({show}), self._dataset):
                yield show.value, type_ if show is Show.RUNNING else DECIMAL, _OF_SHOWN[show]

    def _type_of(self, metric: Metric) -> Any:
        if metric.aggregate in (Aggregate.ROWS, Aggregate.COUNT, Aggregate.DISTINCT):
            return BIG_INT
        if metric.field is None:
            return DECIMAL
        kind = kind_of(self._dataset.field(metric.field))
        return DECIMAL if kind in ("number", "whole") else OF_KIND[kind]


_OF_SHOWN = {
    Show.RUNNING: ": total of the periods so far",
    Show.SHARE: ": share of the total in percent",
    Show.AVERAGE: ": average over the last periods",
}


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
        return int(limit) * max(1, self._columns_asked("rows")) + self._columns_asked("total")

    @property
    def _type(self) -> GraphQLObjectType:
        found = get_named_type(self.root.field.type)
        assert isinstance(found, GraphQLObjectType)
        return found

    def _selected(self) -> dict[str, list[FieldNode]]:
        return self.selection.of_fields(self._type, self.root.nodes)

    def _columns_asked(self, part: str) -> int:
        row = get_named_type(self._type.fields["rows"].type)
        assert isinstance(row, GraphQLObjectType)
        parts = [nodes for nodes in self._selected().values() if nodes[0].name.value == part]
        return sum(len(self.selection.of_fields(row, nodes)) for nodes in parts)

    async def ask(
        self, database: Database, registry: RollupRegistry, catalogue: Catalogue, permitted: PermittedRows | None
    ) -> tuple[str, int | None]:
        """The answer as JSON, and its data version; None if it is of the records.

        Raises:
            Problem: 422, the question makes no sense; whatever `answer` raises.
        """
        meaning = meaning_of(self.root.field)
        assert isinstance(meaning, DatasetMetrics)
        parameters = _parameters(self.arguments, meaning.dataset)
        query = question(parameters, meaning.dataset, catalogue, permitted)
        query, _ = await question_as_of(database, query, parameters, catalogue)
        found = await answer(database, registry, catalogue, query, self._shown("rows", ELEMENTS))
        answers, texts = [found], _texts(found.rows)
        if any(nodes[0].name.value == "total" for nodes in self._selected().values()):
            total = await answer(database, registry, catalogue, total_of(query), self._shown("total", TOTAL))
            answers.append(total)
            texts |= _texts(total.rows)
        return self._joined(found, texts), common_version(each.data_version for each in answers)

    def _shown(self, part: str, template: str) -> sql.Composable:
        """JSON with what is asked for as that part, by its keys."""
        parts = {key: nodes for key, nodes in self._selected().items() if nodes[0].name.value == part}
        shown = {key: self._rows(template, nodes) for key, nodes in parts.items()}
        return sql.SQL("{}::text").format(json_object(shown))

    def _rows(self, template: str, nodes: Sequence[FieldNode]) -> sql.Composable:
        row = get_named_type(self._type.fields["rows"].type)
        assert isinstance(row, GraphQLObjectType)
        columns: dict[str, sql.Composable] = {}
        for key, found in self.selection.of_fields(row, nodes).items():
            name = found[0].name.value
            meaning = None if name == TYPE_NAME else meaning_of(row.fields[name])
            if isinstance(meaning, MetricColumn):
                columns[key] = sql.SQL('"Element"."Row" -> {}').format(sql.Literal(meaning.name))
            else:
                columns[key] = sql.Literal(row.name)
        return sql.SQL(template).format(shown=json_object(columns), rows=ROWS)

    def _joined(self, found: Answer, texts: Mapping[str, str]) -> str:
        """The members in the order of the selection: rows as PostgreSQL wrote them."""
        members = []
        for key, nodes in self._selected().items():
            text = texts.get(key) or json.dumps(self._beside(nodes, found))
            members.append(f"{json.dumps(key)}:{text}")
        return f"{{{','.join(members)}}}"

    def _beside(self, nodes: list[FieldNode], found: Answer) -> Any:
        """What an answer says beside its rows."""
        match nodes[0].name.value:
            case "groups":
                return found.groups
            case "source":
                return constant(found.plan.source.value)
            case "dataVersion":
                return found.data_version
            case "undated":
                return found.undated
            case "approximations":
                return list(self._approximations(nodes, found))
            case "total":
                return None
        return self._type.name

    def _approximations(self, nodes: list[FieldNode], found: Answer) -> Iterator[dict[str, Any]]:
        fields = self.selection.of_fields(APPROXIMATION, nodes)
        for metric in found.query.metrics:
            error = found.plan.error_of(metric, found.query)
            if error is not None:
                values = {"metric": metric.name, "within": error, TYPE_NAME: APPROXIMATION.name}
                yield {key: values[each[0].name.value] for key, each in fields.items()}


def _texts(rows: str) -> dict[str, str]:
    """The members of an object as they are written."""
    return {key: bytes(text).decode() for key, text in msgspec.json.decode(rows, type=dict[str, msgspec.Raw]).items()}


def _parameters(arguments: Mapping[str, Any], dataset: Dataset) -> MetricParameters:
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
            "filter": json.dumps(as_metrics_document(filter, table_of(dataset)), default=str) if filter else None,
            "compare": text("compare"),
            "show": joined("show"),
            "periods": 7 if arguments.get("periods") is None else arguments["periods"],
            "exact": bool(arguments.get("exact")),
            "order": joined("order"),
            "as_of": text("as_of"),
            "limit": 1_000 if limit is None else limit,
        },
    )
    return parameters
