"""Compresses responses that are sent once. The cache compresses its own responses, which declare a data version."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from logistics_api.http.cached_responses import data_version_of
from logistics_api.http.compression import INLINE, SMALLEST, compress_cheaply
from logistics_api.http.context import RawHeaders, context_of
from logistics_api.http.negotiation import IDENTITY, acceptable_codings

COMPRESSIBLE = (b"application/json", b"application/problem+json", b"text/html", b"text/plain")


class CompressionMiddleware:
    """Compresses bodies sent in a single message, if that is worthwhile."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, _CompressingSend(scope, send).send)


class _CompressingSend:
    """Wraps `send`: delays the start of a response until its body shows whether to compress it."""

    __slots__ = ("_scope", "_send", "_start")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        else:
            await self._send_body(message)

    async def _send_body(self, message: Message) -> None:
        start, self._start = self._start, None
        if start is not None:
            if not message.get("more_body", False) and _is_compressible(start, message):
                start, message = await _compress(start, message, self._coding())
            await self._send(start)
        await self._send(message)

    def _coding(self) -> str:
        """Chooses the coding: only zstd is cheap enough to repeat for each uncached API response."""
        codings = acceptable_codings(context_of(self._scope).accept_encoding) or (IDENTITY,)
        if self._scope["path"].startswith("/api") and IDENTITY in codings:
            return "zstd" if "zstd" in codings else IDENTITY
        return codings[0]


def _is_compressible(start: Message, message: Message) -> bool:
    headers = dict(start["headers"])
    return (
        len(message.get("body", b"")) >= SMALLEST
        and data_version_of(start) is None
        and b"content-encoding" not in headers
        and headers.get(b"content-type", b"").startswith(COMPRESSIBLE)
    )


async def _compress(start: Message, message: Message, coding: str) -> tuple[Message, Message]:
    """The two messages of the response in a coding, with matching headers."""
    headers: RawHeaders = list(start["headers"])
    if (b"vary", b"Accept-Encoding") not in headers:
        headers.append((b"vary", b"Accept-Encoding"))
    if coding == IDENTITY:
        return {**start, "headers": headers}, message
    body: bytes = message["body"]
    if len(body) <= INLINE:
        compressed = compress_cheaply(coding, body)
    else:
        compressed = await asyncio.to_thread(compress_cheaply, coding, body)
    headers = [header for header in headers if header[0] != b"content-length"]
    headers += [(b"content-length", str(len(compressed)).encode()), (b"content-encoding", coding.encode())]
    return {**start, "headers": headers}, {"type": "http.response.body", "body": compressed}
