"""Quantiles of what may come, from the last residuals that were known, kept as wide as they turn out to have to be.

Where the present differs from the last residuals, their quantiles cover less than they say. So each record's outcome is
noted as its probability under what was said; the probabilities asked for are then moved outwards after a miss, and
inwards after a hit, by so much that nine of ten are within (adaptive conformal inference, Gibbs and Candès 2021, with
their step), in logits, so that they stay probabilities.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from logistics_pipeline.models.arrays import FloatArray, IntArray

LAST_RESIDUALS = 500
MOST_BLOCKS = 1_000
FEWEST_RESIDUALS = 20
MISSED = 0.1
"""The share of outcomes that should be outside the central interval which the width is kept for."""
STEP = 0.005
NARROWEST, WIDEST = 0.5, 2.0
"""Of the factor of the logits."""
_EDGE = 1e-4


@dataclass(frozen=True)
class Tracked:
    """Residuals as they became known, and how wide quantiles of them had to be."""

    blocks: tuple[FloatArray | None, ...]
    """The sorted residuals that counted in each block of records; None before there were enough."""
    order: IntArray
    bounds: IntArray
    """Which records a block has: `order[bounds[i] : bounds[i + 1]]`."""
    width: FloatArray
    """(records,) Factor of the logits of probabilities."""
    newest: FloatArray
    """The residuals that count now, sorted."""
    width_now: float

    def quantiles(self, probabilities: Sequence[float]) -> FloatArray:
        """(records, probabilities) Of the residual of each; NaN before there were enough."""
        found = np.full((len(self.width), len(probabilities)), np.nan)
        logits = _logit(np.asarray(probabilities))
        for rows, values in self._parts():
            found[rows] = _at(values, _probability(self.width[rows, None] * logits))
        return found

    def quantiles_now(self, probabilities: Sequence[float]) -> FloatArray:
        """(probabilities,) Of the residuals of records to come."""
        return _at(self.newest, _probability(self.width_now * _logit(np.asarray(probabilities))))

    def exceeded(self, residuals: FloatArray) -> FloatArray:
        """(records,) Probability that the residual of each is above a given one; NaN before there were enough."""
        found = np.full(len(residuals), np.nan)
        for rows, values in self._parts():
            below = _rank(values, residuals[rows])
            found[rows] = 1 - _probability(_logit(below) / self.width[rows])
        return found

    def _parts(self) -> Iterator[tuple[IntArray, FloatArray]]:
        for number, values in enumerate(self.blocks):
            if values is not None:
                yield self.order[self.bounds[number] : self.bounds[number + 1]], values


def track(residuals: FloatArray, known: FloatArray, at: FloatArray) -> Tracked:
    """Follows residuals by the moments at which they became known. `at` is when each record was predicted.

    The residuals that count are taken anew every few records: until then, those before count, which were known as well.
    """
    usable = np.isfinite(residuals) & np.isfinite(known)
    order = np.argsort(np.where(usable, known, np.inf), kind="stable")[: int(usable.sum())]
    values, ends = residuals[order], known[order]
    step = max(1, len(values) // MOST_BLOCKS)
    starts, which = np.unique(np.searchsorted(ends, at, side="right") // step, return_inverse=True)
    blocks = tuple(_last(values, int(start) * step) for start in starts)
    by_block = np.argsort(which, kind="stable")
    bounds = np.searchsorted(which[by_block], np.arange(len(blocks) + 1))
    ranks = np.full(len(residuals), np.nan)
    for number, block in enumerate(blocks):
        if block is not None:
            rows = by_block[bounds[number] : bounds[number + 1]]
            ranks[rows] = _rank(block, residuals[rows])
    width, now = _widths(ranks, known, at)
    newest = np.sort(values[-LAST_RESIDUALS:])
    return Tracked(blocks, by_block, bounds, width, newest, now)


def _last(values: FloatArray, end: int) -> FloatArray | None:
    return np.sort(values[max(0, end - LAST_RESIDUALS) : end]) if end >= FEWEST_RESIDUALS else None


def _rank(values: FloatArray, found: FloatArray) -> FloatArray:
    """The probability of a value or less, between two ranks of `values`; NaN of NaN."""
    left, right = np.searchsorted(values, found, side="left"), np.searchsorted(values, found, side="right")
    ranks: FloatArray = np.where(np.isnan(found), np.nan, (left + right + 1) / 2 / (len(values) + 1))
    return ranks


def _at(values: FloatArray, probabilities: FloatArray) -> FloatArray:
    """Quantiles that hold a new value as often as they say: the ranks are of one value more."""
    count = len(values)
    ranks = np.clip(probabilities * (count + 1) - 1, 0, count - 1)
    found: FloatArray = np.interp(ranks, np.arange(count), values)
    return found


def _widths(ranks: FloatArray, known: FloatArray, at: FloatArray) -> tuple[FloatArray, float]:
    """(records,) The factor that held at each moment, and the one that holds now."""
    needed = (np.abs(_logit(ranks)) / _logit(np.array(1 - MISSED / 2))).tolist()
    counts = np.isfinite(ranks) & np.isfinite(known)
    learnt = np.argsort(np.where(counts, known, np.inf), kind="stable")[: int(counts.sum())]
    asked = np.argsort(at, kind="stable")
    places = np.searchsorted(known[learnt], at[asked], side="right").tolist()
    found, outcomes = [1.0] * len(ranks), learnt.tolist()
    logarithm, width, next_outcome = 0.0, 1.0, 0
    for row, place in zip(asked.tolist(), places, strict=True):
        if next_outcome < place:
            logarithm = _moved(logarithm, outcomes[next_outcome:place], needed, found)
            width, next_outcome = math.exp(logarithm), place
        found[row] = width
    return np.array(found), math.exp(_moved(logarithm, outcomes[next_outcome:], needed, found))


def _moved(logarithm: float, outcomes: Sequence[int], needed: Sequence[float], width: Sequence[float]) -> float:
    for outcome in outcomes:
        logarithm += STEP * ((needed[outcome] > width[outcome]) - MISSED)
    return min(math.log(WIDEST), max(math.log(NARROWEST), logarithm))


def _logit(probabilities: FloatArray) -> FloatArray:
    bounded = np.clip(probabilities, _EDGE, 1 - _EDGE)
    found: FloatArray = np.log(bounded / (1 - bounded))
    return found


def _probability(logits: FloatArray) -> FloatArray:
    found: FloatArray = 1 / (1 + np.exp(-logits))
    return found
