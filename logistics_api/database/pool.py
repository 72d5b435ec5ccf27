"""A pool of read-only connections, which can call a function that writes, and a limit on the requests that use it.

With the pool alone, every request during an outage would wait for its timeout. Its `max_waiting` must not be used: a
request that timed out stays in the pool's queue until a connection arrives, so after an outage the queue can be full of
requests that no longer exist. Each new request is then rejected before the code that would make the pool grow again,
and the service never recovers (psycopg_pool 3.3.3). Instead, requests are counted here, and are rejected without using
the pool while the watcher has no connection.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from time import perf_counter
from typing import Annotated, Any, Self

import psycopg
from fastapi import Depends, Request
from psycopg import errors
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from logistics_api.database import timing
from logistics_api.database.connection import Connection, configure, has_news
from logistics_api.database.conninfo import read_only
from logistics_api.database.freshness import Freshness
from logistics_api.database.limits import Limits
from logistics_api.database.problems import busy, database_problems, read_only_copy, unreachable
from logistics_api.database.watcher import Poll, Watcher

SPARE_SECONDS = 0.05
RECONNECT_SECONDS = 1.0
"""How long a request waits for the first attempt to reconnect after the watcher has lost its connection."""


class Database:
    """Runs statements inside `async with`; starts without PostgreSQL and recovers automatically."""

    def __init__(
        self,
        url: str,
        *,
        role: str | None = None,
        limits: Limits | None = None,
        publish: Callable[[str, str], None] | None = None,
        name: str = "reads",
    ) -> None:
        """Does not connect yet. With `role`, every connection switches from its login's privileges to that role's.

        `publish` receives notifications: name of the event, data. `name` says what the connections are for.

        Raises:
            ConfigurationError: the URL is invalid.
        """
        self.limits = limits or Limits()
        self.read_only = read_only(url, role, self.limits)
        self.freshness = Freshness()
        self._url, self._role, self._name = url, role, name
        self._pools: dict[str, AsyncConnectionPool[Connection]] = {}
        """Open pools by name: its own, and those of databases created by `beside`."""
        self._watcher: Watcher | None = Watcher(
            self.read_only, self.freshness, publish or _ignore_event, self._renew_pools
        )
        self._inside = 0

    def beside(self, limits: Limits, name: str) -> "Database":
        """The same database with separate connections and limits, for work that must not exhaust the main ones.

        This one runs the watcher for both, so it must be entered as well.
        """
        other = Database(self._url, role=self._role, limits=limits, name=name)
        other.freshness, other._pools, other._watcher = self.freshness, self._pools, None
        return other

    def on_poll(self, poll: Poll) -> None:
        """Runs `poll` with the watcher's connection on connect, on every notification, and every few seconds."""
        assert self._watcher is not None
        self._watcher.polls.append(poll)

    async def __aenter__(self) -> Self:
        self._pool = self._pools[self._name] = self._make_pool()
        await self._pool.open(wait=False)
        if self._watcher is not None:
            await self._watcher.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        del self._pools[self._name]
        if self._watcher is not None:
            await self._watcher.stop()
        await self._pool.close(timeout=2)

    def _make_pool(self) -> AsyncConnectionPool[Connection]:
        """Creates a pool; every lifespan needs a new one, because a pool cannot be opened twice."""
        return AsyncConnectionPool(
            self.read_only.conninfo,
            connection_class=Connection,
            kwargs={"autocommit": True},
            min_size=self.limits.connections,
            max_size=self.limits.connections,
            timeout=self.limits.wait_seconds,
            reconnect_timeout=1.0,
            max_lifetime=1800,
            configure=self._configure,
            open=False,
            name="logistics api",
        )

    async def _configure(self, connection: Connection) -> None:
        await configure(connection, self.read_only, self.limits.statement_seconds)

    async def fetch_value(self, query: str, parameters: Mapping[str, object] | None = None) -> Any:
        """Returns the first column of the single row of a statement.

        Raises:
            Problem: as `fetch_row`.
        """
        return (await self.fetch_row(query, parameters))[0]

    async def fetch_row(self, query: str, parameters: Mapping[str, object] | None = None) -> tuple[Any, ...]:
        """Returns the single row of a statement.

        Raises:
            Problem: 503 if the database is unavailable, too busy or not migrated; 504 if the statement timed out.
        """
        async with self.connection() as connection:
            since = perf_counter()
            cursor = await connection.execute(query.encode(), parameters)
            row = await cursor.fetchone()
            timing.add_statement(perf_counter() - since)
        assert row is not None
        return row

    async def write(self, call: str, parameters: Mapping[str, object]) -> tuple[Any, ...]:
        """Calls a function of the database that writes, in a transaction of its own; returns its row.

        No more than that is possible: the role may call such functions and change no table. The session stays
        read-only.

        Raises:
            Problem: as `fetch_row`; 501 if the server is a read-only copy.
        """
        async with self.connection() as connection:
            try:
                async with connection.transaction():
                    await connection.execute("SET TRANSACTION READ WRITE")
                    row = await (await connection.execute(call.encode(), parameters)).fetchone()
            except (errors.FeatureNotSupported, errors.ReadOnlySqlTransaction) as error:
                raise read_only_copy() from error
        assert row is not None
        return row

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        """Provides a connection, for statements that return more than one row.

        Raises:
            Problem: as `fetch_row`, from any statement of the block.
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
        while has_news(connection := await pool.getconn(seconds)):
            await connection.close()
            await pool.putconn(connection)
        try:
            async with connection:
                yield connection
        finally:
            await pool.putconn(connection)

    @asynccontextmanager
    async def spare_connection(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]] | None]:
        """Provides a second connection to a request; None if it would have to wait for one.

        Its errors are translated by the `connection` block of the first one.
        """
        async with AsyncExitStack() as lent:
            connection = None
            if self._has_idle_connection():
                with suppress(PoolTimeout):  # another request was faster
                    connection = await lent.enter_async_context(self._lend(SPARE_SECONDS))
                    self._inside += 1
                    lent.callback(self._leave)
            yield connection

    def _leave(self) -> None:
        self._inside -= 1

    def _has_idle_connection(self) -> bool:
        return self._pool.get_stats()["pool_available"] > 0

    def pools(self) -> dict[str, dict[str, int]]:
        """Statistics of the open pools by name, under psycopg_pool's names: its own, and those created by `beside`."""
        return {name: pool.get_stats() for name, pool in self._pools.items()}

    async def _renew_pools(self) -> None:
        for pool in list(self._pools.values()):
            await pool.drain()  # its connections belong to the server that was lost
            await pool.check()  # now empty: makes it grow again after it stopped reconnecting


def _ignore_event(_event: str, _data: str) -> None:
    """Ignores events if there are no subscribers."""


async def _of_app(request: Request) -> Database:
    database = request.app.state.database
    assert isinstance(database, Database)
    return database


Reader = Annotated[Database, Depends(_of_app)]
"""The type of an endpoint's parameter that receives the application's database."""
