"""Handles HEAD requests as GET without the body, and finishes them as soon as the headers are known."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadMiddleware:
    """Passes HEAD to the application as GET. The server omits the body, because its own scope still says HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        exchange = _HeadersOnly(send)
        as_get = {**scope, "method": "GET"}
        try:
            await self.app(as_get, exchange.receive, exchange.send)
        finally:
            if "route" in as_get:
                scope["route"] = as_get["route"]
        await exchange.finish()


class _HeadersOnly:
    """Reports a disconnect once the headers are sent, because a stream might never end on its own."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_body_read = False
        self._is_answered = asyncio.Event()
        self._is_unfinished = False

    async def receive(self) -> Message:
        if not self._is_body_read:
            self._is_body_read = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._is_answered.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self._send(message)
        if message["type"] == "http.response.body":
            self._is_unfinished = message.get("more_body", False)
            self._is_answered.set()

    async def finish(self) -> None:
        if self._is_unfinished:
            await self._send({"type": "http.response.body", "body": b""})
