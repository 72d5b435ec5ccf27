"""How wrong forecasts were. The same arithmetic for the back-test and for forecasts that were issued.

Arrays of any shape; the last axis is summed over and NaN in either array is left out. Nothing to score gives NaN.
"""

import numpy as np

from logistics_pipeline.forecasting.arrays import share
from logistics_pipeline.forecasting.panel import Errors, FloatArray


def errors(actual: FloatArray, predicted: FloatArray) -> Errors:
    """Sums over the last axis, where both are known."""
    known = np.isfinite(actual) & np.isfinite(predicted)
    truth = np.where(known, actual, 0.0)
    error = np.where(known, predicted, 0.0) - truth
    return Errors(
        count=known.sum(axis=-1).astype(np.float64),
        error=error.sum(axis=-1),
        absolute=np.abs(error).sum(axis=-1),
        squared=np.square(error).sum(axis=-1),
        actual=np.abs(truth).sum(axis=-1),
    )


def ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Part by whole; NaN where whole is 0."""
    return share(part, whole)


def wape(sums: Errors) -> FloatArray:
    """Sum of absolute errors, per sum of the actuals."""
    return ratio(sums.absolute, sums.actual)


def bias(sums: Errors) -> FloatArray:
    """Sum of errors per sum of the actuals: above 0 where forecasts were too high."""
    return ratio(sums.error, sums.actual)


def value_added(sums: Errors, naive: Errors) -> FloatArray:
    """1 − error / naive's error: 0.1 is an error a tenth lower than naive's, below 0 is worse than naive."""
    return 1.0 - ratio(sums.absolute, naive.absolute)


def tracking_signal(sums: Errors) -> FloatArray:
    """Sum of errors, in mean absolute errors. Beyond ±4 forecasts lean to one side."""
    return ratio(sums.error, ratio(sums.absolute, sums.count))


def mase(sums: Errors, history: FloatArray, season: int) -> FloatArray:
    """Mean absolute error, in mean absolute seasonal differences of `history` (Hyndman and Koehler 2006).

    NaN where history repeats itself exactly: such a series has no scale.
    """
    steps = np.abs(history[..., season:] - history[..., :-season])
    return ratio(ratio(sums.absolute, sums.count), _mean(steps))


def rmsse(sums: Errors, history: FloatArray, season: int) -> FloatArray:
    """Root of the mean squared error, in that of the seasonal differences of `history`."""
    steps = np.square(history[..., season:] - history[..., :-season])
    return np.sqrt(ratio(ratio(sums.squared, sums.count), _mean(steps)))


def coverage(actual: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Share of the actuals within their interval, bounds included."""
    known = np.isfinite(actual) & np.isfinite(lower) & np.isfinite(upper)
    inside = known & (actual >= lower) & (actual <= upper)
    return ratio(inside.sum(axis=-1).astype(np.float64), known.sum(axis=-1).astype(np.float64))


def interval_score(actual: FloatArray, lower: FloatArray, upper: FloatArray, missed: float) -> FloatArray:
    """Mean width, and 2 / `missed` times the distance of the actuals outside (Gneiting and Raftery 2007).

    `missed` is the share that the interval may miss, 0.1 for one of 90 %. Lower is better.
    """
    outside = np.maximum(lower - actual, 0.0) + np.maximum(actual - upper, 0.0)
    return _mean(upper - lower + 2.0 / missed * outside)


def _mean(values: FloatArray) -> FloatArray:
    known = np.isfinite(values)
    return ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))
