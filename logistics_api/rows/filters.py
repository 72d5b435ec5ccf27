"""The query parameters that choose rows and columns: the same for pages and for exports.

A filter is named after its column: alone it means equality, `_prefix` that the text begins so, `_from` and `_to` a
range that includes both ends. Filters combine with AND; NULL passes none of its column. What they become in SQL is
decided in `queries.condition`.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic.functional_validators import PlainValidator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from logistics_api.parameters.date_range import Day
from logistics_api.parameters.text_search import KeyText
from logistics_api.parameters.types import DIGITS, FileId, Flag
from logistics_api.rows.datasets import SHIPMENTS, VEHICLE_LOGS, VEHICLES, Dataset

_NUMBER = re.compile(r"[+-]?([0-9]{1,400}(\.[0-9]{0,400})?|\.[0-9]{1,400})([eE][+-]?[0-9]{1,3})?", re.ASCII)


def parse_number(value: Any) -> Decimal:
    """Takes a finite number and keeps every digit."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    raise PydanticCustomError("number", "a number such as 12.5, of at most 400 digits, exponent at most 999")


Number = Annotated[Decimal, PlainValidator(parse_number), WithJsonSchema({"type": "number", "examples": [412.5]})]
RecordNumber = Annotated[int, Field(ge=1, le=2**63 - 1, examples=[31_415]), DIGITS]


@dataclass(frozen=True)
class Columns:
    """Marks a text as a list of columns of a dataset, with commas between them."""

    dataset: Dataset

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        column = f"({'|'.join(self.dataset.columns)})"
        return {"type": "string", "pattern": f"^{column}(,{column})*$"}

    def _check(self, value: str) -> str:
        if set(value.split(",")) <= self.dataset.columns.keys():
            return value
        known = ", ".join(self.dataset.columns)
        raise PydanticCustomError("columns", "columns with commas between them, of {known}", {"known": known})


_FIELDS = "Columns of the answer, with commas between them. Without: all of the table, but not the source"


class Selection(BaseModel):
    """What every question about rows may say. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    source: Flag = Field(
        False, description="Adds where each row came from: `file_path`, `file_version`, `file_id`, `record_no`"
    )


class VehicleColumns(Selection):
    """Which columns of vehicles."""

    fields: Annotated[str, Columns(VEHICLES)] | None = Field(
        None, description=_FIELDS, examples=["vehicle_id,total_mileage"]
    )


class LogColumns(Selection):
    """Which columns of vehicle logs."""

    fields: Annotated[str, Columns(VEHICLE_LOGS)] | None = Field(
        None, description=_FIELDS, examples=["log_id,trip_date,mileage"]
    )


class ShipmentColumns(Selection):
    """Which columns of shipments."""

    fields: Annotated[str, Columns(SHIPMENTS)] | None = Field(
        None, description=_FIELDS, examples=["shipment_id,cost,log_id"]
    )


class SourceFilters(BaseModel):
    """Filters every dataset has."""

    file_id: FileId | None = Field(None, description="Rows that came from this file of the ledger")
    record_no: RecordNumber | None = Field(None, description="Rows that were this record of their file, from 1")


class VehicleFilters(VehicleColumns, SourceFilters):
    """Which vehicles."""

    vehicle_id: KeyText | None = Field(None, description="Exactly this vehicle", examples=["V-017"])
    vehicle_id_prefix: KeyText | None = Field(None, description="Ids that begin so", examples=["V-0"])
    name: KeyText | None = Field(None, description="Exactly this name", examples=["Truck 17"])
    name_prefix: KeyText | None = Field(
        None, description="Names that begin so, in this case of letters", examples=["Tr"]
    )
    total_mileage: Number | None = Field(None, description="Exactly this lifetime distance, km")
    total_mileage_from: Number | None = Field(None, description="At least this lifetime distance, km")
    total_mileage_to: Number | None = Field(None, description="At most this lifetime distance, km")


class LogFilters(LogColumns, SourceFilters):
    """Which vehicle logs."""

    log_id: KeyText | None = Field(None, description="Exactly this log", examples=["LOG-000042"])
    log_id_prefix: KeyText | None = Field(None, description="Ids that begin so", examples=["LOG-0000"])
    vehicle_id: KeyText | None = Field(None, description="Logs of exactly this vehicle", examples=["V-017"])
    vehicle_id_prefix: KeyText | None = Field(None, description="Logs of vehicles whose id begins so", examples=["V-0"])
    trip_date: Day | None = Field(None, description="Exactly this day, YYYY-MM-DD")
    trip_date_from: Day | None = Field(None, description="This day or later")
    trip_date_to: Day | None = Field(None, description="This day or earlier")
    mileage: Number | None = Field(None, description="Exactly this distance, km")
    mileage_from: Number | None = Field(None, description="At least this distance, km")
    mileage_to: Number | None = Field(None, description="At most this distance, km")
    fuel_used: Number | None = Field(None, description="Exactly this much fuel, litres")
    fuel_used_from: Number | None = Field(None, description="At least this much fuel, litres")
    fuel_used_to: Number | None = Field(None, description="At most this much fuel, litres")


class ShipmentFilters(ShipmentColumns, SourceFilters):
    """Which shipments."""

    shipment_id: KeyText | None = Field(None, description="Exactly this shipment", examples=["SHP-000042"])
    shipment_id_prefix: KeyText | None = Field(None, description="Ids that begin so", examples=["SHP-0000"])
    origin: KeyText | None = Field(None, description="Exactly this place of origin", examples=["Aachen"])
    origin_prefix: KeyText | None = Field(
        None, description="Origins that begin so, in this case of letters", examples=["Aa"]
    )
    destination: KeyText | None = Field(None, description="Exactly this destination", examples=["Zug"])
    destination_prefix: KeyText | None = Field(
        None, description="Destinations that begin so, in this case of letters", examples=["Zu"]
    )
    log_id: KeyText | None = Field(None, description="What this log carried", examples=["LOG-000042"])
    log_id_prefix: KeyText | None = Field(None, description="What logs carried whose id begins so", examples=["LOG-00"])
    weight: Number | None = Field(None, description="Exactly this weight, kg")
    weight_from: Number | None = Field(None, description="At least this weight, kg")
    weight_to: Number | None = Field(None, description="At most this weight, kg")
    cost: Number | None = Field(None, description="Exactly this cost, in the currency of the feed")
    cost_from: Number | None = Field(None, description="At least this cost, in the currency of the feed")
    cost_to: Number | None = Field(None, description="At most this cost, in the currency of the feed")
    delivery_time: Number | None = Field(None, description="Exactly this delivery time, hours")
    delivery_time_from: Number | None = Field(None, description="At least this delivery time, hours")
    delivery_time_to: Number | None = Field(None, description="At most this delivery time, hours")


RowFilters = VehicleFilters | LogFilters | ShipmentFilters
FILTERS: dict[Dataset, type[RowFilters]] = {
    VEHICLES: VehicleFilters,
    VEHICLE_LOGS: LogFilters,
    SHIPMENTS: ShipmentFilters,
}


def given_filters(dataset: Dataset, question: RowFilters) -> dict[str, Any]:
    """The filters that were given, by name: those that belong to a column, `fields` and `source` left out."""
    others = Selection.model_fields.keys() | {"fields"}
    names = FILTERS[dataset].model_fields.keys() - others
    return {name: value for name, value in question if name in names and value is not None}
