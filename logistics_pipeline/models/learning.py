"""Makes the artefact of a version of running means: what is known of each group now, and how residuals went."""

from dataclasses import dataclass

import numpy as np

from logistics_core.catalogue.models import DeclaredModel
from logistics_core.models.durations import DurationDocument, FieldEffect, Group
from logistics_pipeline.models.arrays import Durations, FloatArray, IntArray
from logistics_pipeline.models.backtesting import PROBABILITIES, Predicted
from logistics_pipeline.models.running_means import (
    FIELD_SHRINK,
    FIELD_WINDOWS,
    SPREAD_SHRINK,
    Running,
    Setting,
    medians_of_groups,
    moved,
    moves,
)

FINE = tuple(float(each) for each in np.round(np.linspace(0.005, 0.995, 199), 3))
"""Probabilities of the quantiles that a version keeps of its residuals."""
MARGIN_HOURS = 1.0
"""As of the on-time rate: what takes at most an hour longer than the mean of its route is on time."""
LEAST_SPREAD = 1e-6


@dataclass(frozen=True)
class Learnt:
    """What is known of groups at the end of the records."""

    mean: FloatArray
    spread: FloatArray
    seen: IntArray


def duration_document(
    records: Durations, model: DeclaredModel, unit: str, setting: Setting, found: Running, predicted: Predicted
) -> DurationDocument:
    """The version that knows all finished records."""
    known = np.flatnonzero(np.isfinite(records.known))
    known = known[np.argsort(records.known[known], kind="stable")]
    logs = np.log(records.value[known])
    newest = known if setting.window is None else known[-setting.window * FIELD_WINDOWS**2 :]
    overall = float(np.log(records.value[newest]).mean())
    residuals = np.abs(np.log(records.value[newest]) - found.plain[newest])
    usual = max(float(np.nanmean(residuals)) if np.isfinite(residuals).any() else 1.0, LEAST_SPREAD)
    effects = _effects(records, known, logs, overall, setting)
    groups = _groups(records, known, setting, found, overall, usual, effects)
    _, median = medians_of_groups(records, np.isfinite(records.known))
    return DurationDocument(
        unit=unit,
        by=list(model.by),
        per=list(model.per),
        promise=model.promise,
        margin=MARGIN_HOURS / records.unit_hours,
        window=setting.window,
        shrink=setting.shrink,
        probabilities=list(PROBABILITIES),
        mean=overall,
        spread=usual,
        median=median,
        usual=float(records.value[known].mean()),
        effects=[
            [
                FieldEffect(value, float(effect))
                for value, effect in zip(values, of_field, strict=True)
                if np.isfinite(effect)
            ]
            for values, of_field in zip(records.values_of_fields, effects, strict=True)
        ]
        if len(effects) > 1
        else [],
        groups=groups,
        residual_probabilities=list(FINE),
        residuals=[float(each) for each in predicted.tracked.quantiles_now(FINE)],
    )


def _effects(
    records: Durations, known: IntArray, logs: FloatArray, overall: float, setting: Setting
) -> list[FloatArray]:
    """For each field, (values,) how far its mean is from that of all; NaN of values without a finished record."""
    found = []
    window = None if setting.window is None else setting.window * FIELD_WINDOWS
    for codes, values in zip(records.fields, records.values_of_fields, strict=True):
        number, total = _newest_sums(codes[known], logs, len(values), window)
        effect = (total - number * overall) / (number + FIELD_SHRINK)
        found.append(np.where(number > 0, effect, np.nan))
    return found


def _newest_sums(codes: IntArray, values: FloatArray, groups: int, window: int | None) -> tuple[FloatArray, FloatArray]:
    """(groups,) Number and sum of the last `window` values of each group; `values` are in the order they were known."""
    if window is not None:
        order = np.lexsort((-np.arange(len(codes)), codes))
        first = np.searchsorted(codes[order], np.arange(groups))
        rank = np.arange(len(codes)) - first[codes[order]]
        kept = order[rank < window]
        codes, values = codes[kept], values[kept]
    return (
        np.bincount(codes, minlength=groups).astype(np.float64),
        np.bincount(codes, weights=values, minlength=groups).astype(np.float64),
    )


def _groups(
    records: Durations,
    known: IntArray,
    setting: Setting,
    found: Running,
    overall: float,
    usual: float,
    effects: list[FloatArray],
) -> list[Group]:
    codes, values = records.group[known], records.value[known]
    count = len(records.groups)
    number, total = _newest_sums(codes, np.log(values), count, setting.window)
    expected = np.full(count, overall)
    if len(effects) > 1:
        first_of = np.zeros(count, dtype=np.int64)
        first_of[records.group] = np.arange(len(records.group))
        for field, effect in zip(records.fields, effects, strict=True):
            expected += np.nan_to_num(effect[field[first_of]])
    mean = (total + setting.shrink * expected) / (number + setting.shrink)
    spread = np.full(count, usual)
    if setting.is_spread_by_group:
        residuals = np.abs(np.log(values) - found.plain[known])
        usable = np.isfinite(residuals)
        in_group, off = _newest_sums(codes[usable], residuals[usable], count, setting.window)
        spread = (off + SPREAD_SHRINK * usual) / (in_group + SPREAD_SHRINK)
    if setting.clip is not None:
        logs = np.where(np.isfinite(records.value), records.logs, 0.0)
        clipped, inside = (each[known] for each in moves(found, setting.clip, logs, records.known))
        _, off = _newest_sums(codes, clipped, count, setting.window)
        _, in_full = _newest_sums(codes, inside, count, setting.window)
        mean = mean + spread * moved(off, in_full)
    medians, _ = medians_of_groups(records, np.isfinite(records.known))
    sums = np.bincount(codes, weights=values, minlength=count)
    counts = np.bincount(codes, minlength=count)
    return [
        Group(
            list(records.groups[row]),
            float(mean[row]),
            max(float(spread[row]), LEAST_SPREAD),
            int(counts[row]),
            medians[row],
            float(sums[row] / counts[row]),
        )
        for row in np.flatnonzero(counts).tolist()
    ]
