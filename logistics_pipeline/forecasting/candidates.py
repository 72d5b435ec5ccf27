"""What the choice is made from: methods, their combinations, and both rounded where only whole numbers occur.

Combinations of plain methods beat most of their parts (Makridakis and others 2020, on the M4 competition), and rounding
is what a series that is 2 nearly every day asks for: a forecast of 1.97 is wrong on all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from logistics_pipeline.forecasting import methods, smoothing
from logistics_pipeline.forecasting.panel import FloatArray, Panel
from logistics_pipeline.forecasting.special_days import without_special_days
from logistics_pipeline.forecasting.theta import theta

_PARTS: dict[str, methods.Method] = {
    "seasonal naive": methods.seasonal_naive,
    "median of three seasons": methods.median_of_seasons,
    "median of five seasons": partial(methods.median_of_seasons, seasons=5),
    "profile times level": methods.profile_times_level,
    "mean since the last shift": methods.mean_since_shift,
    "seasonal smoothing": smoothing.seasonal_smoothing,
    "damped trend": smoothing.damped_smoothing,
    "theta": theta,
    "theta with most of the trend": partial(theta, trend=0.9),
    "smoothing without season": smoothing.level_smoothing,
    "intermittent demand": smoothing.intermittent,
}
_WITHOUT_ODD = "seasonal naive without odd days"
_YEAR_AGO = "seasonal smoothing with last year's course"
PART_NAMES = (*_PARTS, _WITHOUT_ODD, _YEAR_AGO)
_NAIVE, _MEDIAN, _SMOOTHING, _DAMPED, _THETA = (
    PART_NAMES.index(name)
    for name in ("seasonal naive", "median of three seasons", "seasonal smoothing", "damped trend", "theta")
)

_BLOCK = 1024

Combine = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Candidate:
    """A way to forecast: `parts` combined, first axis."""

    name: str
    parts: tuple[int, ...]
    combine: Combine
    rounded: bool = False


def _first(parts: FloatArray) -> FloatArray:
    only: FloatArray = parts[0]
    return only


def _median(parts: FloatArray) -> FloatArray:
    ordered = np.sort(parts, axis=0)
    middle = len(parts) // 2
    found: FloatArray = ordered[middle] if len(parts) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return found


def _mean(parts: FloatArray) -> FloatArray:
    found: FloatArray = parts.sum(axis=0) / len(parts)
    return found


_TRENDS = (_SMOOTHING, _THETA, _DAMPED)
_COMBINATIONS = [
    ("median of naive, three seasons and smoothing", (_NAIVE, _MEDIAN, _SMOOTHING), _median),
    ("median of naive, three seasons, smoothing and theta", (_NAIVE, _MEDIAN, _SMOOTHING, _THETA), _median),
    ("median of naive, three seasons, smoothing, theta and trend", (_NAIVE, _MEDIAN, *_TRENDS), _median),
    ("mean of smoothing, theta and trend", _TRENDS, _mean),
    ("mean of naive and theta", (_NAIVE, _THETA), _mean),
    ("mean of naive and trend", (_NAIVE, _DAMPED), _mean),
    ("mean of naive and smoothing", (_NAIVE, _SMOOTHING), _mean),
    ("half naive, half smoothing, theta and trend", (_NAIVE, _NAIVE, _NAIVE, *_TRENDS), _mean),
]
_NOT_ROUNDED = {"seasonal naive", _WITHOUT_ODD, _YEAR_AGO}
_SINGLE = [Candidate(name, (place,), _first) for place, name in enumerate(PART_NAMES)]
_COMBINED = [Candidate(name, parts, combine) for name, parts, combine in _COMBINATIONS]
_PLAIN = (*_SINGLE, *_COMBINED)
_ROUNDED = tuple(
    Candidate(f"{each.name}, rounded", each.parts, each.combine, rounded=True)
    for each in _PLAIN
    if each.name not in _NOT_ROUNDED
)

NAIVE = _NAIVE
WITHOUT_ODD = PART_NAMES.index(_WITHOUT_ODD)


def candidates(panel: Panel) -> tuple[Candidate, ...]:
    """Seasonal naive first. Where special days are known, it repeats no such day in combinations."""
    choices = (*_PLAIN, *_ROUNDED) if panel.whole_numbers else _PLAIN
    if panel.special is None:
        return choices
    return tuple(_with_ordinary_naive(each) if len(each.parts) > 1 else each for each in choices)


def _with_ordinary_naive(candidate: Candidate) -> Candidate:
    return replace(candidate, parts=tuple(WITHOUT_ODD if part == NAIVE else part for part in candidate.parts))


def plain_of(choices: Sequence[Candidate]) -> list[int]:
    """Per candidate, the position of the one that is the same but for rounding; its own where it is not rounded."""
    names = {each.name: place for place, each in enumerate(choices)}
    return [names[each.name.removesuffix(", rounded")] for each in choices]


def forecast_parts(panel: Panel, values: FloatArray, origins: Sequence[int], horizon: int) -> FloatArray:
    """All methods: (parts, origins, series, horizon). Where a method cannot tell, seasonal naive stands in for it.

    Where special days are known, all but seasonal naive forecast ordinary days, and special ones by their effect. Goes
    through blocks of series, so that what methods hold besides their answer stays small.
    """
    found = np.empty((len(PART_NAMES), len(origins), len(values), horizon))
    ordinary = without_special_days(panel, values, tuple(origins), horizon)
    whole = _whole(panel, ordinary.values)
    for start in range(0, len(values), _BLOCK):
        rows = slice(start, start + _BLOCK)
        found[:, :, rows] = _parts_of_block(panel, ordinary.values[rows], origins, horizon, whole)
    if panel.special is not None:
        if ordinary.effects is not None:
            found *= ordinary.effects
        found[_NAIVE] = methods.seasonal_naive(values, panel.season, origins, horizon)
    return found


def _parts_of_block(
    panel: Panel, block: FloatArray, origins: Sequence[int], horizon: int, whole: FloatArray | None
) -> FloatArray:
    found = np.empty((len(PART_NAMES), len(origins), len(block), horizon))
    for place, method in enumerate(_PARTS.values()):
        found[place] = method(block, panel.season, origins, horizon)
    naive, smoothed = found[_NAIVE], found[_SMOOTHING]
    found[WITHOUT_ODD] = naive
    if whole is not None:
        found[WITHOUT_ODD] = methods.naive_without_odd_days(block, panel.season, origins, horizon, whole)
    found[-1] = methods.year_ago(block, panel.season, origins, horizon, smoothed)
    for place, at in enumerate(origins):
        low = np.fmin.reduce(block[:, :at], axis=1)[:, None]
        high = np.fmax.reduce(block[:, :at], axis=1)[:, None]
        reach = high - low
        for each in found[:, place]:
            np.copyto(each, naive[place], where=~np.isfinite(each))
            np.clip(each, low - reach, high + reach, out=each)
    return np.maximum(found, 0.0, out=found) if panel.non_negative else found


def _whole(panel: Panel, values: FloatArray) -> FloatArray | None:
    """(periods,) What the panel adds up to; None where series are not parts of one thing."""
    if not panel.additive or len(panel.levels) < 2:
        return None
    finest = values[panel.levels[-1].rows]
    total: FloatArray = np.where(np.isfinite(finest), finest, 0.0).sum(axis=0)
    return total


def combine(candidate: Candidate, parts: FloatArray) -> FloatArray:
    """A candidate's forecasts from those of all parts, the first axis of which is gone in the answer."""
    found = candidate.combine(parts[list(candidate.parts)])
    return np.rint(found) if candidate.rounded else found
