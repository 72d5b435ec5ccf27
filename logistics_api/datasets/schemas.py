"""A dataset as its contract describes it, and where to read it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.exports.formats import Format
from logistics_core.catalogue import FieldType, Role


class DatasetField(BaseModel):
    """One field of a record."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Its name in records, filters and columns", examples=["mileage"])
    title: str = Field(description="Display name", examples=["Distance"])
    label: str = Field(description="A column heading, with the unit", examples=["Distance, km"])
    description: str = Field(description="Content of the field", examples=["Distance driven"])
    type: FieldType = Field(description="Type of its values", examples=["number"])
    role: Role = Field(description="Role of the field", examples=["measure"])
    unit: str | None = Field(description="The unit, as a UCUM symbol, or `currency`: that of the feed", examples=["km"])
    required: bool = Field(description="Whether every row has a value; otherwise it may be null", examples=[False])
    references: str | None = Field(
        description="The dataset whose key it holds by itself; that record may arrive later", examples=["vehicles"]
    )


class DatasetReference(BaseModel):
    """Fields that together hold the key of a record of another dataset, which may arrive later."""

    model_config = ConfigDict(extra="forbid")

    fields: list[str] = Field(description="The fields, in the order of that key", examples=[["vehicle_id"]])
    dataset: str = Field(description="The other dataset", examples=["vehicles"])
    key_fields: list[str] = Field(description="The fields of its key", examples=[["vehicle_id"]])


class DatasetSort(BaseModel):
    """One order of the rows."""

    model_config = ConfigDict(extra="forbid")

    sort: str = Field(description="The value of the parameter `sort`", examples=["-trip_date"])
    field: str = Field(description="The field it sorts by", examples=["trip_date"])
    direction: Literal["ascending", "descending"] = Field(description="Sort direction", examples=["descending"])


class DatasetDescription(BaseModel):
    """One dataset."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Its name: in the ledger, in uploads and of its table", examples=["vehicle_logs"])
    slug: str = Field(description="Its name in paths", examples=["vehicle-logs"])
    title: str = Field(description="Display name", examples=["Vehicle logs"])
    description: str = Field(description="What one record is", examples=["Trips: one record per trip of a vehicle."])
    key: str = Field(
        description="The field that identifies a record. Several fields are separated by commas; empty without a key. "
        "`key_fields` is easier to read",
        examples=["log_id"],
    )
    key_fields: list[str] = Field(
        description="The fields that together identify a record, in this order. Empty if the records have no key: "
        "`file_id` and `record_no` then identify a row",
        examples=[["log_id"]],
    )
    references: list[DatasetReference] = Field(description="The records of other datasets that a record refers to")
    date: str | None = Field(
        description="The field that holds a record's own date or timestamp", examples=["trip_date"]
    )
    fields: list[DatasetField] = Field(description="The fields of a record, in the order of the columns")
    sorts: list[DatasetSort] = Field(description="The orders in which rows can be read; the first is the default")
    added_fields: list[DatasetField] = Field(
        description="What the record that dates a row adds to it: `day`, and the records which that record refers to"
    )
    added_sorts: list[DatasetSort] = Field(description="The orders by these fields")
    rows: str = Field(description="Path of its rows", examples=["/api/vehicle-logs"])
    exports: dict[Format, str] = Field(
        description="Paths of its exports, by format", examples=[{"csv": "/api/exports/vehicle-logs.csv"}]
    )


class Datasets(BaseModel):
    """All datasets."""

    model_config = ConfigDict(extra="forbid")

    datasets: list[DatasetDescription] = Field(description="In the order in which the dashboard shows them")
