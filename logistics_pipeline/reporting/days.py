"""Which days a report is about, seen from the day on which it is due."""

import re
from datetime import date, timedelta

from logistics_core.metrics.periods import DayRange, Grain, period_of

ALL = "all"
_LAST_DAYS = re.compile(r"([1-9][0-9]{0,3})d", re.ASCII)
_WHOLE = {grain.value: grain for grain in (Grain.WEEK, Grain.MONTH, Grain.QUARTER, Grain.YEAR)}


def check_days(text: str) -> None:
    """Checks what names days.

    Raises:
        ValueError: it names none.
    """
    if text != ALL and text not in _WHOLE and not _LAST_DAYS.fullmatch(text):
        raise ValueError(
            f"is {text!r}. Expected: 7d (the last seven days), week, month, quarter, year (the last whole one), or all."
        )


def days_before(text: str, today: date) -> DayRange | None:
    """The days that are over on a day: the last ones, or those of the last whole period. None: all."""
    yesterday = today - timedelta(days=1)
    if text == ALL:
        return None
    if found := _LAST_DAYS.fullmatch(text):
        return DayRange(today - timedelta(days=int(found[1])), yesterday)
    return period_of(period_of(today, _WHOLE[text]).start - timedelta(days=1), _WHOLE[text])
