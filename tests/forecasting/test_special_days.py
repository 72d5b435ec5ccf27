"""Special days: taken out of the past, put onto the future, learnt from little."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_pipeline.forecasting.engine import forecast
from logistics_pipeline.forecasting.panel import FloatArray, IntArray, SpecialDays
from logistics_pipeline.forecasting.special_days import without_special_days
from tests.forecasting.panels import flat_panel, routes, tree_panel

HORIZON = 28


def special(kinds: IntArray) -> SpecialDays:
    return SpecialDays(("", *(f"kind {number}" for number in range(1, int(kinds.max(initial=0)) + 1))), kinds)


def closing_days(periods: int) -> IntArray:
    """A holiday of one of three kinds every 23 days."""
    kinds = np.zeros(periods + HORIZON, dtype=np.int64)
    places = np.arange(30, len(kinds), 23)
    kinds[places] = 1 + np.arange(len(places)) % 3
    return kinds


def test_what_closes_on_holidays_is_forecast_closed() -> None:
    values, origin_of = routes(31, periods=371)
    kinds = closing_days(371 - HORIZON)
    values[:, kinds[:371] > 0] = np.where(np.isnan(values), np.nan, 0.0)[:, kinds[:371] > 0]
    known, truth = values[:, :-HORIZON], values[:, -HORIZON:]
    plain = tree_panel(known, origin_of)
    rows = plain.levels[-1].rows
    without = forecast(plain, HORIZON)
    found = forecast(replace(plain, special=special(kinds)), HORIZON)
    errors = [np.abs(each.point[rows] - truth).sum() for each in (found, without)]
    assert errors[0] < 0.95 * errors[1]
    ahead = np.flatnonzero(kinds[-HORIZON:])
    assert len(ahead) and found.point[0, ahead].max() < 0.2 * np.median(found.point[0])
    assert without.point[0, ahead].min() > 0.4 * np.median(without.point[0])


def test_an_effect_that_was_never_seen_is_none() -> None:
    values = np.tile(np.arange(1.0, 8.0), (4, 20))
    kinds = np.zeros(140 + HORIZON, dtype=np.int64)
    kinds[150] = 1
    panel = flat_panel(values)
    one = forecast(panel, HORIZON)
    other = forecast(replace(panel, special=special(kinds)), HORIZON)
    np.testing.assert_allclose(one.point, other.point)


def test_the_past_has_an_ordinary_day_for_each_special_one() -> None:
    values = np.tile(np.arange(1.0, 8.0), (3, 20))
    kinds = np.zeros(140 + HORIZON, dtype=np.int64)
    kinds[[70, 77, 100]] = [1, 1, 2]
    values[:, [70, 77, 100]] = 50.0
    panel = replace(flat_panel(values), special=special(kinds))
    found = without_special_days(panel, values, (140,), HORIZON)
    np.testing.assert_array_equal(found.values, np.tile(np.arange(1.0, 8.0), (3, 20)))


@st.composite
def panels_with_special_days(draw: st.DrawFn) -> tuple[FloatArray, IntArray, IntArray]:
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    series, periods = draw(st.integers(1, 6)), draw(st.integers(3, 90))
    values = random.poisson(random.choice([0.0, 0.5, 9.0], (series, 1)), (series, periods)).astype(np.float64)
    values[random.random(values.shape) < draw(st.sampled_from([0.0, 0.3]))] = np.nan
    kinds = np.where(random.random(periods + HORIZON) < 0.2, random.integers(1, 4, periods + HORIZON), 0)
    return values, kinds, np.sort(random.integers(0, 2, series))


@settings(deadline=None)
@given(panels_with_special_days(), st.booleans())
def test_nothing_that_comes_after_an_origin_enters_it(
    made: tuple[FloatArray, IntArray, IntArray], signed: bool
) -> None:
    values, kinds, _ = made
    values = values - 4.0 if signed else values
    at = values.shape[1] // 2
    panel = replace(flat_panel(values, non_negative=not signed), special=special(kinds))
    later = values.copy()
    later[:, at:] = 1_000.0
    one = without_special_days(panel, values, (at,), HORIZON)
    other = without_special_days(panel, later, (at,), HORIZON)
    np.testing.assert_array_equal(one.values[:, :at], other.values[:, :at])
    if one.effects is None:
        assert signed and other.effects is None
    else:
        assert other.effects is not None
        np.testing.assert_array_equal(one.effects, other.effects)
        assert np.isfinite(one.effects).all() and (one.effects >= 0).all()


@pytest.mark.slow
@settings(deadline=None, max_examples=20)
@given(panels_with_special_days())
def test_totals_and_parts_still_agree(made: tuple[FloatArray, IntArray, IntArray]) -> None:
    values, kinds, origin_of = made
    found = forecast(replace(tree_panel(values, origin_of), special=special(kinds)), HORIZON)
    assert np.isfinite(found.point).all() and (found.point >= 0).all()
    np.testing.assert_allclose(found.point[1 : 2 + int(origin_of.max())].sum(axis=0), found.point[0], atol=1e-9)
