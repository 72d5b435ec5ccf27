"""GET /api/vehicles/metrics."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from logistics_api.answers import FIGURE_PROBLEMS, figures_answer
from logistics_api.database import Reader
from logistics_api.ranges import DayRange
from logistics_api.vehicles.queries import METRICS
from logistics_api.vehicles.schemas import VehicleMetrics

router = APIRouter(tags=["vehicles"])


@router.get(
    "/api/vehicles/metrics",
    response_model=list[VehicleMetrics],
    responses=FIGURE_PROBLEMS,
    summary="Every vehicle that drove in a range",
)
async def read_vehicle_metrics(question: Annotated[DayRange, Query()], database: Reader) -> Response:
    """Trips, distance, fuel, shipments and revenue per vehicle, highest revenue first; ties by vehicle_id."""
    return await figures_answer(database, METRICS, question.model_dump())
