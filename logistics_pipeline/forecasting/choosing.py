"""Which candidate a series gets, from errors in the back-test.

Per series the evidence is thin: six origins. So the error of a candidate, relative to naive's, is shrunk towards that
of all series of its segment (level and kind), and the two best of that are averaged. Seasonal naive stays where they
do not beat it, see `is_better`: the brake.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from logistics_pipeline.forecasting.arrays import share
from logistics_pipeline.forecasting.backtesting import Trial
from logistics_pipeline.forecasting.candidates import NAIVE, WITHOUT_ODD
from logistics_pipeline.forecasting.panel import BoolArray, FloatArray, IntArray, Panel

_WEIGHT = 60.0
"""Origins that the segment's evidence counts as, against those of the series itself."""
_GAIN_WEIGHT = 6.0
_LEAST_GAIN = 0.02
_OWN_EVIDENCE = 1.0
_AGAINST_SEGMENT = 3.0
_SEGMENT_EVIDENCE = 1.0
_NEVER = 9.0

REGULAR, IRREGULAR, INTERMITTENT = range(3)


def segments(panel: Panel) -> IntArray:
    """(series,) A number per level and kind: over 60 % zeros, over 20 %, fewer."""
    known = np.isfinite(panel.values)
    zeros = share(
        ((panel.values == 0) & known).sum(axis=1).astype(np.float64), known.sum(axis=1).astype(np.float64), 1.0
    )
    kind = np.where(zeros > 0.6, INTERMITTENT, np.where(zeros > 0.2, IRREGULAR, REGULAR))
    level = np.zeros(len(known), dtype=np.int64)
    for number, each in enumerate(panel.levels):
        level[each.rows] = number
    return level * 3 + kind


@dataclass(frozen=True)
class Pair:
    """Two candidates per series, the better first."""

    first: IntArray
    second: IntArray


def best_two(trial: Trial, segment: IntArray, origins: Sequence[int]) -> Pair:
    """The two candidates with the lowest shrunk errors at some of the origins."""
    used = list(origins)
    total = trial.errors[:, :, used].sum(axis=2)
    relative = np.empty_like(total)
    for each in np.unique(segment):
        rows = segment == each
        own, naive = total[:, rows], total[NAIVE, rows]
        pooled = share(own.sum(axis=1), naive.sum(keepdims=True), 1.0)
        weight = _WEIGHT * naive / max(len(used), 1)
        shrunk = share(own + weight * pooled[:, None], naive + weight, 1.0)
        relative[:, rows] = np.where(naive == 0, pooled[:, None], shrunk)
    relative[trial.biased] = _NEVER
    first = relative.argmin(axis=0)
    np.put_along_axis(relative, first[None, :], np.inf, axis=0)
    return Pair(first, relative.argmin(axis=0))


def fallback(trial: Trial, origins: Sequence[int]) -> IntArray:
    """(series,) Seasonal naive without odd days, or plain where leaving them out has cost accuracy."""
    total = trial.errors[:, :, list(origins)].sum(axis=2)
    return np.where(total[WITHOUT_ODD] <= (1 + _LEAST_GAIN) * total[NAIVE], WITHOUT_ODD, NAIVE)


def is_better(
    errors: FloatArray, naive: FloatArray, counts: FloatArray, segment: IntArray, origins: Sequence[int]
) -> BoolArray:
    """(series,) Whether a forecast is worth leaving naive for.

    Its gain, shrunk towards the segment's, has to be 2 % at least, and more than chance: the mean gain over origins has
    to be above its standard error, either of all series of the segment together, or of the series itself.

    Args:
        errors: (series, origins) absolute errors of the forecast.
        naive: (series, origins) those of naive.
        counts: (series, origins) periods scored.
        segment: (series,)
        origins: which of them count.
    """
    used = list(origins)
    if not used:
        return np.zeros(len(errors), dtype=bool)
    errors, naive = errors[:, used], naive[:, used]
    gained = naive - errors
    own_gain = share(gained.sum(axis=1), naive.sum(axis=1), 0.0)
    own_evidence = _standard_errors(gained)
    unknown = counts[:, used].sum(axis=1) == 0
    better = np.zeros(len(errors), dtype=bool)
    for each in np.unique(segment):
        rows = segment == each
        together = gained[rows].sum(axis=0)
        pooled = float(share(together.sum(), naive[rows].sum(), 0.0))
        evidence = float(_standard_errors(together[None, :])[0])
        gain = (len(used) * own_gain[rows] + _GAIN_WEIGHT * pooled) / (len(used) + _GAIN_WEIGHT)
        enough = _OWN_EVIDENCE if evidence > 0 else _AGAINST_SEGMENT
        proven = (evidence > _SEGMENT_EVIDENCE) | (own_evidence[rows] > enough)
        better[rows] = (gain > _LEAST_GAIN) & proven & ((naive[rows].sum(axis=1) > 0) | unknown[rows])
        better[rows] |= unknown[rows] & (pooled > _LEAST_GAIN) & (evidence > _SEGMENT_EVIDENCE)
    return better


def _standard_errors(gained: FloatArray) -> FloatArray:
    """(rows,) Mean gain over origins in standard errors, as if one more origin had gained nothing."""
    doubted = np.concatenate([gained, np.zeros((len(gained), 1))], axis=1)
    number = doubted.shape[1]
    return share(doubted.mean(axis=1) * np.sqrt(number), doubted.std(axis=1, ddof=1), 0.0)
