"""Reads the past of series: what metrics were by period, computed as `/api/metrics` computes them.

States come from the smallest pre-aggregate that has the fields, otherwise from the records, as do distinct counts and
quantiles, which are exact here.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.forecasts import DeclaredForecasts
from logistics_core.catalogue.metrics import Aggregate, Metric
from logistics_core.metrics import rollups
from logistics_core.metrics.defaults import find_metric, is_part_of_whole, metrics_of
from logistics_core.metrics.periods import DayRange
from logistics_core.metrics.states import State, StateKind, value_expression, values_of
from logistics_core.special_days import special_days
from logistics_core.sql_files import read_sql
from logistics_pipeline.analytics.metric_sources import MetricSource, records_source, smallest_source, stored_rollups
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
    stored = stored_rollups(connection, dataset)
    of_states = smallest_source(stored, dataset, fields) or records_source(dataset, catalogue, fields)
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
        (records_source(dataset, catalogue, fields), exact),
    ):
        if metrics:
            values |= _read(connection, dataset, source, metrics, hierarchy, calendar, len(declared.levels))
    panels = {
        metric.name: _panel(dataset, metric, values[metric.name], hierarchy, declared, calendar) for metric in wanted
    }
    return Histories(calendar, hierarchy, panels)


# -- reading ---------------------------------------------------------------------------------------------------------


def _sizes(connection: Connection, source: MetricSource, calendar: Calendar) -> dict[Key, int]:
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
    source: MetricSource,
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
    dataset: Dataset, source: MetricSource, metrics: Sequence[Metric], calendar: Calendar, levels: int
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
