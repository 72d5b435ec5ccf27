"""Totals of sparse parts: the best forecast of each part may be 0, that of their sum is not."""

import numpy as np

from logistics_pipeline.forecasting import scores
from logistics_pipeline.forecasting.engine import forecast
from logistics_pipeline.forecasting.panel import Level, Panel
from logistics_pipeline.forecasting.storing import total


def test_the_total_of_rare_events_is_not_zero() -> None:
    parts = np.random.default_rng(1).poisson(0.15, (300, 365)).astype(np.float64)
    values = np.vstack([parts.sum(axis=0), parts])
    panel = Panel(
        values=values,
        levels=(Level("total", slice(0, 1)), Level("route", slice(1, 301))),
        parents=np.array([-1, *[0] * 300]),
        season=7,
        additive=True,
        non_negative=True,
        whole_numbers=True,
        closed=np.zeros(301, dtype=np.bool_),
    )

    found = forecast(panel, 14)

    assert abs(found.point[0].mean() / values[0].mean() - 1) < 0.1
    assert np.allclose(found.point[1:].sum(axis=0), found.point[0])
    error, naive = (scores.wape(total(each))[0] for each in (found.backtest.issued, found.backtest.naive))
    assert error < naive
