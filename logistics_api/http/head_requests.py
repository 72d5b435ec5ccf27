"""HEAD: asked as GET, answered without the body, and over as soon as the headers are known."""

import asyncio

from starlette.types import ASGIApp, Message, Scope, Send


async def answer_head(app: ASGIApp, scope: Scope, send: Send) -> None:
    """Answers as the application would answer GET. A stream is told that its client has gone; it might never end.

    The server leaves out the body: its own scope still says HEAD.
    """
    head = _Head(send)
    await app(scope, head.receive, head.send)
    await head.finish()


class _Head:
    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_read = False
        self._answered = asyncio.Event()
        self._unfinished = False

    async def receive(self) -> Message:
        if not self._is_read:
            self._is_read = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._answered.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self._send(message)
        if message["type"] == "http.response.body":
            self._unfinished = message.get("more_body", False)
            self._answered.set()

    async def finish(self) -> None:
        if self._unfinished:
            await self._send({"type": "http.response.body", "body": b""})
