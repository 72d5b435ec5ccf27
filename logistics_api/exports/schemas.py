"""Query parameters of exports: the filters of pages, and how the file ends."""

from pydantic import BaseModel, Field

from logistics_api.parameters.types import Flag
from logistics_api.rows.filters import LogFilters, ShipmentFilters, VehicleFilters


class ExportOptions(BaseModel):
    """How the file is written."""

    trailer: Flag | None = Field(
        None,
        description="Whether the last line tells how many rows there were, and the SHA-256 of everything before it. "
        'NDJSON: `{"_end": {"rows": …, "sha256": "…"}}`, unless `false`; CSV: `#end,rows=…,sha256=…`, only with '
        "`true`; Parquet needs none",
    )


class VehiclesExport(ExportOptions, VehicleFilters):
    """Query parameters of an export of vehicles."""


class LogsExport(ExportOptions, LogFilters):
    """Query parameters of an export of vehicle logs."""


class ShipmentsExport(ExportOptions, ShipmentFilters):
    """Query parameters of an export of shipments."""
