"""The API's database: connections that can only read, the watcher, and the operator, who changes something."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from time import perf_counter
from typing import Annotated, Any, Self

import psycopg
from fastapi import Depends, Request
from psycopg_pool import PoolTimeout

from logistics_api.database import timing
from logistics_api.database.connection_pool import ConnectionPool, Pools
from logistics_api.database.conninfo import read_only, read_write
from logistics_api.database.freshness import Freshness
from logistics_api.database.limits import Limits
from logistics_api.database.operator import Operator
from logistics_api.database.problems import again_after_conflict
from logistics_api.database.watcher import Poll, Watcher

SPARE_SECONDS = 0.05


class Database(ConnectionPool):
    """Runs statements inside `async with`; starts without PostgreSQL and recovers automatically."""

    def __init__(
        self,
        url: str,
        *,
        role: str | None = None,
        limits: Limits | None = None,
        publish: Callable[[str, str], None] | None = None,
        operator_url: str | None = None,
        name: str = "reads",
    ) -> None:
        """Does not connect yet. With `role`, every connection switches from its login's privileges to that role's.

        `publish` receives notifications: name of the event, data. `operator_url`: what the operator connects with; the
        same URL if omitted. `name` says what the connections are for.

        Raises:
            ConfigurationError: a URL is invalid.
        """
        limits = limits or Limits()
        self.read_only = read_only(url, role, limits)
        pools: Pools = {}  # its own, the operator's, and those of databases created by `beside`
        super().__init__(self.read_only, limits, Freshness(), pools, name, least=limits.connections)
        self._url, self._role, self._operator_url = url, role, operator_url or url
        self.operator = Operator(self._operator_url, limits, self.freshness, pools)
        """Changes something, by functions of the database; nothing else can."""
        self._watcher: Watcher | None = Watcher(
            self.read_only,
            self.freshness,
            publish or _ignore_event,
            self._renew_pools,
            primary=read_write(operator_url, limits) if operator_url is not None else None,
        )

    def beside(self, limits: Limits, name: str) -> "Database":
        """The same database with separate connections and limits, for work that must not exhaust the main ones.

        This one runs the watcher and the operator for both, so it must be entered as well.
        """
        other = Database(self._url, role=self._role, limits=limits, operator_url=self._operator_url, name=name)
        other.freshness, other._pools, other._watcher = self.freshness, self._pools, None
        other.operator = self.operator
        return other

    def on_poll(self, poll: Poll) -> None:
        """Runs `poll` with the watcher's connection on connect, on every notification, and every few seconds."""
        assert self._watcher is not None
        self._watcher.polls.append(poll)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        if self._watcher is not None:
            await self.operator.__aenter__()
            await self._watcher.start()
        return self

    async def __aexit__(self, *details: object) -> None:
        if self._watcher is not None:
            await self._watcher.stop()
            await self.operator.__aexit__(*details)
        await super().__aexit__(*details)

    async def fetch_value(self, query: str, parameters: Mapping[str, object] | None = None) -> Any:
        """Returns the first column of the single row of a statement.

        Raises:
            Problem: as `fetch_row`.
        """
        return (await self.fetch_row(query, parameters))[0]

    @again_after_conflict
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
        """Has the operator call a function of the database that changes something; returns its row.

        Raises:
            Problem: as `fetch_row`; 501 if the server is a read-only copy.
        """
        return await self.operator.call(call, parameters)

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
