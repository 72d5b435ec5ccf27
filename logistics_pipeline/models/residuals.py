"""Which values are odd: a curve for each group, shrunk towards that of all, and usual deviations around it.

Coefficients are of the centred logarithms of inputs and their squares. What is far away does not count in the next
pass, so that odd values do not make themselves usual.
"""

from dataclasses import dataclass

import numpy as np

from logistics_pipeline.models.arrays import BoolArray, FloatArray, IntArray

PASSES = 4
SHRINK = 10.0
"""How many records the curve of all groups weighs as much as, in that of each."""
SPREAD_SHRINK = 20.0
LEAST_SCORE, HIGHEST_LEAST_SCORE = 4.0, 8.0
"""Usual deviations from which on values are odd: how many depends on how far values often are."""
OFTEN, BEYOND = 0.99, 1.5
"""What 99 % are within, and half of that more: noise with a heavy tail would be odd every day otherwise."""
LEAST_SPREAD = 0.01
_NORMAL = 1.4826
"""What the median absolute deviation is multiplied by to be a standard deviation of normal noise."""


@dataclass(frozen=True)
class Curves:
    """What is usual, by group."""

    centres: FloatArray
    """(inputs,)"""
    overall: FloatArray
    """(coefficients,)"""
    coefficients: FloatArray
    """(groups, coefficients)"""
    spread: FloatArray
    """(groups,)"""
    overall_spread: float
    seen: IntArray
    """(groups,)"""
    least_score: float
    """Usual deviations from which on a value is odd."""

    def residuals(self, logs: FloatArray, group: IntArray, inputs: FloatArray) -> FloatArray:
        """(records,) Logarithms less the expected ones."""
        expected: FloatArray = np.einsum("rc,rc->r", terms(inputs, self.centres), self.coefficients[group])
        found: FloatArray = logs - expected
        return found

    def scores(self, residuals: FloatArray, group: IntArray) -> FloatArray:
        """(records,) Residuals in usual deviations."""
        found: FloatArray = residuals / self.spread[group]
        return found


def terms(inputs: FloatArray, centres: FloatArray) -> FloatArray:
    """(records, coefficients) 1, then the centred logarithm of each input and its square. What is missing is usual."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(inputs > 0, np.log(inputs), np.nan) - centres
    logs = np.where(np.isfinite(logs), logs, 0.0)
    found = np.empty((len(inputs), 1 + 2 * inputs.shape[1]))
    found[:, 0], found[:, 1::2], found[:, 2::2] = 1.0, logs, logs**2
    return found


def fit(values: FloatArray, group: IntArray, groups: int, inputs: FloatArray) -> Curves:
    """The curves of records with a value above 0."""
    logs = np.log(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        known = np.where(inputs > 0, np.log(inputs), np.nan)
    centres = np.array([np.median(each[np.isfinite(each)]) if np.isfinite(each).any() else 0.0 for each in known.T])
    matrix, complete = terms(inputs, centres), is_complete(inputs)
    keeps = complete
    seen = np.bincount(group, minlength=groups).astype(np.int64)
    for _ in range(PASSES):
        overall = _all(matrix, logs, group, groups, keeps)
        coefficients = _by_group(matrix, logs, group, groups, keeps, overall)
        residuals = logs - np.einsum("rc,rc->r", matrix, coefficients[group])
        spread, overall_spread = _spreads(residuals[complete], group[complete], groups)
        keeps = complete & (np.abs(residuals) < LEAST_SCORE * spread[group])
    scores = np.abs(residuals / spread[group])[complete]
    often = float(np.quantile(scores, OFTEN)) if len(scores) else 0.0
    least = min(HIGHEST_LEAST_SCORE, max(LEAST_SCORE, BEYOND * often))
    return Curves(centres, overall, coefficients, spread, overall_spread, seen, least)


def is_complete(inputs: FloatArray) -> BoolArray:
    """(records,) Whether all inputs are known and above 0. Of others it is not known what is usual."""
    return np.asarray((inputs > 0).all(axis=1), dtype=bool)


def _all(matrix: FloatArray, logs: FloatArray, group: IntArray, groups: int, keeps: BoolArray) -> FloatArray:
    """The curve within groups: levels differ, slopes are those of all; the level is that of the middle group."""
    rows = np.flatnonzero(keeps)
    counts = np.maximum(np.bincount(group[rows], minlength=groups), 1)
    means = np.stack(
        [np.bincount(group[rows], matrix[rows, each], groups) / counts for each in range(matrix.shape[1])], 1
    )
    of_logs = np.bincount(group[rows], logs[rows], groups) / counts
    centred, target = matrix[rows] - means[group[rows]], logs[rows] - of_logs[group[rows]]
    slopes = _solved(centred[:, 1:].T @ centred[:, 1:], centred[:, 1:].T @ target)
    levels = of_logs - means[:, 1:] @ slopes
    has = np.bincount(group[rows], minlength=groups) > 0
    level = float(np.median(levels[has])) if has.any() else 0.0
    return np.concatenate(([level], slopes))


def _solved(square: FloatArray, right: FloatArray) -> FloatArray:
    """Of terms that say nothing, such as a constant input, the coefficient is 0."""
    if not len(right):
        return right
    ridge = 1e-6 * max(1.0, float(np.trace(square)) / len(right))
    return np.asarray(np.linalg.solve(square + ridge * np.eye(len(right)), right), dtype=np.float64)


def _by_group(
    matrix: FloatArray, logs: FloatArray, group: IntArray, groups: int, keeps: BoolArray, overall: FloatArray
) -> FloatArray:
    """(groups, coefficients) Least squares with `SHRINK` records of the curve of all; of its level, a tenth."""
    rows, size = np.flatnonzero(keeps), matrix.shape[1]
    rest = logs[rows] - matrix[rows] @ overall
    square, right = np.zeros((groups, size, size)), np.zeros((groups, size))
    for one in range(size):
        right[:, one] = np.bincount(group[rows], matrix[rows, one] * rest, groups)
        for other in range(size):
            square[:, one, other] = np.bincount(group[rows], matrix[rows, one] * matrix[rows, other], groups)
    usual = np.maximum((matrix[rows] ** 2).mean(axis=0), 1e-9) if len(rows) else np.ones(size)
    prior = SHRINK * usual
    prior[0] = SHRINK / 10
    found: FloatArray = overall + np.linalg.solve(square + np.diag(prior), right[:, :, None])[:, :, 0]
    return found


def _spreads(residuals: FloatArray, group: IntArray, groups: int) -> tuple[FloatArray, float]:
    """Median absolute deviations as standard ones, of each group and of all; those of small groups are shrunk."""
    if not len(residuals):
        return np.full(groups, 1.0), 1.0
    overall = max(_NORMAL * float(np.median(np.abs(residuals))), LEAST_SPREAD)
    order = np.lexsort((np.abs(residuals), group))
    counts = np.bincount(group, minlength=groups)
    first = np.searchsorted(group[order], np.arange(groups))
    middle = np.minimum(first + counts // 2, len(order) - 1)
    of_group = _NORMAL * np.abs(residuals)[order][middle]
    found = (counts * of_group + SPREAD_SHRINK * overall) / (counts + SPREAD_SHRINK)
    return np.maximum(found, LEAST_SPREAD), overall
