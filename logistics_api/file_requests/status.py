"""The state of a request, in a word and in a sentence."""

import json
from typing import Any

from logistics_api.database.pool import Database
from logistics_api.errors import Problem
from logistics_api.file_requests.queries import ONE_REQUEST
from logistics_api.file_requests.schemas import RequestState

PATIENCE_SECONDS = 60
"""A request pending for longer gets a hint that the pipeline may not be running."""

WAITS = "Waits for the pipeline, which looks for requests every few seconds."
WAITS_LONG = (
    "The pipeline has not served it yet: it is busy, or Dagster is not running (`logistics up` starts it). "
    "The request is kept until it is served."
)


async def read_request(database: Database, request_id: int, prefix: str) -> dict[str, Any]:
    """The response body for a request.

    Raises:
        Problem: 404, there is no such request; anything `Database.fetch_row` raises.
    """
    text, age_seconds = await database.fetch_row(ONE_REQUEST, {"request_id": request_id})
    if text is None:
        raise Problem(
            404,
            "unknown-request",
            "Unknown request",
            f"There is no request {request_id}; it may have been deleted with its file. Use the request_id of a "
            "response to a request.",
        )
    found = json.loads(text)
    waits = WAITS if age_seconds < PATIENCE_SECONDS else WAITS_LONG
    progress = progress_of(found, waits)
    return {**found, **progress, "status_url": f"{prefix}/api/ingestion/file-requests/{request_id}"}


def progress_of(found: dict[str, Any], waits: str) -> dict[str, Any]:
    """How far a request is, in place of its `outcome` and `error`. `waits` says so while it is pending."""
    outcome, error = found.pop("outcome"), found.pop("error")
    if found["done_at"] is None:
        return {"state": RequestState.PENDING, "is_final": False, "detail": waits}
    state = RequestState.DONE if error is None else RequestState.FAILED
    return {"state": state, "is_final": True, "detail": outcome if error is None else error}
