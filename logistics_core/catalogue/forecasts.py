"""Forecasts as a contract declares them: which metrics, of which parts of the records, how far. Plain, immutable."""

from dataclasses import dataclass

from logistics_core.metrics.periods import Grain

FORECAST_GRAINS = (Grain.DAY, Grain.WEEK, Grain.MONTH)
"""Periods that forecasts can be made by."""


@dataclass(frozen=True)
class NamedDay:
    """A day that is not like others of its weekday, once or every year."""

    name: str
    month: int
    day: int
    year: int | None = None
    """None for every year."""


@dataclass(frozen=True)
class DeclaredForecasts:
    """Forecasts of some metrics, made together."""

    metrics: tuple[str, ...]
    """Names of metrics of the dataset."""
    levels: tuple[tuple[str, ...], ...]
    """The fields that records are grouped by, coarsest level first: each level has those of the one before, and more.
    A level without fields is the total."""
    grain: Grain
    horizon: int
    """How many periods after the last finished one."""
    max_series: int | None = None
    """How many series of a level are forecast by themselves; None leaves it to the settings."""
    holidays: tuple[str, ...] = ()
    """Countries or parts of them, as ISO 3166 codes, whose public holidays are special days."""
    special_days: tuple[NamedDay, ...] = ()
