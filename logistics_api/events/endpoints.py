"""GET /api/events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from logistics_api.database.freshness import Freshness
from logistics_api.errors import Problem
from logistics_api.events.broker import Events
from logistics_api.http.responses import REFUSED_PARAMETERS, problem_response
from logistics_api.parameters.date_range import NothingElse
from logistics_core.database_contract.channels import Channel

HEARTBEAT_SECONDS = 15.0
"""Proxies close what is silent for longer, mostly after 60 s; a client that is gone is noticed by it, too."""

RETRY_MILLISECONDS = 2_000

EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    # By hand: FastAPI's own server-sent events are declared with `itemSchema`, which OpenAPI 3.1 does not know.
    200: {
        "description": "An endless stream of events",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": "retry: 2000\n\nid: 42\nevent: data_version\ndata: 42\n\n",
            }
        },
    },
    503: problem_response("There are as many streams as this process carries: try again after Retry-After seconds"),
}

router = APIRouter(tags=["live"])


@router.get(
    "/api/events",
    response_class=StreamingResponse,
    responses=REFUSED_PARAMETERS | EVENT_STREAM,
    summary="What changes, as it happens",
)
async def read_events(_: Annotated[NothingElse, Query()], request: Request) -> StreamingResponse:
    """Server-sent events (`EventSource` in browsers).

    `data_version`: the number of the newest figures, once at the beginning and then whenever there are newer ones; it
    is the `id` of its event as well. `ingest`: how far a file is, as JSON. A comment comes every 15 seconds. A client
    that reads too slowly is disconnected; `EventSource` comes back by itself.
    """
    events, freshness = request.app.state.events, request.app.state.database.freshness
    assert isinstance(events, Events)
    if events.is_full:
        raise _too_many()
    return StreamingResponse(
        stream(events, freshness), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


async def stream(
    events: Events, freshness: Freshness, heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> AsyncIterator[str]:
    """The text of one stream, piece by piece."""
    with events.subscriber() as subscriber:  # before the version is read: nothing falls between
        yield f"retry: {RETRY_MILLISECONDS}\n\n"
        if freshness.published is not None:
            yield format_event(Channel.DATA_VERSION, str(freshness.published.data_version))
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
    """One event as it is sent. Only a data version has an id: it is what `Last-Event-ID` then tells."""
    lines = [f"id: {data}"] if event == Channel.DATA_VERSION else []
    lines += [f"event: {event}", *(f"data: {line}" for line in data.splitlines() or [""])]
    return "\n".join(lines) + "\n\n"


def _too_many() -> Problem:
    return Problem(
        503,
        "too-many-streams",
        "Too many streams",
        "As many clients listen to the events as this process carries. Ask for the figures now and then instead.",
        headers={"Retry-After": "30"},
    )
