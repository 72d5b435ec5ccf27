"""Windows of a schedule: in the zone, each once, also where clocks change and while nothing ran."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_core.metrics.periods import DayRange
from logistics_pipeline.reporting.days import check_days, days_before
from logistics_pipeline.reporting.schedule import check_schedule, next_window, windows_between

BERLIN = ZoneInfo("Europe/Berlin")


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def test_a_weekly_report_is_due_at_the_same_time_of_day_in_summer_and_winter() -> None:
    found = windows_between("0 7 * * 1", BERLIN, at(2024, 3, 20), at(2024, 4, 9))
    assert found == [at(2024, 3, 25, 6), at(2024, 4, 1, 5), at(2024, 4, 8, 5)]


def test_a_time_that_clocks_skip_is_due_at_the_jump() -> None:
    found = windows_between("30 2 * * *", BERLIN, at(2024, 3, 30, 12), at(2024, 4, 1, 12))
    assert found == [at(2024, 3, 31, 1), at(2024, 4, 1, 0, 30)]


def test_a_time_that_comes_twice_is_due_once() -> None:
    found = windows_between("30 2 * * *", BERLIN, at(2024, 10, 26, 12), at(2024, 10, 28, 12))
    assert len(found) == 2 and found[0] in (at(2024, 10, 27, 0, 30), at(2024, 10, 27, 1, 30))


@pytest.mark.parametrize("schedule", ["30 2 * * *", "0 0 * * *", "15 1,2,3 * * *", "0 7 * * 1"])
@given(cut=st.integers(0, 96 * 3600))
def test_however_often_it_is_looked_no_window_is_lost_or_seen_twice(schedule: str, cut: int) -> None:
    for begin in (at(2024, 3, 29), at(2024, 10, 25)):
        middle, end = begin + timedelta(seconds=cut), begin + timedelta(days=5)
        halves = windows_between(schedule, BERLIN, begin, middle) + windows_between(schedule, BERLIN, middle, end)
        assert halves == windows_between(schedule, BERLIN, begin, end)


def test_windows_of_long_ago_are_not_looked_for() -> None:
    found = windows_between("0 7 * * *", BERLIN, at(2000, 1, 1), at(2024, 6, 1))
    assert len(found) == 32 and found[-1] == at(2024, 5, 31, 5)
    assert next_window("0 7 * * *", BERLIN, found[-1]) == at(2024, 6, 1, 5)


@pytest.mark.parametrize("schedule", ["", "0 7 * *", "0 0 7 * * 1", "61 7 * * *", "0 7 31 2 *", "@daily", "a b c d e"])
def test_what_is_no_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"^is "):
        check_schedule(schedule)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1d", DayRange(date(2024, 2, 29), date(2024, 2, 29))),
        ("7d", DayRange(date(2024, 2, 23), date(2024, 2, 29))),
        ("week", DayRange(date(2024, 2, 19), date(2024, 2, 25))),
        ("month", DayRange(date(2024, 2, 1), date(2024, 2, 29))),
        ("quarter", DayRange(date(2023, 10, 1), date(2023, 12, 31))),
        ("year", DayRange(date(2023, 1, 1), date(2023, 12, 31))),
        ("all", None),
    ],
)
def test_a_report_is_about_days_that_are_over(text: str, expected: DayRange | None) -> None:
    check_days(text)
    assert days_before(text, date(2024, 3, 1)) == expected


@pytest.mark.parametrize("text", ["", "0d", "7", "-1d", "day", "12345d"])
def test_what_names_no_days_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Expected: 7d"):
        check_days(text)
