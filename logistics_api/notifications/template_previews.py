"""/api/notifications/endpoints/{endpoint}/previews: what an event looks like to an endpoint, with any templates it had.

Nothing is sent. A worker renders the templates, so this process runs none.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem
from logistics_api.http.changes import CHANGES, requester, uncached
from logistics_api.http.context import context_of
from logistics_api.http.responses import FIGURE_PROBLEMS, problem_response
from logistics_api.http.routing import Router
from logistics_api.notifications import queries
from logistics_api.notifications.previews import LOCATION, PreviewId, too_many_previews, unknown_preview
from logistics_api.notifications.templates import NameInPath, check_endpoint, unknown_version
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.types import DIGITS
from logistics_api.schemas import StrictModel
from logistics_core.database_contract.notifications import PreviewState

router = Router(tags=["notifications"])

VersionNumber = Annotated[int, Field(ge=1, le=999_999_999), DIGITS]
MessageNumber = Annotated[int, Field(ge=1, le=2**63 - 1), DIGITS]


class PreviewParameters(BaseModel):
    """What is shown."""

    model_config = ConfigDict(extra="forbid")

    version: VersionNumber | None = Field(
        None, description="Version of the templates; without it, the one in force", examples=[1]
    )
    message: MessageNumber | None = Field(
        None, description="Show the event of this message; without it, the newest event", examples=[17]
    )


class TemplatePreview(StrictModel):
    """An event as an endpoint would be told of it."""

    preview_id: UUID
    endpoint: str = Field(examples=["fleet-desk"])
    version: int | None = Field(description="Version of its templates; null: it never had any", examples=[1])
    message_id: int | None = Field(description="The message whose event is shown; null: the newest event")
    state: PreviewState = Field(description="Whether a worker has made it")
    requested_at: datetime
    requested_by: str
    finished_at: datetime | None
    title: str | None = Field(description="The subject, once it is done", examples=["[Warning] Look: Rejects"])
    text: str | None = Field(description="The whole message as a text, once it is done")
    problem: str | None = Field(
        description="Why it could not be made; of one that is done, why templates were left out, as when it is sent"
    )
    status_url: str


@router.post(
    "/api/notifications/endpoints/{endpoint}/previews",
    status_code=202,
    response_model=TemplatePreview,
    responses=CHANGES
    | {
        202: {"description": "The preview waits for a worker", "headers": LOCATION},
        404: problem_response("No endpoint of this name is declared, or there is no such version or message"),
    },
    summary="Preview the templates of an endpoint",
)
async def request_template_preview(
    endpoint: NameInPath, query: Annotated[PreviewParameters, Query()], request: Request, database: Reader
) -> Response:
    """Asks what an event looks like with any version of the templates. Nothing is sent; it is kept for a day."""
    parameters = {"endpoint": endpoint, "version": query.version, "message": query.message}
    await _check(database, parameters)
    (preview_id,) = await database.write(queries.PREVIEW_TEMPLATES, {**parameters, "requested_by": requester(request)})
    if preview_id is None:
        raise too_many_previews()
    preview = await _find(database, endpoint, preview_id, request)
    return uncached(preview, 202, {"Location": preview["status_url"]})


@router.get(
    "/api/notifications/endpoints/{endpoint}/previews/{preview_id}",
    response_model=TemplatePreview,
    responses=FIGURE_PROBLEMS | {404: problem_response("There is no such preview of this endpoint")},
    summary="One preview of the templates of an endpoint",
)
async def read_template_preview(
    endpoint: NameInPath, preview_id: PreviewId, _: NoParameters, request: Request, database: Reader
) -> Response:
    """Returns what the event looks like, once it is done. Until then, `Retry-After` says when to ask again."""
    preview = await _find(database, endpoint, preview_id, request)
    return uncached(preview, headers={"Retry-After": "1"} if preview["state"] == PreviewState.QUEUED else None)


async def _check(database: Database, parameters: dict[str, Any]) -> None:
    """Raises a problem unless the endpoint is declared, and has the version and the message that are asked for."""
    endpoint, version, message = parameters.values()
    await check_endpoint(database, endpoint)
    has_version, has_message = await database.fetch_row(queries.CAN_PREVIEW_TEMPLATES, parameters)
    if not has_version:
        raise unknown_version(endpoint, version)
    if not has_message:
        detail = f"There is no message {message} about a single event. /api/notifications lists messages."
        raise Problem(404, "unknown-message", "Unknown message", detail)


async def _find(database: Database, endpoint: str, preview_id: UUID, request: Request) -> dict[str, Any]:
    parameters = {"endpoint": endpoint, "preview_id": preview_id}
    preview: dict[str, Any] | None = await database.fetch_value(queries.ONE_TEMPLATE_PREVIEW, parameters)
    if preview is None:
        raise unknown_preview(preview_id)
    path = f"/api/notifications/endpoints/{endpoint}/previews/{preview_id}"
    return {**preview, "status_url": f"{context_of(request.scope).prefix}{path}"}
