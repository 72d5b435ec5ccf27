"""Forecasts of whole panels: what holds for any of them, and what is promised for some."""

import time
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_pipeline.forecasting.engine import forecast
from logistics_pipeline.forecasting.panel import (
    CLOSED,
    CONSTANT,
    EMPTY,
    SET_BACK,
    SHARE,
    SHORT,
    Errors,
    Forecast,
    Panel,
)
from tests.forecasting.panels import flat_panel, routes, tree_panel


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    """Any panel: flat or a tree, whole or not, with holes, zeros, constants, late starts, stopped series."""
    series, periods = draw(st.integers(1, 7)), draw(st.integers(1, 70))
    season = draw(st.sampled_from([1, 4, 7, 12]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.poisson(random.choice([0.0, 0.2, 3.0, 400.0], (series, 1)), (series, periods)).astype(np.float64)
    for row in range(series):
        values[row, : random.integers(0, periods + 1) if random.random() < 0.3 else 0] = np.nan
    closed = random.random(series) < 0.15
    if draw(st.booleans()):
        return tree_panel(values, np.sort(random.integers(0, 2, series)), season, closed=closed)
    values = values * draw(st.sampled_from([1.0, 1e-6, 1e9]))
    values[random.random(values.shape) < draw(st.sampled_from([0.0, 0.3]))] = np.nan
    signed = draw(st.booleans())
    return flat_panel(values - 100 * signed, season, non_negative=not signed, closed=closed)


def _arrays(found: Forecast) -> list[np.ndarray]:
    backtest = found.backtest
    sums = [
        getattr(each, one.name)
        for each in (backtest.by_method, backtest.issued, backtest.naive)
        for one in fields(Errors)
    ]
    return [found.point, found.quantiles, found.method, found.second, found.reason, backtest.coverage_90, *sums]


@settings(max_examples=40, deadline=None)
@given(panels(), st.integers(1, 20))
def test_any_panel_has_forecasts_that_make_sense(panel: Panel, horizon: int) -> None:
    found = forecast(panel, horizon)
    unknown = ~np.isfinite(panel.values).any(axis=1) | panel.closed
    answered = np.ones_like(unknown) if panel.additive else ~unknown
    assert np.isfinite(found.point[answered]).all() and np.isfinite(found.quantiles[:, answered]).all()
    assert np.isnan(found.point[~answered]).all()
    quantiles = found.quantiles[:, answered]
    assert (np.diff(quantiles, axis=0) >= 0).all()
    point = np.rint(found.point[answered]) if panel.whole_numbers else found.point[answered]
    assert (quantiles[0] <= point).all() and (point <= quantiles[-1]).all()
    if panel.non_negative:
        assert (found.point[answered] >= 0).all() and (quantiles >= 0).all()
    if panel.whole_numbers:
        np.testing.assert_array_equal(quantiles, np.rint(quantiles))
    if panel.additive and len(panel.levels) > 1:
        for row in np.unique(panel.parents[panel.parents >= 0]):
            parts = found.point[panel.parents == row].sum(axis=0)
            np.testing.assert_allclose(parts, found.point[row], rtol=1e-9, atol=1e-9)
        leaves = panel.levels[-1].rows
        assert not found.point[leaves][panel.closed[leaves]].any()


@settings(max_examples=10, deadline=None)
@given(panels(), st.integers(1, 20))
def test_the_same_panel_has_the_same_digits(panel: Panel, horizon: int) -> None:
    copied = replace(panel, values=panel.values.copy())
    for one, other in zip(_arrays(forecast(panel, horizon)), _arrays(forecast(copied, horizon)), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("factor", [1 / 1024, 8.0, 65536.0])
def test_another_unit_only_scales_a_forecast(factor: float) -> None:
    values, _ = routes(21)
    values = values + 0.25
    one, other = forecast(flat_panel(values), 14), forecast(flat_panel(values * factor), 14)
    np.testing.assert_allclose(one.point * factor, other.point, rtol=1e-9)
    np.testing.assert_allclose(one.quantiles * factor, other.quantiles, rtol=1e-6, atol=1e-9 * factor)


def test_series_of_special_kinds_say_why() -> None:
    values, origin_of = routes(22, count=12)
    values[0], values[1] = 0.0, 3.0
    values[2, :-10] = np.nan
    values[2, -10:] = 2.0
    values[3] = np.nan
    panel = tree_panel(values, origin_of, closed=np.arange(12) == 4)
    only_naive = np.zeros(len(panel.values), dtype=bool)
    start = panel.levels[-1].rows.start
    only_naive[start + 5] = True
    found = forecast(panel, 14, only_naive=only_naive)
    reasons = found.reason[start : start + 6].tolist()
    assert reasons == [CONSTANT, CONSTANT, SHARE, EMPTY, CLOSED, SET_BACK]
    assert not found.point[start].any() and not found.point[start + 3 : start + 5].any()
    if found.reconciliation == "bottom_up":
        assert (found.point[start + 1] == 3.0).all()
        np.testing.assert_array_equal(found.point[start + 5], np.tile(values[5, -7:], 2))
    profile = found.point[start + 2] / found.point[panel.parents[start + 2]]
    assert found.point[start + 2].min() > 0 and profile.max() < 1


def test_one_period_is_a_history() -> None:
    found = forecast(flat_panel(np.array([[4.0]])), 3)
    assert found.reason.tolist() == [SHORT]
    assert found.point.tolist() == [[4.0, 4.0, 4.0]]


def test_a_mean_of_short_history_without_parent() -> None:
    found = forecast(flat_panel(np.array([[1.0, 3.0, 2.0, 2.0]])), 2)
    assert found.point.tolist() == [[2.0, 2.0]] and found.quantiles[-1, 0, 0] > 2.0


def test_noise_around_a_profile_is_forecast_better_than_by_naive() -> None:
    values, origin_of = routes(23, count=60, periods=310)
    panel = tree_panel(values[:, :282], origin_of)
    found = forecast(panel, 28)
    leaves, truth = panel.levels[-1].rows, values[:, 282:]
    naive = np.tile(values[:, 275:282], 4)
    own, other = np.abs(found.point[leaves] - truth).sum(axis=1), np.abs(naive - truth).sum(axis=1)
    assert own.sum() < 0.85 * other.sum()
    assert np.mean(own > 1.02 * other) <= 0.10
    claimed = found.backtest.issued.absolute.sum() / found.backtest.naive.absolute.sum()
    assert abs(claimed - own.sum() / other.sum()) < 0.15
    assert other[:10].sum() == own[:10].sum() == 0


def test_a_wandering_level_keeps_naive() -> None:
    random = np.random.default_rng(24)
    values = np.abs(500 + np.cumsum(random.normal(0, 5, (30, 300)), axis=1))
    found = forecast(flat_panel(values[:, :272], 1), 28)
    naive = np.repeat(values[:, 271:272], 28, axis=1)
    own, other = np.abs(found.point - values[:, 272:]).sum(), np.abs(naive - values[:, 272:]).sum()
    assert own <= 1.05 * other


def test_width_widens_the_distance_from_the_point() -> None:
    values, _ = routes(25)
    panel = flat_panel(values, non_negative=False)
    one, other = forecast(panel, 7), forecast(panel, 7, width=np.full(len(values), 2.0))
    np.testing.assert_array_equal(one.point, other.point)
    np.testing.assert_allclose(other.quantiles[-1] - other.point, 2 * (one.quantiles[-1] - one.point), rtol=1e-9)


def test_what_does_not_fit_is_refused() -> None:
    panel = flat_panel(np.ones((2, 30)))
    with pytest.raises(ValueError, match="horizon is 0"):
        forecast(panel, 0)
    with pytest.raises(ValueError, match="differ in their number of series"):
        forecast(replace(panel, parents=np.array([-1])), 7)
    with pytest.raises(ValueError, match="do not cover"):
        forecast(replace(panel, levels=panel.levels[:0]), 7)
    with pytest.raises(ValueError, match="Expected: ascending"):
        forecast(panel, 7, probabilities=(0.9, 0.1))


def test_hundreds_of_series_take_seconds() -> None:
    values, origin_of = routes(26, count=400, periods=400)
    since = time.process_time()
    forecast(tree_panel(values, origin_of), 28)
    assert time.process_time() - since < 4
