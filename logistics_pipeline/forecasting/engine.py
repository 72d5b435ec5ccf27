"""Forecasts of a panel: back-test, choice, intervals, reconciliation, in that order."""

import numpy as np

from logistics_pipeline.forecasting import scores
from logistics_pipeline.forecasting.methods import seasonal_naive
from logistics_pipeline.forecasting.panel import (
    CLOSED,
    NAIVE,
    Backtest,
    BoolArray,
    Errors,
    FloatArray,
    Forecast,
    Panel,
)

PROBABILITIES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
METHODS = ("seasonal naive",)
_BUCKET_ENDS = (1, 7, 14, 28)


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
    values = np.where(np.isfinite(panel.values), panel.values, 0.0)
    if values.shape[1] < panel.season:
        values = np.pad(values, ((0, 0), (panel.season - values.shape[1], 0)))
    point = np.where(panel.closed[:, None], 0.0, seasonal_naive(values, panel.season, horizon))
    ends = tuple(sorted({min(end, horizon) for end in _BUCKET_ENDS} | {horizon}))
    series = len(values)
    return Forecast(
        point=point,
        probabilities=probabilities,
        quantiles=_quantiles(values, point, panel, probabilities, width),
        methods=METHODS,
        method=np.zeros(series, dtype=np.int64),
        reason=np.where(panel.closed, CLOSED, NAIVE).astype(np.int64),
        reconciliation="bottom_up" if panel.additive else "none",
        reconciliation_error={},
        backtest=_backtest(values, panel.season, horizon, origins, ends),
    )


def _quantiles(
    values: FloatArray, point: FloatArray, panel: Panel, probabilities: tuple[float, ...], width: FloatArray | None
) -> FloatArray:
    differences = values[:, panel.season :] - values[:, : -panel.season]
    if not differences.shape[1]:
        differences = np.zeros((len(values), 1))
    offsets = np.quantile(differences, probabilities, axis=1) * (1.0 if width is None else width)
    offsets = np.where(panel.closed, 0.0, offsets)
    found = point + offsets[:, :, None]
    return np.maximum(found, 0.0) if panel.non_negative else found


def _backtest(values: FloatArray, season: int, horizon: int, origins: int, ends: tuple[int, ...]) -> Backtest:
    periods = values.shape[1]
    known = [periods - horizon * number for number in range(origins, 0, -1)]
    known = [each for each in known if each >= season]
    series = len(values)
    actual = np.stack([values[:, at : at + horizon] for at in known] or [np.full((series, horizon), np.nan)], axis=1)
    naive = np.stack(
        [seasonal_naive(values[:, :at], season, horizon) for at in known] or [np.full((series, horizon), np.nan)],
        axis=1,
    )
    by_bucket = [
        scores.errors(
            actual[:, :, start:end].reshape(series, -1),
            naive[:, :, start:end].reshape(series, -1),
        )
        for start, end in zip((0, *ends), ends, strict=False)
    ]
    buckets = Errors(
        *(
            np.stack([getattr(each, name) for each in by_bucket], axis=-1)
            for name in ("count", "error", "absolute", "squared", "actual")
        )
    )
    total = scores.errors(actual.reshape(series, -1), naive.reshape(series, -1))
    nothing = np.full(series, np.nan)
    return Backtest(
        origins=tuple(known),
        bucket_ends=ends,
        by_method=Errors(
            *(getattr(total, name)[None, :] for name in ("count", "error", "absolute", "squared", "actual"))
        ),
        issued=buckets,
        naive=buckets,
        coverage_80=nothing,
        coverage_90=nothing,
        interval_score=nothing,
    )
