"""GET /api: where to go from here."""

from typing import Annotated

from fastapi import APIRouter, Query

from logistics_api.exports.formats import MEDIA_TYPES
from logistics_api.exports.parquet import is_pyarrow_installed
from logistics_api.parameters.date_range import NothingElse

PLACES = {
    "documentation": "/docs",
    "reference": "/redoc",
    "openapi": "/openapi.json",
    "dashboard": "/api/dashboard",
    "figures": "/api/figures/summary",
    "shipments": "/api/shipments/analytics",
    "vehicles": "/api/vehicles/metrics",
    "routes": "/api/route/matrix",
    "costs": "/api/costs/overview",
    "shipment_rows": "/api/shipments",
    "vehicle_rows": "/api/vehicles",
    "vehicle_log_rows": "/api/vehicle-logs",
    "shipment_export": "/api/exports/shipments.{format}",
    "vehicle_export": "/api/exports/vehicles.{format}",
    "vehicle_log_export": "/api/exports/vehicle-logs.{format}",
    "ingestion": "/api/ingestion/stats",
    "files": "/api/ingestion/files",
    "rejects": "/api/ingestion/rejects",
    "uploads": "/api/ingestion/uploads",
    "session": "/api/session",
    "status": "/api/system/status",
    "events": "/api/events",
    "metrics": "/metrics",
    "health": "/health",
    "ready": "/ready",
}

router = APIRouter()


@router.get("/api", include_in_schema=False)
async def read_index(_: Annotated[NothingElse, Query()]) -> dict[str, str | list[str]]:
    """Places by what is there, and for `{format}` what this server can write."""
    formats = [str(kind) for kind in MEDIA_TYPES if kind != "parquet" or is_pyarrow_installed()]
    return {**PLACES, "export_formats": formats}
