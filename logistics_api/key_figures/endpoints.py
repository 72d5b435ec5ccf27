"""GET /api/dashboard."""

from typing import Annotated

from fastapi import Query, Response

from logistics_api.database.pool import Reader
from logistics_api.http.responses import FIGURE_PROBLEMS, figures_response
from logistics_api.http.routing import Router
from logistics_api.key_figures.queries import DASHBOARD
from logistics_api.key_figures.schemas import Dashboard, DashboardParameters

router = Router(tags=["dashboard"])


@router.get(
    "/api/dashboard",
    response_model=Dashboard,
    responses=FIGURE_PROBLEMS,
    summary="Get the key figures of a date range and their trends",
)
async def read_dashboard(query: Annotated[DashboardParameters, Query()], database: Reader) -> Response:
    """Shipments, vehicles, revenue and delivery time, each with its change against an earlier range."""
    return await figures_response(database, DASHBOARD, query.model_dump())
