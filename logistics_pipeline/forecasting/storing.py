"""Stores what a fit has found: one row for the fit, one with arrays for each series."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from logistics_core.metrics.periods import Grain
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.forecasting import scores
from logistics_pipeline.forecasting.hierarchy import Hierarchy
from logistics_pipeline.forecasting.panel import REASONS, Backtest, Errors, FloatArray, Forecast, Level

COLUMNS = (
    "dataset", "metric", "grain", "levels", "horizon", "probabilities", "data_version", "code_version", "declaration",
    "first_period", "last_period", "series", "together", "methods", "reconciled_by", "backtest", "seconds",
    "cpu_seconds", "memory_bytes",
)  # fmt: skip


_LARGEST = float(np.finfo(np.float32).max)
_SMALLEST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Fit:
    """What a fit of one metric was made from, and what it has cost."""

    dataset: str
    metric: str
    grain: Grain
    levels: Sequence[Sequence[str]]
    horizon: int
    data_version: int
    code_version: str
    declaration: str
    first_period: date
    last_period: date
    seconds: float
    cpu_seconds: float
    memory_bytes: int


def store_run(connection: Connection, fit: Fit, found: Forecast, levels: Sequence[Level], together: int) -> int:
    """Stores a fit; returns its ID."""
    values = {
        "dataset": fit.dataset,
        "metric": fit.metric,
        "grain": fit.grain.value,
        "levels": json.dumps([list(level) for level in fit.levels]),
        "horizon": fit.horizon,
        "probabilities": list(found.probabilities),
        "data_version": fit.data_version,
        "code_version": fit.code_version,
        "declaration": fit.declaration,
        "first_period": fit.first_period,
        "last_period": fit.last_period,
        "series": len(found.method),
        "together": together,
        "methods": json.dumps(dict(Counter(found.methods[number] for number in found.method.tolist()))),
        "reconciled_by": found.reconciliation,
        "backtest": json.dumps(summary(found.backtest, levels)),
        "seconds": fit.seconds,
        "cpu_seconds": fit.cpu_seconds,
        "memory_bytes": fit.memory_bytes,
    }
    row = connection.execute(
        f"INSERT INTO forecast.runs ({', '.join(COLUMNS)}) "
        f"VALUES ({', '.join(f'%({name})s' for name in COLUMNS)}) RETURNING run_id",
        values,
    ).fetchone()
    assert row is not None
    return int(row[0])


def store_forecasts(
    connection: Connection, run_id: int, ids: Sequence[int], hierarchy: Hierarchy, found: Forecast, naive: FloatArray
) -> None:
    """Stores the forecasts of all series of a fit."""
    steps = list(range(1, found.point.shape[1] + 1))
    errors, naive_errors = total(found.backtest.issued), total(found.backtest.naive)
    by_series = [
        scores.wape(errors), scores.wape(naive_errors), scores.bias(errors), found.backtest.coverage_80,
        found.backtest.coverage_90,
    ]  # fmt: skip
    statement = (
        "COPY forecast.forecasts (run_id, series_id, number, level, parts, steps, point, quantiles, naive, method, "
        "reason, error, naive_error, bias, coverage_80, coverage_90) FROM STDIN"
    )
    with connection.cursor().copy(statement) as copy:
        for row, (series_id, node) in enumerate(zip(ids, hierarchy.nodes, strict=True)):
            copy.write_row(
                (
                    run_id,
                    series_id,
                    row,
                    node.level,
                    node.parts,
                    steps,
                    _numbers(found.point[row]),
                    _numbers(found.quantiles[:, row, :].ravel()),
                    _numbers(naive[row]),
                    found.methods[int(found.method[row])],
                    REASONS[int(found.reason[row])],
                    *(number_or_none(each[row]) for each in by_series),
                )
            )


def total(errors: Errors) -> Errors:
    """The errors of each series, over all buckets."""
    return Errors(*(getattr(errors, name).sum(axis=-1) for name in _SUMS))


_SUMS = ("count", "error", "absolute", "squared", "actual")


def summary(backtest: Backtest, levels: Sequence[Level]) -> list[dict[str, Any]]:
    """How forecasts did in the back-test, by level: errors relative to the sum of the actuals."""
    return [_of_level(backtest, level) for level in levels]


def _of_level(backtest: Backtest, level: Level) -> dict[str, Any]:
    issued, naive = _within(backtest.issued, level.rows), _within(backtest.naive, level.rows)
    weights = backtest.issued.count[level.rows].sum(axis=-1)
    ours, theirs = (Errors(*(getattr(each, name).sum(axis=-1) for name in _SUMS)) for each in (issued, naive))
    return {
        "scored": int(weights.sum()),
        "error": number_or_none(scores.wape(ours)),
        "naive_error": number_or_none(scores.wape(theirs)),
        "bias": number_or_none(scores.bias(ours)),
        "coverage_80": _weighted(backtest.coverage_80[level.rows], weights),
        "coverage_90": _weighted(backtest.coverage_90[level.rows], weights),
        "interval_score": _weighted(backtest.interval_score[level.rows], weights),
        "buckets": list(_buckets(backtest, issued, naive)),
    }


def _within(errors: Errors, rows: slice) -> Errors:
    """(buckets,) The errors of some series together."""
    return Errors(*(getattr(errors, name)[rows].sum(axis=0) for name in _SUMS))


def _buckets(backtest: Backtest, issued: Errors, naive: Errors) -> Iterator[dict[str, Any]]:
    start = 1
    for place, end in enumerate(backtest.bucket_ends):
        yield {
            "first_step": start,
            "last_step": end,
            "error": number_or_none(scores.wape(issued)[place]),
            "naive_error": number_or_none(scores.wape(naive)[place]),
        }
        start = end + 1


def _weighted(shares: FloatArray, weights: FloatArray) -> float | None:
    known = np.isfinite(shares) & (weights > 0)
    if not known.any():
        return None
    return float(np.average(shares[known], weights=weights[known]))


def _numbers(values: FloatArray) -> list[float | None]:
    """Numbers as `real` holds them: the database refuses those that are too large or too near to 0 for it."""
    shown = np.clip(values, -_LARGEST, _LARGEST)
    shown = np.where(np.abs(shown) < _SMALLEST, 0.0, shown)
    return [None if math.isnan(value) else value for value in shown.tolist()]


def number_or_none(value: Any) -> float | None:
    """A number as a database and JSON have it; None where there is none."""
    found = float(value)
    return found if math.isfinite(found) else None
