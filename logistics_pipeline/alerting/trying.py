"""Tries a rule against the past: on which days it would have fired, had it been in force.

For rules about metrics, whose past can be computed, and about what the ledger knows by its time: files that came,
records that were rejected, forecasts. Figures are those known now: late files count as if they had come in time. Of
things that were there for a time, such as failed files, incidents tell the past.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import isfinite
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from logistics_core.alert_rules.rules import Kind, Rule, Timing
from logistics_core.alert_rules.subjects import watched_metric
from logistics_core.catalogue import Catalogue
from logistics_core.catalogue.contract_shapes import ShapeFault
from logistics_pipeline.alerting.incidents import key_of
from logistics_pipeline.alerting.observing.looks import OF_KNOWN_PAST, look
from logistics_pipeline.alerting.observing.metrics import ends_of_days
from logistics_pipeline.alerting.observing.model import CannotEvaluate, Labels, Observation
from logistics_pipeline.alerting.observing.past_incidents import OF_INCIDENTS, days_watched, look_back
from logistics_pipeline.alerting.transitions import Change, State, Track, gone, quiet, step
from logistics_pipeline.database.connections import Connection


@dataclass(frozen=True)
class Firing:
    """A time in which a rule would have fired for a subject."""

    labels: Labels
    opened_on: date
    summary: str
    closed_on: date | None
    """None if it would still fire."""


@dataclass(frozen=True)
class Day:
    """What a rule would have seen at the end of a day."""

    day: date
    value: float | None
    """Of all subjects the one nearest to firing, or furthest beyond; None if no subject has one."""
    firing: int
    """For how many subjects it would have fired, or still been firing."""


@dataclass(frozen=True)
class Trial:
    """What a rule would have done."""

    first: date
    last: date
    firings: list[Firing]
    subjects: int
    days: list[Day]


@dataclass
class _Subject:
    labels: Labels
    track: Track
    open: tuple[date, str] | None = None
    firings: list[Firing] = field(default_factory=list)

    @property
    def fires(self) -> bool:
        return self.track.state in (State.FIRING, State.RECOVERING)


def try_rule(
    connection: Connection, catalogue: Catalogue, rule: Rule, days: int, *, seconds: float = float("inf")
) -> Trial:
    """Evaluates a rule at the end of each of the last days with records.

    Args:
        connection: not in a transaction.
        catalogue: the datasets.
        rule: of a kind whose past is known.
        days: how many at most.
        seconds: how long that may take.

    Raises:
        CannotEvaluate: the past of what it watches is not known, there is none yet, or it took too long.
        psycopg.errors.QueryCanceled: the last of these seconds passed in one statement.
    """
    first, last, zone = _days_to_try(connection, catalogue, rule, days)
    subjects: dict[str, _Subject] = {}
    seen: list[Day] = []
    end = monotonic() + seconds
    for moment in ends_of_days(first, last, zone):
        left = end - monotonic()
        if left <= 0:
            raise CannotEvaluate(
                f"{len(seen)} of {(last - first).days + 1} days took {seconds:.0f} s. Try fewer days, or fewer fields."
            )
        with connection.transaction():
            if isfinite(left):
                connection.execute(f"SET LOCAL statement_timeout = {1 + int(1000 * left)}".encode())
            seen.append(_look(connection, catalogue, rule, moment, subjects))
    found = [each for subject in subjects.values() for each in _firings(subject)]
    found.sort(key=lambda each: (each.opened_on, key_of(each.labels)))
    return Trial(first, last, found, len(subjects), seen)


def _days_to_try(connection: Connection, catalogue: Catalogue, rule: Rule, days: int) -> tuple[date, date, ZoneInfo]:
    if rule.watch.kind is Kind.METRIC:
        return days_with_records(connection, catalogue, rule, days)
    if rule.watch.kind is Kind.COST_PER_KM:
        return (*_newest_days(connection, "vehicle_logs", days), ZoneInfo("UTC"))
    if rule.watch.kind in OF_INCIDENTS:
        first, last = days_watched(connection, rule.watch.kind)
        if first is None or first > last:
            raise CannotEvaluate(f"No rule watched {rule.watch.kind} before today: there is no day to try it on.")
        return max(first, last - timedelta(days=days - 1)), last, ZoneInfo("UTC")
    if rule.watch.kind not in OF_KNOWN_PAST:
        raise CannotEvaluate(
            f"The rule {rule.name} watches {rule.watch.kind}, whose past is not kept. Rules about "
            f"{', '.join(sorted(OF_KNOWN_PAST | OF_INCIDENTS))} can be tried."
        )
    row = connection.execute(
        "SELECT min(registered_at AT TIME ZONE 'UTC')::date, (clock_timestamp() AT TIME ZONE 'UTC')::date - 1 "
        "FROM ingest.files WHERE %(dataset)s::text IS NULL OR dataset = %(dataset)s",
        {"dataset": rule.watch.dataset},
    ).fetchone()
    if row is None or row[0] is None or row[0] > row[1]:
        raise CannotEvaluate("No file came before today: there is no day to try the rule on.")
    return max(row[0], row[1] - timedelta(days=days - 1)), row[1], ZoneInfo("UTC")


def days_with_records(
    connection: Connection, catalogue: Catalogue, rule: Rule, days: int
) -> tuple[date, date, ZoneInfo]:
    """The first and the last of the newest days that a rule about a metric can be tried on, and their time zone.

    Raises:
        CannotEvaluate: what it watches does not exist, or has no day yet.
    """
    try:
        dataset, _ = watched_metric(rule.watch, catalogue)
    except ShapeFault as error:
        raise CannotEvaluate(str(error)) from error
    dating: Any = (dataset.dated_through or dataset).dating
    return (*_newest_days(connection, dataset.name, days), ZoneInfo(dating.time_zone))


def _newest_days(connection: Connection, dataset: str, days: int) -> tuple[date, date]:
    row = connection.execute(
        "SELECT first_day, least(last_day, now()::date) FROM analytics.rollup_datasets WHERE dataset = %s", (dataset,)
    ).fetchone()
    if row is None or row[0] is None:
        raise CannotEvaluate(f"The dataset {dataset} has no figures by day yet.")
    return max(row[0], row[1] - timedelta(days=days - 1)), row[1]


def _look(
    connection: Connection, catalogue: Catalogue, rule: Rule, moment: datetime, subjects: dict[str, _Subject]
) -> Day:
    seen, values = set(), []
    day = moment.date() - timedelta(days=1)
    observations, timing = _observe(connection, catalogue, rule, moment)
    for observation in observations:
        key = key_of(observation.labels)
        seen.add(key)
        subject = subjects.setdefault(key, _Subject(observation.labels, quiet(moment)))
        value = observation.value
        if value is not None:
            values.append(value)
        holds = None if value is None else rule.condition.holds(value, fires=subject.fires)
        subject.track, changes = step(subject.track, holds, moment, timing)
        _note(subject, changes, day, observation)
    for key, subject in subjects.items():
        if key not in seen:
            subject.track, changes = gone(subject.track, moment)
            _note(subject, changes, day)
    worst = max(values, key=rule.condition.excess, default=None)
    return Day(day, worst, sum(subject.fires for subject in subjects.values()))


def _observe(
    connection: Connection, catalogue: Catalogue, rule: Rule, moment: datetime
) -> tuple[list[Observation], Timing]:
    """All subjects, and how long things have still to last: incidents say how long they have."""
    if rule.watch.kind in OF_INCIDENTS:
        return look_back(connection, rule, moment), Timing()
    return look(connection, catalogue, rule.watch, moment, is_past=True), rule.timing


def _note(subject: _Subject, changes: tuple[Change, ...], day: date, observation: Observation | None = None) -> None:
    for change in changes:
        if change is Change.OPENED and observation is not None:
            subject.open = day, str(observation.summary)
        elif change is Change.RESOLVED and subject.open is not None:
            subject.firings.append(Firing(subject.labels, *subject.open, day))
            subject.open = None


def _firings(subject: _Subject) -> Iterator[Firing]:
    yield from subject.firings
    if subject.open is not None:
        yield Firing(subject.labels, *subject.open, None)
