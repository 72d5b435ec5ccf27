"""The responses about quality."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.parameters.types import Integer
from logistics_api.schemas import StrictModel
from logistics_core.database_contract.file_states import FileState
from logistics_core.quality import Dimension

_DEFINITION = Field(
    description="The definition by which it is computed (docs/quality.md). Scores of different definitions are not "
    "comparable",
    examples=["q1"],
)


class QualityRule(StrictModel):
    """One rule: how many of the cells, records or files that it has tested passed."""

    dimension: Dimension = Field(examples=["validity"])
    rule: Literal["filled", "readable", "valid", "unique", "known_fields", "refers", "arrived", "within_bounds"]
    field: str | None = Field(description="The field it tests; null for records and files", examples=["weight"])
    passed: int = Field(examples=[9_988])
    tested: int = Field(description="At least 1", examples=[10_000])


class QualityDimension(StrictModel):
    """A dimension in which something was tested. One in which nothing was is absent."""

    dimension: Dimension = Field(examples=["validity"])
    score: float = Field(description="Mean of `passed / tested` of its rules; 1 only if all passed", examples=[0.9988])
    passed: int = Field(description="Cells, records or files behind it that passed", examples=[69_988])
    tested: int = Field(description="All of them", examples=[70_000])
    worst: QualityRule


class DetailedDimension(QualityDimension):
    """A dimension with all its rules."""

    rules: list[QualityRule]


class _Scored(StrictModel):
    score: float | None = Field(
        description="Mean of the dimensions, from 0 to 1; 1 only if everything passed; null if nothing was tested",
        examples=[0.9987],
    )
    tested: int = Field(description="Cells, records and files behind it", examples=[140_214])
    worst: QualityRule | None = Field(description="The rule with the lowest share; null if nothing has failed")


class _DatasetQuality(_Scored):
    dataset: str = Field(examples=["shipments"])
    title: str = Field(examples=["Shipments"])
    definition: Literal["q1"] = _DEFINITION
    floor: float | None = Field(description="The lowest score that the contract accepts", examples=[0.95])
    is_below_floor: bool
    references_counted_at: datetime | None = Field(
        description="When the references to other datasets were counted, UTC: after refreshes. Null: not yet, or none"
    )


class DatasetQuality(_DatasetQuality):
    """The quality of a dataset."""

    dimensions: list[QualityDimension]


class DetailedQuality(_DatasetQuality):
    """The quality of a dataset with all rules."""

    dimensions: list[DetailedDimension]


class QualityOfDatasets(StrictModel):
    """The quality of all datasets."""

    definition: Literal["q1"] = _DEFINITION
    datasets: list[DatasetQuality] = Field(description="In the order of /api/datasets")


class FileQuality(_Scored):
    """The quality of one version of a file."""

    file_id: int = Field(examples=[214])
    path: str = Field(examples=["shipments/2024-04-01.json"])
    version: int = Field(examples=[1])
    state: FileState = Field(examples=["loaded"])
    loaded_on: date | None = Field(description="The day on which its load began, UTC", examples=["2024-04-01"])
    is_counted: bool = Field(description="Whether it counts in the dataset's score: no newer version has replaced it")
    dimensions: list[QualityDimension]


class QualityOfFiles(StrictModel):
    """A page of files."""

    definition: Literal["q1"] = _DEFINITION
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one")
    items: list[FileQuality]


class DayQuality(_Scored):
    """The quality of the files whose load began on one day."""

    day: date = Field(description="UTC", examples=["2024-04-01"])
    files: int = Field(examples=[3])
    dimensions: list[QualityDimension]


class QualityOfDays(StrictModel):
    """The quality of a dataset over time."""

    definition: Literal["q1"] = _DEFINITION
    items: list[DayQuality] = Field(description="The first day first; days on which nothing was loaded are absent")


class DayParameters(BaseModel):
    """How many days."""

    model_config = ConfigDict(extra="forbid")

    limit: Integer = Field(90, ge=1, le=1000, description="Maximum number of days: the latest ones")
