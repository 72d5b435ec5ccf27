"""What the engine is given and what it answers: series of figures in, forecasts with their back-test out.

Plain data; where series come from and where forecasts go is not known here.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

REASONS = (
    "seasonal naive: nothing tried beats it",
    "lowest error in the back-test",
    "seasonal naive, mixed with what had a lower error in the back-test",
    "too short: share of its parent's forecast",
    "too short: mean of its periods",
    "constant",
    "no activity any more",
    "set back to seasonal naive",
    "no data",
)
"""Why a series got its method. `Forecast.reason` counts from 0 in here."""

NAIVE, BACKTEST, MIXED, SHARE, SHORT, CONSTANT, CLOSED, SET_BACK, EMPTY = range(len(REASONS))


@dataclass(frozen=True)
class Level:
    """Series of one grain: the total, all origins, all routes."""

    name: str
    rows: slice


@dataclass(frozen=True)
class SpecialDays:
    """Days that are not like others of their weekday: public holidays, and days that a contract names."""

    names: tuple[str, ...]
    """Of the kinds; the first one is for all ordinary days."""
    kinds: IntArray
    """(periods and at least the horizon after them,) The kind of each period."""


@dataclass(frozen=True)
class Panel:
    """Series of one metric on one calendar of periods."""

    values: FloatArray
    """(series, periods). NaN before a series' first period and, in a metric that is no sum, where there is no value."""
    levels: tuple[Level, ...]
    """Coarsest first; together they cover all rows in order."""
    parents: IntArray
    """(series,) The row of the series it is a part of, -1 for the coarsest."""
    season: int
    """Periods in a season: 7 for days, 52 for weeks, 12 for months."""
    additive: bool
    """Parts add up to their parents. Otherwise series are forecast by themselves."""
    non_negative: bool
    whole_numbers: bool
    closed: BoolArray
    """(series,) Series that have stopped: forecast as zero, or as nothing where the metric is no sum."""
    special: SpecialDays | None = None
    """Special days among the periods and after them; None where none are known."""


@dataclass(frozen=True)
class Errors:
    """Sums over scored periods; all arrays have one shape. Ratios of them are `scores`' business."""

    count: FloatArray
    error: FloatArray
    """Sum of forecast minus actual."""
    absolute: FloatArray
    squared: FloatArray
    actual: FloatArray
    """Sum of the actuals' absolute values."""


@dataclass(frozen=True)
class Backtest:
    """How forecasts did that were made at earlier periods, without knowing the later ones.

    The `issued` forecasts of an origin are by the methods that errors known *at* that origin would have chosen; where
    none were known yet, by those that the other origins choose.
    """

    origins: tuple[int, ...]
    """How many periods were known, per origin."""
    bucket_ends: tuple[int, ...]
    """Last step of each bucket of the horizon, the first step being 1."""
    by_method: Errors
    """(methods, series), over all origins."""
    issued: Errors
    """(series, buckets)"""
    naive: Errors
    """(series, buckets)"""
    coverage_80: FloatArray
    """(series,) Share of actuals within the central 80 %; NaN where none was scored."""
    coverage_90: FloatArray
    interval_score: FloatArray
    """(series,) Mean interval score of the 90 % intervals; NaN where none was scored."""


@dataclass(frozen=True)
class Forecast:
    """Forecasts of all series of a panel."""

    point: FloatArray
    """(series, horizon) NaN where nothing is forecast."""
    probabilities: tuple[float, ...]
    quantiles: FloatArray
    """(probabilities, series, horizon), ascending along the first axis."""
    methods: tuple[str, ...]
    method: IntArray
    """(series,) Position in `methods`."""
    second: IntArray
    """(series,) Position of the method that the first is averaged with, -1 where it stands alone."""
    reason: IntArray
    """(series,) Position in `REASONS`."""
    reconciliation: str
    """How parts and totals were made to agree: bottom_up, wls, direct; none where they need not."""
    reconciliation_error: dict[str, float]
    """Per way tried: its error in the back-test relative to seasonal naive's, mean over levels."""
    backtest: Backtest

    def method_name(self, row: int) -> str:
        """What a series is forecast by, in words."""
        first, second = int(self.method[row]), int(self.second[row])
        return self.methods[first] if second < 0 else f"{self.methods[first]}; {self.methods[second]}"
