"""What questions about rows answer. A column that was not asked for is absent, so none is promised."""

from datetime import date
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.parameters import cursors
from logistics_api.parameters.types import Paging
from logistics_api.rows.filters import LogFilters, ShipmentFilters, VehicleFilters
from logistics_api.rows.queries import CAP

Count = Literal["estimated", "capped", "none"]
_SORT = "Order of the rows, `-` before it turns it round. Ties are broken by the id, in the same direction"
_LOGS_SORT = (
    "Order of the rows, `-` before it turns it round. Within a day by vehicle, then by log, in the same direction"
)


class RowPaging(Paging):
    """Which page, and how much is to be known about all of them."""

    count: Count = Field(
        "estimated",
        description="`estimated`: what PostgreSQL expects, nearly free. "
        f"`capped`: counted, up to {CAP:,}; with filters that few rows pass it may read the whole table. "
        "`none`: `total` is null",
    )


class VehiclesQuestion(RowPaging, VehicleFilters):
    """Query parameters of a page of vehicles."""

    sort: Literal["vehicle_id", "-vehicle_id"] = Field("vehicle_id", description=_SORT)


class LogsQuestion(RowPaging, LogFilters):
    """Query parameters of a page of vehicle logs."""

    sort: Literal["trip_date", "-trip_date", "log_id", "-log_id"] = Field("-trip_date", description=_LOGS_SORT)


class ShipmentsQuestion(RowPaging, ShipmentFilters):
    """Query parameters of a page of shipments."""

    sort: Literal["shipment_id", "-shipment_id", "log_id", "-log_id"] = Field("shipment_id", description=_SORT)


class Total(BaseModel):
    """How many rows pass the filters, on all pages together."""

    model_config = ConfigDict(extra="forbid")

    rows: int = Field(description="So many rows", examples=[10_000])
    kind: Literal["exact", "at_least", "estimated"] = Field(
        description="How far to believe it: `at_least` means that many or more (show it as 10,000+)",
        examples=["at_least"],
    )


class Source(BaseModel):
    """Where a row came from; present where `source` or `fields` asked for it."""

    model_config = ConfigDict(extra="forbid")

    file_path: str | None = Field(
        None, description="Path of the file below the raw folder", examples=["shipments-2024-06.ndjson.gz"]
    )
    file_version: int | None = Field(None, description="Which content under this path, from 1", examples=[1])
    file_id: int = Field(0, description="Number of the file in the ledger", examples=[12])
    record_no: int = Field(0, description="Number of the record in that file, from 1", examples=[31_415])


class Vehicle(Source):
    """A vehicle as it was delivered."""

    vehicle_id: str = Field("", examples=["V-017"])
    name: str | None = Field(None, examples=["Truck 17"])
    total_mileage: float | None = Field(
        None, description="Distance driven in its lifetime, km, digit by digit as delivered", examples=[182_400.5]
    )


class VehicleLog(Source):
    """A trip as it was delivered."""

    log_id: str = Field("", examples=["LOG-000042"])
    vehicle_id: str = Field("", description="Who drove; the vehicle may not have arrived yet", examples=["V-017"])
    trip_date: date = Field(date(1900, 1, 1), description="The day of the trip", examples=["2024-01-31"])
    mileage: float | None = Field(
        None, description="Distance driven, km, digit by digit as delivered", examples=[412.7]
    )
    fuel_used: float | None = Field(None, description="Litres, digit by digit as delivered", examples=[118.25])


class Shipment(Source):
    """A shipment as it was delivered."""

    shipment_id: str = Field("", examples=["SHP-000042"])
    origin: str = Field("", examples=["Aachen"])
    destination: str = Field("", examples=["Zug"])
    weight: float | None = Field(None, description="kg, digit by digit as delivered", examples=[730.5])
    cost: float | None = Field(None, description="Cost in the currency of the feed, as delivered", examples=[1_250.0])
    delivery_time: float | None = Field(
        None, description="Hours from pick-up to delivery, as delivered", examples=[26.5]
    )
    log_id: str = Field("", description="The trip that carried it; may not have arrived yet", examples=["LOG-000042"])


Row = TypeVar("Row", bound=BaseModel)


class RowPage(cursors.Page, Generic[Row]):
    """One page of rows."""

    model_config = ConfigDict(extra="forbid")

    data: list[Row] = Field(description="The rows, in the order asked for")
    total: Total | None = Field(description="How many rows there are on all pages; null with `count=none`")


class VehiclePage(RowPage[Vehicle]):
    """One page of vehicles."""


class VehicleLogPage(RowPage[VehicleLog]):
    """One page of vehicle logs."""


class ShipmentPage(RowPage[Shipment]):
    """One page of shipments."""
