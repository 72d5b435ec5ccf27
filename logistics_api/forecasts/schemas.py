"""Responses about forecasts."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from logistics_api.schemas import StrictModel

_ERROR = "Sum of absolute errors per sum of actuals: 0.08 is off by 8 % on average; null if nothing was scored"
_NAIVE = "The same of repeating the last season, such as last week"


class Errors(StrictModel):
    """How right forecasts were."""

    error: float | None = Field(description=_ERROR, examples=[0.081])
    naive_error: float | None = Field(description=_NAIVE, examples=[0.102])
    value_added: float | None = Field(
        description="1 − error / naive error: 0.1 is an error a tenth lower, below 0 is worse than repeating",
        examples=[0.206],
    )
    bias: float | None = Field(
        description="Sum of errors per sum of actuals: above 0 where forecasts were too high", examples=[-0.01]
    )
    coverage_80: float | None = Field(description="Share of actuals within the central 80 %", examples=[0.79])
    coverage_90: float | None = Field(description="Share of actuals within the central 90 %", examples=[0.9])


class TrackedErrors(Errors):
    """How right forecasts were that were issued."""

    forecasts: int = Field(description="How many were scored", examples=[1176])
    interval_score: float | None = Field(
        description="Mean width of the 90 % intervals, and 20 times the distance of actuals outside; lower is better"
    )
    tracking_signal: float | None = Field(
        description="Sum of errors in mean absolute errors: far from 0 where they lean to one side", examples=[1.4]
    )


class SeriesTracked(TrackedErrors):
    """How right the forecasts of a series were lately."""

    first_period: date
    last_period: date


class AccuracyOfSteps(TrackedErrors):
    """How right forecasts were so far ahead."""

    first_step: int = Field(description="Periods ahead, from", examples=[2])
    last_step: int = Field(description="Periods ahead, to", examples=[7])
    first_error: float | None = Field(description="The error against actuals as they were first known")


class AccuracyOfPeriods(TrackedErrors):
    """How right the forecasts of some periods were, whenever they were issued."""

    first_period: date
    last_period: date
    first_error: float | None = Field(description="The error against actuals as they were first known")


class TotalAccuracy(TrackedErrors):
    """How right all of them were."""

    first_error: float | None = Field(description="The error against actuals as they were first known")


class BacktestBucket(StrictModel):
    """The back-test so far ahead."""

    first_step: int
    last_step: int
    error: float | None
    naive_error: float | None


class LevelBacktest(StrictModel):
    """How a level did in the back-test: forecasts of earlier periods, without knowing what followed."""

    scored: int = Field(description="Periods of series that were scored", examples=[1680])
    error: float | None = Field(description=_ERROR)
    naive_error: float | None = Field(description=_NAIVE)
    bias: float | None
    coverage_80: float | None
    coverage_90: float | None
    interval_score: float | None
    buckets: list[BacktestBucket]


class Fit(StrictModel):
    """A fit: all forecasts of a metric that were issued together."""

    run_id: int = Field(examples=[17])
    issued_at: datetime
    data_version: int = Field(description="The refresh whose figures were the past")
    code_version: str = Field(description="Version of the program, and a fingerprint of the methods")
    first_period: date = Field(description="First day of the first period that was read")
    last_period: date = Field(description="First day of the last finished period: the first forecast is of the next")
    horizon: int = Field(description="Periods ahead", examples=[28])
    series: int = Field(description="Series of all levels")
    together: int = Field(description="Smaller series that were put together, as there were too many", examples=[0])
    methods: dict[str, int] = Field(description="Number of series per method", examples=[{"seasonal naive": 12}])
    reconciled_by: str = Field(description="How parts and totals were made to agree", examples=["bottom_up"])
    seconds: float
    memory_bytes: int


class ForecastLevel(StrictModel):
    """A level of forecasts, and how right they are."""

    by: list[str] = Field(description="Its fields; empty for the total", examples=[["origin"]])
    titles: list[str] = Field(examples=[["Origin"]])
    is_tracked: bool = Field(
        description="Whether the errors are those of issued forecasts, of the last six weeks or months; otherwise "
        "those of the back-test"
    )
    accuracy: Errors | None = Field(description="Null if there are no forecasts yet")


class MetricForecasts(StrictModel):
    """The forecasts of a metric."""

    metric: str = Field(examples=["revenue"])
    title: str = Field(examples=["Revenue"])
    unit: str | None = Field(examples=["currency"])
    better: Literal["up", "down", "neither"]
    grain: Literal["day", "week", "month"]
    horizon: int = Field(description="Periods ahead that the contract asks for", examples=[28])
    levels: list[ForecastLevel]
    run: Fit | None = Field(description="The newest fit; null if there is none yet")


class DatasetForecasts(StrictModel):
    """The forecasts of a dataset."""

    dataset: str = Field(examples=["shipments"])
    title: str = Field(examples=["Shipments"])
    forecasts: list[MetricForecasts]


class ForecastCatalogue(StrictModel):
    """All that is forecast."""

    datasets: list[DatasetForecasts]


class ForecastPoint(StrictModel):
    """What is likely of one period."""

    step: int = Field(description="Periods after the last finished one", examples=[1])
    period: date = Field(description="First day of the period")
    point: float | None = Field(description="The forecast; null if none can be made", examples=[1250.5])
    naive: float | None = Field(description="What repeating the last season says")
    quantiles: list[float | None] = Field(description="In the order of `probabilities`")
    actual: float | None = Field(description="What came true, as it is known now; null if it is not known")
    first_actual: float | None = Field(description="The same as it was first known: late files restate the past")


class PastPoint(StrictModel):
    """What was said before about one period."""

    period: date
    point: float | None


class PastForecast(StrictModel):
    """What was said before."""

    run_id: int
    issued_at: datetime
    last_period: date
    points: list[PastPoint]


class SeriesForecast(StrictModel):
    """The forecast of a series."""

    key: dict[str, Any] = Field(description="The values of the level's fields", examples=[{"origin": "Aachen"}])
    is_rest: bool = Field(description="Whether it is the smaller series together, with null where they differ")
    parts: int = Field(description="Of how many series it consists", examples=[1])
    method: str = Field(examples=["seasonal naive"])
    reason: str = Field(examples=["lowest error in the back-test"])
    naive_since: date | None = Field(
        description="Since when only the last season is repeated, because forecasts had lost to that for four weeks"
    )
    naive_reason: str | None
    backtest: Errors
    tracked: SeriesTracked | None = Field(description="Null until forecasts of it were scored")
    points: list[ForecastPoint]
    past: list[PastForecast] = Field(description="Earlier forecasts, the newest first, if asked for")


class SpecialDay(StrictModel):
    """A day that is not forecast like others of its weekday."""

    day: date = Field(examples=["2026-12-25"])
    name: str = Field(examples=["Christmas Day"])


class ForecastAnswer(StrictModel):
    """The forecasts of a level."""

    dataset: str = Field(examples=["shipments"])
    metric: str = Field(examples=["revenue"])
    title: str = Field(examples=["Revenue"])
    unit: str | None
    better: Literal["up", "down", "neither"]
    grain: Literal["day", "week", "month"]
    by: list[str]
    probabilities: list[float] = Field(examples=[[0.05, 0.5, 0.95]])
    run: Fit | None = Field(description="The fit; null if there is none yet, or none so early")
    backtest: LevelBacktest | None = Field(description="How the level did in the back-test of the fit")
    special_days: list[SpecialDay] = Field(
        description="Public holidays and days that the contract names, among the periods ahead"
    )
    groups: int = Field(description="How many series there are, those beyond the limit included")
    data: list[SeriesForecast] = Field(description="By series, the largest first")


class SetBack(StrictModel):
    """A series of which only the last season is repeated."""

    key: dict[str, Any]
    since: date
    decided_at: datetime | None
    reason: str | None


class AccuracyAnswer(StrictModel):
    """How right forecasts were, as actuals are known now."""

    dataset: str
    metric: str
    title: str
    grain: Literal["day", "week", "month"]
    by: list[str]
    first_period: date | None = Field(description="The oldest period that counts; null if none was scored yet")
    last_period: date | None
    fits: int = Field(description="How many fits have issued these forecasts")
    total: TotalAccuracy
    by_steps: list[AccuracyOfSteps] = Field(description="By periods ahead")
    over_time: list[AccuracyOfPeriods] = Field(description="By week or, of longer periods, by period; newest first")
    backtest: LevelBacktest | None = Field(description="How the level did in the back-test of the newest fit")
    set_back: list[SetBack] = Field(description="Series that are set back to repeating the last season")
