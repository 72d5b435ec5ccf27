"""Quiet hours and digests where clocks change: no hour is lost, none counts twice."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from logistics_pipeline.notifying.local_times import (
    QuietHours,
    first_instant,
    next_daily,
    next_quarter,
    next_weekly,
    quiet_end,
)

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
CHANGES = {
    "Europe/Berlin": [date(2024, 3, 31), date(2024, 10, 27)],
    "America/New_York": [date(2024, 3, 10), date(2024, 11, 3)],
    "Australia/Lord_Howe": [date(2024, 4, 7), date(2024, 10, 6)],  # half an hour
    "Antarctica/Troll": [date(2024, 3, 31), date(2024, 10, 27)],  # two hours
    "America/Sao_Paulo": [date(2018, 2, 18), date(2018, 11, 4)],  # at midnight
    "Asia/Kolkata": [date(2024, 6, 1)],  # never
    "Pacific/Apia": [date(2011, 12, 30)],  # a day that was left out
    "Africa/Cairo": [date(2024, 4, 26), date(2024, 10, 31)],
}
"""Days on which clocks change."""

days = st.sampled_from([(zone, day) for zone, found in CHANGES.items() for day in found]).flatmap(
    lambda found: st.tuples(st.just(found[0]), st.integers(-2, 2).map(lambda shift: found[1] + timedelta(days=shift)))
)
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))


def shown(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def minutes(begin: datetime, end: datetime) -> list[datetime]:
    return [begin + n * _MINUTE for n in range(int((end - begin) / _MINUTE))]


@given(found=days, at=times)
@example(found=("Europe/Berlin", date(2024, 3, 31)), at=time(2, 30))
@example(found=("Europe/Berlin", date(2024, 10, 27)), at=time(2, 30))
@example(found=("Pacific/Apia", date(2011, 12, 30)), at=time(8))
@example(found=("America/Sao_Paulo", date(2018, 11, 4)), at=time(0))
def test_a_time_of_day_is_reached_when_a_clock_first_shows_it_or_a_later_one(found: tuple[str, date], at: time) -> None:
    zone, naive = ZoneInfo(found[0]), datetime.combine(found[1], at)
    around = naive.replace(tzinfo=UTC)
    by_looking = next(each for each in minutes(around - 27 * 60 * _MINUTE, around + 27 * 60 * _MINUTE)
                      if shown(each, zone) >= naive)  # fmt: skip
    assert first_instant(found[1], at, zone) == by_looking


@settings(max_examples=5)
@given(found=days, begin=times, until=times)
@example(found=("Europe/Berlin", date(2024, 10, 27)), begin=time(2, 15), until=time(2, 45))
@example(found=("Europe/Berlin", date(2024, 3, 31)), begin=time(1, 30), until=time(2, 30))
def test_quiet_hours_come_once_a_day_and_no_other_time_is_quiet(
    found: tuple[str, date], begin: time, until: time
) -> None:
    assume(begin != until)
    zone, quiet = ZoneInfo(found[0]), QuietHours(begin, until)
    start = datetime.combine(found[1], time(0), UTC) - _DAY
    stretches = []
    for is_quiet, group in groupby(
        minutes(start, start + 3 * _DAY), key=lambda each: quiet_end(quiet, each, zone) is not None
    ):
        if is_quiet:
            stretches.append(list(group))
    wanted = (datetime.combine(_EPOCH, until) - datetime.combine(_EPOCH, begin)) % _DAY
    begun = [shown(each[0], zone).date() for each in stretches[1:]]
    assert len(begun) == len(set(begun)), "twice on a day"
    for each in stretches[1:-1]:
        end = quiet_end(quiet, each[0], zone)
        assert end == each[-1] + _MINUTE
        assert abs((end - each[0]) - wanted) <= timedelta(hours=24 if found[0] == "Pacific/Apia" else 2)
    assert len(stretches) >= 2 or found[0] == "Pacific/Apia" or wanted < timedelta(hours=2)


_EPOCH = date(2024, 1, 1)


@given(found=days, at=times)
@example(found=("Europe/Berlin", date(2024, 10, 26)), at=time(2, 30))
@example(found=("Europe/Berlin", date(2024, 3, 30)), at=time(2, 30))
def test_a_daily_digest_comes_once_on_every_day(found: tuple[str, date], at: time) -> None:
    zone = ZoneInfo(found[0])
    now = datetime.combine(found[1], time(0), UTC) - 3 * _DAY
    ends = []
    for _ in range(7):
        now = next_daily(now, at, zone)
        ends.append(now)
    assert ends == sorted(set(ends))
    dates = [shown(each, zone).date() for each in ends]
    left_out = {date(2011, 12, 30)} if found[0] == "Pacific/Apia" else set()
    expected = [day for day in (dates[0] + n * _DAY for n in range(9)) if day not in left_out]
    assert dates == expected[: len(dates)] or left_out
    assert all(shown(each, zone).time() == at or shown(each, zone).time() > at or left_out for each in ends)


@given(found=days, at=times, offset=st.integers(0, 20_000))
def test_a_weekly_digest_comes_on_every_monday(found: tuple[str, date], at: time, offset: int) -> None:
    zone = ZoneInfo(found[0])
    now = datetime.combine(found[1], time(0), UTC) - 14 * _DAY + offset * _MINUTE
    ends = []
    for _ in range(5):
        now = next_weekly(now, at, zone)
        ends.append(shown(now, zone))
    assert all(each.weekday() == 0 for each in ends)
    assert all((later.date() - each.date()).days == 7 for each, later in pairwise(ends))


@pytest.mark.parametrize(
    ("now", "end"),
    [("2024-06-03T08:00:00", "08:15"), ("2024-06-03T08:14:59", "08:15"), ("2024-06-03T08:15:00", "08:30")],
)
def test_a_quarter_of_an_hour_ends_after_now(now: str, end: str) -> None:
    assert f"{next_quarter(datetime.fromisoformat(now).replace(tzinfo=UTC)):%H:%M}" == end
