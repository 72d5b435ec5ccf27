"""Intervals around forecasts, from the errors that forecasts had before."""

import numpy as np

from logistics_pipeline.forecasting.panel import FloatArray

_NARROWEST, _WIDEST = 0.25, 6.0


def adapted_width(width: FloatArray, missed: FloatArray, *, wanted: float = 0.1, rate: float = 0.15) -> FloatArray:
    """The next factor of a series' intervals, after `missed` of its newest actuals were outside.

    Adaptive conformal inference (Gibbs and Candès 2021) on the logarithm of the width: wider after more misses than
    wanted, narrower after fewer, so that the share of misses tends to `wanted` whatever the errors look like.

    Args:
        width: (series,) the factor in force, 1 at first.
        missed: (series,) share of the newly scored actuals outside the interval, 0 to 1; NaN where none was scored.
        wanted: share that the interval may miss: 0.1 for one of 90 %.
        rate: how fast. One day scored at a time: 0.15. A week at once: 0.5.
    """
    step = np.where(np.isfinite(missed), missed - wanted, 0.0)
    return np.clip(width * np.exp(rate * step), _NARROWEST, _WIDEST)
