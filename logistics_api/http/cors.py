"""What browsers need to let pages of other origins read responses (CORS), as two middlewares.

The outermost one adds headers: cached responses belong to no origin. The inner one answers preflights, which are
counted and logged like all requests; a browser sends them without a key, and authorisation lets them pass.
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
"""What a page of another origin may send besides what every page may."""
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
"""What a page of another origin may read of a response besides its body."""


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


class CorsHeadersMiddleware(_CrossOrigin):
    """Tells browsers which pages may read a response."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if _is_preflight(scope, headers):
            await self.app(scope, receive, send)
        else:
            await self.simple_response(scope, receive, send, request_headers=headers)


class PreflightMiddleware(_CrossOrigin):
    """Answers the requests that browsers send before a page's own."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if not _is_preflight(scope, headers):
            await self.app(scope, receive, send)
            return
        response = self.preflight_response(headers)
        if response.status_code != 200:
            raise _refused(response.headers["vary"])
        await response(scope, receive, send)


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
