"""Methods of forecasting that look at the last seasons, and the list of all methods.

Every method takes values (series, periods), NaN where unknown, the periods in a season, the origins (how many periods
are known at each, ascending) and the horizon. It answers (origins, series, horizon), NaN where a series is too short
for it. What comes after an origin does not enter its forecasts: `tests/forecasting/test_methods.py` holds them to that.

`smoothing` and `theta` have the methods that go through all of history.
"""

from collections.abc import Callable, Sequence

import numpy as np

from logistics_pipeline.forecasting.arrays import first_periods, known_mean, known_median
from logistics_pipeline.forecasting.panel import BoolArray, FloatArray, IntArray

Origins = Sequence[int]
Method = Callable[[FloatArray, int, Origins, int], FloatArray]

_YEAR = 364
"""Days of a year in whole weeks."""
_YEAR_LEVEL = 28
_YEAR_WINDOW = 10
_SHIFT = 4.5
"""Standard errors that the mean has to move for a shift of the level: about 1 in 1,000 in 100 seasons of noise."""
_SHIFTS = 3
_ODD = 5.0
"""Usual changes from season to season that make a phase odd, and the least relative change that does."""
_LEAST_ODD = 0.05


def seasonal_naive(values: FloatArray, season: int, origins: Origins, horizon: int) -> FloatArray:
    """The last season, again and again.

    A phase that is unknown in the last season has its value of the newest season that has one; one that never had any
    has the mean of the series.
    """
    carried = _carry(values, season)
    return np.stack([_repeat(_last_season(carried[:, :at], season), horizon) for at in origins])


def naive_without_odd_days(
    values: FloatArray, season: int, origins: Origins, horizon: int, whole: FloatArray
) -> FloatArray:
    """Seasonal naive, but phases in which the *whole* panel was odd in the last season are the median of those before.

    A public holiday in the last week says nothing of the weeks to come. A phase is odd when the whole differs from the
    same phase of the season before and of the median of three, more than it usually does, and the days after it in the
    season do not differ alike: a new level is not odd.

    Args:
        values: (series, periods)
        season: periods in a season.
        origins: how many periods are known.
        horizon: how many to forecast.
        whole: (periods,) what the panel adds up to.
    """
    found = seasonal_naive(values, season, origins, horizon)
    if season == 1:
        return found
    for place, at in enumerate(origins):
        odd = _odd_phases(whole[:at], season)
        if odd.any():
            found[place] = _repeat(_replace_odd(values[:, :at], season, odd), horizon)
    return found


def _replace_odd(history: FloatArray, season: int, odd: IntArray) -> FloatArray:
    """The last season (series, season), odd phases replaced in series that moved the way that the whole did."""
    last = _last_season(_carry(history, season), season)
    seasons = _seasons(history, season, 4)
    before = known_median(seasons[:, :-1])
    moved = (np.sign(last - before) == odd) & (np.sign(last - seasons[:, -2]) == odd)
    return np.where(moved & (odd != 0), before, last)


def _odd_phases(whole: FloatArray, season: int) -> IntArray:
    """(season,) 1 for phases that were oddly high in the last season, -1 for oddly low ones, 0 for the others."""
    periods = len(whole)
    odd = np.zeros(season, dtype=np.int64)
    if periods < 8 * season:
        return odd
    newest = whole[3 * season :]
    before = np.median([whole[(3 - back) * season : periods - back * season] for back in (1, 2, 3)], axis=0)
    change = _relative(newest, before)
    change_to_last = _relative(newest, whole[2 * season : periods - season])
    past = change[:-season][-26 * season :]
    usual = max(_ODD * 1.4826 * float(np.median(np.abs(past))), _LEAST_ODD)
    recent, recent_to_last = change[-season:], change_to_last[-season:]
    for phase in range(season):
        after = recent[phase + 1 :]
        level = float(np.median(after if len(after) >= 2 else recent))
        differs = abs(recent[phase]) > usual and abs(recent_to_last[phase]) > usual
        if differs and abs(recent[phase] - level) > usual:
            odd[phase] = np.sign(recent[phase])
    return odd


def _relative(now: FloatArray, before: FloatArray) -> FloatArray:
    return np.divide(now - before, before, out=np.zeros_like(now), where=before > 0)


def median_of_seasons(
    values: FloatArray, season: int, origins: Origins, horizon: int, *, seasons: int = 3
) -> FloatArray:
    """The median of each phase over the last seasons: one odd week does not repeat itself."""
    return np.stack(
        [_repeat(known_median(_seasons(values[:, :at], season, seasons)), horizon) for at in origins],
    )


def profile_times_level(values: FloatArray, season: int, origins: Origins, horizon: int) -> FloatArray:
    """Mean share of each phase over eight seasons, times the mean of the last two seasons."""
    found = []
    for at in origins:
        last = _seasons(values[:, :at], season, 8)
        profile = known_mean(last, axis=1)
        level = known_mean(profile, axis=1)[:, None]
        newest = known_mean(last[:, -2:].reshape(len(last), -1), axis=1)[:, None]
        scale = np.divide(newest, level, out=np.ones_like(level), where=level > 0)
        found.append(_repeat(profile * scale, horizon))
    return np.stack(found)


def mean_since_shift(values: FloatArray, season: int, origins: Origins, horizon: int) -> FloatArray:
    """Mean of each phase since the level of the series last shifted: what was before is not used."""
    return np.stack([_repeat(_phase_means_since_shift(values[:, :at], season), horizon) for at in origins])


def _phase_means_since_shift(history: FloatArray, season: int) -> FloatArray:
    """Answers (series, season)."""
    number = history.shape[1] // season
    if number == 0:
        return np.full((len(history), season), np.nan)
    seasons = _seasons(history, season, number)
    since = last_shifts(known_mean(seasons, axis=2))
    used = np.arange(number)[None, :] >= since[:, None]
    return known_mean(np.where(used[:, :, None], seasons, np.nan), axis=1)


def last_shifts(means: FloatArray) -> FloatArray:
    """(series,) The season from which on the level is the newest one: 0 where it never shifted.

    Splits at the season with the largest t statistic between before and after, and splits what is after it again.
    """
    series, number = means.shape
    known = np.isfinite(means)
    start = np.where(known.any(axis=1), known.argmax(axis=1), 0)
    filled = np.where(known, means, 0.0)
    zero = np.zeros((series, 1))
    counts = np.concatenate([zero, np.cumsum(known, axis=1)], axis=1)
    sums = np.concatenate([zero, np.cumsum(filled, axis=1)], axis=1)
    squares = np.concatenate([zero, np.cumsum(filled**2, axis=1)], axis=1)
    rows, at = np.arange(series), np.arange(number + 1)
    for _ in range(_SHIFTS):
        count, total, square = ((each[rows, start])[:, None] for each in (counts, sums, squares))
        before, after = counts - count, counts[:, -1:] - counts
        possible = (before >= 3) & (after >= 3) & (at[None, :] > start[:, None])
        if not possible.any():
            break
        b, a = np.where(possible, before, 1.0), np.where(possible, after, 1.0)
        mean_before, mean_after = (sums - total) / b, (sums[:, -1:] - sums) / a
        inside = squares[:, -1:] - square - b * mean_before**2 - a * mean_after**2
        error = np.maximum(inside, 0.0) / np.maximum(b + a - 2, 1) * (1 / b + 1 / a)
        gap = (mean_after - mean_before) ** 2
        floor = 1e-12 * (squares[:, -1:] - square)
        statistic = np.where(possible & (gap > floor), gap / np.maximum(error, floor + 1e-300), 0.0)
        best = statistic.argmax(axis=1)
        start = np.where(statistic[rows, best] > _SHIFT**2, best, start)
    return start


def dormant(values: FloatArray, season: int, origins: Origins) -> BoolArray:
    """(origins, series) Series whose zeros at the end are more than a season, and more than they ever had in a row.

    Their averages say what was. Seasonal naive is zero.
    """
    found = np.zeros((len(origins), len(values)), dtype=bool)
    run, longest = np.zeros(len(values)), np.zeros(len(values))
    active = values.T != 0
    since = 0
    for place, at in enumerate(origins):
        for period in range(since, at):
            longest = np.where(active[period], np.maximum(longest, run), longest)
            run = np.where(active[period], 0.0, run + 1.0)
        since = at
        found[place] = (run > season) & (run > longest)
    return found


def year_ago(values: FloatArray, season: int, origins: Origins, horizon: int, base: FloatArray) -> FloatArray:
    """`base` times what a year ago followed a month, relative to that month: days of a week only.

    Known from one year and a month on; what followed is smoothed over three weeks.
    """
    found = np.full_like(base, np.nan)
    if season != 7:
        return found
    zero = np.zeros((len(values), 1))
    known = np.isfinite(values)
    sums = np.concatenate([zero, np.cumsum(np.where(known, values, 0.0), axis=1)], axis=1)
    first = first_periods(values)
    steps = np.arange(horizon)
    for place, at in enumerate(origins):
        if at < _YEAR + _YEAR_LEVEL:
            continue
        level = (sums[:, at - _YEAR] - sums[:, at - _YEAR - _YEAR_LEVEL]) / _YEAR_LEVEL
        low = at + steps - _YEAR - _YEAR_WINDOW
        high = np.minimum(at + steps - _YEAR + _YEAR_WINDOW + 1, at)
        width = high - np.maximum(low, 0)
        followed = (sums[:, np.maximum(high, 1)] - sums[:, np.maximum(low, 0)]) / np.maximum(width, 1)
        ratio = np.divide(followed, level[:, None], out=np.ones_like(followed), where=level[:, None] > 0)
        old_enough = (first <= at - _YEAR - _YEAR_LEVEL) & (horizon <= _YEAR)
        found[place] = np.where(old_enough[:, None], base[place] * np.clip(ratio, 0.2, 5.0), np.nan)
    return found


def _carry(values: FloatArray, season: int) -> FloatArray:
    """Unknown periods after the first get the value of a season before."""
    missing = ~np.isfinite(values)
    missing &= np.arange(values.shape[1])[None, :] > first_periods(values)[:, None]
    if not missing.any():
        return values
    carried = values.copy()
    for period in np.flatnonzero(missing.any(axis=0)):
        if period >= season:
            carried[:, period] = np.where(missing[:, period], carried[:, period - season], carried[:, period])
    return carried


def _last_season(history: FloatArray, season: int) -> FloatArray:
    """(series, season), the mean of the series where a phase is unknown."""
    last = _seasons(history, season, 1)[:, 0]
    if np.isfinite(last).all():
        return last
    return np.where(np.isfinite(last), last, known_mean(history, axis=1)[:, None])


def _seasons(history: FloatArray, season: int, seasons: int) -> FloatArray:
    """The last seasons (series, seasons, season), newest last, periods before the first as NaN."""
    wanted = season * seasons
    if history.shape[1] < wanted:
        history = np.pad(history, ((0, 0), (wanted - history.shape[1], 0)), constant_values=np.nan)
    return history[:, history.shape[1] - wanted :].reshape(len(history), seasons, season)


def _repeat(last: FloatArray, horizon: int) -> FloatArray:
    return last[:, np.arange(horizon) % last.shape[1]]
