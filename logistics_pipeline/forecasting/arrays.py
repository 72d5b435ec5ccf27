"""Arithmetic over arrays in which NaN means unknown, without warnings."""

import numpy as np

from logistics_pipeline.forecasting.panel import FloatArray, IntArray


def first_periods(values: FloatArray) -> IntArray:
    """(series,) The first period with a value; the number of periods where there is none."""
    known = np.isfinite(values)
    first: IntArray = np.where(known.any(axis=1), known.argmax(axis=1), values.shape[1])
    return first


def known_mean(values: FloatArray, axis: int) -> FloatArray:
    """Mean of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    number = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return share(total, number.astype(np.float64))


def known_median(stacked: FloatArray) -> FloatArray:
    """Median over axis 1 of (series, some, season), of what is known; NaN where nothing is."""
    known = np.isfinite(stacked)
    if known.all():
        return np.median(stacked, axis=1)
    number = known.sum(axis=1)
    ordered = np.sort(stacked, axis=1)  # NaN last
    low = np.maximum(number - 1, 0) // 2
    high = np.minimum(number // 2, np.maximum(number - 1, 0))
    return (_take(ordered, low) + _take(ordered, high)) / 2


def _take(ordered: FloatArray, place: IntArray) -> FloatArray:
    return np.take_along_axis(ordered, place[:, None], axis=1)[:, 0]


def share(part: FloatArray, whole: FloatArray, otherwise: float = np.nan) -> FloatArray:
    """Part by whole; `otherwise` where whole is 0."""
    shape = np.broadcast(part, whole).shape
    found: FloatArray = np.divide(part, whole, out=np.full(shape, otherwise), where=np.asarray(whole) != 0)
    return found
