"""The Theta method: half of the linear trend, on simple smoothing of what the season leaves.

Assimakopoulos and Nikolopoulos (2000), as smoothing with drift after Hyndman and Billah (2003).
"""

from collections.abc import Sequence

import numpy as np

from logistics_pipeline.forecasting.arrays import first_periods, known_mean, share
from logistics_pipeline.forecasting.panel import BoolArray, FloatArray, IntArray

_BLOCK = 512
_ALPHAS = np.array([0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.95])


def theta(values: FloatArray, season: int, origins: Sequence[int], horizon: int, *, trend: float = 0.5) -> FloatArray:
    """The season is divided out where all values are positive, subtracted elsewhere."""
    found = np.full((len(origins), len(values), horizon), np.nan)
    for start in range(0, len(values), _BLOCK):
        rows = slice(start, start + _BLOCK)
        for place, at in enumerate(origins):
            found[place, rows] = _forecast(values[rows, :at], season, horizon, trend)
    return found


def _forecast(block: FloatArray, season: int, horizon: int, trend: float) -> FloatArray:
    periods = block.shape[1]
    known = np.isfinite(block)
    positive = (np.where(known, block, np.inf).min(axis=1) > 0)[:, None]
    index = _season_index(block, known, positive, season)
    phase = np.arange(periods) % season
    factor = np.exp(np.where(positive, index, 0.0))
    adjusted = np.where(positive, block / factor[:, phase], block - index[:, phase])
    first = first_periods(block)
    number = np.maximum(known.sum(axis=1), 1)
    level, alpha = _simple_smoothing(adjusted, known, first)
    remaining = (1.0 - (1.0 - alpha) ** number) / alpha
    slope = _slope(adjusted, known, first)
    line = level[:, None] + trend * slope[:, None] * (np.arange(horizon)[None, :] + remaining[:, None])
    ahead = (periods + np.arange(horizon)) % season
    forecast = np.where(positive, line * factor[:, ahead], line + index[:, ahead])
    enough = periods - first >= max(2 * season, 3)
    return np.where(enough[:, None], forecast, np.nan)


def _slope(adjusted: FloatArray, known: BoolArray, first: IntArray) -> FloatArray:
    """(series,) Of the straight line through what is known, by least squares."""
    number = np.maximum(known.sum(axis=1), 1)
    clock = np.where(known, np.arange(adjusted.shape[1])[None, :] - first[:, None], 0.0)
    filled = np.where(known, adjusted, 0.0)
    middle = clock.sum(axis=1) / number
    spread = (clock**2).sum(axis=1) - number * middle**2
    together = (clock * filled).sum(axis=1) - middle * filled.sum(axis=1)
    return share(together, np.maximum(spread, 0.0), 0.0)


def _simple_smoothing(adjusted: FloatArray, known: BoolArray, first: IntArray) -> tuple[FloatArray, FloatArray]:
    """Level at the end, and the factor with the lowest squared one-step errors, both (series,)."""
    alphas = _ALPHAS[:, None]
    complete: BoolArray = np.all(known, axis=0)
    filled = np.where(known, adjusted, 0.0).T.copy()
    mask = known.T.astype(np.float64)
    start = filled[np.minimum(first, len(filled) - 1), np.arange(len(adjusted))]
    level = np.broadcast_to(start, (len(alphas), len(adjusted))).copy()
    errors = np.zeros_like(level)
    for period in range(len(filled)):
        error = filled[period] - level
        if not complete[period]:
            error *= mask[period]
        level += alphas * error
        error *= error
        errors += error
    best = errors.argmin(axis=0)
    return level[best, np.arange(len(adjusted))], _ALPHAS[best]


def _season_index(block: FloatArray, known: BoolArray, positive: BoolArray, season: int) -> FloatArray:
    """Deviation of each phase (series, season) from a centred moving mean, on logarithms where `positive`."""
    series, periods = block.shape
    if season == 1 or periods < 2 * season:
        return np.zeros((series, season))
    observed = np.where(positive, np.log(np.where(positive & known, block, 1.0)), block)
    centre = _moving_mean(np.where(known, observed, np.nan), season)
    half = season // 2
    deviation = np.where(known, observed, np.nan)[:, half : half + centre.shape[1]] - centre
    phases = (half + np.arange(centre.shape[1])) % season
    index = np.stack([known_mean(deviation[:, phases == phase], axis=1) for phase in range(season)], axis=1)
    index = np.where(np.isfinite(index), index, 0.0)
    centred: FloatArray = index - index.mean(axis=1, keepdims=True)
    return centred


def _moving_mean(observed: FloatArray, season: int) -> FloatArray:
    """Over one season around each period, ends of an even season counted half; NaN where a period is unknown."""
    zero = np.zeros((len(observed), 1))
    known = np.isfinite(observed)
    sums = np.concatenate([zero, np.cumsum(np.where(known, observed, 0.0), axis=1)], axis=1)
    counts = np.concatenate([zero, np.cumsum(known, axis=1)], axis=1)
    total, number = sums[:, season:] - sums[:, :-season], counts[:, season:] - counts[:, :-season]
    if season % 2 == 0:
        total = (total[:, :-1] + total[:, 1:]) / 2
        number = (number[:, :-1] + number[:, 1:]) / 2
    return np.where(number == season, total / season, np.nan)
