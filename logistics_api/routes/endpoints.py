"""GET /api/route/…: reliability, cost-value, optimization, top-performing, matrix and details."""

from typing import Annotated

from fastapi import Query, Response

from logistics_api.database.pool import Reader
from logistics_api.errors import Problem
from logistics_api.http.responses import FIGURE_PROBLEMS, figures_response, problem_response
from logistics_api.http.routing import Router
from logistics_api.parameters.targets import DefaultHours
from logistics_api.routes.details_queries import DETAILS
from logistics_api.routes.details_schemas import DetailsParameters, RouteDetails
from logistics_api.routes.lists import page_response
from logistics_api.routes.queries import COST_VALUE, MATRIX, OPTIMIZATION, RELIABILITY, TOP_PERFORMING
from logistics_api.routes.schemas import (
    CostValuePage,
    CostValueParameters,
    Matrix,
    MatrixParameters,
    OptimizationPage,
    OptimizationParameters,
    ReliabilityPage,
    ReliabilityParameters,
    TopPerformingParameters,
    TopRoute,
)

router = Router(tags=["routes"])


@router.get(
    "/api/route/reliability",
    response_model=ReliabilityPage,
    responses=FIGURE_PROBLEMS,
    summary="Reliability of routes",
)
async def read_route_reliability(
    query: Annotated[ReliabilityParameters, Query()], database: Reader, default: DefaultHours
) -> Response:
    """Returns delivery times, variation and on-time rate of routes with at least 5 shipments in the range."""
    return await page_response(database, RELIABILITY, query, query.sort_by, query.target(default))


@router.get(
    "/api/route/cost-value",
    response_model=CostValuePage,
    responses=FIGURE_PROBLEMS,
    summary="Cost and value of routes",
)
async def read_route_cost_value(query: Annotated[CostValueParameters, Query()], database: Reader) -> Response:
    """Returns cost per kg and per hour in three categories, of routes with at least 5 shipments in the range."""
    return await page_response(database, COST_VALUE, query, query.sort_by)


@router.get(
    "/api/route/optimization",
    response_model=OptimizationPage,
    responses=FIGURE_PROBLEMS,
    summary="Routes with recommendations",
)
async def read_route_optimization(query: Annotated[OptimizationParameters, Query()], database: Reader) -> Response:
    """Returns time, cost and weight with a recommendation, of routes with at least 5 shipments in the range."""
    return await page_response(database, OPTIMIZATION, query, query.sort_by)


@router.get(
    "/api/route/top-performing",
    response_model=list[TopRoute],
    responses=FIGURE_PROBLEMS,
    summary="Top-performing routes",
)
async def read_top_routes(
    query: Annotated[TopPerformingParameters, Query()], database: Reader, default: DefaultHours
) -> Response:
    """Highest overall score first, those without one last; ties by origin, destination. At least 5 shipments each."""
    return await figures_response(database, TOP_PERFORMING, query.model_dump() | query.target(default))


@router.get(
    "/api/route/matrix",
    response_model=Matrix,
    responses=FIGURE_PROBLEMS,
    summary="Matrix of routes in a date range",
)
async def read_route_matrix(
    query: Annotated[MatrixParameters, Query()], database: Reader, default: DefaultHours
) -> Response:
    """Returns a heatmap cell for every route with at least one shipment in the range."""
    return await figures_response(database, MATRIX, query.model_dump() | query.target(default))


@router.get(
    "/api/route/details",
    response_model=RouteDetails,
    responses=FIGURE_PROBLEMS | {404: problem_response("No shipment with a log took this route")},
    summary="Details of one route",
)
async def read_route_details(
    query: Annotated[DetailsParameters, Query()], database: Reader, default: DefaultHours
) -> Response:
    """Returns the route's figures, daily values, delivery times and vehicles."""
    return await figures_response(
        database, DETAILS, query.model_dump() | query.target(default), missing=_unknown(query)
    )


def _unknown(query: DetailsParameters) -> Problem:
    return Problem(
        404,
        "unknown-route",
        "Unknown route",
        f"No shipment with a log went from {query.origin} to {query.destination}. "
        "/api/route/matrix lists the routes of a range.",
    )
