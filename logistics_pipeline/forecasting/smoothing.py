"""Methods that go through history once, for all series, parameters and origins together.

States are (parameters, series) in blocks of series that fit into a core's cache. At each origin every series takes the
parameters with the lowest one-step errors so far, so one pass answers all origins of a back-test.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from logistics_pipeline.forecasting.arrays import first_periods, known_mean
from logistics_pipeline.forecasting.panel import BoolArray, FloatArray, IntArray

_BLOCK = 512
_LARGEST_LOGARITHM = 700.0

Factors = Sequence[tuple[float, float, float, float]]
"""Of level, trend and season, and the damping of the trend."""

_SEASONAL: Factors = [(a, 0.0, g, 1.0) for a, g in product((0.05, 0.1, 0.2, 0.35, 0.6), (0.02, 0.1, 0.3))]
_DAMPED: Factors = [
    (a, b * a, g, d) for a, b, g, d in product((0.1, 0.3, 0.6, 0.9), (0.05, 0.25), (0.02, 0.2), (0.9, 0.98))
]
_LEVEL: Factors = [(a, 0.0, 0.0, 1.0) for a in (0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 0.9)]
_INTERMITTENT = np.array(list(product((0.02, 0.05, 0.1, 0.2), (0.05, 0.2))))


def seasonal_smoothing(values: FloatArray, season: int, origins: Sequence[int], horizon: int) -> FloatArray:
    """Exponential smoothing of level and season: ETS(A,N,A) of Hyndman and others (2008).

    Where all values are positive, on their logarithms if that has lower one-step errors: the season then grows with
    the level.
    """
    return _smoothing(values, season, origins, horizon, _SEASONAL)


def damped_smoothing(values: FloatArray, season: int, origins: Sequence[int], horizon: int) -> FloatArray:
    """Exponential smoothing of level, damped trend and season: ETS(A,Ad,A), on logarithms where that is better."""
    return _smoothing(values, season, origins, horizon, _DAMPED)


def level_smoothing(values: FloatArray, season: int, origins: Sequence[int], horizon: int) -> FloatArray:
    """Exponential smoothing of the level alone, for series whose season is noise or not yet known."""
    return _smoothing(values, 1, origins, horizon, _LEVEL)


def intermittent(values: FloatArray, season: int, origins: Sequence[int], horizon: int) -> FloatArray:
    """Probability of any activity times its size, both smoothed: Teunter, Syntetos and Babai (2011)."""
    found = np.full((len(origins), len(values), horizon), np.nan)
    for rows in _blocks(len(values)):
        found[:, rows] = _probability_times_size(values[rows], origins)[:, :, None]
    return found


def _blocks(series: int) -> Iterator[slice]:
    return (slice(start, min(start + _BLOCK, series)) for start in range(0, series, _BLOCK))


def _smoothing(values: FloatArray, season: int, origins: Sequence[int], horizon: int, factors: Factors) -> FloatArray:
    found = np.full((len(origins), len(values), horizon), np.nan)
    table = np.array(factors)
    for rows in _blocks(len(values)):
        block = values[rows]
        forecasts, errors = _Recursion(block, season, table).run(origins, horizon)
        positive = np.flatnonzero(np.where(np.isfinite(block), block, np.inf).min(axis=1, initial=np.inf) > 0)
        if len(positive):
            logarithms, log_errors = _Recursion(block[positive], season, table, logarithms=True).run(origins, horizon)
            better = (log_errors < errors[:, positive])[:, :, None]
            forecasts[:, positive] = np.where(better, logarithms, forecasts[:, positive])
        found[:, rows] = forecasts
    return found


class _Recursion:
    """Holt and Winters in error-correction form."""

    def __init__(self, block: FloatArray, season: int, factors: FloatArray, *, logarithms: bool = False) -> None:
        self.season, self.factors, self.logarithms = season, factors, logarithms
        observed = np.log(block) if logarithms else block
        known = np.isfinite(observed)
        self.known = known.T.astype(np.float64)
        self.complete: BoolArray = np.all(known, axis=0)
        self.observed = np.where(known, observed, 0.0).T.copy()
        self.actual = np.where(known, block, 0.0).T.copy() if logarithms else self.observed
        self.first = first_periods(block)
        shape = (len(factors), len(block))
        level, deviations = _first_states(observed, season, self.first)
        self.level = np.broadcast_to(level, shape).copy()
        self.trend = np.zeros(shape)
        self.seasonal = np.broadcast_to(deviations[:, None, :], (season, *shape)).copy()
        self.errors = np.zeros(shape)

    def run(self, origins: Sequence[int], horizon: int) -> tuple[FloatArray, FloatArray]:
        """Forecasts (origins, series, horizon), and the errors (origins, series) of their parameters."""
        forecasts = np.full((len(origins), self.level.shape[1], horizon), np.nan)
        errors = np.full(forecasts.shape[:2], np.inf)
        since = 0
        for place, at in enumerate(origins):
            self._learn(since, at)
            since = at
            best = self.errors.argmin(axis=0)
            enough = at - self.first >= max(2 * self.season, 3)
            forecasts[place] = np.where(enough[:, None], self._forecast(at, horizon, best), np.nan)
            errors[place] = self.errors[best, np.arange(len(best))]
        return forecasts, errors

    def _learn(self, since: int, until: int) -> None:
        alpha, beta, gamma, damping = (self.factors[:, place, None] for place in range(4))
        season_gain, has_trend = gamma * (1.0 - alpha), bool(beta.any())
        level, trend, errors = self.level, self.trend, self.errors
        for period in range(since, until):
            seasonal = self.seasonal[period % self.season]
            if has_trend:
                trend *= damping
                level += trend
            error = level + seasonal
            if self.logarithms:
                miss = np.exp(np.minimum(error, _LARGEST_LOGARITHM))
                miss -= self.actual[period]
            np.subtract(self.observed[period], error, out=error)
            if not self.complete[period]:
                error *= self.known[period]
                if self.logarithms:
                    miss *= self.known[period]
            errors += np.abs(miss if self.logarithms else error)
            if has_trend:
                trend += beta * error
            seasonal += season_gain * error
            error *= alpha
            level += error

    def _forecast(self, at: int, horizon: int, best: IntArray) -> FloatArray:
        columns = np.arange(len(best))
        damping = self.factors[best, 3][:, None]
        steps = np.cumsum(damping ** np.arange(1, horizon + 1), axis=1)
        phases = (at + np.arange(horizon)) % self.season
        forecast: FloatArray = self.level[best, columns][:, None] + self.trend[best, columns][:, None] * steps
        forecast += self.seasonal[phases[None, :], best[:, None], columns[:, None]]
        return np.exp(np.minimum(forecast, _LARGEST_LOGARITHM)) if self.logarithms else forecast


def _first_states(observed: FloatArray, season: int, first: IntArray) -> tuple[FloatArray, FloatArray]:
    """Level (series,) and deviations of the phases (season, series) in a series' first two seasons."""
    periods = observed.shape[1]
    at = first[:, None] + np.arange(2 * season)
    early = np.take_along_axis(observed, np.minimum(at, periods - 1), axis=1)
    early = np.where(at < periods, early, np.nan)
    level = known_mean(early, axis=1)
    level = np.where(np.isfinite(level), level, 0.0)
    by_phase = np.full((len(observed), 2, season), np.nan)
    by_phase[np.arange(len(observed))[:, None], np.arange(2 * season)[None, :] // season, at % season] = early
    deviations = known_mean(by_phase, axis=1) - level[:, None]
    return level, np.where(np.isfinite(deviations), deviations, 0.0).T.copy()


def _probability_times_size(block: FloatArray, origins: Sequence[int]) -> FloatArray:
    """Answers (origins, series)."""
    known = np.isfinite(block).T.copy()
    filled = np.where(known, block.T, 0.0)
    active = filled != 0
    chance_factor, size_factor = _INTERMITTENT[:, 0, None], _INTERMITTENT[:, 1, None]
    shape = (len(_INTERMITTENT), len(block))
    chance = np.full(shape, 0.5)
    size = np.zeros(shape)
    errors = np.zeros(shape)
    seen = np.zeros(len(block), dtype=bool)
    found = np.full((len(origins), len(block)), np.nan)
    since = 0
    for place, at in enumerate(origins):
        for period in range(since, at):
            here, now, actual = known[period], active[period], filled[period]
            errors += np.where(here, np.square(actual - chance * size), 0.0)
            chance += chance_factor * np.where(here, now - chance, 0.0)
            size += np.where(now, np.where(seen, size_factor, 1.0) * (actual - size), 0.0)
            seen |= now
        since = at
        best = errors.argmin(axis=0)
        found[place] = (chance * size)[best, np.arange(len(block))]
        found[place, ~known[:at].any(axis=0)] = np.nan
    return found
