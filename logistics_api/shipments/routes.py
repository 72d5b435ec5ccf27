"""GET /api/shipments/analytics."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from logistics_api.answers import FIGURE_PROBLEMS, figures_answer
from logistics_api.database import Reader
from logistics_api.ranges import DayRange
from logistics_api.shipments.queries import ANALYTICS
from logistics_api.shipments.schemas import ShipmentAnalytics

router = APIRouter(tags=["shipments"])


@router.get(
    "/api/shipments/analytics",
    response_model=ShipmentAnalytics,
    responses=FIGURE_PROBLEMS,
    summary="Shipments of a range, and its most expensive routes",
)
async def read_shipment_analytics(question: Annotated[DayRange, Query()], database: Reader) -> Response:
    """Totals and means over all shipments of the range, and the 5 routes with the highest mean cost."""
    return await figures_answer(database, ANALYTICS, question.model_dump())
