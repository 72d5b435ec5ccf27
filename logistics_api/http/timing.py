"""The Server-Timing header, and the middleware that measures the database's share of it."""

from starlette.types import ASGIApp, Receive, Scope, Send

from logistics_api.database import timing
from logistics_api.database.timing import DatabaseTime
from logistics_api.http.context import RequestContext, context_of

ROUNDS_TO_ZERO, FAST_HIT = 0.000_05, b"app;dur=0.0, cache;desc=hit"
"""Threshold in seconds, and the header below it: covers most responses without formatting a number."""


class DatabaseTimingMiddleware:
    """Collects the time that a request spends in the database."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        spent = context_of(scope).database_time = DatabaseTime()
        timing.of_request.set(spent)
        await self.app(scope, receive, send)


def server_timing(context: RequestContext, seconds: float) -> bytes:
    """The Server-Timing value of a response that started after `seconds`."""
    if context.cache_use == "hit" and seconds < ROUNDS_TO_ZERO:
        return FAST_HIT
    parts = [f"app;dur={seconds * 1000:.1f}"]
    if context.cache_use != "none":
        parts.append(f"cache;desc={context.cache_use}")
    if context.database_time is not None and context.database_time.statements:
        parts.append(f"db;dur={context.database_time.seconds * 1000:.1f}")
    return ", ".join(parts).encode()
