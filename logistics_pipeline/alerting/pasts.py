"""What can be told of a past day, of what a rule watches: by the records, by incidents, or by what rules kept."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from logistics_core.alert_rules.rules import Kind, Rule, Timing
from logistics_core.catalogue import Catalogue
from logistics_pipeline.alerting.observing.highest_values import DURATIONS, OF_HIGHEST_VALUES, Highest, highest_on
from logistics_pipeline.alerting.observing.looks import look
from logistics_pipeline.alerting.observing.model import CannotEvaluate, Observation
from logistics_pipeline.alerting.observing.past_incidents import OF_INCIDENTS, look_back
from logistics_pipeline.database.connections import Connection

DAY = timedelta(days=1)
SAME = timedelta(minutes=1)
"""Durations that began within so little time are one: what says when has not the same clock."""
_Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Seen:
    """A subject, as it was within a day."""

    observation: Observation
    is_another: bool = False
    """Whether what had been so until the day before was over, and it began anew within the day."""


class Past(ABC):
    """What can be told of past days."""

    rule: Rule
    """As it is applied to what is seen."""
    has_always_values: bool = False
    """Whether a day without a value is one of which nothing is known, rather than one that was all right."""
    value_without: float | None = None
    """What is shown of a day on which no subject had a value."""

    @abstractmethod
    def look(self, connection: Connection, moment: datetime) -> list[Seen] | None:
        """All subjects within the day that ends at a moment; None if nothing is known of it."""


def past_of(catalogue: Catalogue, rule: Rule) -> Past:
    """What can be told of the past of what a rule watches.

    Raises:
        CannotEvaluate: nothing, of what the rule asks for.
    """
    if rule.watch.kind in OF_INCIDENTS:
        return _Incidents(rule)
    if rule.watch.kind in OF_HIGHEST_VALUES:
        return _HighestValues(rule)
    return _Records(rule, catalogue)


class _Records(Past):
    """Records, the ledger, forecasts, predictions and messages, as far as they were there at the end of the day."""

    def __init__(self, rule: Rule, catalogue: Catalogue) -> None:
        self.rule = rule
        self.has_always_values = rule.watch.kind not in (Kind.REJECTED_SHARE, Kind.DEAD_LETTERS)
        self._catalogue = catalogue

    def look(self, connection: Connection, moment: datetime) -> list[Seen]:
        return [Seen(each) for each in look(connection, self._catalogue, self.rule.watch, moment, is_past=True)]


class _Incidents(Past):
    """Incidents of any rule, which have lasted as long as this one waits."""

    def __init__(self, rule: Rule) -> None:
        self.rule = replace(rule, timing=Timing())
        self._asked = rule

    def look(self, connection: Connection, moment: datetime) -> list[Seen] | None:
        found = look_back(connection, self._asked, moment)
        return None if found is None else [Seen(each, opened_at >= moment - DAY) for each, opened_at in found]


class _HighestValues(Past):
    """The highest values of the day. Of a duration that grows, what has to last is a higher value."""

    value_without = 0.0

    def __init__(self, rule: Rule) -> None:
        condition = rule.condition
        if condition.above is None or condition.below is not None:
            raise CannotEvaluate(
                f"Of {rule.watch.kind}, the highest value of each day is kept: only a rule with `above`, and without "
                "`below`, can be tried."
            )
        if rule.watch.kind is Kind.MODELS_BEHIND and rule.timing.hold:
            raise CannotEvaluate("For how long a model was behind by so much is not kept: try the rule without `for`.")
        if rule.watch.kind in DURATIONS:
            limit = condition.above + rule.timing.hold.total_seconds()
            rule = replace(
                rule,
                condition=replace(condition, above=limit, clear_below=None),
                timing=replace(rule.timing, hold=timedelta(0)),
            )
        self.rule = rule
        self._last: dict[_Key, Highest] = {}

    def look(self, connection: Connection, moment: datetime) -> list[Seen] | None:
        found = highest_on(connection, self.rule.watch, (moment - DAY).date())
        if found is None:
            return None
        seen = []
        for each in found:
            key = tuple(sorted(each.observation.labels.items()))
            seen.append(Seen(each.observation, self._is_another(self._last.get(key), each)))
            self._last[key] = each
        return seen

    def _is_another(self, last: Highest | None, now: Highest) -> bool:
        """Whether a duration began after the last one was seen, and that was over for long enough."""
        if last is None or last.since is None or now.since is None or now.since <= last.since + SAME:
            return False
        return now.since - last.seen_at >= self.rule.timing.keep
