"""Sends a stream and releases its resources as soon as the client disconnects."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from logistics_api.database.problems import again_after_conflict
from logistics_api.errors import Problem
from logistics_api.exports.formats import Chunks
from logistics_api.exports.snapshots import STALLED_SECONDS

logger = logging.getLogger(__name__)


class StreamedFile(Response):
    """A response of unknown length.

    An error before the first chunk returns a problem. A later error closes the connection without the final chunk,
    which every HTTP client reports.
    """

    def __init__(
        self,
        open_stream: Callable[[], Chunks],
        media_type: str,
        headers: Mapping[str, str],
        *,
        stalled_seconds: float = STALLED_SECONDS,
    ) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.body = b""
        self.init_headers(headers)
        del self.headers["content-length"]
        self._open_stream = open_stream
        self._has_begun = False
        self._stalled_seconds = stalled_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send_all(send))
        leaving = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            finished = sending.done()
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
        try:
            if finished:
                sending.result()
        except Problem as problem:
            if not self._has_begun:
                raise
            logger.warning("An export was cut off: %s", problem.detail)  # the server closes what is not complete

    async def _send_all(self, send: Send) -> None:
        chunks, chunk = await self._open()
        async with aclosing(chunks):
            self._has_begun = True
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await self._send_chunk(send, chunk)
            async for chunk in chunks:
                await self._send_chunk(send, chunk)
        await send({"type": "http.response.body", "body": b""})

    @again_after_conflict
    async def _open(self) -> tuple[Chunks, bytes]:
        """Opens the stream and reads its first chunk."""
        chunks = self._open_stream()
        return chunks, await anext(chunks, b"")

    async def _send_chunk(self, send: Send, chunk: bytes) -> None:
        async with asyncio.timeout(self._stalled_seconds):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
