"""Times of day in the zone of a recipient: quiet hours and the ends of digests, also where clocks change.

One rule for both kinds of change: a time of day is reached on a date at the first instant at which a clock there shows
it or a later time. So a time that is skipped counts at the jump, and one that comes twice counts once.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_QUARTER = timedelta(minutes=15)


class QuietHours(NamedTuple):
    """The times of day between which only critical events are sent; `until` may be on the next day."""

    begin: time
    until: time


def first_instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The first instant of a date at which a clock in the zone shows the time, or a later one. In UTC."""
    naive = datetime.combine(day, at)
    instant = naive.replace(tzinfo=zone).astimezone(UTC)
    if _shown(instant, zone) == naive:
        return instant
    return _jump(naive.replace(tzinfo=zone, fold=1).astimezone(UTC), instant, naive, zone)


def _shown(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _jump(before: datetime, after: datetime, naive: datetime, zone: ZoneInfo) -> datetime:
    """When clocks jumped over a time. They show an earlier one `before`, and a later one `after`."""
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle <= before:
            break
        if _shown(middle, zone) < naive:
            before = middle
        else:
            after = middle
    return after


def quiet_end(quiet: QuietHours, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When the quiet hours end in which `now` is; None if it is in none."""
    today = now.astimezone(zone).date()
    for begin, end in _quiet_times(quiet, today, zone):
        if begin <= now < end:
            return end
    return None


def _quiet_times(quiet: QuietHours, around: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    for shift in (-1, 0, 1):
        day = around + shift * _DAY
        last = day if quiet.begin < quiet.until else day + _DAY
        yield first_instant(day, quiet.begin, zone), first_instant(last, quiet.until, zone)


def next_quarter(now: datetime) -> datetime:
    """The end of the quarter of an hour in which `now` is, by UTC: no change of clocks touches it."""
    return next_multiple(now, _QUARTER)


def next_multiple(now: datetime, step: timedelta) -> datetime:
    """The first multiple of a length of time after `now`, counted from 1970."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + ((now - epoch) // step + 1) * step


def next_daily(now: datetime, at: time, zone: ZoneInfo) -> datetime:
    """The first time after `now` at which a day reaches a time of day."""
    return _next(now, at, zone, range(-1, 3))


def next_weekly(now: datetime, at: time, zone: ZoneInfo) -> datetime:
    """The same on the next Monday."""
    monday = -now.astimezone(zone).date().weekday()
    return _next(now, at, zone, range(monday - 7, monday + 15, 7))


def _next(now: datetime, at: time, zone: ZoneInfo, shifts: range) -> datetime:
    today = now.astimezone(zone).date()
    return min(found for shift in shifts if (found := first_instant(today + shift * _DAY, at, zone)) > now)
