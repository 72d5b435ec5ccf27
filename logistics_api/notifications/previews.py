"""/api/notifications/reports/{name}/previews: reports as they would be sent now. Nothing is sent."""

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import Field

from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem, too_many_pending
from logistics_api.http.changes import CHANGES, requester, uncached
from logistics_api.http.context import context_of
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.http.routing import Router
from logistics_api.notifications import queries
from logistics_api.notifications.reports import PageParameters, page_response
from logistics_api.parameters.date_range import NoParameters
from logistics_api.schemas import StrictModel
from logistics_core.database_contract.notifications import PreviewState

router = Router(tags=["notifications"])

ReportName = Annotated[
    str, Path(pattern="^[a-z][a-z0-9_]{0,39}$", description="Name of the report", examples=["monday_figures"])
]
PreviewId = Annotated[UUID, Path(description="ID of a preview", examples=["0d2b2c5e-6f2d-4b6e-9a43-3a1f3a0f3f52"])]
UNKNOWN: Responses = {404: problem_response("There is no such preview, or no page of it")}
LOCATION = {"Location": {"description": "Address of the preview", "schema": {"type": "string"}}}


class ReportPreview(StrictModel):
    """A report as it would be sent now."""

    preview_id: UUID
    report: str = Field(examples=["monday_figures"])
    state: PreviewState = Field(description="Whether a worker has made it")
    requested_at: datetime
    requested_by: str
    finished_at: datetime | None
    problem: str | None = Field(description="Why it is not whole, and would not be sent")
    status_url: str
    page_url: str | None = Field(description="The page, once it is done")


@router.post(
    "/api/notifications/reports/{name}/previews",
    status_code=202,
    response_model=ReportPreview,
    responses=CHANGES
    | {
        202: {"description": "The preview waits for a worker", "headers": LOCATION},
        404: problem_response("No report of this name is declared"),
    },
    summary="Preview a report",
)
async def request_report_preview(name: ReportName, _: NoParameters, request: Request, database: Reader) -> Response:
    """Asks for a report as it would be sent now, with its pictures. Nothing is sent; the page is kept for a day."""
    if not await database.fetch_value(queries.IS_REPORT, {"name": name}):
        detail = f"No report {name} is declared. /api/notifications/reports lists those that are."
        raise Problem(404, "unknown-report", "Unknown report", detail)
    (preview_id,) = await database.write(queries.PREVIEW, {"report": name, "requested_by": requester(request)})
    if preview_id is None:
        raise too_many_previews()
    preview = await _find(database, preview_id, request)
    return uncached(preview, 202, {"Location": preview["status_url"]})


@router.get(
    "/api/notifications/reports/previews/{preview_id}",
    response_model=ReportPreview,
    responses=FIGURE_PROBLEMS | UNKNOWN,
    summary="One preview of a report",
)
async def read_report_preview(preview_id: PreviewId, _: NoParameters, request: Request, database: Reader) -> Response:
    """Says whether a preview is done. Until then, `Retry-After` says when to ask again."""
    preview = await _find(database, preview_id, request)
    return uncached(preview, headers={"Retry-After": "1"} if preview["state"] == PreviewState.QUEUED else None)


@router.get(
    "/api/notifications/reports/previews/{preview_id}/page",
    response_class=HTMLResponse,
    responses=FIGURE_PROBLEMS | UNKNOWN,
    summary="A preview of a report as a page",
)
async def read_report_preview_page(
    preview_id: PreviewId, parameters: Annotated[PageParameters, Query()], database: Reader
) -> Response:
    """Returns the preview with its pictures, as an HTML page without scripts."""
    title, content = await database.fetch_row(queries.PREVIEW_PAGE, {"preview_id": preview_id})
    if content is None:
        detail = f"The preview {preview_id} has no page: it is not done, could not be made, or is older than a day."
        raise Problem(404, "unknown-preview", "Unknown preview", detail)
    return await asyncio.to_thread(page_response, title, content, parameters.language)


def too_many_previews() -> Problem:
    """What is answered while twenty previews wait."""
    return too_many_pending(
        "Twenty previews wait for a worker. Does one run? `logistics up` or `logistics work` starts it. Try again when "
        "it has made them."
    )


def unknown_preview(preview_id: UUID) -> Problem:
    """What is answered about a preview that is not there, or not any more."""
    detail = f"There is no preview {preview_id}. Each is kept for a day; ask for another."
    return Problem(404, "unknown-preview", "Unknown preview", detail)


async def _find(database: Database, preview_id: UUID, request: Request) -> dict[str, Any]:
    preview: dict[str, Any] | None = await database.fetch_value(queries.ONE_PREVIEW, {"preview_id": preview_id})
    if preview is None:
        raise unknown_preview(preview_id)
    url = f"{context_of(request.scope).prefix}/api/notifications/reports/previews/{preview_id}"
    return {**preview, "status_url": url, "page_url": f"{url}/page" if preview["state"] == PreviewState.DONE else None}
