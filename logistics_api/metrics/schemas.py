"""Responses about metrics."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.as_of.schemas import FileAsOf
from logistics_api.querying.planner import Source


class MetricDescription(BaseModel):
    """A metric of a dataset."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(examples=["revenue"])
    title: str = Field(examples=["Revenue"])
    description: str = Field(examples=["What customers paid"])
    aggregate: str = Field(description="How it comes from the records", examples=["sum"])
    field: str | None = Field(description="The field that is aggregated; null if none is", examples=["cost"])
    of: list[str] | None = Field(description="The two metrics that it combines; null if it combines none")
    unit: str | None = Field(description="The unit, as a UCUM symbol; `currency` is that of the feed", examples=["kg"])
    better: Literal["up", "down", "neither"] = Field(description="The direction that is good")
    adds_up: bool = Field(description="Whether values of parts add up to that of the whole")


class Dimension(BaseModel):
    """A field that metrics can be grouped and filtered by."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(description="Its name in `by` and `filter`", examples=["log.vehicle.vehicle_type"])
    title: str = Field(examples=["Vehicle type"])
    type: str = Field(examples=["string"])
    dataset: str = Field(description="The dataset that it belongs to", examples=["vehicles"])
    role: str = Field(examples=["dimension"])


class RecordDays(BaseModel):
    """The days that records have."""

    model_config = ConfigDict(extra="forbid")

    first: date
    last: date
    newest: date | None = Field(
        description="The newest day that is not in the future; null if there is none", examples=["2024-12-31"]
    )


class DatasetMetrics(BaseModel):
    """The metrics of a dataset and what they can be grouped by."""

    model_config = ConfigDict(extra="forbid")

    dataset: str = Field(examples=["shipments"])
    title: str = Field(examples=["Shipments"])
    description: str
    has_days: bool = Field(description="Whether records have a day, so that there are periods and ranges")
    time_zone: str | None = Field(
        description="The time zone of the days, if they are those of moments: of a record's own, or of the files that "
        "snapshots are as of; otherwise null",
        examples=["Europe/Berlin"],
    )
    snapshots: Literal["daily", "monthly"] | None = Field(
        description="If periods are not those of records: values are as they were known at the end of each day or month"
    )
    days: RecordDays | None = Field(
        description="The days of its records as of the last refresh; null if they have none, or none is known yet"
    )
    metrics: list[MetricDescription]
    dimensions: list[Dimension]


class MetricCatalogue(BaseModel):
    """The metrics of all datasets."""

    model_config = ConfigDict(extra="forbid")

    datasets: list[DatasetMetrics]


class Span(BaseModel):
    """Days from `start` to `end`, both included."""

    model_config = ConfigDict(extra="forbid")

    start: date
    end: date


class AnswerPeriod(BaseModel):
    """A period of an answer and the one that it is compared with."""

    model_config = ConfigDict(extra="forbid")

    start: date
    end: date
    compared: Span | None = Field(description="What it is compared with; null if that lies before the calendar")


class AnswerColumn(BaseModel):
    """A column of an answer."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(examples=["revenue_change"])
    title: str = Field(examples=["Revenue: change"])
    kind: Literal["period", "dimension", "value", "previous", "change", "running", "share", "average"]
    metric: str | None = Field(description="The metric that it shows; null for periods and dimensions")
    unit: str | None = None
    better: Literal["up", "down", "neither"] | None = None
    approximate_within: float | None = Field(
        None,
        description="If its values are approximate: how far they may be off, as a share of the value. Of quantiles "
        "that is the most, of distinct counts the standard error; null if they are exact",
    )


class MetricAnswer(BaseModel):
    """An answer to a question about metrics."""

    model_config = ConfigDict(extra="forbid")

    dataset: str = Field(examples=["shipments"])
    source: Source = Field(
        description="`rollup`: from a pre-aggregate, as of the last refresh; `rows`: from the records as they are now, "
        "or as they were as of the file asked for"
    )
    data_version: int | None = Field(description="The refresh that the figures are of; null if they are of the records")
    as_of: FileAsOf | None = Field(description="The last file that counts; null if all do")
    grain: str | None
    range: Span | None = Field(description="The range; null if all records count")
    periods: list[AnswerPeriod] = Field(description="What each period is compared with; empty without a comparison")
    undated: int | None = Field(
        description="Records without a day, which never count, as of the last refresh; null if that is not known yet"
    )
    columns: list[AnswerColumn]
    groups: int = Field(description="How many rows there are, those beyond the limit included")
    total: dict[str, Any] | None = Field(description="The metrics over all groups and periods, if asked for")
    data: list[dict[str, Any]] = Field(description="The rows")


class KeyFigurePoint(BaseModel):
    """A point of the small chart beside a key figure."""

    model_config = ConfigDict(extra="forbid")

    period: date
    value: float | str | None


class KeyFigure(BaseModel):
    """A metric over a range, what it was before, and its course."""

    model_config = ConfigDict(extra="forbid")

    metric: str = Field(description="Dataset and metric", examples=["shipments.revenue"])
    title: str
    description: str
    unit: str | None
    better: Literal["up", "down", "neither"]
    value: float | str | None = Field(description="The value; a text for days")
    previous: float | str | None = Field(description="The value in what the range is compared with")
    change: float | None = Field(description="In percent; null if the earlier value is 0 or missing")
    range: Span | None
    compared: Span | None
    source: Source
    approximate_within: float | None
    series: list[KeyFigurePoint]


class KeyFigures(BaseModel):
    """Key figures in the order asked for."""

    model_config = ConfigDict(extra="forbid")

    data_version: int | None = Field(description="The refresh that all of them are of; null if some are of the records")
    figures: list[KeyFigure]
