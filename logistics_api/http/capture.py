"""Inspects the application's response: captures it if it can be cached, forwards it otherwise."""

from collections.abc import Callable

from starlette.types import Message, Send

from logistics_api.http.cached_responses import data_version_of


class ResponseCapture:
    """Wraps `send`. Afterwards the response has been `captured`, forwarded or dropped (`is_dropped`)."""

    def __init__(self, send: Send, on_forward: Callable[[Message], None], *, drop_unavailable: bool) -> None:
        """`on_forward` receives the start message as soon as it is clear that the response will be forwarded.

        With `drop_unavailable`, a 503 is not forwarded: the caller has a stale response to send instead.
        """
        self.captured: tuple[Message, bytes] | None = None
        """The start message of the response, and its body."""
        self.is_dropped = False
        self._send = send
        self._on_forward = on_forward
        self._drop_unavailable = drop_unavailable
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        if self.is_dropped:
            return
        if message["type"] == "http.response.start":
            await self._receive_start(message)
        elif self._start is not None and not message.get("more_body", False):
            self.captured = self._start, message.get("body", b"")
        else:
            await self._forward_body(message)

    async def _receive_start(self, message: Message) -> None:
        if data_version_of(message) is not None:
            self._start = message
        elif message["status"] == 503 and self._drop_unavailable:
            self.is_dropped = True
        else:
            await self._forward_start(message)

    async def _forward_body(self, message: Message) -> None:
        if self._start is not None:  # figures in several messages are a stream, which is not cached
            start, self._start = self._start, None
            await self._forward_start(start)
        await self._send(message)

    async def _forward_start(self, message: Message) -> None:
        self._on_forward(message)
        await self._send(message)
