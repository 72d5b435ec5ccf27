"""GET /api/notifications, and below it: endpoints, suppressions and feed."""

import json
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from logistics_api.database.pool import Reader
from logistics_api.http.context import context_of
from logistics_api.http.responses import FIGURE_PROBLEMS, problem_response, versioned_response
from logistics_api.http.routing import Router
from logistics_api.notifications import queries
from logistics_api.notifications.feed import MEDIA_TYPE, atom_feed
from logistics_api.notifications.schemas import EndpointName, Endpoints, MailSuppressions, Messages
from logistics_api.parameters import cursors
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.types import Integer, Paging
from logistics_api.row_access.permitted import granted_rows
from logistics_core.database_contract.notifications import MessageState

router = Router(tags=["notifications"])

Topic = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$", max_length=100)]


class MessageParameters(Paging):
    """Filters of messages."""

    state: list[MessageState] | None = Field(
        None, description="Messages in one of these states; may be repeated", examples=[[MessageState.DEAD]]
    )
    endpoint: EndpointName | None = Field(None, description="Messages of this endpoint", examples=["fleet-desk"])
    topic: Topic | None = Field(None, description="Messages about events of this topic", examples=["alert.firing"])


class FeedParameters(BaseModel):
    """Query parameters of the feed."""

    model_config = ConfigDict(extra="forbid")

    topic: Topic | None = Field(None, description="Events of this topic", examples=["alert.firing"])
    limit: Integer = Field(50, ge=1, le=500, description="Maximum number of events")


@router.get(
    "/api/notifications",
    response_model=Messages,
    responses=FIGURE_PROBLEMS | {404: problem_response("The cursor is damaged or belongs to another request")},
    summary="Messages and their attempts",
)
async def list_messages(query: Annotated[MessageParameters, Query()], request: Request, database: Reader) -> Response:
    """Returns messages, newest first, each with every attempt to send it. A message ends in one of five states."""
    filters = query.filters()
    fingerprint = cursors.fingerprint(request.url.path, "newest", filters)
    if query.cursor is not None:
        (filters["after"],) = cursors.decode(fingerprint, query.cursor, [int])
    items, last, more = await database.fetch_row(queries.messages(filters.keys()), {**filters, "limit": query.limit})
    cursor = json.dumps(cursors.encode(fingerprint, [last]) if more else None)
    return versioned_response(f'{{"next_cursor":{cursor},"items":{items}}}', None)


@router.get(
    "/api/notifications/endpoints",
    response_model=Endpoints,
    responses=FIGURE_PROBLEMS,
    summary="Endpoints and how they do",
)
async def list_endpoints(_: NoParameters, database: Reader) -> Response:
    """Returns where messages go, without addresses and secrets, and what became of the messages of the last days."""
    return versioned_response(await database.fetch_value(queries.ENDPOINTS), None)


@router.get(
    "/api/notifications/suppressions",
    response_model=MailSuppressions,
    responses=FIGURE_PROBLEMS,
    summary="Addresses that do not get all mails",
)
async def list_mail_suppressions(_: NoParameters, database: Reader) -> Response:
    """Returns addresses whose mails have bounced, or that have unsubscribed: the newest thousand."""
    found = await database.fetch_value(queries.SUPPRESSIONS)
    return versioned_response(f'{{"suppressions":{found}}}', None)


@router.get(
    "/api/notifications/feed",
    response_class=Response,
    responses=FIGURE_PROBLEMS
    | {200: {"description": "An Atom feed", "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
    summary="Events as an Atom feed",
)
async def read_feed(query: Annotated[FeedParameters, Query()], request: Request, database: Reader) -> Response:
    """Returns the newest events as an Atom feed (RFC 4287). Places in the dashboard are links."""
    parameters = {"topic": query.topic, "limit": query.limit, "granted": granted_rows(request)}
    (events,) = await database.fetch_row(queries.EVENTS, parameters)
    prefix = context_of(request.scope).prefix
    text = atom_feed(events, f"{prefix}/api/notifications/feed", prefix)
    return Response(text, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})
