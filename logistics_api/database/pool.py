"""PostgreSQL as the API sees it: a pool of connections that only read, and a guard that refuses at once.

The pool alone would let every request of an outage wait for its timeout, and its `max_waiting` must not be used: a
request that timed out stays in the pool's queue until a connection arrives, so after an outage the queue can be full of
such ghosts, each newcomer is refused before the code that would make the pool grow again, and the service is dead for
good (psycopg_pool 3.3.3). Instead one connection apart watches the server: while it is lost, requests are refused
without touching the pool. And the requests inside are counted here. A server that hangs is told from one that works by
the time it takes (`connections`): the watcher's shows that it is away, the requests' ends those it had taken in.

The same connection hears of new figures (`freshness`) and of loads (`events`).

Statements live in each subject's `queries`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Annotated, Any, Self

import psycopg
from fastapi import Depends, Request
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from logistics_api.database import timing
from logistics_api.database.connection import Connection
from logistics_api.database.freshness import Freshness, Published
from logistics_api.errors import ConfigurationError, Problem
from logistics_core.database_contract.channels import Channel

LOOK_SECONDS = 2.0
"""Between two looks at the data version where nothing is notified, as behind a pooler that shares connections."""
HEARTBEAT_SECONDS = 5.0
"""A server that has not answered a look for so long has stopped."""
MARGIN_SECONDS = 3.0
"""So much longer than the server itself lets a statement run, an answer is waited for."""
RECONNECT_SECONDS = 0.3
FIRST_LOOK_SECONDS = 3.0
SPARE_SECONDS = 0.05
NOT_MIGRATED = (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName, errors.InsufficientPrivilege)
"""What a statement meets where the schema is older than this API."""

Look = Callable[[psycopg.AsyncConnection[Any]], Awaitable[None]]

# One row. As a number, because databases differ in how they write times.
PUBLISHED = "SELECT data_version, extract(epoch FROM last_calculated_at)::double precision FROM analytics.status"

# The URL may have set another limit than ours; 0 is none.
STATEMENT_SECONDS = "SELECT extract(epoch FROM current_setting('statement_timeout')::interval)::double precision"

NOTICE_LOST_CLIENTS = "SELECT set_config('client_connection_check_interval', '1s', false)"
"""Lets PostgreSQL end the statement of a client that has died. Not every platform of a server can."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """How much work is let in, and for how long."""

    connections: int = 8
    waiting: int = 64
    """Requests that may wait for a connection; one more is refused at once."""
    wait_seconds: float = 1.0
    statement_seconds: float = 5.0


class Database:
    """Answers questions from PostgreSQL inside `async with`; starts without it and recovers by itself."""

    def __init__(
        self,
        url: str,
        *,
        role: str | None = None,
        limits: Limits | None = None,
        publish: Callable[[str, str], None] | None = None,
        name: str = "reads",
    ) -> None:
        """Connects to nothing yet. With `role`, every connection gives up its login's own rights for that role's.

        `publish` is told what the database notifies: name of the event, data. `name` is what its connections are for.

        Raises:
            ConfigurationError: the URL is not one.
        """
        self.limits = limits or Limits()
        self.conninfo = read_only_conninfo(url, role, self.limits)
        self._url, self._role = url, role
        self._watched_by: Database | None = None
        self._name = name
        self._pools: dict[str, AsyncConnectionPool[Connection]] = {}
        """By name, those that have to be renewed after an outage: the own one, and those of databases `beside`."""
        self.freshness = Freshness()
        self._publish = publish or _tell_nobody
        self.looks: list[Look] = []
        """Asked with the watcher's connection whenever it looks: after connecting, when notified, every 2 s anyway."""
        self._inside = 0

    def beside(self, limits: Limits, name: str) -> "Database":
        """The same database with connections and limits apart, for work that must not take those of others.

        This one watches for both: it must be entered as well.
        """
        other = Database(self._url, role=self._role, limits=limits, name=name)
        other.freshness = self.freshness
        other._watched_by = self
        return other

    async def __aenter__(self) -> Self:
        # A pool cannot be opened twice, and an event belongs to one loop, so every lifespan makes its own.
        self._looked = asyncio.Event()
        self._pool = AsyncConnectionPool(
            self.conninfo,
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
        await self._pool.open(wait=False)
        (self._watched_by or self)._pools[self._name] = self._pool
        if self._watched_by is not None:
            return self
        self._watcher = asyncio.create_task(self._watch())
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_SECONDS):
                await self._looked.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        del (self._watched_by or self)._pools[self._name]
        if self._watched_by is None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        await self._pool.close(timeout=2)

    async def fetch_value(self, query: str, parameters: Mapping[str, object] | None = None) -> Any:
        """The first column of the one row a statement returns.

        Raises:
            Problem: as `fetch_row`.
        """
        return (await self.fetch_row(query, parameters))[0]

    async def fetch_row(self, query: str, parameters: Mapping[str, object] | None = None) -> tuple[Any, ...]:
        """The one row a statement returns.

        Raises:
            Problem: 503 where the database is away, too busy or not migrated; 504 where the statement took too long.
        """
        async with self.connection() as connection:
            since = perf_counter()
            cursor = await connection.execute(query.encode(), parameters)
            row = await cursor.fetchone()
            if (spent := timing.of_request.get()) is not None:
                spent.seconds += perf_counter() - since
                spent.statements += 1
        assert row is not None
        return row

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        """Lends a connection, for statements that return more than one row.

        Raises:
            Problem: as `fetch_row`, from any statement of the block.
        """
        with self._problems():
            async with self._admitted() as connection:
                yield connection

    @asynccontextmanager
    async def spare_connection(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]] | None]:
        """Lends one more connection to who has one already; None where that would have to be waited for.

        Its errors are those of the block that `connection` lent the first one to.
        """
        async with AsyncExitStack() as lent:
            connection = None
            if self._has_idle_connection():
                with suppress(PoolTimeout):  # somebody was faster
                    connection = await lent.enter_async_context(self._pool.connection(timeout=SPARE_SECONDS))
                    self._inside += 1
                    lent.callback(self._left)
            yield connection

    def _left(self) -> None:
        self._inside -= 1

    @asynccontextmanager
    async def _admitted(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        if not self.freshness.reachable:
            raise _unreachable()
        if self._inside >= self.limits.connections + self.limits.waiting:
            raise _busy()
        self._inside += 1
        try:
            async with self._pool.connection() as connection:
                yield connection
        finally:
            self._inside -= 1

    @contextmanager
    def _problems(self) -> Iterator[None]:
        """Tells the client what PostgreSQL's errors mean for it. Errors in our own SQL are not among them."""
        try:
            yield
        except PoolTimeout as error:
            raise (_busy() if self.freshness.reachable else _unreachable()) from error
        except errors.QueryCanceled as error:
            raise _too_slow(self.limits.statement_seconds) from error
        except NOT_MIGRATED as error:
            logger.error("The schema is not the one this API was written for: %s", str(error).strip())
            raise _not_migrated() from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            logger.warning("PostgreSQL failed a request: %s", str(error).strip())
            raise _unreachable() from error

    def _has_idle_connection(self) -> bool:
        return self._pool.get_stats()["pool_available"] > 0

    def pools(self) -> dict[str, dict[str, int]]:
        """The figures of its pool and of those `beside` it, by name, as psycopg_pool calls them; of open ones only."""
        return {name: pool.get_stats() for name, pool in self._pools.items()}

    async def _watch(self) -> None:
        """Holds one connection for ever: the moment it is lost, the database is away."""
        trouble: str | None = None
        while True:
            try:
                async with await Connection.connect(self.conninfo, autocommit=True) as connection:
                    connection.patience_seconds = HEARTBEAT_SECONDS
                    await _listen(connection)  # first: what is published after the look is heard of
                    await self._look(connection)
                    if trouble is not None:
                        trouble = None
                        logger.warning("PostgreSQL is back")
                        await self._renew_pools()
                    self.freshness.reachable = True
                    self._looked.set()
                    await self._follow(connection)
            except (psycopg.Error, OSError) as error:
                if trouble is None:
                    trouble = str(error).strip() or type(error).__name__
                    logger.warning("PostgreSQL cannot be reached; answering 503 until it can: %s", trouble)
            finally:
                self.freshness.reachable = False
                self._looked.set()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _follow(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Returns never; fails as soon as the connection is lost, or when the server has stopped answering."""
        while True:
            channels = self._take_notifications(await _notified(connection))
            if not channels:
                await _readable(connection, LOOK_SECONDS)
                channels = self._take_notifications(await _notified(connection))
            # What a notification says is not believed: anybody may send one.
            if channels != {Channel.FILES} or monotonic() - self.freshness.confirmed_at > LOOK_SECONDS:
                await self._look(connection)

    def _take_notifications(self, notifications: list[psycopg.Notify]) -> set[str]:
        """Passes on what loads say, and returns the channels that said something."""
        for notification in notifications:
            if notification.channel == Channel.FILES:
                self._publish(Channel.FILES, notification.payload)
        return {notification.channel for notification in notifications}

    async def _look(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Finds out which figures are the newest. There is one watcher, so what it finds never goes back in time."""
        try:
            cursor = await connection.execute(PUBLISHED)
            row = await cursor.fetchone()
        except NOT_MIGRATED:
            row = None
        published = None if row is None else Published(*row)
        if self.freshness.confirm(published) and published is not None:
            self._publish(Channel.DATA_VERSION, str(published.data_version))
        for look in self.looks:
            await look(connection)

    async def _configure(self, connection: Connection) -> None:
        connection.patience_seconds = self.limits.statement_seconds + MARGIN_SECONDS
        with suppress(errors.DataError, errors.FeatureNotSupported):
            await connection.execute(NOTICE_LOST_CLIENTS)
        ((limit,),) = await (await connection.execute(STATEMENT_SECONDS)).fetchall()
        connection.patience_seconds = max(limit, self.limits.statement_seconds) + MARGIN_SECONDS if limit else None

    async def _renew_pools(self) -> None:
        for pool in list(self._pools.values()):
            await pool.drain()  # what it holds was connected to the server that went away
            await pool.check()  # now empty: makes it grow again, where it had given up


def read_only_conninfo(url: str, role: str | None, limits: Limits) -> str:
    """The connection string of a session that can only read, within limits.

    What the URL says itself is kept, its `options` too; only that the session reads is not for it to change.

    Raises:
        ConfigurationError: libpq cannot read the URL.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ConfigurationError(
            "The database URL must look like postgresql://user:password@host:port/database; libpq cannot read it."
        ) from error
    options = [
        f"-c statement_timeout={round(limits.statement_seconds * 1000)}",
        "-c idle_in_transaction_session_timeout=10000",
        "-c jit=off",
        f"-c role={role}" if role else "",
        str(given.pop("options", "")),
        "-c TimeZone=UTC -c default_transaction_read_only=on",
    ]
    defaults: dict[str, Any] = {
        "connect_timeout": 2,
        "client_encoding": "utf8",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }
    ours = {"options": " ".join(filter(None, options)), "application_name": "logistics api"}
    return make_conninfo(**(defaults | given | ours))


async def _listen(connection: psycopg.AsyncConnection[Any]) -> None:
    for channel in Channel:
        try:
            await connection.execute(f"LISTEN {channel}".encode())
        except (errors.FeatureNotSupported, errors.ObjectNotInPrerequisiteState, errors.ReadOnlySqlTransaction):
            return  # a standby, which cannot: looking every now and then must do


async def _notified(connection: psycopg.AsyncConnection[Any]) -> list[psycopg.Notify]:
    """What has arrived so far. Fails where the connection is lost."""
    return [notification async for notification in connection.notifies(timeout=0)]


async def _readable(connection: psycopg.AsyncConnection[Any], seconds: float) -> None:
    """Waits until something arrives, or for so long.

    psycopg's own waiting wakes up ten times a second: half of what an idle server cost.
    """
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()
    descriptor = connection.fileno()
    loop.add_reader(descriptor, arrived.set)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await arrived.wait()
    finally:
        loop.remove_reader(descriptor)


def _tell_nobody(_event: str, _data: str) -> None:
    """Nobody listens."""


def _unreachable() -> Problem:
    return Problem(
        503,
        "database-unavailable",
        "Database unavailable",
        "PostgreSQL cannot be reached, or refuses the login of the API; the log of the API says which. "
        "A new database first needs `logistics migrate`.",
        headers={"Retry-After": "1"},
    )


def _busy() -> Problem:
    return Problem(
        503,
        "database-busy",
        "Database busy",
        "Too many requests are waiting for the database. Try again in a moment.",
        headers={"Retry-After": "1"},
    )


def _not_migrated() -> Problem:
    return Problem(
        503,
        "schema-mismatch",
        "Wrong schema version",
        "The database lacks something this version of the API reads. Run `logistics migrate`.",
        headers={"Retry-After": "10"},
    )


def _too_slow(seconds: float) -> Problem:
    return Problem(
        504,
        "statement-timeout",
        "Statement timeout",
        f"The database did not finish within {seconds:g} seconds. Ask for a shorter range, or again later.",
    )


async def _of_app(request: Request) -> Database:
    database = request.app.state.database
    assert isinstance(database, Database)
    return database


Reader = Annotated[Database, Depends(_of_app)]
"""What a route declares to be given the application's database."""
