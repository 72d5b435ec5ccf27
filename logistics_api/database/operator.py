"""The operator: a second, narrow login that calls the functions of the database that change something.

Its role may execute those functions, and neither read nor write a table. It has a few connections of its own, opened
when somebody changes something: the connections that read stay read-only.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import psycopg
from psycopg import errors
from psycopg_pool import PoolTimeout

from logistics_api.database.connection import Connection, start
from logistics_api.database.connection_pool import ConnectionPool, Pools
from logistics_api.database.conninfo import read_write
from logistics_api.database.freshness import Freshness
from logistics_api.database.limits import Limits
from logistics_api.database.problems import (
    NotOnCluster,
    no_changes,
    not_yet_visible,
    primary_unavailable,
    read_only_copy,
)
from logistics_api.database.replication import WRITTEN
from logistics_core.database_contract.actors import ACT_AS, Actor, ActorKind

CONNECTIONS = 2
REPLICA_SECONDS = 5.0
"""How long a request that has changed something waits until the replica has the change."""

current_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)
"""Who has sent the request that the current task is serving, for the audit log."""

_BY_ITSELF = Actor(ActorKind.PROCESS, "logistics api")

logger = logging.getLogger(__name__)


class Operator(ConnectionPool):
    """Calls functions that change something, each in a transaction of its own."""

    def __init__(self, url: str, limits: Limits, freshness: Freshness, pools: Pools) -> None:
        """Does not connect yet. `limits`: of the connections that read, whose times hold here as well.

        Raises:
            ConfigurationError: the URL is invalid.
        """
        limits = Limits(CONNECTIONS, limits.waiting, limits.wait_seconds, limits.statement_seconds)
        super().__init__(read_write(url, limits), limits, freshness, pools, "changes", least=0)
        self._lent = 0

    async def call(self, call: str, parameters: Mapping[str, object]) -> tuple[Any, ...]:
        """Calls a function in the name of the request's sender; returns its row.

        Raises:
            Problem: as `connection`; 501 if the server is a read-only copy.
        """
        async with self.transaction() as connection:
            row = await (await connection.execute(call.encode(), parameters)).fetchone()
        assert row is not None
        return row

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        """Opens a transaction in the name of the request's sender; nothing has changed if the block fails.

        Waits until the replica has the change, if the API reads one: whoever looks next finds it.

        Raises:
            Problem: as `call`; 504, the change is made and the replica does not have it yet.
        """
        try:
            async with self.connection() as connection:
                async with connection.transaction():
                    actor = current_actor.get() or _BY_ITSELF
                    await connection.execute(ACT_AS.encode(), {"actor": actor.setting()})
                    yield connection
                position = await self._position(connection)
        except (NotOnCluster, errors.ReadOnlySqlTransaction) as error:  # a standby refuses what it does not support
            raise read_only_copy() from error
        if position is not None and not await self.freshness.replays(position, REPLICA_SECONDS):
            raise not_yet_visible(REPLICA_SECONDS)

    async def _position(self, connection: psycopg.AsyncConnection[Any]) -> int | None:
        """How far a replica has to get to see what was just committed; None if there is nothing to wait for."""
        if not self.freshness.replication.is_replica:
            return None
        try:
            ((position,),) = await (await connection.execute(WRITTEN)).fetchall()
        except psycopg.Error as error:  # what is committed stays so
            logger.info("It is not known when the replica has a change: %s", str(error).strip())
            return None
        return int(position)

    @asynccontextmanager
    async def _lend(self, seconds: float | None = None) -> AsyncIterator[Connection]:
        try:
            async with super()._lend(seconds) as connection:
                self._lent += 1
                try:
                    yield connection
                finally:
                    self._lent -= 1
        except PoolTimeout:
            if self.freshness.reachable and not self._lent:
                await self._find_reason()
            raise

    async def _find_reason(self) -> None:
        """Tells a primary that is gone, and a refused login, from a busy server: psycopg's pool says the same of all.

        Raises:
            Problem: the primary cannot be reached while a replica is read, or the login is refused.
        """
        connected = False
        try:
            async with await Connection.connect(self._login.conninfo, autocommit=True) as connection:
                connected = True
                await start(connection, self._login)
        except psycopg.Error as error:
            if self.freshness.replication.is_replica and not connected:
                logger.warning("The API can change nothing: the primary cannot be used: %s", str(error).strip())
                raise primary_unavailable() from error
            logger.error("The API can change nothing: its login for changes is refused: %s", str(error).strip())
            raise no_changes() from error
