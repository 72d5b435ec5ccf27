"""Periods of the calendar, and the period that each is compared with.

Every day belongs to exactly one period of each grain. Weeks are those of ISO 8601, from Monday. Ranges include both
their ends.
"""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

_ONE_DAY = timedelta(days=1)


class Grain(StrEnum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Comparison(StrEnum):
    """What a period is compared with."""

    PREVIOUS = "previous"
    """The period before."""
    YEAR = "year"
    """The same days a year before."""
    WEEKDAYS = "weekdays"
    """The same weekdays a year before: 364 days, 52 whole weeks."""


@dataclass(frozen=True, order=True)
class DayRange:
    """The days from `start` to `end`, both included."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """Their number; 0 or less if `end` is before `start`."""
        return (self.end - self.start).days + 1

    def clipped_to(self, other: "DayRange") -> "DayRange":
        """The days that both have."""
        return DayRange(max(self.start, other.start), min(self.end, other.end))


def period_of(day: date, grain: Grain) -> DayRange:
    """The whole period that a day belongs to."""
    match grain:
        case Grain.DAY:
            return DayRange(day, day)
        case Grain.WEEK:
            # The first week of the year 1 and the last of 9999 are cut by the ends of the calendar.
            return DayRange(_moved(day, -day.weekday()), _moved(day, 6 - day.weekday()))
        case Grain.MONTH:
            return _months(day.year, day.month, 1)
        case Grain.QUARTER:
            return _months(day.year, (day.month - 1) // 3 * 3 + 1, 3)
        case Grain.YEAR:
            return _months(day.year, 1, 12)


def periods_within(days: DayRange, grain: Grain) -> Iterator[DayRange]:
    """The whole periods that have a day of the range, in order: the first and the last may reach beyond it."""
    day = days.start
    while day <= days.end:
        period = period_of(day, grain)
        yield period
        if period.end == date.max:
            return
        day = period.end + _ONE_DAY


def adjoined(ranges: Iterable[DayRange]) -> list[DayRange]:
    """Ranges in order, of which one that begins on the day after another continues it."""
    found: list[DayRange] = []
    for each in ranges:
        if found and found[-1].end < date.max and each.start == found[-1].end + _ONE_DAY:
            found[-1] = DayRange(found[-1].start, each.end)
        else:
            found.append(each)
    return found


def compared_with(days: DayRange, comparison: Comparison) -> DayRange | None:
    """The days that a range is compared with; None if they lie before the calendar.

    A range of whole months, quarters or years is compared with as many whole ones. One that begins with a period and
    ends within it, as a month does that is not over, is compared with the same part of the period before; if that is
    shorter, with all of it. Any other range is compared with as many days before it.
    """
    try:
        match comparison:
            case Comparison.PREVIOUS:
                return _previous(days)
            case Comparison.YEAR:
                return _year_before(days)
            case Comparison.WEEKDAYS:
                year = timedelta(weeks=52)
                return DayRange(days.start - year, days.end - year)
    except (OverflowError, ValueError):
        return None


def part_before(days: DayRange, grain: Grain) -> DayRange | None:
    """The same part of the period before, for days of one period; None if that lies before the calendar.

    1 to 30 March is compared with 1 to 28 February, 1 January to 15 June with the same days of the year before.
    """
    whole = period_of(days.start, grain)
    if whole.start == date.min:
        return None
    before = period_of(whole.start - _ONE_DAY, grain)
    if days == whole:
        return before
    if grain in _MONTHS:
        return DayRange(_months_earlier(days.start, _MONTHS[grain]), _end_months_earlier(days.end, _MONTHS[grain]))
    return DayRange(before.start + (days.start - whole.start), before.start + (days.end - whole.start))


_MONTHS = {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.YEAR: 12}


def _months_earlier(day: date, months: int) -> date:
    """The same day some months earlier, or the last day of that month if it is shorter."""
    first = _first_of_month(day.year, day.month - months)
    return first.replace(day=min(day.day, monthrange(first.year, first.month)[1]))


def _end_months_earlier(day: date, months: int) -> date:
    """The same, for the end of a range: the last day of a month leads to the last day of one."""
    earlier = _months_earlier(day, months)
    if (day + _ONE_DAY).day == 1:
        return earlier.replace(day=monthrange(earlier.year, earlier.month)[1])
    return earlier


def _previous(days: DayRange) -> DayRange:
    months = _whole_months(days)
    if months is not None:
        return _months_before(days, months)
    for grain in (Grain.MONTH, Grain.QUARTER, Grain.YEAR):
        whole = period_of(days.start, grain)
        if days.start == whole.start and days.end <= whole.end and days.days >= _SHORTEST_PART[grain]:
            found = part_before(days, grain)
            if found is not None:
                return found
    return DayRange(days.start - timedelta(days=days.days), days.start - _ONE_DAY)


_SHORTEST_PART = {Grain.MONTH: 1, Grain.QUARTER: 32, Grain.YEAR: 93}
"""From how many days on a range is a part of a quarter or a year, and not of a shorter period."""


def _whole_months(days: DayRange) -> int | None:
    """How many months the range has, if it has whole ones only."""
    after = _after(days)
    if days.start.day != 1 or after.day != 1:
        return None
    return (after.year - days.start.year) * 12 + after.month - days.start.month


def _months_before(days: DayRange, months: int) -> DayRange:
    start = _first_of_month(days.start.year, days.start.month - months)
    return DayRange(start, days.start - _ONE_DAY)


def _year_before(days: DayRange) -> DayRange:
    months = _whole_months(days)
    if months is not None:
        start = date(days.start.year - 1, days.start.month, 1)
        return _months(start.year, start.month, months)
    return DayRange(_same_day(days.start, days.start.year - 1), _same_day(days.end, days.end.year - 1))


def _same_day(day: date, year: int) -> date:
    """The same day of another year: 28 February for 29 February where there is none."""
    return date(year, day.month, min(day.day, monthrange(year, day.month)[1]))


def _months(year: int, month: int, count: int) -> DayRange:
    start = _first_of_month(year, month)
    last = _first_of_month(year, month + count - 1)
    return DayRange(start, date(last.year, last.month, monthrange(last.year, last.month)[1]))


def _first_of_month(year: int, month: int) -> date:
    """The first day of a month; months before January and after December are those of other years."""
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def _after(days: DayRange) -> date:
    return days.end + _ONE_DAY


def _moved(day: date, days: int) -> date:
    """Another day, or the end of the calendar."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min
