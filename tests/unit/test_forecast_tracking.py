"""What is forecast and what tracking learns, without a database: trees of series, finished periods, widths, losses."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_core.metrics.periods import DayRange, Grain
from logistics_pipeline.forecasting.calendars import Calendar, finished_periods
from logistics_pipeline.forecasting.hierarchy import arrange
from logistics_pipeline.forecasting.histories import stopped, with_zeros
from logistics_pipeline.forecasting.scoring import (
    Series,
    Tracked,
    adapt_widths,
    is_good_backtest,
    losing,
    may_be_released,
)

KEYS = st.dictionaries(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), st.integers(1, 9), min_size=1, max_size=18)


@given(KEYS, st.integers(1, 5))
def test_every_record_is_in_one_series_of_each_level_and_parts_are_those_of_their_parent(
    sizes: dict[tuple[str, int], int], most: int
) -> None:
    found = arrange(sizes, [0, 1, 2], most)
    for level in range(3):
        rows = range(len(found.nodes))[found.of_level(level)]
        assert sum(not found.nodes[row].is_rest for row in rows) <= most
        assert all(found.nodes[row].level == level for row in rows)
    for key, rows in found.rows.items():
        assert [found.nodes[row].level for row in rows] == [0, 1, 2]
        for parent, row in pairwise(rows):
            assert found.nodes[row].parent == parent
        if not found.nodes[rows[-1]].is_rest:
            assert found.nodes[rows[-1]].key == key
    ends = [node for node in found.nodes if node.level == 2]
    assert sum(node.parts for node in ends) == len(sizes)
    assert found.together == sum(node.parts for node in ends if node.is_rest)


def test_without_records_there_is_no_series() -> None:
    assert arrange({}, [0, 1], 5).nodes == []


@pytest.mark.parametrize(
    ("grain", "first", "last"),
    [
        (Grain.DAY, date(2024, 1, 10), date(2024, 3, 20)),
        (Grain.WEEK, date(2024, 1, 15), date(2024, 3, 11)),
        (Grain.MONTH, date(2024, 2, 1), date(2024, 2, 1)),
    ],
)
def test_periods_count_once_all_their_days_are_over(grain: Grain, first: date, last: date) -> None:
    days = DayRange(date(2024, 1, 10), date(2024, 3, 20))
    found = finished_periods(days, date(2030, 1, 1), grain)
    assert found == Calendar(grain, first, last)
    assert found is not None
    assert [found.number_of(found.period(number)) for number in range(5)] == list(range(5))


def test_today_and_days_in_the_future_do_not_count() -> None:
    days = DayRange(date(2024, 1, 1), date(2080, 1, 6))
    found = finished_periods(days, date(2024, 2, 1), Grain.DAY)
    assert found is not None and found.last == date(2024, 1, 31)
    assert finished_periods(days, date(2024, 1, 1), Grain.DAY) is None
    assert finished_periods(DayRange(date(2024, 1, 2), date(2024, 1, 9)), date(2025, 1, 1), Grain.MONTH) is None


def test_of_a_long_history_the_newest_years_are_read() -> None:
    found = finished_periods(DayRange(date(2000, 1, 1), date(2024, 1, 1)), date(2025, 1, 1), Grain.DAY)
    assert found is not None
    assert (found.periods, found.last) == (1096, date(2024, 1, 1))


def test_zeros_begin_with_a_series() -> None:
    values = np.array([[np.nan, 1, np.nan, 2, np.nan], [np.nan] * 5])
    assert np.array_equal(with_zeros(values)[0], [np.nan, 1, 0, 2, 0], equal_nan=True)
    assert np.isnan(with_zeros(values)[1]).all()


def test_a_series_has_stopped_after_a_silence_longer_than_any_before() -> None:
    daily, rare, silent = (np.full(200, np.nan) for _ in range(3))
    daily[:150] = 1  # 50 days without
    rare[0:200:40] = 1  # as ever
    silent[::60] = 1
    silent[121:] = np.nan
    assert stopped(np.array([daily, rare, silent, np.full(200, np.nan)]), 7).tolist() == [True, False, False, False]


FIRST = date(2024, 1, 1)
CALENDAR = Calendar(Grain.DAY, FIRST, FIRST + timedelta(59))
SERIES = Series(
    ids=np.array([1, 2]),
    width=np.ones(2),
    scored_until=[None, None],
    naive_since=[None, None],
    is_rest=np.zeros(2, dtype=np.bool_),
    level=np.arange(2),
)


def tracked(absolute: float, naive: float, missed: float) -> Tracked:
    values = [np.full((2, 60), float(value)) for value in (missed, absolute, naive)]
    for each in values:
        each[1] = np.nan
    return Tracked(*values)


def test_bands_widen_with_misses_and_narrow_without_for_new_periods_alone() -> None:
    width, until = adapt_widths(SERIES, tracked(1, 1, 1.0), CALENDAR)
    assert width[0] > 2 and width[1] == 1
    assert until == [CALENDAR.last, None]
    again, _ = adapt_widths(replace(SERIES, width=width, scored_until=until), tracked(1, 1, 1.0), CALENDAR)
    assert np.array_equal(again, width)
    assert adapt_widths(SERIES, tracked(1, 1, 0.0), CALENDAR)[0][0] < 1


def test_losing_is_losing_in_each_of_four_weeks() -> None:
    assert losing(tracked(2, 1, 0), Grain.DAY).tolist() == [True, False]
    assert losing(tracked(1, 1, 0), Grain.DAY).tolist() == [False, False]
    once_better = tracked(2, 1, 0)
    once_better.absolute[0, 40:47] = 0
    assert losing(once_better, Grain.DAY).tolist() == [False, False]
    unknown = tracked(2, 1, 0)
    unknown.absolute[0, 46:49] = np.nan  # a mean without records on some days
    assert losing(unknown, Grain.DAY).tolist() == [True, False]
    unknown.absolute[0, 49] = np.nan
    assert losing(unknown, Grain.DAY).tolist() == [False, False]


def test_a_series_is_released_by_a_good_back_test_after_as_long_a_time() -> None:
    set_back = replace(SERIES, naive_since=[FIRST + timedelta(31), FIRST + timedelta(32)])
    assert set_back.only_naive.tolist() == [True, True]
    assert may_be_released(set_back, CALENDAR).tolist() == [True, False]
    error, naive = np.array([0.97, 0.99, np.inf, 0.0]), np.array([1.0, 1.0, 1.0, 0.0])
    assert is_good_backtest(error, naive).tolist() == [True, False, False, False]
