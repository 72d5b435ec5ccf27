"""GET /api/shipments/analytics and /api/shipments/routes."""

from typing import Annotated

from fastapi import Query, Response

from logistics_api.database.pool import Reader
from logistics_api.http.responses import FIGURE_PROBLEMS, figures_response
from logistics_api.http.routing import Router
from logistics_api.parameters.date_range import DayRange
from logistics_api.routes.lists import page_response
from logistics_api.shipments.queries import ANALYTICS, ROUTES
from logistics_api.shipments.schemas import ShipmentAnalytics, ShipmentRoutePage, ShipmentRoutesParameters

router = Router(tags=["shipments"])


@router.get(
    "/api/shipments/analytics",
    response_model=ShipmentAnalytics,
    responses=FIGURE_PROBLEMS,
    summary="Shipments of a date range and its most expensive routes",
)
async def read_shipment_analytics(query: Annotated[DayRange, Query()], database: Reader) -> Response:
    """Returns totals and means over all shipments of the range, and the 5 routes with the highest mean cost."""
    return await figures_response(database, ANALYTICS, query.model_dump())


@router.get(
    "/api/shipments/routes",
    response_model=ShipmentRoutePage,
    responses=FIGURE_PROBLEMS,
    summary="Shipments by route",
)
async def read_shipment_routes(query: Annotated[ShipmentRoutesParameters, Query()], database: Reader) -> Response:
    """Returns shipments, delivery times, cost, weight and vehicles of routes with at least 5 shipments in the range."""
    return await page_response(database, ROUTES, query, query.sort_by)
