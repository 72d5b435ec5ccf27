"""Periods of the calendar: every day belongs to exactly one, and each is compared with the right one."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_core.metrics.periods import (
    Comparison,
    DayRange,
    Grain,
    compared_with,
    part_before,
    period_of,
    periods_within,
)

CENTURIES = DayRange(date(1900, 1, 1), date(2100, 12, 31))
DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))


def days(start: str, end: str) -> DayRange:
    return DayRange(date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize("grain", list(Grain))
def test_the_days_of_two_centuries_add_up(grain: Grain) -> None:
    periods = list(periods_within(CENTURIES, grain))
    clipped = [period.clipped_to(CENTURIES) for period in periods]
    assert sum(period.days for period in clipped) == CENTURIES.days
    for before, after in pairwise(periods):
        assert after.start == before.end + timedelta(days=1)


@given(day=DAYS, grain=st.sampled_from(Grain))
def test_every_day_of_a_period_belongs_to_it(day: date, grain: Grain) -> None:
    period = period_of(day, grain)
    assert period.start <= day <= period.end
    assert period_of(period.start, grain) == period_of(period.end, grain) == period


@given(day=DAYS)
def test_weeks_are_those_of_iso_8601(day: date) -> None:
    week = period_of(day, Grain.WEEK)
    assert week.days == 7 and week.start.isoweekday() == 1
    assert week.start.isocalendar()[:2] == day.isocalendar()[:2] == week.end.isocalendar()[:2]


@pytest.mark.parametrize("grain", list(Grain))
@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_ends_of_the_calendar_have_periods(grain: Grain, day: date) -> None:
    period = period_of(day, grain)
    assert period.start <= day <= period.end
    assert list(periods_within(DayRange(day, day), grain)) == [period]


@pytest.mark.parametrize(
    ("given_days", "comparison", "expected"),
    [
        # whole months, quarters and years with as many before
        (("2024-03-01", "2024-03-31"), "previous", ("2024-02-01", "2024-02-29")),
        (("2024-01-01", "2024-01-31"), "previous", ("2023-12-01", "2023-12-31")),
        (("2024-01-01", "2024-03-31"), "previous", ("2023-10-01", "2023-12-31")),
        (("2024-02-01", "2024-03-31"), "previous", ("2023-12-01", "2024-01-31")),
        (("2024-01-01", "2024-12-31"), "previous", ("2023-01-01", "2023-12-31")),
        # a month that is not over with the same part of the one before; its end clamps
        (("2024-03-01", "2024-03-10"), "previous", ("2024-02-01", "2024-02-10")),
        (("2023-03-01", "2023-03-30"), "previous", ("2023-02-01", "2023-02-28")),
        (("2024-07-01", "2024-08-15"), "previous", ("2024-04-01", "2024-05-15")),
        (("2024-01-01", "2024-06-15"), "previous", ("2023-01-01", "2023-06-15")),
        # anything else with as many days before
        (("2024-03-05", "2024-03-11"), "previous", ("2024-02-27", "2024-03-04")),
        (("2024-03-05", "2024-03-05"), "previous", ("2024-03-04", "2024-03-04")),
        # a year before, month ends clamp
        (("2024-02-01", "2024-02-29"), "year", ("2023-02-01", "2023-02-28")),
        (("2023-02-01", "2023-02-28"), "year", ("2022-02-01", "2022-02-28")),
        (("2025-02-01", "2025-02-28"), "year", ("2024-02-01", "2024-02-29")),
        (("2024-02-29", "2024-02-29"), "year", ("2023-02-28", "2023-02-28")),
        (("2024-05-03", "2024-06-07"), "year", ("2023-05-03", "2023-06-07")),
        # the same weekdays
        (("2024-11-29", "2024-11-29"), "weekdays", ("2023-12-01", "2023-12-01")),
    ],
)
def test_a_range_is_compared_with(given_days: tuple[str, str], comparison: str, expected: tuple[str, str]) -> None:
    assert compared_with(days(*given_days), Comparison(comparison)) == days(*expected)


@given(start=DAYS, length=st.integers(1, 1000), comparison=st.sampled_from(Comparison))
def test_what_is_compared_lies_before_and_does_not_overlap(start: date, length: int, comparison: Comparison) -> None:
    given_days = DayRange(start, start + timedelta(days=length - 1))
    found = compared_with(given_days, comparison)
    assert found is not None and found.days > 0
    assert found.start < given_days.start and found.end < given_days.end
    if comparison is Comparison.PREVIOUS:
        assert found.end < given_days.start
    if comparison is Comparison.WEEKDAYS:
        assert found.days == length and found.start.weekday() == start.weekday()


@given(day=DAYS, grain=st.sampled_from(Grain), data=st.data())
def test_a_part_of_a_period_is_compared_with_the_same_part_of_the_one_before(
    day: date, grain: Grain, data: st.DataObject
) -> None:
    whole = period_of(day, grain)
    end = data.draw(st.dates(whole.start, whole.end))
    found = part_before(DayRange(whole.start, end), grain)
    assert found is not None
    before = period_of(whole.start - timedelta(days=1), grain)
    assert found.start == before.start and found.end <= before.end
    if end == whole.end:
        assert found == before
    elif grain in (Grain.DAY, Grain.WEEK):
        assert found.days == (end - whole.start).days + 1
    else:
        is_last = (end + timedelta(days=1)).day == 1
        after = found.end + timedelta(days=1)
        assert after.day == 1 if is_last or after.day == 1 else found.end.day == end.day


def test_what_lies_before_the_calendar_is_not_compared() -> None:
    first = DayRange(date.min, date.min)
    assert [compared_with(first, comparison) for comparison in Comparison] == [None] * 3
    assert [part_before(first, grain) for grain in Grain] == [None] * 5
