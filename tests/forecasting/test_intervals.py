"""Intervals: what they cover, and how their width follows what they did cover."""

import numpy as np
import pytest

from logistics_pipeline.forecasting.engine import forecast
from logistics_pipeline.forecasting.intervals import adapted_width, overlap_factor
from tests.forecasting.panels import flat_panel


def test_noise_is_covered_as_often_as_the_interval_says() -> None:
    random = np.random.default_rng(11)
    values = 200 + random.normal(0, 20, (60, 308)) + np.tile(random.normal(0, 40, (60, 7)), 44)
    found = forecast(flat_panel(values[:, :280]), 28)
    truth = values[:, 280:]
    covered_90 = np.mean((truth >= found.quantiles[0]) & (truth <= found.quantiles[-1]))
    covered_80 = np.mean((truth >= found.quantiles[1]) & (truth <= found.quantiles[-2]))
    assert 0.86 < covered_90 < 0.94
    assert 0.75 < covered_80 < 0.86
    assert 0.88 < np.nanmean(found.backtest.coverage_90) < 0.93


def test_width_follows_errors_that_grow_until_coverage_is_right() -> None:
    random = np.random.default_rng(12)
    width, missed = np.ones(400), []
    for day in range(150):
        outside = np.abs(random.normal(0, 1.0 if day < 20 else 2.0, 400)) > 1.645 * width
        missed.append(outside.mean())
        width = adapted_width(width, outside.astype(np.float64), np.arange(400))
    assert np.mean(missed[20:30]) > 0.25
    assert 0.08 < np.mean(missed[80:]) < 0.12


def test_series_that_were_not_scored_keep_their_width() -> None:
    assert adapted_width(np.array([1.3]), np.array([np.nan]), np.zeros(1, dtype=np.int64)).tolist() == [1.3]


def test_what_moves_a_whole_level_moves_all_of_its_series_and_no_other() -> None:
    level = np.repeat([0, 1], 50)
    missed = np.where(np.arange(100) < 50, 1.0, 0.1)
    missed[0] = np.nan
    width = adapted_width(np.ones(100), missed, level)
    assert np.allclose(width[1:50], width[1]) and width[1] > width[0] > 1.2
    assert np.array_equal(width[50:], np.ones(50))


@pytest.mark.slow
def test_small_whole_numbers_are_covered_once_tracked_as_often_as_the_interval_says() -> None:
    """One shipment a day, mostly: rounded outward, every interval would hold 0 to 2, and cover nearly everything."""
    random = np.random.default_rng(13)
    values = random.poisson(1.2, (80, 427)).astype(np.float64)
    width, missed = np.ones(80), []
    level = np.zeros(80, dtype=np.int64)
    for day in range(203, 427, 7):
        found = forecast(flat_panel(values[:, :day], whole=True), 7, width=width)
        truth = values[:, day : day + 7]
        outside = (truth < found.quantiles[0]) | (truth > found.quantiles[-1])
        missed.append(outside.mean())
        for step in range(7):
            width = adapted_width(width, outside[:, step].astype(np.float64), level)
    assert 0.07 < np.mean(missed[10:]) < 0.13


def test_origins_that_overlap_make_intervals_wider() -> None:
    assert overlap_factor((100, 128, 156, 184, 212, 240), 28) == 1.0
    assert overlap_factor((100, 110, 120, 130, 140, 150), 28) > 1.1
    assert overlap_factor((100,), 28) > overlap_factor((100, 101), 28) > 1.5
