"""Forecasts of a panel: back-test, choice, reconciliation and intervals, in that order."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from logistics_pipeline.forecasting import choosing, intervals, reconciling, scores
from logistics_pipeline.forecasting.arrays import known_mean
from logistics_pipeline.forecasting.backtesting import (
    Trial,
    mean_of_two,
    place_origins,
    scored_actuals,
    try_candidates,
)
from logistics_pipeline.forecasting.candidates import (
    NAIVE as NAIVE_CANDIDATE,
)
from logistics_pipeline.forecasting.candidates import (
    WITHOUT_ODD,
    Candidate,
    candidates,
    forecast_parts,
)
from logistics_pipeline.forecasting.methods import dormant
from logistics_pipeline.forecasting.panel import (
    BACKTEST,
    CLOSED,
    CONSTANT,
    EMPTY,
    MIXED,
    NAIVE,
    SET_BACK,
    SHARE,
    SHORT,
    Backtest,
    BoolArray,
    Errors,
    FloatArray,
    Forecast,
    IntArray,
    Panel,
)

PROBABILITIES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
_SHORT = 28


def forecast(
    panel: Panel,
    horizon: int,
    *,
    probabilities: tuple[float, ...] = PROBABILITIES,
    origins: int = 6,
    width: FloatArray | None = None,
    only_naive: BoolArray | None = None,
) -> Forecast:
    """Forecasts the `horizon` periods after the panel's last.

    Args:
        panel: the series.
        horizon: how many periods, at least 1.
        probabilities: of the quantiles, ascending, between 0 and 1.
        origins: from how many earlier periods the back-test forecasts.
        width: (series,) what the distance of quantiles from the point is multiplied by: `intervals.adapted_width` of
            what issued forecasts covered. None: 1.
        only_naive: (series,) series that may have no other method than seasonal naive.

    Raises:
        ValueError: the panel's arrays do not fit together, or the horizon is below 1.
    """
    _check(panel, horizon, probabilities)
    values = _prepared(panel)
    choices = candidates(panel)
    at = place_origins(values, panel.season, horizon, origins)
    parts = forecast_parts(panel, values, (*at, values.shape[1]), horizon)
    actual = scored_actuals(values, panel.season, at, horizon)
    trial = try_candidates(choices, parts, actual, at)
    set_back = np.zeros(len(values), dtype=bool) if only_naive is None else only_naive
    chosen = _choose(panel, values, choices, parts, trial, set_back)
    variances = _variances(values, chosen.forecasts[:-1], actual)
    way, way_errors = reconciling.choose_way(
        panel, chosen.forecasts[:-1], parts[NAIVE_CANDIDATE, :-1], actual, variances
    )
    agreed = reconciling.reconcile(panel, way, chosen.forecasts, variances)
    issued = reconciling.reconcile(panel, way, chosen.issued, variances)
    naive = parts[NAIVE_CANDIDATE, :-1].copy()
    del parts
    residuals = intervals.Residuals(actual - agreed[:-1], choosing.segments(panel), np.sqrt(variances))
    calibration = intervals.calibrate(panel, residuals, agreed[:-1])
    factor = calibration.factor * intervals.overlap_factor(at, horizon) * (1.0 if width is None else width)
    distances = intervals.offsets(residuals, probabilities) if at else _guess(residuals, probabilities, horizon)
    quantiles = intervals.spread_around(panel, agreed[-1], distances, probabilities, factor)
    point = _without_closed(panel, agreed[-1])
    return Forecast(
        point=point,
        probabilities=probabilities,
        quantiles=_without_closed(panel, quantiles),
        methods=tuple(each.name for each in choices),
        method=chosen.method,
        second=chosen.second,
        reason=chosen.reason,
        reconciliation=way,
        reconciliation_error=way_errors,
        backtest=_backtest(trial, issued, naive, actual, calibration),
    )


def _check(panel: Panel, horizon: int, probabilities: tuple[float, ...]) -> None:
    series = len(panel.values)
    if horizon < 1:
        raise ValueError(f"horizon is {horizon}. Expected: at least 1 period.")
    if panel.season < 1:
        raise ValueError(f"season is {panel.season}. Expected: at least 1 period.")
    if panel.values.ndim != 2 or panel.parents.shape != (series,) or panel.closed.shape != (series,):
        raise ValueError("values, parents and closed of a panel differ in their number of series.")
    if sum(len(range(*each.rows.indices(series))) for each in panel.levels) != series:
        raise ValueError("the levels of a panel do not cover its series.")
    if list(probabilities) != sorted(set(probabilities)) or not all(0 < each < 1 for each in probabilities):
        raise ValueError(f"probabilities are {probabilities}. Expected: ascending, between 0 and 1.")


def _prepared(panel: Panel) -> FloatArray:
    """Values with NaN for all that is not finite, at least two periods long."""
    values = np.where(np.isfinite(panel.values), panel.values, np.nan)
    missing = max(2, panel.season) - values.shape[1]
    return np.pad(values, ((0, 0), (missing, 0)), constant_values=np.nan) if missing > 0 else values


@dataclass(frozen=True)
class _Chosen:
    forecasts: FloatArray
    """(origins and now, series, horizon) By what is chosen now."""
    issued: FloatArray
    """(origins, series, horizon) By what would have been chosen then."""
    method: IntArray
    second: IntArray
    reason: IntArray


def _choose(
    panel: Panel,
    values: FloatArray,
    choices: tuple[Candidate, ...],
    parts: FloatArray,
    trial: Trial,
    set_back: BoolArray,
) -> _Chosen:
    segment = choosing.segments(panel)
    every = range(len(trial.origins))
    short = _is_short(values, panel.season)
    issued = np.empty((len(trial.origins), *parts.shape[2:]))
    asleep = dormant(values, panel.season, (*trial.origins, values.shape[1]))
    for place in every:
        used = trial.usable(place)
        issued[place] = _select(choices, parts, trial, segment, used, set_back | asleep[place])[0][place]
    forecasts, pair, better, fallback = _select(choices, parts, trial, segment, every, set_back | asleep[-1])
    method = np.where(better, pair.first, fallback)
    second = np.where(better, pair.second, -1)
    plain = (NAIVE_CANDIDATE, WITHOUT_ODD)
    mixed = better & (np.isin(pair.first, plain) | np.isin(pair.second, plain))
    reason = np.where(mixed, MIXED, np.where(better, BACKTEST, NAIVE))
    reason[set_back] = SET_BACK
    known = np.isfinite(values)
    lowest, highest = np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1)
    reason[(lowest == highest) & ~short] = CONSTANT
    _fill_short(panel, values, forecasts, short & ~asleep[-1], reason)
    empty = ~known.any(axis=1)
    reason[empty] = EMPTY
    reason[panel.closed] = CLOSED
    if panel.additive:
        forecasts[:, empty] = np.where(np.isfinite(forecasts[:, empty]), forecasts[:, empty], 0.0)
        forecasts[-1, panel.closed] = 0.0
        forecasts[:] = np.where(np.isfinite(forecasts), forecasts, 0.0)
        issued[:] = np.where(np.isfinite(issued), issued, 0.0)
    other = np.isin(reason, (CONSTANT, SHARE, SHORT, EMPTY, CLOSED))
    method[other], second[other] = NAIVE_CANDIDATE, -1
    return _Chosen(forecasts, issued, method.astype(np.int64), second.astype(np.int64), reason.astype(np.int64))


def _select(
    choices: tuple[Candidate, ...],
    parts: FloatArray,
    trial: Trial,
    segment: IntArray,
    used: range | list[int],
    set_back: BoolArray,
) -> tuple[FloatArray, choosing.Pair, BoolArray, IntArray]:
    """Forecasts (origins and now, series, horizon) by the evidence of the origins `used`, and how they came about."""
    pair = choosing.best_two(trial, segment, used)
    fallback = np.where(set_back, NAIVE_CANDIDATE, choosing.fallback(trial, used))
    mixture = mean_of_two(choices, parts, pair.first, pair.second)
    misses = np.abs(mixture[:-1] - trial.actual)
    errors = np.where(np.isfinite(misses), misses, 0.0).sum(axis=2).T
    rows = np.arange(len(segment))
    better = choosing.is_better(errors, trial.errors[fallback, rows], trial.counts, segment, used) & ~set_back
    plain = np.where((fallback == WITHOUT_ODD)[:, None], parts[WITHOUT_ODD], parts[NAIVE_CANDIDATE])
    return np.where(better[:, None], mixture, plain), pair, better, fallback


def _is_short(values: FloatArray, season: int) -> BoolArray:
    short: BoolArray = np.isfinite(values).sum(axis=1) < min(_SHORT, 4 * season)
    return short


def _fill_short(panel: Panel, values: FloatArray, forecasts: FloatArray, short: BoolArray, reason: IntArray) -> None:
    """A short series is its share of its parent, which has a longer history; its own mean where there is none."""
    if not short.any():
        return
    recent = values[:, -4 * max(panel.season, 7) :]
    forecasts[-1, short] = known_mean(recent[short], axis=1)[:, None]
    reason[short] = SHORT
    if not panel.additive:
        return
    for row in np.flatnonzero(short):
        parent = panel.parents[row]
        if parent < 0 or short[parent]:
            continue
        known = np.isfinite(recent[row]) & np.isfinite(recent[parent])
        whole = recent[parent, known].sum()
        if whole > 0:
            forecasts[-1, row] = forecasts[-1, parent] * (recent[row, known].sum() / whole)
            reason[row] = SHARE


def _variances(values: FloatArray, forecasts: FloatArray, actual: FloatArray) -> FloatArray:
    """(series,) Mean squared error in the back-test; variance of the series where it was not scored."""
    squared = known_mean(np.square(forecasts - actual).transpose(1, 0, 2).reshape(len(values), -1), axis=1)
    unscored = ~np.isfinite(squared)
    own = values[unscored]
    squared[unscored] = known_mean(np.square(own - known_mean(own, axis=1)[:, None]), axis=1)
    return np.where(np.isfinite(squared), squared, 0.0)


def _guess(residuals: intervals.Residuals, probabilities: tuple[float, ...], horizon: int) -> FloatArray:
    """Distances where no origin could be scored: the series' own spread, as if it were normal."""
    normal = np.array([NormalDist().inv_cdf(each) for each in probabilities])
    distances = (normal[:, None] * residuals.otherwise)[:, :, None]
    return np.repeat(distances, horizon, axis=2)


def _without_closed(panel: Panel, found: FloatArray) -> FloatArray:
    """Closed series are nothing where the metric is no sum; in a sum they are zero already."""
    if panel.additive:
        return found
    return np.where(panel.closed[:, None], np.nan, found)


def _backtest(
    trial: Trial, issued: FloatArray, naive: FloatArray, actual: FloatArray, calibration: intervals.Calibration
) -> Backtest:
    ends = intervals.bucket_ends(trial.horizon)
    counts = trial.counts.sum(axis=1)
    activity = np.where(np.isfinite(actual), np.abs(actual), 0.0).sum(axis=(0, 2))
    shape = trial.signed.shape
    return Backtest(
        origins=trial.origins,
        bucket_ends=ends,
        by_method=Errors(
            count=np.broadcast_to(counts, shape),
            error=trial.signed,
            absolute=trial.errors.sum(axis=2),
            squared=trial.squared,
            actual=np.broadcast_to(activity, shape),
        ),
        issued=_by_bucket(issued, actual, ends),
        naive=_by_bucket(naive, actual, ends),
        coverage_80=calibration.coverage_80,
        coverage_90=calibration.coverage_90,
        interval_score=calibration.interval_score,
    )


def _by_bucket(predicted: FloatArray, actual: FloatArray, ends: tuple[int, ...]) -> Errors:
    """Sums (series, buckets)."""
    series = actual.shape[1]
    starts = (0, *ends[:-1])
    each = [
        scores.errors(
            actual[:, :, start:end].transpose(1, 0, 2).reshape(series, -1),
            predicted[:, :, start:end].transpose(1, 0, 2).reshape(series, -1),
        )
        for start, end in zip(starts, ends, strict=True)
    ]
    names = ("count", "error", "absolute", "squared", "actual")
    return Errors(*(np.stack([getattr(one, name) for one in each], axis=-1) for name in names))
