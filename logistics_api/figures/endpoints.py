"""GET /api/figures/daily and /api/figures/summary."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from logistics_api.database.pool import Reader
from logistics_api.figures.queries import DAILY, SUMMARY
from logistics_api.figures.schemas import DailyFigures, Summary, SummaryParameters
from logistics_api.http.responses import FIGURE_PROBLEMS, figures_response
from logistics_api.parameters.date_range import DayRange

router = APIRouter(tags=["figures"])


@router.get(
    "/api/figures/daily",
    response_model=DailyFigures,
    responses=FIGURE_PROBLEMS,
    summary="Get the figures of every day in a date range",
)
async def read_daily_figures(query: Annotated[DayRange, Query()], database: Reader) -> Response:
    """Shipments, revenue, trips, vehicles, delivery time, distance, fuel and rates by day, for charts."""
    return await figures_response(database, DAILY, query.model_dump())


@router.get(
    "/api/figures/summary",
    response_model=Summary,
    responses=FIGURE_PROBLEMS,
    summary="Compare the key figures of a date range with the previous one",
)
async def read_summary(query: Annotated[SummaryParameters, Query()], database: Reader) -> Response:
    """Seven key figures, the same for the range of equal length that ends the day before `start`, and trends."""
    parameters = query.model_dump() | {"earliest": query.earliest}
    return await figures_response(database, SUMMARY, parameters)
