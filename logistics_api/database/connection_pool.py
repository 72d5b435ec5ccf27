"""A pool of connections, and a limit on the requests that use it.

With psycopg's pool alone, every request during an outage would wait for its timeout. Its `max_waiting` must not be
used: a request that timed out stays in the pool's queue until a connection arrives, so after an outage the queue can be
full of requests that no longer exist. Each new request is then rejected before the code that would make the pool grow
again, and the service never recovers (psycopg_pool 3.3.3). Instead, requests are counted here, and are rejected without
using the pool while the watcher has no connection.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import psycopg
from psycopg_pool import AsyncConnectionPool

from logistics_api.database.connection import Connection, configure
from logistics_api.database.conninfo import Login
from logistics_api.database.freshness import Freshness
from logistics_api.database.limits import Limits
from logistics_api.database.problems import busy, database_problems, unreachable
from logistics_core.postgres.idle_connections import has_news

RECONNECT_SECONDS = 1.0
"""How long a request waits for the first attempt to reconnect after the watcher has lost its connection."""

Pools = dict[str, AsyncConnectionPool[Connection]]
"""Open pools by name."""


class ConnectionPool:
    """Lends connections of one login inside `async with`."""

    def __init__(
        self, login: Login, limits: Limits, freshness: Freshness, pools: Pools, name: str, *, least: int
    ) -> None:
        """Does not connect yet. `least` connections are kept open, the others of `limits` are opened as needed.

        While it is open, it is in `pools` by its `name`.
        """
        self.limits = limits
        self.freshness = freshness
        self._login = login
        self._pools = pools
        self._name = name
        self._least = least
        self._inside = 0

    async def __aenter__(self) -> Self:
        self._pool = self._pools[self._name] = self._make_pool()
        await self._pool.open(wait=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        del self._pools[self._name]
        await self._pool.close(timeout=2)

    def _make_pool(self) -> AsyncConnectionPool[Connection]:
        """Creates a pool; every lifespan needs a new one, because a pool cannot be opened twice."""
        return AsyncConnectionPool(
            self._login.conninfo,
            connection_class=Connection,
            kwargs={"autocommit": True},
            min_size=self._least,
            max_size=self.limits.connections,
            timeout=self.limits.wait_seconds,
            reconnect_timeout=1.0,
            max_lifetime=1800,
            configure=self._configure,
            open=False,
            name="logistics api",
        )

    async def _configure(self, connection: Connection) -> None:
        await configure(connection, self._login, self.limits.statement_seconds)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        """Provides a connection, for statements that return more than one row.

        Raises:
            Problem: from any statement of the block: 503 if the database is unavailable, too busy or not migrated; 504
                if the statement timed out.
        """
        with database_problems(self.freshness, self.limits.statement_seconds):
            async with self._admitted() as connection:
                yield connection

    @asynccontextmanager
    async def _admitted(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        if not self.freshness.reachable and not await self.freshness.becomes_reachable(RECONNECT_SECONDS):
            raise unreachable()
        if self._inside >= self.limits.connections + self.limits.waiting:
            raise busy()
        self._inside += 1
        try:
            async with self._lend() as connection:
                yield connection
        finally:
            self._inside -= 1

    @asynccontextmanager
    async def _lend(self, seconds: float | None = None) -> AsyncIterator[Connection]:
        """Lends a connection of the pool. Those that were closed while they were idle are replaced first."""
        pool = self._pool
        while has_news((connection := await pool.getconn(seconds)).fileno()):
            await connection.close()
            await pool.putconn(connection)
        try:
            async with connection:
                yield connection
        finally:
            await pool.putconn(connection)
