"""What can be told of a past day, of what a rule watches: by the records, by incidents, or by what rules kept."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from logistics_core.alert_rules.rules import Kind, Rule, Timing
from logistics_core.catalogue import Catalogue
from logistics_pipeline.alerting.observing.highest_values import DURATIONS, OF_HIGHEST_VALUES, highest_on
from logistics_pipeline.alerting.observing.looks import look
from logistics_pipeline.alerting.observing.model import CannotEvaluate, Observation
from logistics_pipeline.alerting.observing.past_incidents import OF_INCIDENTS, look_back
from logistics_pipeline.database.connections import Connection

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Seen:
    """A subject, as it was within a day."""

    observation: Observation
    is_another: bool = False
    """Whether it began within the day: what had been so until then was over meanwhile."""


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

    def look(self, connection: Connection, moment: datetime) -> list[Seen]:
        return [Seen(each) for each in look_back(connection, self._asked, moment)]


class _HighestValues(Past):
    """The highest values of the day. Of a duration, what has to last is a higher value."""

    value_without = 0.0

    def __init__(self, rule: Rule) -> None:
        condition = rule.condition
        if condition.above is None or condition.below is not None:
            raise CannotEvaluate(
                f"Of {rule.watch.kind}, the highest value of each day is kept: only a rule with `above`, and without "
                "`below`, can be tried."
            )
        if rule.watch.kind in DURATIONS:
            limit = condition.above + rule.timing.hold.total_seconds()
            rule = replace(
                rule,
                condition=replace(condition, above=limit, clear_below=None),
                timing=replace(rule.timing, hold=timedelta(0)),
            )
        self.rule = rule

    def look(self, connection: Connection, moment: datetime) -> list[Seen] | None:
        found = highest_on(connection, self.rule.watch, (moment - DAY).date())
        if found is None:
            return None
        return [Seen(each.observation, each.since is not None and each.since >= moment - DAY) for each in found]
