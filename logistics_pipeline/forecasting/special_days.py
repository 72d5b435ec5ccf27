"""What public holidays and other special days do to a series: they are taken out of the past, and put onto the future.

Methods see a past in which each special day has the value that an ordinary day would have had. What special days of a
kind were in relation to that, their *effect*, multiplies the forecasts of such days. Effects are learnt from few days:
that of a series is shrunk towards that of its level, and that towards what is usual of special days.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from logistics_pipeline.forecasting.arrays import known_mean, known_median, share
from logistics_pipeline.forecasting.panel import FloatArray, IntArray, Panel, SpecialDays

_LOOKED_BACK = 6
"""Seasons in which ordinary days of the same phase are looked for."""
_OWN_PRIOR = 3.0
"""Special days of a kind that the effect of the level counts as, for a series."""
_LEVEL_PRIOR = 0.5
"""Special days of a kind that what is usual of special days counts as, for a level."""
_HIGHEST_EFFECT = 5.0


@dataclass(frozen=True)
class Ordinary:
    """Series without their special days."""

    values: FloatArray
    """(series, periods)"""
    effects: FloatArray | None
    """(origins, series, horizon) What forecasts of the ordinary values are multiplied by; None where all are 1."""


def without_special_days(panel: Panel, values: FloatArray, origins: tuple[int, ...], horizon: int) -> Ordinary:
    """The past as if no day had been special, and what special days to come are in relation to ordinary ones.

    Nothing that comes after an origin enters its effects.

    Args:
        panel: the series, with the special days among their periods and those of the horizon.
        values: (series, periods) of the panel, prepared.
        origins: how many periods are known, ascending.
        horizon: how many periods are forecast.
    """
    special = panel.special
    if special is None:
        return Ordinary(values, None)
    kinds = _aligned(special.kinds, values.shape[1] - panel.values.shape[1])
    places = np.flatnonzero(kinds[: values.shape[1]])
    usual = _usual(values, panel.season, kinds, places)
    ordinary = values.copy()
    ordinary[:, places] = np.where(np.isfinite(usual) & np.isfinite(values[:, places]), usual, values[:, places])
    if not panel.non_negative:  # a ratio says nothing of values around zero
        return Ordinary(ordinary, None)
    seen = np.where(np.isfinite(usual), values[:, places], np.nan)
    effects = np.ones((len(origins), len(values), horizon))
    for number, at in enumerate(origins):
        ahead = kinds[at : at + horizon]
        known = places < at
        if ahead.any() and known.any():
            by_kind = _effects(panel, special, kinds[places[known]], seen[:, known], usual[:, known])
            effects[number] = by_kind[:, ahead]
    return Ordinary(ordinary, effects)


def _aligned(kinds: IntArray, added: int) -> IntArray:
    """Kinds for values that were made longer at their beginning."""
    return np.concatenate([np.zeros(max(added, 0), dtype=np.int64), kinds])


def _usual(values: FloatArray, season: int, kinds: IntArray, places: IntArray) -> FloatArray:
    """(series, places) The median of the ordinary days of the same phase before; NaN where there is none."""
    before = np.full((len(places), _LOOKED_BACK, len(values)), np.nan)
    for row, place in enumerate(places):
        for back in range(1, _LOOKED_BACK + 1):
            other = place - back * season
            if other >= 0 and not kinds[other]:
                before[row, back - 1] = values[:, other]
    # The three newest that are ordinary: older ones may be of another level.
    rank = np.cumsum(np.isfinite(before), axis=1)
    newest = np.where(rank <= 3, before, np.nan).transpose(2, 1, 0)
    return known_median(newest)


def _effects(panel: Panel, special: SpecialDays, kinds: IntArray, seen: FloatArray, usual: FloatArray) -> FloatArray:
    """(series, kinds) The first kind, of ordinary days, has the effect 1.

    Args:
        panel: the series.
        special: all kinds.
        kinds: (days,) of the days that were seen.
        seen: (series, days) what they were; NaN where unknown.
        usual: (series, days) what they would have been.
    """
    known = np.isfinite(seen)
    actual, expected = np.where(known, seen, 0.0), np.where(known, usual, 0.0)
    effects = np.ones((len(seen), len(special.names)))
    day = known_mean(np.where(known, usual, np.nan), axis=1)
    day = np.where(np.isfinite(day), day, 0.0)
    for level in panel.levels:
        rows = level.rows
        sums = {
            kind: (actual[rows][:, kinds == kind], expected[rows][:, kinds == kind])
            for kind in range(1, len(special.names))
        }
        of_all = _effect_of_all(sums.values())
        prior = _OWN_PRIOR * day[rows]
        for kind, (own, own_usual) in sums.items():
            of_level = _shrunk(own.sum(), own_usual.sum(), of_all, _LEVEL_PRIOR * float(day[rows].sum()))
            effects[rows, kind] = share(own.sum(axis=1) + prior * of_level, own_usual.sum(axis=1) + prior, of_level)
    return np.clip(effects, 0.0, _HIGHEST_EFFECT)


def _effect_of_all(sums: Iterable[tuple[FloatArray, FloatArray]]) -> float:
    """What to expect of a kind that was never seen: the median of the others and of no effect.

    Where a country closes on all holidays, they agree; where each is another thing, the median is near 1.
    """
    seen = [float(actual.sum() / expected.sum()) for actual, expected in sums if expected.sum() > 0]
    return float(np.median([1.0, *seen]))


def _shrunk(actual: float, expected: float, towards: float, weight: float) -> float:
    return (actual + weight * towards) / (expected + weight) if expected + weight > 0 else towards
