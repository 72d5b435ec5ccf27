"""Inspects a response of the application on its way out: captures what can be cached, forwards everything else."""

from collections.abc import Callable

from starlette.types import Message, Send

from logistics_api.http.cached_responses import data_version_of


class ResponseCapture:
    """Wraps `send`. Afterwards the response is `captured`, or was forwarded, or was dropped (`is_dropped`)."""

    def __init__(self, send: Send, on_forward: Callable[[int], None], *, drop_unavailable: bool) -> None:
        """`on_forward` gets the status of a response as soon as it is clear that it is forwarded.

        With `drop_unavailable`, a 503 is not forwarded: the caller has a stale response to send instead.
        """
        self.captured: tuple[Message, bytes] | None = None
        """The message that starts the response, and the body."""
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
        if self._start is not None:  # figures that come in pieces are a stream, which is not cached
            start, self._start = self._start, None
            await self._forward_start(start)
        await self._send(message)

    async def _forward_start(self, message: Message) -> None:
        self._on_forward(message["status"])
        await self._send(message)
