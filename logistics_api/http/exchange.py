"""One request and its answer: what every answer gets on its way out, kept or not."""

import asyncio
import os
import re
from itertools import count
from time import perf_counter

from starlette.types import Message, Scope, Send

from logistics_api.database.timing import DatabaseTime
from logistics_api.http.cached_responses import RawHeaders
from logistics_api.http.compression import INLINE, SMALLEST, compress_cheaply
from logistics_api.http.negotiation import IDENTITY, acceptable_codings
from logistics_api.http.protocols import CacheUse, Metrics, RequestLog, TemplateOf

REQUEST_ID = re.compile(rb"[A-Za-z0-9._~+/=:-]{1,128}")
"""Request ids taken over from a client: nothing that could break out of a header or a line of the log."""

COMPRESSIBLE = (b"application/json", b"application/problem+json", b"text/html", b"text/plain")
ROUNDS_TO_ZERO, AT_ONCE = 0.000_05, b"app;dur=0.0, cache;desc=hit"
"""Seconds, and what Server-Timing says of fewer: that is most answers, and formatting a number takes its time."""
UNMATCHED = "unmatched"
"""The template of requests to no route: their paths are anybody's invention, and must not become labels."""

_process = os.urandom(8).hex()
_numbers = count(int.from_bytes(os.urandom(4)))


class Exchange:
    """Reads what the edge needs of a request, and sends its answer."""

    __slots__ = (
        "_began",
        "_held",
        "_seconds",
        "_send",
        "_sent_bytes",
        "_status",
        "accept_encoding",
        "cache_use",
        "database_time",
        "finished",
        "if_none_match",
        "inner",
        "method",
        "request_id",
        "scope",
        "started",
        "template",
    )

    def __init__(self, scope: Scope, send: Send) -> None:
        self._began = perf_counter()
        self.scope = self.inner = scope
        """`inner` is what the application sees: for HEAD it says GET."""
        self.method: str = scope["method"]
        self._send = send
        self._held: Message | None = None
        self._status = 0
        self._seconds = 0.0
        self._sent_bytes = 0
        self.started = self.finished = False
        self.cache_use: CacheUse = "none"
        self.database_time: DatabaseTime | None = None
        self.template: str | None = None
        """Of the route that answered, where that is known beforehand."""
        self.accept_encoding: bytes | None = None
        self.if_none_match: bytes | None = None
        given: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"accept-encoding":
                self.accept_encoding = value if self.accept_encoding is None else self.accept_encoding + b"," + value
            elif name == b"if-none-match":
                self.if_none_match = value if self.if_none_match is None else self.if_none_match + b"," + value
            elif name == b"x-request-id":
                given = value
        if given is not None and REQUEST_ID.fullmatch(given):
            self.request_id = given.decode()
        else:
            self.request_id = f"{_process}{next(_numbers):016x}"

    async def send_kept(self, status: int, headers: RawHeaders, body: Message, size: int) -> None:
        """Sends messages that were made before. `headers` belongs to whoever made it, and is copied."""
        await self._start(status, headers)
        self._sent_bytes = size
        await self._send(body)
        self.finished = True

    async def send(self, message: Message) -> None:
        """Passes an answer of the application on; compressed, where it comes in one piece that is worth it."""
        if message["type"] == "http.response.start":
            self._held = message
            return
        held, self._held = self._held, None
        if held is not None:
            headers: RawHeaders = list(held["headers"])
            if not message.get("more_body", False):
                message = await self._compress(headers, message)
            if self.scope["path"].startswith("/api") and not any(name == b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
            await self._start(held["status"], headers)
        self._sent_bytes += len(message.get("body", b""))
        await self._send(message)
        self.finished = not message.get("more_body", False)

    def report(self, metrics: Metrics, log: RequestLog, template_of: TemplateOf) -> None:
        """Tells of the answer, once it is out or its client is gone."""
        if self.started:
            template = self.template or self.route_template() or template_of(self.scope["path"]) or UNMATCHED
            metrics.observe(self.method, template, self._status, self._seconds, self.cache_use)
            log.write(self.scope, template, self._status, self._seconds, self._sent_bytes, self.cache_use)

    async def _start(self, status: int, headers: RawHeaders) -> None:
        self._status = status
        self._seconds = seconds = perf_counter() - self._began
        timing = AT_ONCE if self.cache_use == "hit" and seconds < ROUNDS_TO_ZERO else self._timing(seconds)
        self.started = True
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*headers, (b"x-request-id", self.request_id.encode()), (b"server-timing", timing)],
            }
        )

    def _timing(self, seconds: float) -> bytes:
        parts = [f"app;dur={seconds * 1000:.1f}"]
        if self.cache_use != "none":
            parts.append(f"cache;desc={self.cache_use}")
        if self.database_time is not None and self.database_time.statements:
            parts.append(f"db;dur={self.database_time.seconds * 1000:.1f}")
        return ", ".join(parts).encode()

    def route_template(self) -> str | None:
        """The template of the route that the application found."""
        return getattr(self.inner.get("route"), "path_format", None)

    async def _compress(self, headers: RawHeaders, message: Message) -> Message:
        """Compresses a whole body as the client likes it, and says so in the headers."""
        body: bytes = message.get("body", b"")
        found = dict(headers)
        if (
            len(body) < SMALLEST
            or b"content-encoding" in found
            or not found.get(b"content-type", b"").startswith(COMPRESSIBLE)
        ):
            return message
        if found.get(b"vary") != b"Accept-Encoding":
            headers.append((b"vary", b"Accept-Encoding"))
        coding = self._cheap_coding()
        if coding == IDENTITY:
            return message
        if len(body) <= INLINE:
            smaller = compress_cheaply(coding, body)
        else:
            smaller = await asyncio.to_thread(compress_cheaply, coding, body)
        headers[:] = [header for header in headers if header[0] != b"content-length"]
        headers += [(b"content-length", str(len(smaller)).encode()), (b"content-encoding", coding.encode())]
        return {"type": "http.response.body", "body": smaller}

    def _cheap_coding(self) -> str:
        """The coding of a body that is not kept: of the API's own answers only zstd is cheap enough for every time."""
        codings = acceptable_codings(self.accept_encoding) or (IDENTITY,)
        if self.scope["path"].startswith("/api") and IDENTITY in codings:
            return "zstd" if "zstd" in codings else IDENTITY
        return codings[0]
