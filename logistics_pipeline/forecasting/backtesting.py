"""Forecasts from earlier origins, and what they were wrong by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from logistics_pipeline.forecasting.arrays import first_periods
from logistics_pipeline.forecasting.candidates import Candidate, combine, plain_of
from logistics_pipeline.forecasting.panel import BoolArray, FloatArray, IntArray

_BLOCK = 1024
_BIAS = 0.05
"""Of the actuals: what rounding may add to a series' bias."""


def place_origins(values: FloatArray, season: int, horizon: int, origins: int) -> tuple[int, ...]:
    """How many periods are known at each origin, ascending.

    The last leaves one horizon to be scored; the others are one horizon apart, or closer where the median series would
    otherwise have less than three seasons before the first (two where there is no room for three).
    """
    periods = values.shape[1]
    length = int(np.median(periods - first_periods(values)))
    least = max(3 * season, 4)
    if length - horizon < least:
        least = max(2 * season, 3)
    step = int(np.clip((length - horizon - least) // max(origins - 1, 1), 1, horizon))
    placed = (periods - horizon - step * back for back in range(origins - 1, -1, -1))
    return tuple(each for each in placed if each >= max(season, 2))


@dataclass(frozen=True)
class Trial:
    """All candidates at all origins, summed up."""

    origins: tuple[int, ...]
    horizon: int
    actual: FloatArray
    """(origins, series, horizon) NaN where not scored: unknown, or within two seasons of the first period."""
    errors: FloatArray
    """(candidates, series, origins) Sums of absolute errors."""
    signed: FloatArray
    """(candidates, series) Sums of errors, forecast minus actual."""
    squared: FloatArray
    """(candidates, series)"""
    biased: BoolArray
    """(candidates, series) Rounding adds more bias than it may."""

    @property
    def counts(self) -> FloatArray:
        """(series, origins) Periods scored."""
        counts: FloatArray = np.isfinite(self.actual).sum(axis=2).T.astype(np.float64)
        return counts

    def usable(self, place: int) -> list[int]:
        """The origins whose errors were known at the one at `place`; all others where none were."""
        known = [other for other, at in enumerate(self.origins) if at + self.horizon <= self.origins[place]]
        return known or [other for other in range(len(self.origins)) if other != place] or [place]


def scored_actuals(values: FloatArray, season: int, origins: Sequence[int], horizon: int) -> FloatArray:
    """Answers (origins, series, horizon)."""
    first = first_periods(values)
    actual = np.full((len(origins), len(values), horizon), np.nan)
    for place, at in enumerate(origins):
        enough = at - first >= max(2 * season, 3)
        actual[place] = np.where(enough[:, None], values[:, at : at + horizon], np.nan)
    return actual


def try_candidates(
    choices: Sequence[Candidate], parts: FloatArray, actual: FloatArray, origins: tuple[int, ...]
) -> Trial:
    """Scores every candidate at every origin; `parts` has one origin more, the one that is now."""
    series, horizon = actual.shape[1:]
    errors = np.zeros((len(choices), series, len(origins)))
    signed = np.zeros((len(choices), series))
    squared = np.zeros((len(choices), series))
    for rows in blocks(series):
        here = parts[:, :-1, rows]
        truth = actual[:, rows]
        known = np.isfinite(truth)
        for place, candidate in enumerate(choices):
            error = np.where(known, combine(candidate, here) - truth, 0.0)
            signed[place, rows] = error.sum(axis=(0, 2))
            squared[place, rows] = np.square(error).sum(axis=(0, 2))
            errors[place, rows] = np.abs(error).sum(axis=2).T
    activity = np.where(np.isfinite(actual), np.abs(actual), 0.0).sum(axis=(0, 2))
    biased = np.abs(signed) > np.abs(signed[plain_of(choices)]) + _BIAS * activity
    return Trial(origins, horizon, actual, errors, signed, squared, biased)


def blocks(series: int) -> Iterator[slice]:
    """Rows that are worked on at once, so that all candidates of them fit into memory."""
    return (slice(start, min(start + _BLOCK, series)) for start in range(0, series, _BLOCK))


def mean_of_two(choices: Sequence[Candidate], parts: FloatArray, first: IntArray, second: IntArray) -> FloatArray:
    """(origins, series, horizon) Per series the mean of its two candidates, rounded where both are."""
    found = np.zeros(parts.shape[1:])
    for place in np.unique(np.concatenate([first, second])):
        for chosen in (first, second):
            rows = np.flatnonzero(chosen == place)
            for start in range(0, len(rows), _BLOCK):
                some = rows[start : start + _BLOCK]
                found[:, some] += combine(choices[place], parts[:, :, some]) / 2
    rounded = np.array([each.rounded for each in choices])
    whole = rounded[first] & rounded[second]
    found[:, whole] = np.rint(found[:, whole])
    return found
