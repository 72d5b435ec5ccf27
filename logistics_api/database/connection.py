"""Connections that are closed when the server stops responding.

`statement_timeout` is enforced by the server, so it has no effect if the server hangs. Cancelling a statement does not
help either: psycopg first requests cancellation from the server, and waits 10 seconds for it.
"""

import asyncio
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus

from logistics_api.database.conninfo import Login
from logistics_core.postgres.poolers import refuse_transaction_pooler
from logistics_core.postgres.sessions import PoolerError, Rows, Statement, Steps, advance

MARGIN_SECONDS = 3.0
"""How long to wait for a response beyond the server's own statement timeout."""

# The URL may set a different limit; 0 means none.
STATEMENT_SECONDS = "SELECT extract(epoch FROM current_setting('statement_timeout')::interval)::double precision"


class Connection(psycopg.AsyncConnection[Any]):
    """A connection that is closed when a response takes longer than its timeout."""

    response_timeout_seconds: float | None = None
    """For each statement; None: unlimited."""

    async def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Waits for a response; all communication of a connection passes through here.

        Raises:
            psycopg.OperationalError: no response in time. The connection is closed.
        """
        if timeout is not None:
            return await super().wait(gen, interval, timeout)
        try:
            return await super().wait(gen, interval, self.response_timeout_seconds)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise  # it has responded, or is gone
            self.pgconn.finish()
            raise psycopg.OperationalError(
                f"The server did not respond within {self.response_timeout_seconds:g} seconds; "
                "the connection was closed."
            ) from error


async def start(connection: Connection, login: Login) -> None:
    """Sets and verifies the settings of a new connection.

    Raises:
        psycopg.Error: PostgreSQL refuses a setting or does not keep it, or a pooler in transaction mode is in between.
    """
    process = connection.info.backend_pid
    try:
        await _run(connection, login.session.start(process))
    except PoolerError:
        await asyncio.to_thread(refuse_transaction_pooler, login.conninfo)
        await _run(connection, login.session.start(process, through_pooler=True))


async def _run(connection: Connection, steps: Steps) -> None:
    following: Statement | None = next(steps)
    while following is not None:
        try:
            cursor = await connection.execute(following[0].encode(), following[1])
            outcome: Rows | Exception = await cursor.fetchall()
        except psycopg.Error as error:
            outcome = error
        following = advance(steps, outcome)


async def configure(connection: Connection, login: Login, statement_seconds: float) -> None:
    """Configures a new pool connection: derives its response timeout from the server's statement timeout."""
    connection.response_timeout_seconds = statement_seconds + MARGIN_SECONDS
    await start(connection, login)
    ((limit,),) = await (await connection.execute(STATEMENT_SECONDS)).fetchall()
    connection.response_timeout_seconds = max(limit, statement_seconds) + MARGIN_SECONDS if limit else None
