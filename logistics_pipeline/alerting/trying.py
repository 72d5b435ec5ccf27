"""Tries a rule against the past: on which days it would have fired, had it been in force.

For rules about metrics, whose past can be computed. The figures are those known now: late files count as if they had
come in time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from logistics_core.alert_rules.rules import Kind, Rule
from logistics_core.catalogue import Catalogue
from logistics_pipeline.alerting.incidents import key_of
from logistics_pipeline.alerting.observing.metrics import ends_of_days, observe_metric
from logistics_pipeline.alerting.observing.model import CannotEvaluate, Labels
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
class Trial:
    """What a rule would have done."""

    first: date
    last: date
    firings: list[Firing]
    subjects: int


@dataclass
class _Subject:
    labels: Labels
    track: Track
    open: tuple[date, str] | None = None
    firings: list[Firing] = field(default_factory=list)


def try_rule(connection: Connection, catalogue: Catalogue, rule: Rule, days: int) -> Trial:
    """Evaluates a rule at the end of each of the last days with records.

    Raises:
        CannotEvaluate: the rule is not about a metric, or its dataset has no day yet.
    """
    if rule.watch.kind is not Kind.METRIC:
        raise CannotEvaluate(
            f"The rule {rule.name} watches {rule.watch.kind}, whose past is not kept. Only rules about metrics can be "
            "tried."
        )
    first, last, zone = _range(connection, catalogue, rule, days)
    subjects: dict[str, _Subject] = {}
    for moment in ends_of_days(first, last, zone):
        with connection.transaction():
            _look(connection, catalogue, rule, moment, subjects)
    found = [each for subject in subjects.values() for each in _firings(subject)]
    return Trial(first, last, sorted(found, key=lambda each: (each.opened_on, key_of(each.labels))), len(subjects))


def _range(connection: Connection, catalogue: Catalogue, rule: Rule, days: int) -> tuple[date, date, ZoneInfo]:
    assert rule.watch.dataset is not None
    if rule.watch.dataset not in catalogue:
        raise CannotEvaluate(f"There is no dataset {rule.watch.dataset!r}. There are: {', '.join(catalogue)}.")
    row = connection.execute(
        "SELECT first_day, least(last_day, now()::date) FROM analytics.rollup_datasets WHERE dataset = %s",
        (rule.watch.dataset,),
    ).fetchone()
    if row is None or row[0] is None:
        raise CannotEvaluate(f"The dataset {rule.watch.dataset} has no figures by day yet.")
    dataset = catalogue[rule.watch.dataset]
    dating: Any = (dataset.dated_through or dataset).dating
    first = max(row[0], row[1] - timedelta(days=days - 1))
    return first, row[1], ZoneInfo(dating.time_zone)


def _look(
    connection: Connection, catalogue: Catalogue, rule: Rule, moment: datetime, subjects: dict[str, _Subject]
) -> None:
    seen = set()
    day = moment.date() - timedelta(days=1)
    for observation in observe_metric(connection, catalogue, rule.watch, moment):
        key = key_of(observation.labels)
        seen.add(key)
        subject = subjects.setdefault(key, _Subject(observation.labels, quiet(moment)))
        fires = subject.track.state in (State.FIRING, State.RECOVERING)
        holds = None if observation.value is None else rule.condition.holds(observation.value, fires=fires)
        subject.track, changes = step(subject.track, holds, moment, rule.timing)
        _note(subject, changes, day, observation.summary)
    for key, subject in subjects.items():
        if key not in seen:
            subject.track, changes = gone(subject.track, moment)
            _note(subject, changes, day, "")


def _note(subject: _Subject, changes: tuple[Change, ...], day: date, summary: str) -> None:
    for change in changes:
        if change is Change.OPENED:
            subject.open = day, summary
        elif change is Change.RESOLVED and subject.open is not None:
            subject.firings.append(Firing(subject.labels, *subject.open, day))
            subject.open = None


def _firings(subject: _Subject) -> Iterator[Firing]:
    yield from subject.firings
    if subject.open is not None:
        yield Firing(subject.labels, *subject.open, None)
