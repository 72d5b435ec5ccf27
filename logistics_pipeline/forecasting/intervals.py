"""Intervals around forecasts, from the errors that forecasts had before.

No distribution is assumed: quantiles are those of residuals in the back-test, per series and bucket of the horizon,
mixed with those of its segment (in multiples of the series' own mean error) where there are few. How wide they have
to be for 90 % is then measured with one origin left out at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from logistics_pipeline.forecasting.arrays import known_mean, share
from logistics_pipeline.forecasting.panel import BoolArray, FloatArray, IntArray, Panel

_FEW = 50.0
"""Residuals at which a series' own quantiles count as much as those of its segment."""
_FACTORS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0)
_NARROWEST, _WIDEST = 0.1, 20.0
_LEVEL_RATE = 0.3
_LEVEL_PRIOR = 5.0
"""Series that a level's share of misses counts as zero for: a level of one series says little."""
_TOLERANCE = 1e-9
BUCKET_ENDS = (1, 7, 14, 28)


def bucket_ends(horizon: int) -> tuple[int, ...]:
    """Last steps of the buckets: 1, 7, 14, 28 and the horizon, as far as it goes."""
    return tuple(sorted({end for end in BUCKET_ENDS if end < horizon} | {horizon}))


@dataclass(frozen=True)
class Residuals:
    """What intervals are learnt from."""

    values: FloatArray
    """(origins, series, horizon) Actual minus forecast; NaN where not scored."""
    segment: IntArray
    """(series,)"""
    otherwise: FloatArray
    """(series,) Mean absolute error to expect of a series without residuals."""


def offsets(residuals: Residuals, probabilities: Sequence[float]) -> FloatArray:
    """Distances (probabilities, series, horizon) of the quantiles from the point."""
    _, series, horizon = residuals.values.shape
    found = np.zeros((len(probabilities), series, horizon))
    start = 0
    for end in _learning_ends(horizon):
        own = residuals.values[:, :, start:end].transpose(1, 0, 2).reshape(series, -1)
        found[:, :, start:end] = _quantiles(own, residuals, probabilities)[:, :, None]
        start = end
    return found


def _learning_ends(horizon: int) -> tuple[int, ...]:
    """Buckets that have residuals enough: the first step alone has one per origin."""
    return tuple(end for end in bucket_ends(horizon) if end > 1 or horizon == 1)


def _quantiles(own: FloatArray, residuals: Residuals, probabilities: Sequence[float]) -> FloatArray:
    """Answers (probabilities, series)."""
    count = np.isfinite(own).sum(axis=1)
    scale = np.where(count > 0, known_mean(np.abs(own), axis=1), residuals.otherwise)
    pooled = _pooled(share(own, scale[:, None]), residuals.segment, probabilities) * scale
    weight = count / (count + _FEW)
    return np.where(count > 0, weight * _sorted_quantiles(own, probabilities) + (1 - weight) * pooled, pooled)


def _pooled(relative: FloatArray, segment: IntArray, probabilities: Sequence[float]) -> FloatArray:
    """(probabilities, series) Quantiles of a series' segment; of all series where the segment has none."""
    found = np.zeros((len(probabilities), len(relative)))
    everything = relative[np.isfinite(relative)]
    for each in np.unique(segment):
        rows = segment == each
        known = relative[rows]
        known = known[np.isfinite(known)]
        if not len(known):
            known = everything
        if len(known):
            found[:, rows] = _sorted_quantiles(known[None, :], probabilities)
    return found


def _sorted_quantiles(values: FloatArray, probabilities: Sequence[float]) -> FloatArray:
    """(probabilities, rows) of (rows, some): at place (n + 1) p, which covers new values as often as it says."""
    ordered = np.sort(values, axis=1)  # NaN last
    last = np.maximum(np.isfinite(values).sum(axis=1) - 1, 0)
    found = []
    for probability in probabilities:
        place = np.clip((last + 2) * probability - 1, 0, last)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, last)
        below, above = (np.take_along_axis(ordered, at[:, None], axis=1)[:, 0] for at in (low, high))
        found.append(below + (place - low) * (above - below))
    return np.stack(found)


def spread_around(
    panel: Panel, point: FloatArray, distances: FloatArray, probabilities: Sequence[float], width: FloatArray
) -> FloatArray:
    """Quantiles (probabilities, series, horizon): ascending, the point among them, within what the panel allows.

    Args:
        panel: says whether values are whole and not negative.
        point: (series, horizon)
        distances: (probabilities, series, horizon)
        probabilities: ascending.
        width: (series,) factor of the distances.
    """
    levels = np.asarray(probabilities)[:, None, None]
    found = point + width[:, None] * distances
    found = np.where(levels < 0.5, np.minimum(found, point), np.where(levels > 0.5, np.maximum(found, point), found))
    if panel.whole_numbers:
        # To the nearest, not outward: outward, no interval of a series of small numbers covers as little as 90 %.
        found = np.rint(found)
    if panel.non_negative:
        found = np.maximum(found, 0.0)
    return np.maximum.accumulate(found, axis=0)


@dataclass(frozen=True)
class Calibration:
    """What intervals covered at origins that they had not learnt from."""

    factor: FloatArray
    """(series,) What distances are multiplied by."""
    coverage_80: FloatArray
    coverage_90: FloatArray
    interval_score: FloatArray


_BOUNDS = (0.05, 0.1, 0.9, 0.95)


def calibrate(panel: Panel, residuals: Residuals, points: FloatArray) -> Calibration:
    """Finds the factor per segment, leaving one origin out at a time.

    Args:
        panel: the series.
        residuals: of `points`.
        points: (origins, series, horizon) the forecasts that the residuals are of.
    """
    origins, series, _ = residuals.values.shape
    nothing = np.full(series, np.nan)
    if origins < 2:
        return Calibration(np.ones(series), nothing, nothing, nothing)
    distances = [
        offsets(Residuals(np.delete(residuals.values, place, axis=0), residuals.segment, residuals.otherwise), _BOUNDS)
        for place in range(origins)
    ]
    factor = _factors(panel, residuals, points, distances)
    scored = np.isfinite(residuals.values)
    inside_80, inside_90, penalty = np.zeros(series), np.zeros(series), np.zeros(series)
    for place in range(origins):
        bounds = spread_around(panel, points[place], distances[place], _BOUNDS, factor)
        actual, known = points[place] + residuals.values[place], scored[place]
        inside_80 += (known & _within(actual, bounds[1], bounds[2])).sum(axis=1)
        inside_90 += (known & _within(actual, bounds[0], bounds[3])).sum(axis=1)
        outside = np.maximum(bounds[0] - actual, 0.0) + np.maximum(actual - bounds[3], 0.0)
        penalty += np.where(known, bounds[3] - bounds[0] + 20.0 * outside, 0.0).sum(axis=1)
    count = scored.sum(axis=(0, 2)).astype(np.float64)
    return Calibration(factor, share(inside_80, count), share(inside_90, count), share(penalty, count))


_STUDENT = (6.31, 2.92, 2.35, 2.13, 2.02, 1.94)
"""95 % quantiles of Student's t with 1 to 6 degrees of freedom."""


def overlap_factor(origins: Sequence[int], horizon: int) -> float:
    """How much wider intervals have to be because origins lie closer together than a horizon.

    Their errors are then much the same: there are as many independent ones as horizons fit between first and last.
    """
    if len(origins) < 2:
        return _STUDENT[0] / _STUDENT[-1]
    apart = 1.0 + (origins[-1] - origins[0]) / horizon
    degrees = np.arange(1.0, len(_STUDENT) + 1)
    found, wanted = np.interp([min(apart, len(origins)), len(origins)], degrees, _STUDENT)
    return float(found / wanted)


def _within(actual: FloatArray, lower: FloatArray, upper: FloatArray) -> BoolArray:
    slack = _TOLERANCE * (1.0 + np.abs(actual))
    inside: BoolArray = (actual >= lower - slack) & (actual <= upper + slack)
    return inside


def _factors(panel: Panel, residuals: Residuals, points: FloatArray, distances: Sequence[FloatArray]) -> FloatArray:
    """(series,) The smallest factor at which a segment's series with any error are covered 90 % of the time."""
    series = len(residuals.segment)
    varies = (np.where(np.isfinite(residuals.values), np.abs(residuals.values), 0.0).sum(axis=(0, 2)) > 0)[:, None]
    segments, place_of = np.unique(residuals.segment, return_inverse=True)
    chosen = np.full(len(segments), _FACTORS[-1])
    open_ones = np.ones(len(segments), dtype=bool)
    for factor in _FACTORS:
        inside, count = np.zeros(series), np.zeros(series)
        for place, distance in enumerate(distances):
            outer = distance[[0, 3]]
            bounds = spread_around(panel, points[place], outer, (0.05, 0.95), np.full(series, factor))
            known = np.isfinite(residuals.values[place]) & varies
            inside += (known & _within(points[place] + residuals.values[place], bounds[0], bounds[1])).sum(axis=1)
            count += known.sum(axis=1)
        total: FloatArray = np.bincount(place_of, weights=count).astype(np.float64)
        covered = share(np.bincount(place_of, weights=inside).astype(np.float64), total, 0.0)
        chosen = np.where(open_ones & (covered >= 0.9), factor, chosen)
        open_ones &= covered < 0.9
        if not open_ones.any():
            break
    seen = np.bincount(place_of, weights=(varies[:, 0] & np.isfinite(residuals.values).any(axis=(0, 2))).astype(float))
    return np.where(seen > 0, chosen, 1.0)[place_of]


def adapted_width(
    width: FloatArray, missed: FloatArray, level: IntArray, *, wanted: float = 0.1, rate: float = 0.05
) -> FloatArray:
    """The next factor of each series' intervals, after `missed` of a period's forecasts were outside.

    Adaptive conformal inference (Gibbs and Candès 2021) on the logarithm of the width: wider after more misses than
    wanted, narrower after fewer, so that the share of misses tends to `wanted` whatever the errors look like. What
    moves a whole level, such as a season that begins, is seen in all of its series at once, months before each of them
    shows it: all series of a level take a step by the level's share, and each a small one by its own.

    Args:
        width: (series,) the factor in force, 1 at first.
        missed: (series,) share of the forecasts of the period that were outside, 0 to 1; NaN where none was scored.
        level: (series,) a number per level.
        wanted: share that the interval may miss: 0.1 for one of 90 %.
        rate: how fast, for one period scored at a time.
    """
    scored = np.isfinite(missed)
    excess = np.where(scored, missed - wanted, 0.0)
    count = np.bincount(level, weights=scored).astype(np.float64)
    shared = _LEVEL_RATE * share(np.bincount(level, weights=excess).astype(np.float64), count + _LEVEL_PRIOR, 0.0)
    return np.clip(width * np.exp(rate * excess + shared[level]), _NARROWEST, _WIDEST)
