"""CORS: lets pages from other origins read responses, with two middlewares.

The outermost one adds the headers, because cached responses are independent of the origin. The inner one responds to
preflights, which are counted and logged like all requests; browsers send them without a key, and authorisation allows
them.
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
    "If-Data-Version",
    "If-None-Match",
    "Last-Event-ID",
    "Min-Data-Version",
    "Repr-Digest",
    "X-API-Key",
    "X-Checksum-SHA256",
    "X-Request-ID",
)
"""Headers that pages from other origins may send in addition to the safelisted ones."""
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
"""Headers that pages from other origins may read in addition to the safelisted ones."""


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
    """Adds the headers that tell browsers which origins may read a response."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if _is_preflight(scope, headers):
            await self.app(scope, receive, send)
        else:
            await self.simple_response(scope, receive, send, request_headers=headers)


class PreflightMiddleware(_CrossOrigin):
    """Responds to preflight requests."""

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
        "CORS does not allow this origin, method or combination of headers. "
        "Allowed origins are set in LOGISTICS_CORS_ORIGINS.",
        headers={"Vary": vary},
    )
