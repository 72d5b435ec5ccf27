"""Tries a rule against the past: on which days it would have fired, had it been in force.

Where records, files, forecasts or messages tell what was so at the end of a day, figures are those known now: late
files count as if they had come in time. Of things that were there for a time, such as failed files, incidents tell the
past; of what nothing else keeps, such as for how long a source has failed, the highest values that rules saw.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import isfinite
from time import monotonic

from logistics_core.alert_rules.rules import Rule
from logistics_core.catalogue import Catalogue
from logistics_pipeline.alerting.incidents import key_of
from logistics_pipeline.alerting.observing.metrics import ends_of_days
from logistics_pipeline.alerting.observing.model import CannotEvaluate, Labels, Observation
from logistics_pipeline.alerting.pasts import Past, Seen, past_of
from logistics_pipeline.alerting.transitions import Change, State, Track, gone, quiet, step
from logistics_pipeline.alerting.tried_days import days_to_try
from logistics_pipeline.database.connections import Connection

STANDS = timedelta(days=1) - timedelta(microseconds=1)
"""How long the value of a day holds: until the next day is over."""


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
    """Those of which something is known."""

    @property
    def unknown_days(self) -> int:
        """Of how many days nothing is known."""
        return (self.last - self.first).days + 1 - len(self.days)


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
        rule: as it would be in force.
        days: how many at most.
        seconds: how long that may take.

    Raises:
        CannotEvaluate: the past of what it watches is not known, there is none yet, or it took too long.
        psycopg.errors.QueryCanceled: the last of these seconds passed in one statement.
    """
    past = past_of(catalogue, rule)
    tried = days_to_try(connection, catalogue, rule, days)
    subjects: dict[str, _Subject] = {}
    seen: list[Day] = []
    end = monotonic() + seconds
    for number, moment in enumerate(ends_of_days(tried.first, tried.last, tried.zone)):
        left = end - monotonic()
        if left <= 0:
            raise CannotEvaluate(
                f"{number} of {tried.number} days took {seconds:.0f} s. Try fewer days, or fewer fields."
            )
        with connection.transaction():
            if isfinite(left):
                connection.execute(f"SET LOCAL statement_timeout = {1 + int(1000 * left)}".encode())
            found = past.look(connection, moment)
        if found is not None:
            seen.append(_day(past, found, moment, subjects))
    if not seen:
        raise CannotEvaluate(
            f"No rule has watched {rule.watch.kind} on any day from {tried.first} to {tried.last}: there is nothing to "
            "try the rule on."
        )
    if past.has_always_values and all(day.value is None for day in seen):
        least = rule.watch.least_records
        left_out = f" Subjects with fewer than {least:,} records are left out." if least else ""
        raise CannotEvaluate(
            f"It had no value on any day from {tried.first} to {tried.last}: there is nothing to try the rule on."
            f"{left_out}"
        )
    firings = [each for subject in subjects.values() for each in _firings(subject)]
    firings.sort(key=lambda each: (each.opened_on, key_of(each.labels)))
    return Trial(tried.first, tried.last, firings, len(subjects), seen)


def _day(past: Past, found: Sequence[Seen], moment: datetime, subjects: dict[str, _Subject]) -> Day:
    """Follows all subjects through a day."""
    rule, day = past.rule, moment.date() - timedelta(days=1)
    keys, values = set(), []
    for seen in found:
        observation = seen.observation
        key = key_of(observation.labels)
        keys.add(key)
        subject = subjects.setdefault(key, _Subject(observation.labels, quiet(moment)))
        if seen.is_another and subject.fires:
            subject.track, changes = gone(subject.track, moment)
            _note(subject, changes, day)
        value = observation.value
        if value is not None:
            values.append(value)
        for at in (moment, moment + STANDS):
            holds = None if value is None else rule.condition.holds(value, fires=subject.fires)
            subject.track, changes = step(subject.track, holds, at, rule.timing)
            _note(subject, changes, day, observation)
    for key in subjects.keys() - keys:
        subject = subjects[key]
        subject.track, changes = gone(subject.track, moment)
        _note(subject, changes, day)
    worst = max(values, key=rule.condition.excess, default=past.value_without)
    return Day(day, worst, sum(subject.fires for subject in subjects.values()))


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
