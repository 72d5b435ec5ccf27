"""What browsers need to let pages of other origins read the answers (CORS), in two layers around the edge.

Outside of it, answers get their headers: those that are kept belong to no origin. Behind it, preflights are answered:
they are counted and logged like all requests. A browser sends them without a key, and the edge lets them pass.
"""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from logistics_api.errors import Problem

ALLOWED_HEADERS = (
    "Authorization",
    "Content-Digest",
    "Content-Type",
    "If-None-Match",
    "Last-Event-ID",
    "Repr-Digest",
    "X-API-Key",
    "X-Checksum-SHA256",
    "X-Request-ID",
)
"""What a page of another origin may send beside what every page may."""
EXPOSED_HEADERS = (
    "Age",
    "Content-Disposition",
    "Data-Version",
    "ETag",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Server-Timing",
    "Warning",
    "X-Request-ID",
)
"""What a page of another origin may read of an answer beside its body."""


class _CrossOrigin(CORSMiddleware):
    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
            max_age=600,
        )


class SharedAnswers(_CrossOrigin):
    """Tells browsers which pages may read an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if _is_preflight(scope, headers):
            await self.app(scope, receive, send)
        else:
            await self.simple_response(scope, receive, send, request_headers=headers)


class Preflights(_CrossOrigin):
    """Answers what browsers ask before they send what a page wants to send."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if not _is_preflight(scope, headers):
            await self.app(scope, receive, send)
            return
        answer = self.preflight_response(headers)
        if answer.status_code != 200:
            raise _refused(answer.headers["vary"])
        await answer(scope, receive, send)


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    return scope["method"] == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def _refused(vary: str) -> Problem:
    return Problem(
        400,
        "preflight-refused",
        "Preflight refused",
        "Pages of this origin may not ask this, not with this method, or not with these headers. "
        "LOGISTICS_CORS_ORIGINS names the origins that may.",
        headers={"Vary": vary},
    )
