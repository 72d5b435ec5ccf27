"""GET /api/costs/overview."""

from typing import Annotated

from fastapi import Query, Response

from logistics_api.costs.queries import OVERVIEW
from logistics_api.costs.schemas import CostOverview
from logistics_api.database.pool import Reader
from logistics_api.http.responses import FIGURE_PROBLEMS, figures_response
from logistics_api.http.routing import Router
from logistics_api.parameters.date_range import DayRange

router = Router(tags=["costs"])


@router.get(
    "/api/costs/overview",
    response_model=CostOverview,
    responses=FIGURE_PROBLEMS,
    summary="Costs of a date range and their growth",
)
async def read_cost_overview(query: Annotated[DayRange, Query()], database: Reader) -> Response:
    """Returns totals and rates, compared with the preceding range of equal length, and the 5 costliest routes."""
    return await figures_response(database, OVERVIEW, query.model_dump())
