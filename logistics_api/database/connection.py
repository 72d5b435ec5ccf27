"""Connections that are closed when the server stops responding.

`statement_timeout` is enforced by the server, so it has no effect if the server hangs. Cancelling a statement does not
help either: psycopg first requests cancellation from the server, and waits 10 seconds for it.
"""

from contextlib import suppress
from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus

MARGIN_SECONDS = 3.0
"""How long to wait for a response beyond the server's own statement timeout."""

# The URL may set a different limit; 0 means none.
STATEMENT_SECONDS = "SELECT extract(epoch FROM current_setting('statement_timeout')::interval)::double precision"

CHECK_CLIENT_CONNECTION = "SELECT set_config('client_connection_check_interval', '1s', false)"
"""Makes PostgreSQL end the statements of clients that have died. Not available on every server platform."""


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


async def configure(connection: Connection, statement_seconds: float) -> None:
    """Configures a new pool connection: derives its response timeout from the server's statement timeout."""
    connection.response_timeout_seconds = statement_seconds + MARGIN_SECONDS
    with suppress(errors.DataError, errors.FeatureNotSupported):
        await connection.execute(CHECK_CLIENT_CONNECTION)
    ((limit,),) = await (await connection.execute(STATEMENT_SECONDS)).fetchall()
    connection.response_timeout_seconds = max(limit, statement_seconds) + MARGIN_SECONDS if limit else None
