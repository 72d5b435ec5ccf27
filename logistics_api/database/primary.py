"""The primary, for an API that reads a replica: what it notifies, and how far its log is.

A replica takes no LISTEN. So one connection listens to the primary, and passes each notification on when the replica
has what it is about: whoever hears of a change and looks finds it. If the primary cannot be reached, reading goes on,
and the replica is polled.
"""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Self

import psycopg

from logistics_api.database.connection import Connection, start
from logistics_api.database.conninfo import Login
from logistics_api.database.follower import Follower
from logistics_api.database.freshness import Freshness
from logistics_api.database.notifications import listen, received, wait_readable
from logistics_api.database.replication import WRITTEN

ASK_SECONDS = 2.0
"""Interval at which the primary is asked for the position of its log, if nobody waits for it."""
RESPONSE_SECONDS = 5.0
RECONNECT_SECONDS = 1.0

logger = logging.getLogger(__name__)


class Primary(Follower):
    """Followed inside `async with`, over a connection of its own."""

    def __init__(self, login: Login, freshness: Freshness, take: Callable[[list[psycopg.Notify]], None]) -> None:
        """`take` receives notifications that the replica has caught up with."""
        super().__init__(freshness)
        self._login = login
        self._take = take
        self._problem: str | None = None

    async def __aenter__(self) -> Self:
        self._begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    async def _run(self) -> None:
        while True:
            try:
                async with await Connection.connect(self._login.conninfo, autocommit=True) as connection:
                    await self._follow(connection)
            except (psycopg.Error, OSError) as error:
                self._report(str(error).strip() or "the connection was lost")
            await asyncio.sleep(RECONNECT_SECONDS)

    def _report(self, problem: str) -> None:
        """Reports an outage once."""
        if self._problem is None:
            logger.warning("The primary server cannot be reached; the replica is polled until it can: %s", problem)
        self._problem = problem

    async def _follow(self, connection: Connection) -> None:
        """Never returns; fails when the connection is lost or the server is no primary any more."""
        connection.response_timeout_seconds = RESPONSE_SECONDS
        await start(connection, self._login)
        await listen(connection)
        while True:
            notifications = await received(connection)
            position = await self._ask(connection)
            if notifications:
                await self._freshness.replays(position)
                self._take(notifications)
            else:
                self._arrived.clear()
                await wait_readable(connection, ASK_SECONDS, self._arrived)

    async def _ask(self, connection: Connection) -> int:
        """Asks how far the log is."""
        asked_at = monotonic()
        ((position,),) = await (await connection.execute(WRITTEN)).fetchall()
        replication = self._freshness.replication
        replication.written, replication.written_at = position, asked_at
        if self._problem is not None:
            logger.warning("The primary server can be reached again")
            self._problem = None
        return int(position)
