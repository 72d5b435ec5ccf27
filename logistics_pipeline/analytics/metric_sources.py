"""Where the metrics of a dataset are read from, day by day: a pre-aggregate that has the fields, or the records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.metrics import Aggregate, Metric
from logistics_core.metrics import rollups
from logistics_core.metrics.conditions import all_of, as_literal
from logistics_core.metrics.paths import read_path
from logistics_core.metrics.periods import DayRange, Grain
from logistics_core.metrics.relations import Joins
from logistics_core.metrics.states import State
from logistics_pipeline.database.connections import Connection


@dataclass(frozen=True)
class MetricSource:
    """A table that series are read from."""

    relation: sql.Composable
    day: sql.Composable
    fields: Sequence[sql.Composable]
    """The columns of the finest level's fields."""
    column: Callable[[State | Metric], sql.Composable]
    """What a state, or a distinct count or quantile, is as an aggregate."""

    @property
    def key(self) -> sql.Composable:
        return sql.SQL("jsonb_build_array({})").format(sql.SQL(", ").join(self.fields))


def stored_rollups(connection: Connection, dataset: Dataset) -> list[rollups.StoredRollup]:
    """The pre-aggregates by day that are as the contract in force asks for."""
    known = connection.execute(
        "SELECT checksum FROM analytics.rollup_datasets WHERE dataset = %s", (dataset.name,)
    ).fetchone()
    if known != (rollups.definition_checksum(dataset),):
        return []
    contents, found = rollups.contents_of(dataset), []
    for table, document, rows in connection.execute(
        "SELECT table_name, document, rows FROM analytics.rollups WHERE dataset = %s AND replaced_at IS NULL",
        (dataset.name,),
    ).fetchall():
        rollup = rollups.from_document(document, contents)
        if rollup is not None and rollup.values is None and rollup.unit is Grain.DAY:
            found.append(rollups.StoredRollup(table, rollup, rows))
    return found


def smallest_source(
    stored: Sequence[rollups.StoredRollup], dataset: Dataset, fields: Sequence[str]
) -> MetricSource | None:
    """The smallest pre-aggregate that has these fields; None if none has."""
    fitting = [each for each in stored if each.rollup.covers(frozenset(fields))]
    if not fitting:
        return None
    smallest = min(fitting, key=lambda each: each.rows)

    def column(state: State | Metric) -> sql.Composable:
        assert isinstance(state, State)
        return state.of_states(sql.Identifier(state.column))

    return MetricSource(
        sql.Identifier(rollups.SCHEMA, smallest.table), sql.Identifier(rollups.DAY), _identifiers(fields), column
    )


def _identifiers(fields: Sequence[str]) -> list[sql.Composable]:
    return [sql.Identifier(name) for name in fields]


def records_source(dataset: Dataset, catalogue: Catalogue, fields: Sequence[str]) -> MetricSource:
    """The records, joined with those that the fields refer to. The dataset has days."""
    joins, columns = Joins(), []
    for name in fields:
        columns.append(joins.column(read_path(name, dataset, catalogue), dataset, catalogue))

    def column(state: State | Metric) -> sql.Composable:
        return state.of_rows(rollups.page_column) if isinstance(state, State) else _of_values(state)

    day = rollups.day_of(dataset)
    assert day is not None
    relation = sql.SQL(" ").join([rollups.source(dataset), *joins.clauses])
    return MetricSource(relation, day, columns, column)


def _of_values(metric: Metric) -> sql.Composable:
    """A distinct count or a quantile as an aggregate of records, exact: the share of a number is not a floating one."""
    assert metric.field is not None
    column = rollups.page_column(metric.field)
    filtered = sql.SQL("{} IS NOT NULL AND {}").format(
        column, all_of(metric.conditions, rollups.page_column, as_literal)
    )
    if metric.aggregate is Aggregate.DISTINCT:
        return sql.SQL("count(DISTINCT {}) FILTER (WHERE {})").format(column, filtered)
    return sql.SQL(
        "(array_agg({column} ORDER BY {column}) FILTER (WHERE {filter}))"
        "[ceil({share} * count(*) FILTER (WHERE {filter}))::int]"
    ).format(column=column, filter=filtered, share=sql.Literal(metric.quantile))


def days_until(
    connection: Connection, dataset: Dataset, catalogue: Catalogue, days: DayRange, today: date
) -> DayRange | None:
    """The days with records until today; None if there are none.

    Records of later days, planned or mistyped, do not say that those before are complete. Reads them only where there
    are such records.
    """
    if days.end <= today:
        return days
    source = smallest_source(stored_rollups(connection, dataset), dataset, ()) or records_source(dataset, catalogue, ())
    statement = sql.SQL("SELECT max({day}) FROM {source} WHERE {day} <= %s").format(
        day=source.day, source=source.relation
    )
    row = connection.execute(statement, (today,)).fetchone()
    return None if row is None or row[0] is None else DayRange(days.start, row[0])
