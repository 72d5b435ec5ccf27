"""Metrics over the newest finished periods, also as they were at the end of earlier ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from psycopg import sql

from logistics_core.alert_rules.rules import Watch
from logistics_core.alert_rules.subjects import watched_metric
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.contract_shapes import ShapeFault
from logistics_core.catalogue.metrics import Metric
from logistics_core.languages.sentences import Sentence
from logistics_core.metrics.defaults import is_part_of_whole, metrics_of
from logistics_core.metrics.periods import DayRange, compared_with, period_of
from logistics_core.metrics.states import State, StateKind, value_expression, values_of
from logistics_core.sql_files import read_sql
from logistics_pipeline.alerting.observing.model import AboutRows, CannotEvaluate, Facts, Labels, Observation, Words
from logistics_pipeline.analytics.metric_sources import (
    MetricSource,
    days_until,
    records_source,
    smallest_source,
    stored_rollups,
)
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.forecasting.calendars import finished_periods

MOST_SUBJECTS = 10_000
REMEMBERED_DAYS = 28
"""Subjects of a sum or count that had records so lately have a value, if only 0."""

_RECORDS = State(StateKind.ROWS, None)
_Key = tuple[Any, ...]
_KEY = msgspec.json.Decoder(list[Any], float_hook=Decimal)


@dataclass(frozen=True)
class _Value:
    value: Decimal | None
    records: int


def observe_metric(connection: Connection, catalogue: Catalogue, watch: Watch, moment: datetime) -> list[Observation]:
    """The values of a metric over the newest periods that were over at a moment.

    Raises:
        CannotEvaluate: the dataset, the metric or a field does not exist, or there are too many subjects.
    """
    dataset, metric = _metric_of(catalogue, watch)
    days = _newest_periods(connection, catalogue, dataset, watch, moment)
    if days is None:
        return []
    source = _source(connection, catalogue, dataset, metric, watch)
    now = _values(connection, dataset, metric, source, days)
    if is_part_of_whole(dataset, metric):
        before = DayRange(days.start - timedelta(days=REMEMBERED_DAYS), days.start - timedelta(days=1))
        for key in _values(connection, dataset, metric, source, before):
            now.setdefault(key, _Value(Decimal(0), 0))
    if len(now) > MOST_SUBJECTS:
        raise CannotEvaluate(
            f"{dataset.name} has {len(now):,} values of {', '.join(watch.by)}; a rule watches at most "
            f"{MOST_SUBJECTS:,}. Name fewer fields in `by`."
        )
    compared, than = None, None
    if watch.compare is not None:
        compared = compared_with(days, watch.compare)
        than = {} if compared is None else _values(connection, dataset, metric, source, compared)
    return list(_observations(dataset, metric, watch, days, now, compared, than))


def _metric_of(catalogue: Catalogue, watch: Watch) -> tuple[Dataset, Metric]:
    try:
        return watched_metric(watch, catalogue)
    except ShapeFault as error:
        raise CannotEvaluate(str(error)) from error


def _newest_periods(
    connection: Connection, catalogue: Catalogue, dataset: Dataset, watch: Watch, moment: datetime
) -> DayRange | None:
    row = connection.execute(
        "SELECT first_day, last_day FROM analytics.rollup_datasets WHERE dataset = %s", (dataset.name,)
    ).fetchone()
    if row is None or row[0] is None:
        return None
    dating: Any = (dataset.dated_through or dataset).dating
    today = moment.astimezone(ZoneInfo(dating.time_zone)).date()
    known = days_until(connection, dataset, catalogue, DayRange(*row), today)
    calendar = None if known is None else finished_periods(known, today, watch.grain)
    if calendar is None:
        return None
    first = calendar.period(max(0, calendar.periods - watch.over))
    return DayRange(first, period_of(calendar.last, watch.grain).end)


def _source(
    connection: Connection, catalogue: Catalogue, dataset: Dataset, metric: Metric, watch: Watch
) -> MetricSource:
    records = records_source(dataset, catalogue, watch.by)
    if values_of(metric, metrics_of(dataset)):
        return records
    return smallest_source(stored_rollups(connection, dataset), dataset, watch.by) or records


def _values(
    connection: Connection, dataset: Dataset, metric: Metric, source: MetricSource, days: DayRange
) -> dict[_Key, _Value]:
    statement = sql.SQL(read_sql("alerting/metric")).format(
        key_of_record=source.key,
        value=value_expression(metric, metrics_of(dataset), source.column),
        number_of_records=source.column(_RECORDS),
        source=source.relation,
        day=source.day,
    )
    rows = connection.execute(statement, {"first": days.start, "last": days.end, "most": MOST_SUBJECTS + 1})
    return {tuple(_KEY.decode(key)): _Value(value, records) for key, value, records in rows}


def _observations(
    dataset: Dataset,
    metric: Metric,
    watch: Watch,
    days: DayRange,
    now: Mapping[_Key, _Value],
    compared: DayRange | None,
    than: Mapping[_Key, _Value] | None,
) -> Iterator[Observation]:
    said = _Said(metric.title or metric.name, metric.unit, days, compared)
    page = _page(dataset, metric, watch, days)
    about = partial(_rows_of, dataset, watch) if is_of_own_fields(metric, metrics_of(dataset)) else _unknown_rows
    for key, found in now.items():
        if found.records < watch.least_records or (found.value is None and watch.by):
            continue
        labels = {name: _text(value) for name, value in zip(watch.by, key, strict=True)}
        if than is None:
            value = None if found.value is None else float(found.value)
            yield Observation(labels, value, partial(said.value, labels, found), page, about(key))
        else:
            before = than.get(key)
            words = partial(said.change, labels, found, before)
            yield Observation(labels, _change(found, before), words, page, about(key))


def is_of_own_fields(metric: Metric, metrics: Sequence[Metric]) -> bool:
    """Whether a metric is made of fields of its records alone, and not of those of records that they refer to."""
    if metric.of is not None:
        return all(is_of_own_fields(each, metrics) for each in metrics if each.name in metric.of)
    paths = [metric.field or "", *(condition.field for condition in metric.conditions)]
    return not any("." in path for path in paths)


def _rows_of(dataset: Dataset, watch: Watch, key: _Key) -> AboutRows:
    """The rows that a value is made of: those with the values of its subject."""
    fields = {name: value for name, value in zip(watch.by, key, strict=True) if value is not None}
    texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in fields.items()}
    return {"dataset": dataset.name, "fields": texts}


def _unknown_rows(key: _Key) -> None:
    return None


def _change(now: _Value, before: _Value | None) -> float | None:
    """In percent; None where there is nothing, or 0, to compare with."""
    if now.value is None or before is None or not before.value:
        return None
    return 100 * (float(now.value) / float(before.value) - 1)


@dataclass(frozen=True)
class _Said:
    """What is said about values of a metric."""

    title: str
    unit: str | None
    days: DayRange
    compared: DayRange | None

    def value(self, labels: Labels, now: _Value) -> Words:
        said = {"what": self._what(labels), "when": _words(self.days)}
        if now.value is None:
            return Words(Sentence("{what} has no value in {when}", arguments=said), self._facts(now))
        said["amount"] = self._amount(now.value)
        return Words(Sentence("{what} was {amount} in {when}", arguments=said), self._facts(now))

    def change(self, labels: Labels, now: _Value, before: _Value | None) -> Words:
        change = _change(now, before)
        than = Sentence("nothing") if self.compared is None else _words(self.compared)
        facts = (*self._facts(now), (Sentence("Compared with"), than))
        said: dict[str, Any] = {"what": self._what(labels), "when": _words(self.days), "than": than}
        if change is None or now.value is None or before is None or before.value is None:
            summary = Sentence(
                "{what} in {when} cannot be compared: there is nothing, or 0, to compare it with", arguments=said
            )
            return Words(summary, facts)
        said |= {"amount": self._amount(now.value), "change": change, "before": self._amount(before.value)}
        summary = Sentence("{what} was {amount} in {when}, {change:change} against {before} in {than}", arguments=said)
        return Words(summary, facts)

    def _what(self, labels: Labels) -> str:
        return f"{self.title} ({', '.join(labels.values())})" if labels else self.title

    def _amount(self, value: Decimal) -> Sentence:
        pattern = f"{{number}} {self.unit}" if self.unit and self.unit != "currency" else "{number}"
        return Sentence(pattern, number=float(value) if abs(value) < 1_000 else round(value))

    def _facts(self, now: _Value) -> Facts:
        amount = Sentence("none") if now.value is None else self._amount(now.value)
        return (
            (Sentence("Period"), _words(self.days)),
            (self.title, amount),
            (Sentence("Records"), Sentence("{number}", number=now.records)),
        )


def _text(value: Any) -> str:
    return "(none)" if value is None else str(value)


def _words(days: DayRange) -> Sentence:
    if days.start == days.end:
        return Sentence("{day:day}", day=str(days.start))
    return Sentence("{start:day} to {end:day}", start=str(days.start), end=str(days.end))


def _page(dataset: Dataset, metric: Metric, watch: Watch, days: DayRange) -> str:
    asked = {
        "dataset": dataset.name,
        "metrics": metric.name,
        "by": ",".join(watch.by),
        "start": str(days.start),
        "end": str(days.end),
    }
    return "/explore?" + urlencode({name: text for name, text in asked.items() if text})


def ends_of_days(first: date, last: date, zone: ZoneInfo) -> Iterator[datetime]:
    """The moments at which each day of a range was just over, in its time zone."""
    day = first
    while day <= last:
        following = day + timedelta(days=1)
        yield datetime(following.year, following.month, following.day, tzinfo=zone)
        day = following
