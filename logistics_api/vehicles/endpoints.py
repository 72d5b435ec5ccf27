"""GET /api/vehicles/metrics and /api/vehicles/{vehicle_id}/details."""

from typing import Annotated

from fastapi import Path, Query, Response

from logistics_api.database.pool import Reader
from logistics_api.errors import Problem
from logistics_api.http.responses import FIGURE_PROBLEMS, figures_response, problem_response
from logistics_api.http.routing import Router
from logistics_api.parameters.date_range import DayRange
from logistics_api.parameters.path_text import text
from logistics_api.parameters.text_search import KeyText
from logistics_api.vehicles.queries import DETAILS, METRICS
from logistics_api.vehicles.schemas import VehicleDetails, VehicleMetrics

router = Router(tags=["vehicles"])


@router.get(
    "/api/vehicles/metrics",
    response_model=list[VehicleMetrics],
    responses=FIGURE_PROBLEMS,
    summary="Vehicles that drove in a date range",
)
async def read_vehicle_metrics(query: Annotated[DayRange, Query()], database: Reader) -> Response:
    """Returns trips, distance, fuel, shipments and revenue per vehicle, highest revenue first; ties by vehicle_id."""
    return await figures_response(database, METRICS, query.model_dump())


@router.get(
    f"/api/vehicles/{text('vehicle_id')}/details",
    response_model=VehicleDetails,
    responses=FIGURE_PROBLEMS | {404: problem_response("No master data or log exists for this vehicle")},
    summary="Details of one vehicle",
)
async def read_vehicle_details(
    vehicle_id: Annotated[KeyText, Path(description="The vehicle's key, percent-encoded", examples=["V-017"])],
    query: Annotated[DayRange, Query()],
    database: Reader,
) -> Response:
    """Returns its figures, its daily performance and its 5 most frequent routes."""
    parameters = query.model_dump() | {"vehicle_id": vehicle_id}
    return await figures_response(database, DETAILS, parameters, missing=_unknown(vehicle_id))


def _unknown(vehicle_id: str) -> Problem:
    return Problem(
        404,
        "unknown-vehicle",
        "Unknown vehicle",
        f"No master data or log exists for vehicle {vehicle_id}. "
        "/api/vehicles/metrics lists the vehicles that drove in a range.",
    )
