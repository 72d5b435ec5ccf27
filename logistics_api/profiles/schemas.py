"""The response about a dataset and its columns."""

from datetime import date, datetime

from pydantic import Field

from logistics_api.schemas import StrictModel
from logistics_core.catalogue import FieldType, Role
from logistics_core.profiles import ValueKind


class FrequentValue(StrictModel):
    """A value and how often it occurs."""

    value: str = Field(description="As text, at most 80 characters of it", examples=["Aachen"])
    count: int = Field(description="Rows of the sample that have it", examples=[412])


class ColumnProfile(StrictModel):
    """What the sample has in one column."""

    kind: ValueKind = Field(
        description="What `least`, `median`, `greatest` and `histogram` measure: numbers, days or, of texts and "
        "everything else, the number of characters",
        examples=["number"],
    )
    records: int = Field(description="Rows of the sample", examples=[1_200])
    filled: int = Field(description="Rows of the sample that have a value", examples=[1_188])
    distinct: int = Field(description="Distinct values of the sample, as far as is known", examples=[37])
    is_distinct_exact: bool = Field(
        description="Whether all rows have exactly `distinct` values; otherwise it is an estimate: there may be more"
    )
    least: float | date | None = Field(description="Null if there is no value to measure", examples=[0.5])
    median: float | date | None = Field(examples=[12.5])
    greatest: float | date | None = Field(examples=[99.0])
    frequent: list[FrequentValue] = Field(
        description="The most frequent values, at most ten, without those that occur once, unless these are all"
    )
    histogram: list[float] = Field(
        description="The share of values in twelve parts of equal width from `least` to `greatest`; one part if these "
        "are the same",
        examples=[[0.25, 0.5, 0.25]],
    )


class ProfiledColumn(StrictModel):
    """A column by its contract, and what it holds."""

    name: str = Field(description="Its name in records, filters and columns", examples=["mileage"])
    title: str = Field(description="Display name", examples=["Distance"])
    description: str = Field(description="Content of the field", examples=["Distance driven"])
    type: FieldType = Field(examples=["number"])
    role: Role = Field(examples=["measure"])
    unit: str | None = Field(description="The unit, as a UCUM symbol, or `currency`: that of the feed", examples=["km"])
    required: bool = Field(description="Whether every row has a value", examples=[False])
    aliases: list[str] = Field(description="Other names that the column has in files", examples=[["Strecke (km)"]])
    profile: ColumnProfile | None = Field(
        description="Null if nothing was loaded, or if the column is beyond the 200 of a table that have a profile"
    )


class DatasetProfile(StrictModel):
    """A dataset and what its columns hold."""

    dataset: str = Field(examples=["vehicle_logs"])
    title: str = Field(examples=["Vehicle logs"])
    description: str = Field(examples=["Trips: one record per trip of a vehicle."])
    version: int | None = Field(description="The version of the contract; null for a built-in dataset", examples=[2])
    accepted_at: datetime | None = Field(description="When this version was accepted, UTC")
    accepted_by: str | None = Field(description="Who or what accepted it", examples=["anna"])
    key_fields: list[str] = Field(description="Empty if the records have no key", examples=[["log_id"]])
    files: int = Field(description="Loaded files, of each path the newest version", examples=[31])
    files_profiled: int = Field(description="The latest of them, from which the profile is", examples=[31])
    records: int = Field(description="Records of these files that were accepted", examples=[40_000])
    records_sampled: int = Field(
        description="Those that the profile is made of: the first 400 of each file and every 256th of the rest",
        examples=[1_200],
    )
    fields: list[ProfiledColumn] = Field(description="In the order of the columns")
