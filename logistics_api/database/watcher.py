"""Watches the database over a dedicated connection: outages, new figures, progress of loads.

A hanging server is detected by its response time: at most `HEARTBEAT_SECONDS` on this connection. A replica sends no
notifications: those of its primary come over another connection (`primary`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from time import monotonic
from typing import Any

import psycopg

from logistics_api.database.connection import Connection, start
from logistics_api.database.conninfo import Login
from logistics_api.database.follower import Follower
from logistics_api.database.freshness import AVAILABILITY_EVENT, Freshness, Published
from logistics_api.database.notifications import listen, received, wait_readable
from logistics_api.database.primary import Primary
from logistics_api.database.problems import NOT_MIGRATED, again_after_conflict
from logistics_api.database.replication import REPLAYED
from logistics_core.database_contract.channels import Channel

POLL_SECONDS = 2.0
"""Interval between reads of the data version without notifications, such as behind a proxy that drops them."""
HEARTBEAT_SECONDS = 5.0
"""A server that has not responded to a poll for this long is considered unavailable."""
RECONNECT_SECONDS = 0.3
STABLE_SECONDS = 1.0
"""How long a connection must have lasted to be opened again without a pause."""
FIRST_POLL_SECONDS = 3.0
"""How long startup waits for the first poll."""

Poll = Callable[[psycopg.AsyncConnection[Any]], Awaitable[None]]
Publish = Callable[[str, str], None]
"""Receives notifications: name of the event, data."""

# One row. The time is a number, because the text format of times depends on the database settings.
PUBLISHED = """
SELECT
    data_version,
    extract(epoch FROM last_calculated_at)::double precision,
    (SELECT max(run_id) FROM forecast.runs)
FROM analytics.status
"""

logger = logging.getLogger(__name__)

_OF_NO_FIGURES = frozenset(
    {
        Channel.FILES,
        Channel.SOURCES,
        Channel.MODELS,
        Channel.MODEL_JOBS,
        Channel.ALERTS,
        Channel.ALERT_TRIALS,
        Channel.MESSAGES,
    }
)
"""Channels that tell of nothing that this process keeps."""

_FORWARDED = frozenset({Channel.FILES, Channel.CONTRACTS, Channel.SOURCES, Channel.MODELS, Channel.ALERTS})
"""Channels whose payloads clients are given as they come."""


class Watcher(Follower):
    """Keeps `freshness` up to date while it runs. The moment its connection is lost, the database is unreachable."""

    def __init__(
        self,
        login: Login,
        freshness: Freshness,
        publish: Publish,
        on_return: Callable[[], Awaitable[None]],
        primary: Login | None = None,
    ) -> None:
        """`on_return` runs after an outage, before requests are admitted again.

        `primary`: where changes are made, if that may be another server than the one that is read.
        """
        super().__init__(freshness)
        self._login = login
        self._primary = None if primary is None else Primary(primary, freshness, self._take)
        self._news: set[str] = set()
        self._publish = publish
        self._on_return = on_return
        self._outage: str | None = None
        self._announced = "available"
        self._connected_at = monotonic()
        self.polls: list[Poll] = []
        """Run with the watcher's connection at every poll: on connect, on notification, and every `POLL_SECONDS`."""

    async def start(self) -> None:
        """Starts watching; waits up to `FIRST_POLL_SECONDS` for the first result."""
        self._has_result = asyncio.Event()  # of one event loop, as what `_begin` makes
        self._begin()
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_POLL_SECONDS):
                await self._has_result.wait()

    async def stop(self) -> None:
        """Stops watching."""
        await self._end()

    async def _run(self) -> None:
        while True:
            try:
                async with await Connection.connect(self._login.conninfo, autocommit=True) as connection:
                    await self._watch(connection)
            except (psycopg.Error, OSError) as error:
                self._report(error)
            finally:
                self._freshness.reachable = False
                self._has_result.set()
            # A connection that had lasted is opened again at once: an administrator may have closed it.
            if monotonic() - self._connected_at < STABLE_SECONDS or self._outage is not None:
                await asyncio.sleep(RECONNECT_SECONDS)

    def _announce(self) -> None:
        """Tells those who follow events whether the database is available, if that has changed."""
        if self._announced != self._freshness.availability:
            self._announced = self._freshness.availability
            self._publish(AVAILABILITY_EVENT, self._announced)

    def _report(self, error: Exception) -> None:
        """Reports an outage, unless it was connected until now: then requests wait for one attempt to reconnect."""
        reason = str(error).strip() or "the connection was lost"
        if self._freshness.reachable:
            self._freshness.reconnecting = asyncio.Event()
            logger.info("The connection to PostgreSQL was lost and is opened again: %s", reason)
            return
        if self._outage is None:
            self._outage = reason
            logger.warning("PostgreSQL cannot be reached; responding with 503 until it can: %s", reason)
            self._announce()
        self._end_waiting()

    def _end_waiting(self) -> None:
        """Lets the requests go on that wait for an attempt to reconnect."""
        if self._freshness.reconnecting is not None:
            self._freshness.reconnecting.set()
            self._freshness.reconnecting = None

    async def _watch(self, connection: Connection) -> None:
        connection.response_timeout_seconds = HEARTBEAT_SECONDS
        await again_after_conflict(start)(connection, self._login)
        self._is_replica = await again_after_conflict(_replayed)(connection) is not None
        async with AsyncExitStack() as following:
            if not self._is_replica:
                await listen(connection)  # first, so that anything published after the poll is notified
            elif self._primary is not None:
                await following.enter_async_context(self._primary)
            await self._poll(connection)
            await self._be_reachable()
            await self._follow(connection)

    async def _be_reachable(self) -> None:
        if self._outage is not None:
            logger.warning("PostgreSQL is available again")
        if self._outage is not None or self._freshness.reconnecting is not None:
            self._outage = None
            await self._on_return()
        self._connected_at = monotonic()
        self._freshness.reachable = True
        self._announce()
        self._end_waiting()
        self._has_result.set()

    async def _follow(self, connection: Connection) -> None:
        """Never returns; fails when the connection is lost or the server has stopped responding."""
        while True:
            self._take(await received(connection))
            if not self._news:
                self._arrived.clear()
                await wait_readable(connection, POLL_SECONDS, self._arrived)
                self._take(await received(connection))
            channels, self._news = self._news, set()
            # The payload of a notification is not trusted: anyone can send one.
            if not channels <= _OF_NO_FIGURES or monotonic() - self._polled_at > POLL_SECONDS:
                await self._poll(connection)
            elif not channels:
                await self._look(connection)

    def _take(self, notifications: list[psycopg.Notify]) -> None:
        """Publishes progress of loads and pulls, and news of contracts, models and alerts; the rest is looked at."""
        for notification in notifications:
            self._news.add(notification.channel)
            if notification.channel in _FORWARDED:
                self._publish(notification.channel, notification.payload)
        if notifications:
            self._arrived.set()

    async def _poll(self, connection: Connection) -> None:
        """Reads the newest data version, and whatever else this process keeps."""
        self._polled_at = monotonic()
        await self._look(connection)
        for poll in self.polls:
            await again_after_conflict(poll)(connection)

    @again_after_conflict
    async def _look(self, connection: Connection) -> None:
        """Reads the newest data version. There is only one watcher, so its readings never go back in time."""
        looked_at, replayed = monotonic(), None
        if self._is_replica:  # before the version is read, which is then at least as new
            replayed = await _replayed(connection)
            if replayed is None:
                raise psycopg.OperationalError("The replica was promoted: it is a primary now.")
        try:
            cursor = await connection.execute(PUBLISHED)
            row = await cursor.fetchone()
        except NOT_MIGRATED:
            row = None
        published, before = None if row is None else Published(*row), self._freshness.published
        is_new = self._freshness.confirm(published, looked_at=looked_at, replayed=replayed)
        if is_new and published is not None:
            if published.has_figures_of(before):
                self._publish(Channel.FORECASTS, str(published.forecasts))
            else:
                self._publish(Channel.DATA_VERSION, str(published.data_version))


async def _replayed(connection: Connection) -> int | None:
    """How far a replica has replayed the log of its primary; None if the server is no replica."""
    ((position,),) = await (await connection.execute(REPLAYED)).fetchall()
    return None if position is None else int(position)
