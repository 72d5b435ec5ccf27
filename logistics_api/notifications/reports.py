"""GET /api/notifications/reports, and editions of reports as they were sent."""

import asyncio
from typing import Annotated

from fastapi import Path, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import Field

from logistics_api.database.pool import Reader
from logistics_api.errors import Problem
from logistics_api.http.responses import FIGURE_PROBLEMS, problem_response, versioned_response
from logistics_api.http.routing import Router
from logistics_api.notifications import queries
from logistics_api.notifications.schemas import BoardReports
from logistics_api.parameters.date_range import NoParameters, NothingElse
from logistics_core.editions import decode_edition, page_of
from logistics_core.languages.translating import ENGLISH

router = Router(tags=["notifications"])

EditionId = Annotated[int, Path(ge=1, le=2**63 - 1, description="Number of the edition", examples=[17])]
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class PageParameters(NothingElse):
    """In which language a report is shown."""

    language: str = Field(
        default=ENGLISH,
        pattern="^[a-z]{2,3}$",
        description="Language of the page (ISO 639): English, or one that an endpoint of the report reads. English if "
        "it was not made in that one",
        examples=["de"],
    )


def page_response(title: str, content: bytes, language: str) -> HTMLResponse:
    """A stored edition as a page in a language."""
    return HTMLResponse(page_of(title, decode_edition(content).told(language)), headers=PAGE_HEADERS)


@router.get(
    "/api/notifications/reports",
    response_model=BoardReports,
    responses=FIGURE_PROBLEMS,
    summary="Reports and their editions",
)
async def list_board_reports(_: NoParameters, database: Reader) -> Response:
    """Returns the reports that are declared, each with its newest editions and what became of their messages."""
    found = await database.fetch_value(queries.REPORTS)
    return versioned_response(f'{{"reports":{found}}}', None)


@router.get(
    "/api/notifications/reports/editions/{edition_id}",
    response_class=HTMLResponse,
    responses=FIGURE_PROBLEMS | {404: problem_response("There is no such edition, or it was not published")},
    summary="An edition of a report as a page",
)
async def read_report_edition(
    edition_id: EditionId, parameters: Annotated[PageParameters, Query()], database: Reader
) -> Response:
    """Returns an edition as it was sent, with its pictures, as an HTML page without scripts."""
    title, content = await database.fetch_row(queries.EDITION, {"edition_id": edition_id})
    if content is None:
        detail = (
            f"There is no edition {edition_id} with a content: it was not published, or is older than what is kept. "
            "/api/notifications/reports lists editions."
        )
        raise Problem(404, "unknown-edition", "Unknown edition", detail)
    return await asyncio.to_thread(page_response, title, content, parameters.language)
