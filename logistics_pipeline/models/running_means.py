"""The champion of durations: the mean logarithm of each group, shrunk towards what its fields say, and as it was known.

The mean of a group of `n` known records is `(sum + k * expected) / (n + k)`, where `expected` adds up how far the value
of each field, alone, is from the mean of all. The spread of a group is shrunk in the same way. What may come is the
mean plus the spread times a quantile of the last residuals (`tracking`), which were made with what was known at their
time as well.
"""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from logistics_pipeline.models.arrays import BoolArray, Durations, FloatArray, IntArray, KnownSums

FIELD_SHRINK = 5.0
FIELD_WINDOWS = 5
"""How many windows of a group a field has, and squared, all records."""
SPREAD_SHRINK = 20.0
MOVE_SHRINK = 10.0


@dataclass(frozen=True)
class Setting:
    """How much of the past counts."""

    window: int | None
    """How many of the newest records of a group."""
    shrink: float
    """How many records the expectation weighs as much as."""
    is_spread_by_group: bool
    """Whether groups differ in their spread."""
    clip: float | None = None
    """Usual residuals up to which a record counts in full; None: however far it is. Then the mean of a group is moved
    towards its median: what is late for reasons of its own counts once, not by how late it is."""


SETTINGS = tuple(
    Setting(window, shrink, by_group, clip)
    for window, shrink, by_group, clip in product((10, 30, 100, None), (1.0, 4.0, 12.0), (False, True), (None, 1.0))
)


@dataclass(frozen=True)
class Running:
    """What was expected of each record from what was known at its start."""

    mean: FloatArray
    """(records,) Of the logarithm; NaN if nothing was known."""
    spread: FloatArray
    """(records,) Mean absolute residual that was usual."""
    seen: FloatArray
    """(records,) How many records of its group were known."""
    plain: FloatArray
    """(records,) The mean before it was moved towards the median."""


class Sums:
    """The cumulative sums of some records, which all settings share."""

    def __init__(self, records: Durations, at: FloatArray | None = None) -> None:
        """`at` (records,): what each asks about; its start if omitted."""
        self.records = records
        at = records.started if at is None else at
        nothing = np.zeros(len(records), dtype=np.int64)
        self.group = KnownSums(records.group, records.known, at)
        self.fields = tuple(KnownSums(field, records.known, at) for field in records.fields)
        self.all = KnownSums(nothing, records.known, at)


def running(sums: Sums, setting: Setting, logs: FloatArray) -> Running:
    """Expectations of all records, each from what was known at its start. `logs` may have any value where not known."""
    found = _plain(sums, setting, logs)
    if setting.clip is None:
        return found
    clipped, inside = moves(found, setting.clip, logs, sums.records.known)
    _, total = sums.group.of(clipped, setting.window)
    _, number = sums.group.of(inside, setting.window)
    return replace(found, mean=found.mean + found.spread * moved(total, number))


def moves(found: Running, clip: float, logs: FloatArray, known: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(records,) Residuals from the plain mean in usual ones, clipped, and which are not clipped: 0 where not known."""
    residuals = (logs - found.plain) / found.spread
    residuals = np.where(np.isfinite(residuals) & np.isfinite(known), residuals, 0.0)
    inside = (np.abs(residuals) < clip) & np.isfinite(known)
    return np.clip(residuals, -clip, clip), inside.astype(np.float64)


def moved(total: FloatArray, number: FloatArray) -> FloatArray:
    """By how many usual residuals a mean is moved: one step of Huber's estimate of a location, shrunk (Huber 1964)."""
    return np.clip(total / (number + MOVE_SHRINK), -1.0, 1.0)


def _plain(sums: Sums, setting: Setting, logs: FloatArray) -> Running:
    """The same without the move towards the median."""
    window = setting.window
    counted, summed = sums.all.of(logs, _larger(window, FIELD_WINDOWS**2))
    overall = np.divide(summed, counted, out=np.full(len(logs), np.nan), where=counted > 0)
    expected = overall.copy()
    if len(sums.fields) > 1:
        for field in sums.fields:
            number, total = field.of(logs, _larger(window, FIELD_WINDOWS))
            expected += (total - number * overall) / (number + FIELD_SHRINK)
    seen, total = sums.group.of(logs, window)
    mean = (total + setting.shrink * expected) / (seen + setting.shrink)
    residual = np.where(np.isfinite(mean) & np.isfinite(sums.records.known), np.abs(logs - mean), 0.0)
    number, total = sums.all.of(residual, _larger(window, FIELD_WINDOWS**2))
    usual = np.divide(total, number, out=np.ones(len(logs)), where=(number > 0) & (total > 0))
    if not setting.is_spread_by_group:
        return Running(mean, usual, seen, mean)
    number, total = sums.group.of(residual, window)
    return Running(mean, (total + SPREAD_SHRINK * usual) / (number + SPREAD_SHRINK), seen, mean)


def _larger(window: int | None, times: int) -> int | None:
    return None if window is None else window * times


def scaled_residuals(found: Running, logs: FloatArray) -> FloatArray:
    """(records,) Residuals in usual ones; NaN where nothing was known."""
    return (logs - found.mean) / found.spread


def medians_of_groups(records: Durations, is_known: BoolArray) -> tuple[dict[int, float], float]:
    """The median of each group, and of all, over some records: the naive prediction."""
    values, groups = records.value[is_known], records.group[is_known]
    order = np.argsort(groups, kind="stable")
    bounds = np.flatnonzero(np.diff(groups[order], prepend=-1))
    parts = np.split(values[order], bounds[1:]) if len(bounds) else []
    names: IntArray = groups[order][bounds]
    found = {int(name): float(np.median(part)) for name, part in zip(names, parts, strict=True)}
    return found, float(np.median(values)) if len(values) else float("nan")
