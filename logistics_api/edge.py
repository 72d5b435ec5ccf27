"""What every request passes through, as plain ASGI: request id, Server-Timing, HEAD, and the errors nobody expected.

Never as `BaseHTTPMiddleware`: that triples the cost of a request.
"""

import logging
import re
from time import perf_counter
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from logistics_api.errors import internal_error

REQUEST_ID = re.compile(r"[A-Za-z0-9._~+/=:-]{1,128}")
"""Request ids taken over from a client: nothing that could break out of a header or a line of the log."""

logger = logging.getLogger(__name__)


class Edge:
    """The outermost layer of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # HEAD is answered as GET; the server leaves out the body, its own scope still says HEAD.
        inner: Scope = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        inner.setdefault("state", {})["request_id"] = request_id(Headers(scope=scope))
        answer = _Answer(inner, send)
        try:
            await self.app(inner, receive, answer.send)
        except Exception:
            # The last edge: whatever it was, the client gets an answer and the log gets the traceback.
            logger.exception(
                "%s %s failed (request id %s)", scope["method"], scope["path"], inner["state"]["request_id"]
            )
            if answer.started:
                raise  # half an answer is out: only a broken connection can tell the client so
            await internal_error().response(inner)(inner, receive, answer.send)


class _Answer:
    """Sends the answer to one request, with the headers that every answer has."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.started = False
        self._send = send
        self._began = perf_counter()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self.scope["state"]["request_id"]
            headers["Server-Timing"] = f"app;dur={(perf_counter() - self._began) * 1000:.1f}"
        await self._send(message)


def request_id(headers: Headers) -> str:
    """The client's own X-Request-ID where it is fit to be repeated, else a new one."""
    given = headers.get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid4().hex
