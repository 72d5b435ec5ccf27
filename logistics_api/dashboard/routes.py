"""GET /api/dashboard."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from logistics_api.answers import FIGURE_PROBLEMS, figures_answer
from logistics_api.dashboard.queries import DASHBOARD
from logistics_api.dashboard.schemas import Dashboard, DashboardQuestion
from logistics_api.database import Reader

router = APIRouter(tags=["dashboard"])


@router.get(
    "/api/dashboard",
    response_model=Dashboard,
    responses=FIGURE_PROBLEMS,
    summary="Key figures of a range, and their trends",
)
async def read_dashboard(question: Annotated[DashboardQuestion, Query()], database: Reader) -> Response:
    """Shipments, vehicles, revenue and delivery time, each with its change against the same range moved back."""
    return await figures_answer(database, DASHBOARD, question.model_dump())
