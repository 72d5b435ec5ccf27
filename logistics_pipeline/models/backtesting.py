"""Back-tests: what would have been predicted from what was known at each record's start, and how right that was.

The newest fifth of the records is tested in four windows, one after the other in time. Settings are chosen by the
records before these, so the windows say how a choice does that was made without them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from logistics_pipeline.models.arrays import BoolArray, Durations, FloatArray, IntArray
from logistics_pipeline.models.running_means import SETTINGS, Running, Setting, Sums, medians_of_groups, running
from logistics_pipeline.models.tracking import Tracked, track

PROBABILITIES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
WINDOWS = 4
TESTED, CHOSEN_BY = 0.2, 0.3
"""Shares of the records that are tested, and that settings are chosen by before."""
FEWEST_RECORDS = 100
MEDIAN = PROBABILITIES.index(0.5)

WORSE_BY = 0.03
"""How much lower the pinball loss of another method must be in each of the windows that decide."""
DECIDING_WINDOWS = 2
REFIT_TOLERANCE = 0.02
"""A refit of the method in production may be worse by this share: the data have changed, not the method."""


class TooFewRecords(Exception):
    """There is not enough past to learn from."""


@dataclass(frozen=True)
class Predicted:
    """What was expected of each record, and how its residuals went."""

    mean: FloatArray
    """(records,) Of the logarithm."""
    spread: FloatArray
    tracked: Tracked

    def quantiles(self, probabilities: Sequence[float] = PROBABILITIES) -> FloatArray:
        """(records, probabilities) In the unit of the durations."""
        logs = self.mean[:, None] + self.spread[:, None] * self.tracked.quantiles(probabilities)
        found: FloatArray = np.exp(np.minimum(logs, 700))
        return found

    def late_risk(self, promise: FloatArray) -> FloatArray:
        """(records,) Probability of taking longer than promised; NaN without a promise."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.tracked.exceeded((np.log(promise) - self.mean) / self.spread)


def predict(records: Durations, mean: FloatArray, spread: FloatArray) -> Predicted:
    """What may come of each record, if its logarithm is expected to be `mean`."""
    residuals = (records.logs - mean) / spread
    return Predicted(mean, spread, track(residuals, records.known, records.started))


def choose_setting(records: Durations, sums: Sums, before: BoolArray) -> Setting:
    """The setting with the lowest pinball loss over some records."""
    rows = np.flatnonzero(before)
    losses = []
    for setting in SETTINGS:
        found = running(sums, setting, _logs(records))
        quantiles = predict(records, found.mean, found.spread).quantiles()[rows]
        losses.append(float(np.nanmean(pinball(quantiles, records.value[rows]))))
    return SETTINGS[int(np.argmin(np.nan_to_num(losses, nan=np.inf)))]


def expect(records: Durations, sums: Sums, setting: Setting) -> Running:
    """What a setting expects of each record."""
    return running(sums, setting, _logs(records))


def _logs(records: Durations) -> FloatArray:
    """Of records that are not finished, nothing is ever summed up."""
    return np.where(np.isfinite(records.value), records.logs, 0.0)


@dataclass(frozen=True)
class Split:
    """Which records are tested, and which settings are chosen by."""

    windows: tuple[IntArray, ...]
    """The rows of each window, by their start."""
    before: BoolArray
    """(records,) Those that settings are chosen by."""


def split(records: Durations) -> Split:
    """Divides the finished records by time.

    Raises:
        TooFewRecords: there are less than `FEWEST_RECORDS`.
    """
    finished = np.flatnonzero(np.isfinite(records.value) & np.isfinite(records.known))
    if len(finished) < FEWEST_RECORDS:
        raise TooFewRecords(f"{len(finished):,} records are finished, and at least {FEWEST_RECORDS} are needed.")
    ordered = finished[np.argsort(records.started[finished], kind="stable")]
    first = int(len(ordered) * (1 - TESTED))
    before = np.zeros(len(records), dtype=bool)
    before[ordered[int(len(ordered) * (1 - TESTED - CHOSEN_BY)) : first]] = True
    return Split(tuple(np.array_split(ordered[first:], WINDOWS)), before)


# -- scores ----------------------------------------------------------------------------------------------------------


def pinball(quantiles: FloatArray, actual: FloatArray, probabilities: Sequence[float] = PROBABILITIES) -> FloatArray:
    """(records,) Mean pinball loss over the quantiles."""
    distance = actual[:, None] - quantiles
    share = np.asarray(probabilities)
    found: FloatArray = np.where(distance >= 0, share * distance, (share - 1) * distance).mean(axis=1)
    return found


def scores(records: Durations, found: Predicted, promise: FloatArray, parts: Split) -> list[dict[str, Any]]:
    """How right predictions were in each window, beside the median of the group as it was known when it began."""
    quantiles, risk = found.quantiles(), found.late_risk(promise)
    return [_of_window(records, rows, quantiles[rows], risk[rows], promise[rows]) for rows in parts.windows]


def _of_window(
    records: Durations, rows: IntArray, quantiles: FloatArray, risk: FloatArray, promise: FloatArray
) -> dict[str, Any]:
    begins = records.started[rows].min()
    naive = naive_of(records, rows, begins)
    actual = records.value[rows]
    usable = np.isfinite(quantiles[:, MEDIAN]) & np.isfinite(naive)
    actual, quantiles, naive = actual[usable], quantiles[usable], naive[usable]
    lower_90, lower_80, upper_80, upper_90 = quantiles[:, 0], quantiles[:, 1], quantiles[:, -2], quantiles[:, -1]
    return {
        "starts_at": float(begins),
        "ends_at": float(records.started[rows].max()),
        "records": int(usable.sum()),
        "actual": _mean(actual),
        "error": _mean(np.abs(quantiles[:, MEDIAN] - actual)),
        "naive_error": _mean(np.abs(naive - actual)),
        "bias": _mean(quantiles[:, MEDIAN] - actual),
        "pinball": _mean(pinball(quantiles, actual)),
        "coverage_80": _mean((lower_80 <= actual) & (actual <= upper_80)),
        "coverage_90": _mean((lower_90 <= actual) & (actual <= upper_90)),
        "width_90": _mean(upper_90 - lower_90),
    } | _of_lateness(risk[usable], promise[usable], actual)


def naive_of(records: Durations, rows: IntArray, at: float) -> FloatArray:
    """The median of each record's group, as it was known at a moment; that of all records, if it had none."""
    medians, overall = medians_of_groups(records, records.known <= at)
    return np.array([medians.get(group, overall) for group in records.group[rows].tolist()], dtype=np.float64)


def _of_lateness(risk: FloatArray, promise: FloatArray, actual: FloatArray) -> dict[str, Any]:
    """Brier scores: mean squared distance of the risk from what happened, and that of the usual share of late ones."""
    usable = np.isfinite(risk) & np.isfinite(promise)
    late = actual[usable] > promise[usable]
    return {
        "promised": int(usable.sum()),
        "late": int(late.sum()),
        "expected_late": float(risk[usable].sum()),
        "brier": _mean((risk[usable] - late) ** 2),
        "naive_brier": _mean((late.mean() - late) ** 2) if len(late) else None,
    }


def _mean(values: FloatArray | BoolArray) -> float | None:
    return float(values.mean()) if len(values) else None


def overall(windows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The scores of all windows together: means by number of records."""
    found: dict[str, Any] = {"records": sum(each["records"] for each in windows)}
    for name in ("promised", "late", "expected_late"):
        found[name] = sum(each[name] for each in windows)
    for name in MEANS:
        weight = "promised" if name in ("brier", "naive_brier") else "records"
        known = [each for each in windows if each[name] is not None and each[weight]]
        total = sum(each[weight] for each in known)
        found[name] = sum(each[name] * each[weight] for each in known) / total if total else None
    return found


MEANS = (
    "actual", "error", "naive_error", "bias", "pinball", "coverage_80", "coverage_90", "width_90", "brier",
    "naive_brier",
)  # fmt: skip


# -- the gate --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """Whether a version may take the place of the one in production, by its back-test."""

    verdict: str
    """first, better, equal or worse."""
    reason: str
    may_be_promoted: bool


def judge(
    windows: Sequence[dict[str, Any]], compared: Sequence[dict[str, Any]] | None, *, is_same_method: bool
) -> Verdict:
    """Compares the windows of a version with those that the version in production has on the same records.

    Another method is promoted only if its pinball loss is lower by `WORSE_BY` in each of the last windows. A refit of
    the same method is, unless it is worse by more than `REFIT_TOLERANCE`.
    """
    if compared is None:
        return Verdict("first", "No version is in production yet.", True)
    changes = [
        ours["pinball"] / theirs["pinball"] - 1
        for ours, theirs in zip(windows[-DECIDING_WINDOWS:], compared[-DECIDING_WINDOWS:], strict=True)
        if ours["pinball"] is not None and theirs["pinball"]
    ]
    if len(changes) < DECIDING_WINDOWS:
        return Verdict("equal", "The last windows hold nothing to compare.", is_same_method)
    words = " and ".join(f"{100 * change:+.1f} %" for change in changes)
    said = f"Its pinball loss is {words} beside that of the version in production, in the last {len(changes)} windows"
    if is_same_method:
        is_worse = max(changes) > REFIT_TOLERANCE
        reason = f"{said}; a refit may be worse by {REFIT_TOLERANCE:.0%}."
        return Verdict("worse" if is_worse else "equal", reason, not is_worse)
    if max(changes) <= -WORSE_BY:
        return Verdict("better", f"{said}; {WORSE_BY:.0%} less are required in each.", True)
    is_worse = min(changes) > 0
    return Verdict("worse" if is_worse else "equal", f"{said}; {WORSE_BY:.0%} less are required in each.", False)
