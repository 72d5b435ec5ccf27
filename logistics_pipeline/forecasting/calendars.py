"""Which periods a forecast knows and which it is about. A period that is not over would look like a fall."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from logistics_core.catalogue import Dataset
from logistics_core.metrics.periods import DayRange, Grain, period_of

SEASONS = {Grain.DAY: 7, Grain.WEEK: 52, Grain.MONTH: 12}
"""Periods in a season: a week of days, a year of weeks or months."""

LONGEST_HISTORIES = {Grain.DAY: 1096, Grain.WEEK: 520, Grain.MONTH: 240}
"""How many periods are read at most, the newest."""

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """Finished periods, one after the other."""

    grain: Grain
    first: date
    """First day of the first period."""
    last: date
    """First day of the last one."""

    @property
    def days(self) -> DayRange:
        """All days of the periods."""
        return DayRange(self.first, period_of(self.last, self.grain).end)

    def number_of(self, period: date) -> int:
        """The place of a period, from 0; that of a later one goes on counting."""
        if self.grain is Grain.MONTH:
            return (period.year - self.first.year) * 12 + period.month - self.first.month
        return (period - self.first).days // (7 if self.grain is Grain.WEEK else 1)

    @property
    def periods(self) -> int:
        """Their number."""
        return self.number_of(self.last) + 1

    def period(self, number: int) -> date:
        """First day of the period at a place."""
        if self.grain is Grain.MONTH:
            months = self.first.month - 1 + number
            return date(self.first.year + months // 12, months % 12 + 1, 1)
        return self.first + timedelta(days=number * (7 if self.grain is Grain.WEEK else 1))


def finished_periods(days: DayRange, today: date, grain: Grain) -> Calendar | None:
    """The periods that are over, of which all days lie between the first and the last day with records.

    A day is over when the next one has begun: `today` does not count, nor do days in the future. None if there is none.
    """
    until = min(days.end, today - _ONE_DAY)
    last = period_of(until, grain)
    if last.end > until:
        last = period_of(last.start - _ONE_DAY, grain)
    first = period_of(days.start, grain)
    if first.start < days.start:
        first = period_of(first.end + _ONE_DAY, grain)
    if last.start < first.start:
        return None
    found = Calendar(grain, first.start, last.start)
    return Calendar(grain, found.period(max(0, found.periods - LONGEST_HISTORIES[grain])), found.last)


def today_of(dataset: Dataset) -> date:
    """The day that it is where the records of a dataset get their days."""
    dating: Any = (dataset.dated_through or dataset).dating
    return datetime.now(UTC).astimezone(ZoneInfo(dating.time_zone)).date()
