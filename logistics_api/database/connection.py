"""Connections that give up a server that has stopped answering; which statements run on them is decided elsewhere.

`statement_timeout` runs in the server, and stops with it. A cancelled statement does not help either: psycopg first
asks the server to cancel it, and waits 10 seconds for that.
"""

from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus


class Connection(psycopg.AsyncConnection[Any]):
    """A connection that is closed where an answer takes longer than its patience."""

    patience_seconds: float | None = None
    """For each statement; None: for ever."""

    async def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Waits for an answer; everything a connection does ends up here.

        Raises:
            psycopg.OperationalError: there was none in time. The connection is closed.
        """
        if timeout is not None:
            return await super().wait(gen, interval, timeout)
        try:
            return await super().wait(gen, interval, self.patience_seconds)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise  # it has answered, or is gone
            self.pgconn.finish()
            raise psycopg.OperationalError(
                f"The server has not answered for {self.patience_seconds:g} seconds; the connection was given up."
            ) from error
