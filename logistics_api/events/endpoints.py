"""GET /api/events."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

from logistics_api.database.freshness import AVAILABILITY_EVENT, Freshness
from logistics_api.errors import Problem
from logistics_api.events.broker import Events
from logistics_api.http.auth.authorisation import while_admitted
from logistics_api.http.responses import REFUSED_PARAMETERS, problem_response
from logistics_api.http.routing import Router
from logistics_api.parameters.date_range import NoParameters
from logistics_core.database_contract.channels import Channel

HEARTBEAT_SECONDS = 15.0
"""Keeps proxies from closing idle streams, mostly after 60 s, and detects disconnected clients."""

RETRY_MILLISECONDS = 2_000

EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    # Declared explicitly: FastAPI's server-sent events use `itemSchema`, which OpenAPI 3.1 does not have.
    200: {
        "description": "An endless stream of events",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": "retry: 2000\n\nid: 42\nevent: data_version\ndata: 42\n\n",
            }
        },
    },
    503: problem_response("Too many open event streams; try again after Retry-After seconds"),
}

router = Router(tags=["live"])


@router.get(
    "/api/events",
    response_class=StreamingResponse,
    responses=REFUSED_PARAMETERS | EVENT_STREAM,
    summary="Subscribe to live updates",
)
async def read_events(_: NoParameters, request: Request) -> StreamingResponse:
    """Server-sent events (`EventSource` in browsers).

    `data_version`: the newest data version, sent at the start and whenever the figures change; also the `id` of its
    event. `ingest`: the progress of a file, as JSON. `contracts`: a dataset, a proposal or a request about one has
    changed, as JSON. `sources`: a source, the state of a pull or a request to pull has changed, as JSON. `forecasts`:
    forecasts were made anew; the ID of the newest fit. `models`: a model was trained, promoted or used; its name.
    `datasets`: this process serves other datasets now; their
    names, as JSON. `database`: `unavailable` when the database becomes unavailable (also at the start, if it is),
    `available` when it is back. A comment is sent after 15 seconds without events.
    Clients that read too slowly are disconnected, and those whose key or session ends; `EventSource`
    reconnects automatically.
    """
    events, freshness = request.app.state.events, request.app.state.database.freshness
    assert isinstance(events, Events)
    if events.is_full:
        raise too_many_streams()
    pieces = while_admitted(request.state.principal, stream(events, freshness))
    return StreamingResponse(pieces, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def stream(
    events: Events, freshness: Freshness, heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> AsyncGenerator[str, None]:
    """The text of one stream, piece by piece."""
    with events.subscriber() as subscriber:  # before the version is read, so that no event is missed
        yield f"retry: {RETRY_MILLISECONDS}\n\n"
        if freshness.published is not None:
            yield format_event(Channel.DATA_VERSION, str(freshness.published.data_version))
        if not freshness.reachable:
            yield format_event(AVAILABILITY_EVENT, freshness.availability)
        while True:
            try:
                async with asyncio.timeout(heartbeat_seconds):
                    event = await subscriber.next()
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if event is None:
                return
            yield format_event(*event)


def format_event(event: str, data: str) -> str:
    """One event in the wire format. Only a data version has an id, which `Last-Event-ID` then reports."""
    lines = [f"id: {data}"] if event == Channel.DATA_VERSION else []
    lines += [f"event: {event}", *(f"data: {line}" for line in data.splitlines() or [""])]
    return "\n".join(lines) + "\n\n"


def too_many_streams() -> Problem:
    """The maximum number of open streams is reached."""
    return Problem(
        503,
        "too-many-streams",
        "Too many streams",
        "The maximum number of open event streams is reached. Poll for changes instead, or try again later.",
        headers={"Retry-After": "30"},
    )
