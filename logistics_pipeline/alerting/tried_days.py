"""The days that a rule can be tried on: what it watches is known of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from logistics_core.alert_rules.rules import Kind, Rule, Watch
from logistics_core.alert_rules.subjects import watched_metric
from logistics_core.catalogue import Catalogue
from logistics_core.catalogue.contract_shapes import ShapeFault
from logistics_core.sql_files import read_sql
from logistics_pipeline.alerting.observing.highest_values import OF_HIGHEST_VALUES
from logistics_pipeline.alerting.observing.model import CannotEvaluate
from logistics_pipeline.alerting.observing.past_incidents import OF_INCIDENTS
from logistics_pipeline.database.connections import Connection

UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class TriedDays:
    """A range of days, both ends included, in a time zone."""

    first: date
    last: date
    zone: ZoneInfo = UTC

    @property
    def number(self) -> int:
        """How many they are."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class _Beginning:
    """Where the past of some kinds begins."""

    statement: str
    missing: str
    """What is said when there is none before today."""


_FILES = _Beginning("of_files", "No file came before today")
_FORECASTS = _Beginning("of_forecasts", "No period that was forecast was over, and its forecast compared, before today")
_BEGINNINGS: Mapping[Kind, _Beginning] = {
    Kind.OVERDUE_DATASETS: _FILES,
    Kind.REJECTED_SHARE: _FILES,
    Kind.QUALITY_SCORE: _FILES,
    Kind.QUALITY_SHORTFALL: _FILES,
    Kind.FORECAST_ERROR: _FORECASTS,
    Kind.OUTSIDE_FORECAST: _FORECASTS,
    Kind.MODEL_ERROR: _Beginning("of_models", "No model was in production before today"),
    Kind.DEAD_LETTERS: _Beginning("of_messages", "No message was sent to an endpoint before today"),
    **dict.fromkeys(OF_INCIDENTS, _Beginning("of_incidents", "No rule watched {kind} before today")),
    **dict.fromkeys(
        OF_HIGHEST_VALUES, _Beginning("of_highest_values", "No rule about all of {kind} was evaluated before today")
    ),
}
"""Of kinds about metrics, it is the first day with records."""


def days_to_try(connection: Connection, catalogue: Catalogue, rule: Rule, days: int) -> TriedDays:
    """The newest days that a rule can be tried on, at most so many.

    Raises:
        CannotEvaluate: there is none.
    """
    if rule.watch.kind is Kind.METRIC:
        return days_with_records(connection, catalogue, rule, days)
    if rule.watch.kind is Kind.COST_PER_KM:
        return _newest_days(connection, "vehicle_logs", days, UTC)
    beginning = _BEGINNINGS[rule.watch.kind]
    first, yesterday = _first_day(connection, beginning, rule.watch), _yesterday(connection)
    if first is None or first > yesterday:
        missing = beginning.missing.format(kind=rule.watch.kind)
        raise CannotEvaluate(f"{missing}: there is no day to try the rule on.")
    return TriedDays(max(first, yesterday - timedelta(days=days - 1)), yesterday)


def _first_day(connection: Connection, beginning: _Beginning, watch: Watch) -> date | None:
    parameters = {
        "kind": watch.kind.value,
        "dataset": watch.dataset,
        "metric": watch.metric,
        "grain": watch.grain.value,
    }
    row = connection.execute(read_sql(f"alerting/tried_days/{beginning.statement}").encode(), parameters).fetchone()
    assert row is not None
    first: date | None = row[0]
    return first


def _yesterday(connection: Connection, zone: ZoneInfo = UTC) -> date:
    """The newest day that is over, by the clock of the database."""
    row = connection.execute("SELECT (clock_timestamp() AT TIME ZONE %s)::date - 1", (zone.key,)).fetchone()
    assert row is not None
    day: date = row[0]
    return day


def days_with_records(connection: Connection, catalogue: Catalogue, rule: Rule, days: int) -> TriedDays:
    """The newest days that a rule about a metric can be tried on, at most so many.

    Raises:
        CannotEvaluate: what it watches does not exist, or has no day yet.
    """
    try:
        dataset, _ = watched_metric(rule.watch, catalogue)
    except ShapeFault as error:
        raise CannotEvaluate(str(error)) from error
    dating: Any = (dataset.dated_through or dataset).dating
    return _newest_days(connection, dataset.name, days, ZoneInfo(dating.time_zone))


def _newest_days(connection: Connection, dataset: str, days: int, zone: ZoneInfo) -> TriedDays:
    row = connection.execute(
        "SELECT first_day, last_day FROM analytics.rollup_datasets WHERE dataset = %s", (dataset,)
    ).fetchone()
    last = None if row is None or row[0] is None else min(row[1], _yesterday(connection, zone))
    if row is None or last is None or row[0] > last:
        raise CannotEvaluate(f"The dataset {dataset} has no figures of a day that is over yet.")
    return TriedDays(max(row[0], last - timedelta(days=days - 1)), last, zone)
