"""Reads the past of series: what metrics were by period, computed as `/api/metrics` computes them.

States come from the smallest pre-aggregate that has the fields, otherwise from the records, as do distinct counts and
quantiles, which are exact here.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.forecasts import DeclaredForecasts
from logistics_core.catalogue.metrics import Aggregate, Metric
from logistics_core.metrics import rollups
from logistics_core.metrics.conditions import all_of, as_literal
from logistics_core.metrics.defaults import find_metric, is_part_of_whole, metrics_of
from logistics_core.metrics.paths import read_path
from logistics_core.metrics.periods import DayRange, Grain
from logistics_core.metrics.relations import Joins
from logistics_core.metrics.states import State, StateKind, value_expression, values_of
from logistics_core.special_days import special_days
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.forecasting.calendars import SEASONS, Calendar
from logistics_pipeline.forecasting.hierarchy import Hierarchy, Key, arrange
from logistics_pipeline.forecasting.panel import BoolArray, FloatArray, IntArray, Level, Panel, SpecialDays

ROWS_AT_ONCE = 200
"""Series read at a time, each with all its periods: some megabytes."""
LONGEST_GAPS = 2
SEASONS_OF_SILENCE = 4
"""A series has stopped after so many of its longest gaps, and so many seasons, without a value."""

_RECORDS = State(StateKind.ROWS, None)
_WHOLE = frozenset({Aggregate.ROWS, Aggregate.COUNT, Aggregate.DISTINCT})


@dataclass(frozen=True)
class Histories:
    """Series of some metrics, which share their hierarchy and their calendar."""

    calendar: Calendar
    hierarchy: Hierarchy
    panels: dict[str, Panel]
    """By metric."""


@dataclass(frozen=True)
class _Source:
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


def read_histories(
    connection: Connection,
    dataset: Dataset,
    catalogue: Catalogue,
    declared: DeclaredForecasts,
    calendar: Calendar,
    most: int,
) -> Histories | None:
    """The past of all series that an entry declares; None if there are no records in the periods.

    `most` series of a level stand for themselves. The connection is in a transaction, whose snapshot is read.
    """
    fields = declared.levels[-1]
    stored = _stored_rollups(connection, dataset)
    of_states = _smallest_source(stored, dataset, fields) or _records(dataset, catalogue, fields)
    hierarchy = arrange(
        _sizes(connection, of_states, calendar), [len(level) for level in declared.levels], declared.max_series or most
    )
    if not hierarchy.nodes:
        return None
    _store_keys(connection, hierarchy, len(declared.levels))
    wanted = [metric for name in declared.metrics if (metric := find_metric(dataset, name)) is not None]
    exact = [metric for metric in wanted if values_of(metric, metrics_of(dataset))]
    values: dict[str, FloatArray] = {}
    for source, metrics in (
        (of_states, [metric for metric in wanted if metric not in exact]),
        (_records(dataset, catalogue, fields), exact),
    ):
        if metrics:
            values |= _read(connection, dataset, source, metrics, hierarchy, calendar, len(declared.levels))
    panels = {
        metric.name: _panel(dataset, metric, values[metric.name], hierarchy, declared, calendar) for metric in wanted
    }
    return Histories(calendar, hierarchy, panels)


def days_until(
    connection: Connection, dataset: Dataset, catalogue: Catalogue, days: DayRange, today: date
) -> DayRange | None:
    """The days with records until today; None if there are none.

    Records of later days, planned or mistyped, do not say that those before are complete. Reads them only where there
    are such records.
    """
    if days.end <= today:
        return days
    source = _smallest_source(_stored_rollups(connection, dataset), dataset, ()) or _records(dataset, catalogue, ())
    statement = sql.SQL("SELECT max({day}) FROM {source} WHERE {day} <= %s").format(
        day=source.day, source=source.relation
    )
    row = connection.execute(statement, (today,)).fetchone()
    return None if row is None or row[0] is None else DayRange(days.start, row[0])


# -- sources ---------------------------------------------------------------------------------------------------------


def _stored_rollups(connection: Connection, dataset: Dataset) -> list[rollups.StoredRollup]:
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


def _smallest_source(stored: Sequence[rollups.StoredRollup], dataset: Dataset, fields: Sequence[str]) -> _Source | None:
    fitting = [each for each in stored if each.rollup.covers(frozenset(fields))]
    if not fitting:
        return None
    smallest = min(fitting, key=lambda each: each.rows)

    def column(state: State | Metric) -> sql.Composable:
        assert isinstance(state, State)
        return state.of_states(sql.Identifier(state.column))

    return _Source(
        sql.Identifier(rollups.SCHEMA, smallest.table), sql.Identifier(rollups.DAY), _identifiers(fields), column
    )


def _identifiers(fields: Sequence[str]) -> list[sql.Composable]:
    return [sql.Identifier(name) for name in fields]


def _records(dataset: Dataset, catalogue: Catalogue, fields: Sequence[str]) -> _Source:
    joins, columns = Joins(), []
    for name in fields:
        columns.append(joins.column(read_path(name, dataset, catalogue), dataset, catalogue))

    def column(state: State | Metric) -> sql.Composable:
        return state.of_rows(rollups.page_column) if isinstance(state, State) else _of_values(state)

    day = rollups.day_of(dataset)
    assert day is not None
    relation = sql.SQL(" ").join([rollups.source(dataset), *joins.clauses])
    return _Source(relation, day, columns, column)


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


# -- reading ---------------------------------------------------------------------------------------------------------


def _sizes(connection: Connection, source: _Source, calendar: Calendar) -> dict[Key, int]:
    statement = sql.SQL(read_sql("forecasting/sizes")).format(
        key_of_record=source.key, number_of_records=source.column(_RECORDS), source=source.relation, day=source.day
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, _days(calendar))
        return {parse_key(text): records for text, records in cursor}


def parse_key(text: str) -> Key:
    """A key from JSON; numbers keep their digits."""
    return tuple(json.loads(text, parse_float=Decimal))


_KEYS = msgspec.json.Encoder(decimal_format="number")


def key_text(values: Sequence[Any]) -> str:
    """A key, or the names of its fields, as JSON."""
    return _KEYS.encode(list(values)).decode()


def _store_keys(connection: Connection, hierarchy: Hierarchy, levels: int) -> None:
    """Stores which series each key belongs to in a temporary table, for the statement that sums them up."""
    columns = sql.SQL(", ").join(sql.SQL("{} integer").format(_position(level)) for level in range(levels))
    connection.execute("DROP TABLE IF EXISTS pg_temp.forecast_keys")
    connection.execute(sql.SQL("CREATE TEMPORARY TABLE forecast_keys (key jsonb, {}) ON COMMIT DROP").format(columns))
    with connection.cursor().copy("COPY pg_temp.forecast_keys FROM STDIN") as copy:
        for key, positions in hierarchy.rows.items():
            copy.write_row((key_text(key), *positions))
    connection.execute("ANALYZE pg_temp.forecast_keys")


def _position(level: int) -> sql.Identifier:
    return sql.Identifier(f"position_{level}")


def _read(
    connection: Connection,
    dataset: Dataset,
    source: _Source,
    metrics: Sequence[Metric],
    hierarchy: Hierarchy,
    calendar: Calendar,
    levels: int,
) -> dict[str, FloatArray]:
    """The values of metrics, (series, periods) each; NaN where there is no record or no value."""
    found = {metric.name: np.full((len(hierarchy.nodes), calendar.periods), np.nan) for metric in metrics}
    for position, numbers, *values in _rows(
        connection, _statement(dataset, source, metrics, calendar, levels), _days(calendar)
    ):
        for metric, of_metric in zip(metrics, values, strict=True):
            found[metric.name][position, numbers] = of_metric
    return found


def _rows(connection: Connection, statement: sql.Composed, parameters: dict[str, object]) -> Iterator[tuple[Any, ...]]:
    with connection.cursor("forecast_histories") as cursor:  # on the server: a result may be large
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(statement, parameters)
        yield from cursor


def _statement(
    dataset: Dataset, source: _Source, metrics: Sequence[Metric], calendar: Calendar, levels: int
) -> sql.Composed:
    period = rollups.first_day_of_period(source.day, calendar.grain)
    positions = [_position(level) for level in range(levels)]
    names = [sql.Identifier(f"value_{number}") for number in range(len(metrics))]
    values = [
        sql.SQL("({})::double precision AS {}").format(
            value_expression(metric, metrics_of(dataset), source.column), name
        )
        for metric, name in zip(metrics, names, strict=True)
    ]
    comma = sql.SQL(", ")
    return sql.SQL(read_sql("forecasting/histories")).format(
        positions=sql.SQL("coalesce({})").format(comma.join(positions)),
        first_day=period,
        values=comma.join(values),
        source=source.relation,
        key_of_record=source.key,
        day=source.day,
        sets=comma.join(sql.SQL("({}, {})").format(period, each) for each in positions),
        number=sql.SQL("forecast.step_of({}, {}, period)").format(
            sql.SQL("{}::date").format(sql.Literal(calendar.first)), sql.Literal(calendar.grain.value)
        ),
        arrays=comma.join(sql.SQL("array_agg({} ORDER BY period)").format(name) for name in names),
    )


def _days(calendar: Calendar) -> dict[str, object]:
    return {"first": calendar.days.start, "last": calendar.days.end}


# -- panels ----------------------------------------------------------------------------------------------------------


def _panel(
    dataset: Dataset,
    metric: Metric,
    values: FloatArray,
    hierarchy: Hierarchy,
    declared: DeclaredForecasts,
    calendar: Calendar,
) -> Panel:
    is_additive = is_part_of_whole(dataset, metric)
    season = SEASONS[calendar.grain]
    closed = stopped(values, season)
    if is_additive or metric.aggregate is Aggregate.DISTINCT:
        values = with_zeros(values)
    known = values[np.isfinite(values)]
    return Panel(
        values=values,
        levels=tuple(
            Level(",".join(level), hierarchy.of_level(number)) for number, level in enumerate(declared.levels)
        ),
        parents=_parents(hierarchy),
        season=season,
        additive=is_additive,
        non_negative=bool(known.size == 0 or known.min() >= 0),
        whole_numbers=metric.aggregate in _WHOLE,
        closed=closed,
        special=_special_days(declared, calendar),
    )


def _special_days(declared: DeclaredForecasts, calendar: Calendar) -> SpecialDays | None:
    if not declared.holidays and not declared.special_days:
        return None
    periods = [calendar.period(number) for number in range(calendar.periods + declared.horizon)]
    days = special_days(declared.holidays, declared.special_days, DayRange(periods[0], periods[-1]))
    names = ("", *dict.fromkeys(days.values()))
    return SpecialDays(names, np.array([names.index(days.get(period, "")) for period in periods], dtype=np.int64))


def _parents(hierarchy: Hierarchy) -> IntArray:
    return np.array([node.parent for node in hierarchy.nodes], dtype=np.int64)


def with_zeros(values: FloatArray) -> FloatArray:
    """Sums and counts: periods without a record are 0 from a series' first one on."""
    begun = np.maximum.accumulate(np.isfinite(values), axis=1)
    return np.where(begun & ~np.isfinite(values), 0.0, values)


def stopped(values: FloatArray, season: int) -> BoolArray:
    """(series,) Which series have no record for longer than ever before: `LONGEST_GAPS` times and some seasons.

    Zeros at the end of a series that was always irregular are demand that pauses; after such a silence it has ended.
    """
    periods = values.shape[1]
    has = np.isfinite(values)
    places = np.where(has, np.arange(periods), -1)
    newest = places.max(axis=1)
    before = np.maximum.accumulate(places, axis=1)[:, :-1]
    gaps = np.where(has[:, 1:] & (before >= 0), np.arange(1, periods) - before, 0)
    longest = gaps.max(axis=1, initial=1)
    silence = periods - 1 - newest
    found: BoolArray = (newest >= 0) & (silence > LONGEST_GAPS * longest) & (silence >= SEASONS_OF_SILENCE * season)
    return found
