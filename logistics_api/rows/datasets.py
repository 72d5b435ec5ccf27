"""What can be read as rows: the tables, their columns, and the orders that an index gives. Plain data.

`filters` declares the same columns as query parameters; `queries` and `exports.queries` make statements of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "day", "number", "integer"]

SOURCE: Mapping[str, Kind] = {
    "file_path": "text",
    "file_version": "integer",
    "file_id": "integer",
    "record_no": "integer",
}
"""Where a row came from: the file (`ingest.files`), and the number of the record in it, from 1."""

OF_FILE = {"file_path": "path", "file_version": "version"}
"""Columns that are read from `ingest.files`, and what they are called there."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """One table of rows."""

    name: str
    """As it stands in paths."""
    table: str
    """Its table in the schema `raw`."""
    key: str
    own: Mapping[str, Kind]
    """The columns of the data contract, in its order: what an answer has unless it is asked for others."""
    orders: Mapping[str, Sequence[str]]
    """What a page can be sorted by → the columns of that order. An index gives each, in either direction, or all
    but its last column: what is left to sort is then a few rows."""

    @property
    def columns(self) -> Mapping[str, Kind]:
        """All that can be asked for."""
        return {**self.own, **SOURCE}

    def choose(self, fields: str | None, *, source: bool) -> tuple[str, ...]:
        """The columns of an answer, in the order of the table: those named, or all of its own; `source` adds its."""
        wanted = set(fields.split(",")) if fields else set(self.own)
        return tuple(column for column in self.columns if column in wanted or (source and column in SOURCE))


VEHICLES = Dataset(
    "vehicles",
    "vehicles",
    "vehicle_id",
    {"vehicle_id": "text", "name": "text", "total_mileage": "number"},
    {"vehicle_id": ("vehicle_id",)},
)
VEHICLE_LOGS = Dataset(
    "vehicle-logs",
    "vehicle_logs",
    "log_id",
    {"log_id": "text", "vehicle_id": "text", "trip_date": "day", "mileage": "number", "fuel_used": "number"},
    {"log_id": ("log_id",), "trip_date": ("trip_date", "vehicle_id", "log_id")},
)
SHIPMENTS = Dataset(
    "shipments",
    "shipments",
    "shipment_id",
    {
        "shipment_id": "text",
        "origin": "text",
        "destination": "text",
        "weight": "number",
        "cost": "number",
        "delivery_time": "number",
        "log_id": "text",
    },
    {"shipment_id": ("shipment_id",), "log_id": ("log_id", "shipment_id")},
)
DATASETS = (VEHICLES, VEHICLE_LOGS, SHIPMENTS)
