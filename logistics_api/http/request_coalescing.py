"""Request coalescing: of identical concurrent requests, one is computed and the others wait for its response."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from logistics_api.database.freshness import Published
from logistics_api.errors import Problem
from logistics_api.http.cache import Key
from logistics_api.http.cached_responses import CachedResponse

RequestKey = tuple[Key, Published | None, int]
"""Includes the published version and the generation of the cache: a request after a refresh, or after other datasets
came into force, does not join one from before."""

PendingResponse = asyncio.Future[CachedResponse | None]
"""Its result is None if the response cannot be shared; each request is then computed separately."""


class RequestCoalescing:
    """The requests that are being computed."""

    def __init__(self, wait_seconds: float) -> None:
        self._wait_seconds = wait_seconds
        self._pending: dict[RequestKey, PendingResponse] = {}

    def find(self, key: RequestKey) -> PendingResponse | None:
        """The pending response to an identical request; None if there is none."""
        return self._pending.get(key)

    @contextmanager
    def lead(self, key: RequestKey) -> Iterator[PendingResponse]:
        """Registers a request that others may join. If it ends without a result, they proceed on their own."""
        pending = self._pending[key] = asyncio.get_running_loop().create_future()
        try:
            yield pending
        finally:
            del self._pending[key]
            if not pending.done():
                pending.set_result(None)  # it failed or was cancelled, which need not apply to the others

    async def wait(self, pending: PendingResponse) -> CachedResponse | None:
        """Waits for the response to another request.

        Raises:
            Problem: 503, the wait timed out.
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
        "An identical request is already in progress and is taking too long. Try again in a moment.",
        headers={"Retry-After": "1"},
    )
