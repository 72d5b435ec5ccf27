"""GET /api: an index of paths."""

from collections.abc import Iterator

from fastapi import Request

from logistics_api.exports.formats import MEDIA_TYPES
from logistics_api.exports.parquet import is_pyarrow_installed
from logistics_api.http.context import context_of
from logistics_api.http.routing import Router
from logistics_api.parameters.date_range import NoParameters
from logistics_core.catalogue import Catalogue

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
    "datasets": "/api/datasets",
    "measures": "/api/measures",
    "quality": "/api/quality",
    "contracts": "/api/contracts",
    "proposals": "/api/contracts/proposals",
    "ingestion": "/api/ingestion/stats",
    "files": "/api/ingestion/files",
    "rejects": "/api/ingestion/rejects",
    "uploads": "/api/ingestion/uploads",
    "sources": "/api/sources",
    "notifications": "/api/notifications",
    "forecasts": "/api/forecasts",
    "history": "/api/history",
    "models": "/api/models",
    "session": "/api/session",
    "status": "/api/system/status",
    "events": "/api/events",
    "metrics": "/metrics",
    "health": "/health",
    "ready": "/ready",
}


def make_router(catalogue: Catalogue) -> Router:
    """Creates the route, with the paths of all datasets."""
    router = Router()
    places = PLACES | dict(_places_of(catalogue))

    @router.get("/api", include_in_schema=False)
    async def read_index(_: NoParameters, request: Request) -> dict[str, str | list[str]]:
        """Returns the paths by name, and the export formats that this server supports."""
        formats = [str(kind) for kind in MEDIA_TYPES if kind != "parquet" or is_pyarrow_installed()]
        prefix = context_of(request.scope).prefix
        return {name: prefix + place for name, place in places.items()} | {"export_formats": formats}

    return router


def _places_of(catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    for dataset in catalogue.values():
        yield f"{dataset.singular}_rows", f"/api/{dataset.slug}"
        yield f"{dataset.singular}_export", f"/api/exports/{dataset.slug}.{{format}}"
