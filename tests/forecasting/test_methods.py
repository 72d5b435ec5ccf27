"""Every method: it knows nothing of what comes after an origin, and is right where its idea is."""

import numpy as np
import pytest

from logistics_pipeline.forecasting import methods
from logistics_pipeline.forecasting.candidates import PART_NAMES, candidates, combine, forecast_parts
from tests.forecasting.panels import flat_panel, routes, tree_panel


def test_what_comes_after_an_origin_changes_no_forecast_made_at_it() -> None:
    values, origin_of = routes(1, periods=480)
    changed = values.copy()
    changed[:, 450:] = changed[:, 450:] * 3 + 50
    before = forecast_parts(tree_panel(values, origin_of), tree_panel(values, origin_of).values, (420, 450, 480), 14)
    after = forecast_parts(tree_panel(changed, origin_of), tree_panel(changed, origin_of).values, (420, 450, 480), 14)
    for place, name in enumerate(PART_NAMES):
        np.testing.assert_array_equal(before[place, :2], after[place, :2], err_msg=name)
    assert all((before[place, 2] != after[place, 2]).any() for place in range(len(PART_NAMES)))


def test_an_origin_is_answered_alike_alone_and_among_others() -> None:
    values, _ = routes(2)
    panel = flat_panel(values)
    together = forecast_parts(panel, values, (120, 160, 200), 10)
    for place, at in enumerate((120, 160, 200)):
        np.testing.assert_array_equal(together[:, place], forecast_parts(panel, values, (at,), 10)[:, 0])


@pytest.mark.parametrize("place", range(len(PART_NAMES)), ids=PART_NAMES)
def test_a_constant_stays_itself(place: int) -> None:
    values = np.full((3, 90), [[1.0], [7.0], [0.5]])
    found = forecast_parts(flat_panel(values), values, (60, 90), 9)[place]
    np.testing.assert_allclose(found, np.broadcast_to([[1.0], [7.0], [0.5]], (2, 3, 9)), rtol=1e-9)


def test_seasonal_methods_follow_an_exact_season() -> None:
    week = np.array([5.0, 6.0, 7.0, 8.0, 9.0, 2.0, 1.0])
    values = np.tile(week, (1, 30))
    wanted = np.tile(week, 2)
    found = forecast_parts(flat_panel(values), values, (210,), 14)[:, 0, 0]
    flat = {"smoothing without season", "intermittent demand"}
    for name, forecast in zip(PART_NAMES, found, strict=True):
        if name not in flat:
            np.testing.assert_allclose(forecast, wanted, rtol=0.01, err_msg=name)


def test_a_trend_is_continued() -> None:
    values = 100.0 + 2.0 * np.arange(120)[None, :] + np.tile([3.0, -1.0, -2.0, 0.0], 30)[None, :]
    found = forecast_parts(flat_panel(values, 4), values, (120,), 4)[:, 0, 0]
    truth = 100.0 + 2.0 * np.arange(120, 124) + np.array([3.0, -1.0, -2.0, 0.0])
    error = dict(zip(PART_NAMES, np.abs(found - truth).mean(axis=1), strict=True))
    assert error["damped trend"] < 1.0
    assert error["theta"] < error["seasonal naive"] == 8.0


def test_a_phase_unknown_in_the_last_season_is_that_of_the_season_before() -> None:
    values = np.tile(np.arange(1.0, 8.0), (1, 4))
    values[0, -7:] = [np.nan, 20.0, 30.0, np.nan, 50.0, 60.0, 70.0]
    found = methods.seasonal_naive(values, 7, (28,), 7)[0, 0]
    assert found.tolist() == [1.0, 20.0, 30.0, 4.0, 50.0, 60.0, 70.0]


def test_a_holiday_of_all_series_is_left_out_and_a_new_schedule_is_not() -> None:
    random = np.random.default_rng(3)
    values = np.tile(random.integers(4, 9, (40, 7)).astype(np.float64), (1, 20)) + random.integers(0, 2, (40, 140))
    usual = values.copy()
    values[:, 136] = np.floor(values[:, 136] / 3)
    whole = values.sum(axis=0)
    found = methods.naive_without_odd_days(values, 7, (140,), 7, whole)[0]
    assert np.abs(found[:, 3] - usual[:, 136]).mean() < 1.0
    np.testing.assert_array_equal(np.delete(found, 3, axis=1), np.delete(values[:, -7:], 3, axis=1))
    halved = usual.copy()
    halved[:, 135:] = np.floor(halved[:, 135:] / 2)
    kept = methods.naive_without_odd_days(halved, 7, (140,), 7, halved.sum(axis=0))[0]
    np.testing.assert_array_equal(kept, halved[:, -7:])


def test_the_last_shift_of_a_level_is_found() -> None:
    random = np.random.default_rng(4)
    noise = random.normal(0, 1, (3, 60))
    means = np.stack(
        [noise[0] + 50, noise[1] + np.where(np.arange(60) < 22, 50, 62), noise[2] + np.repeat([9, 30, 5], 20)]
    )
    found = methods.last_shifts(means)
    assert found.tolist() == [0, 22, 40]


def test_a_series_that_is_silent_longer_than_ever_is_dormant() -> None:
    values = np.zeros((2, 100))
    values[:, :50:4] = 1.0
    values[1, 95] = 1.0
    assert methods.dormant(values, 7, (50, 100)).tolist() == [[False, False], [True, False]]


def test_last_years_course_is_repeated() -> None:
    days = np.arange(364 * 2)
    values = (100.0 + np.where(days % 364 < 42, 200.0, 0.0))[None, :]
    found = forecast_parts(flat_panel(values), values, (728,), 21)[:, 0, 0]
    by_name = dict(zip(PART_NAMES, found, strict=True))
    assert by_name["seasonal smoothing"].max() < 120
    assert by_name["seasonal smoothing with last year's course"][-1] > 250


def test_rounded_candidates_are_whole_and_only_for_whole_panels() -> None:
    values, origin_of = routes(5)
    panel = tree_panel(values, origin_of)
    parts = forecast_parts(panel, panel.values, (180, 200), 7)
    rounded = [each for each in candidates(panel) if each.rounded]
    assert rounded and not any(each.rounded for each in candidates(flat_panel(values)))
    for each in rounded:
        found = combine(each, parts)
        found = found[np.isfinite(found)]
        np.testing.assert_array_equal(found, np.rint(found))
