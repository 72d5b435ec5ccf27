"""Looks at an answer of the application on its way out: holds back a figure, lets everything else through."""

from collections.abc import Callable

from starlette.types import Message, Send

from logistics_api.http.cached_responses import data_version_of


class Catch:
    """Stands in for `send`. Afterwards `figure` is what was held back, or the answer is out, or it `is_refused`."""

    def __init__(self, send: Send, passing: Callable[[int], None], *, refuse_unavailable: bool) -> None:
        """`passing` is told the status of an answer as soon as it is clear that it is let through.

        With `refuse_unavailable`, a 503 is swallowed: the caller has something better to say.
        """
        self.figure: tuple[Message, bytes] | None = None
        """The message that starts the answer, and the body."""
        self.is_refused = False
        self._send = send
        self._passing = passing
        self._refuse_unavailable = refuse_unavailable
        self._held: Message | None = None

    async def send(self, message: Message) -> None:
        if self.is_refused:
            return
        if message["type"] == "http.response.start":
            await self._start(message)
        elif self._held is not None and not message.get("more_body", False):
            self.figure = self._held, message.get("body", b"")
        else:
            await self._let_through(message)

    async def _start(self, message: Message) -> None:
        if data_version_of(message) is not None:
            self._held = message
        elif message["status"] == 503 and self._refuse_unavailable:
            self.is_refused = True
        else:
            self._passing(message["status"])
            await self._send(message)

    async def _let_through(self, message: Message) -> None:
        if self._held is not None:  # a figure that comes in pieces: a stream, not to be kept
            held, self._held = self._held, None
            self._passing(held["status"])
            await self._send(held)
        await self._send(message)
