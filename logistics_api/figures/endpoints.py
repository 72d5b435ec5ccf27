"""GET /api/figures/daily, /api/figures/series and /api/figures/summary."""

from typing import Annotated

from fastapi import Query, Response

from logistics_api.database.pool import Reader
from logistics_api.figures.queries import DAILY, SUMMARY, series
from logistics_api.figures.schemas import DailyFigures, Series, SeriesParameters, Summary, SummaryParameters
from logistics_api.http.responses import FIGURE_PROBLEMS, figures_response
from logistics_api.http.routing import Router
from logistics_api.parameters.date_range import DayRange
from logistics_api.parameters.targets import DefaultHours

router = Router(tags=["figures"])


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
    "/api/figures/series",
    response_model=Series,
    responses=FIGURE_PROBLEMS,
    summary="Get the figures of a date range by day, week, month or weekday",
)
async def read_series(query: Annotated[SeriesParameters, Query()], database: Reader) -> Response:
    """The figures of each period that has a log, for charts; vehicles are distinct within a period."""
    return await figures_response(database, series(query.chosen_grain), {"start": query.start, "end": query.end})


@router.get(
    "/api/figures/summary",
    response_model=Summary,
    responses=FIGURE_PROBLEMS,
    summary="Compare the key figures of a date range with the previous one",
)
async def read_summary(
    query: Annotated[SummaryParameters, Query()], database: Reader, default: DefaultHours
) -> Response:
    """Key figures, the same for an earlier range of equal length, and trends."""
    parameters = {"start": query.start, "end": query.end, **query.spans, **query.target(default)}
    return await figures_response(database, SUMMARY, parameters)
