"""When the haulier drives: how many of the trips fall on each day, by season, weekday and public holiday."""

from bisect import bisect_right
from datetime import date, timedelta
from itertools import accumulate
from math import cos, pi

_WEEKDAYS = (1.05, 1.12, 1.10, 1.08, 1.00, 0.38, 0.12)  # most trucks may not drive on Sundays
_HOLIDAYS = {(1, 1), (5, 1), (12, 25), (12, 26)}
_PEAK_DAY_OF_YEAR = 318  # mid-November, before the Christmas trade
_GROWTH_PER_YEAR = 0.08


class Calendar:
    """Deals trips 0, 1, 2 … out to the days, in order."""

    def __init__(self, first_day: date, days: int, trips: int) -> None:
        dates = [first_day + timedelta(days=number) for number in range(days)]
        volumes = list(accumulate(_volume(day, first_day) for day in dates))
        self.days = [day.isoformat() for day in dates]
        self.starts = [0, *(round(trips * volume / volumes[-1]) for volume in volumes[:-1])]
        """The first trip of each day."""

    def day_of(self, trip: int) -> str:
        """The trip's day as YYYY-MM-DD."""
        return self.days[bisect_right(self.starts, trip) - 1]


def _volume(day: date, first_day: date) -> float:
    """How much is driven on a day, relative to the others."""
    if (day.month, day.day) in _HOLIDAYS:
        return 0.05
    season = 1 + 0.18 * cos(2 * pi * (day.timetuple().tm_yday - _PEAK_DAY_OF_YEAR) / 365.25)
    growth = 1 + _GROWTH_PER_YEAR * (day - first_day).days / 365.25
    return _WEEKDAYS[day.weekday()] * season * growth
