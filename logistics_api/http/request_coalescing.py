"""Request coalescing: of identical requests at the same time, one is computed and the others wait for its response."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from logistics_api.database.freshness import Published
from logistics_api.errors import Problem
from logistics_api.http.cache import Key
from logistics_api.http.cached_responses import CachedResponse

RequestKey = tuple[Key, Published | None]
"""The published version too: a request after a refresh does not join one from before."""

PendingResponse = asyncio.Future[CachedResponse | None]
"""Its result is None where the response cannot be shared: then each request is computed by itself."""


class RequestCoalescing:
    """The requests that are being computed."""

    def __init__(self, wait_seconds: float) -> None:
        self._wait_seconds = wait_seconds
        self._pending: dict[RequestKey, PendingResponse] = {}

    def find(self, key: RequestKey) -> PendingResponse | None:
        """The response to an identical request that is being computed now."""
        return self._pending.get(key)

    @contextmanager
    def lead(self, key: RequestKey) -> Iterator[PendingResponse]:
        """Registers a request that others may join. Without a result it lets them go on by themselves."""
        pending = self._pending[key] = asyncio.get_running_loop().create_future()
        try:
            yield pending
        finally:
            del self._pending[key]
            if not pending.done():
                pending.set_result(None)  # it failed or was cancelled, which says nothing about the others

    async def wait(self, pending: PendingResponse) -> CachedResponse | None:
        """Waits for the response to another request.

        Raises:
            Problem: 503, it took too long.
        """
        try:
            async with asyncio.timeout(self._wait_seconds):
                return await asyncio.shield(pending)
        except TimeoutError as error:
            raise _timed_out() from error


def _timed_out() -> Problem:
    return Problem(
        503,
        "database-busy",
        "Database busy",
        "The same question is being asked already and takes too long. Try again in a moment.",
        headers={"Retry-After": "1"},
    )
