"""Connections that a process keeps for what it asks again and again, in place of a new one for each time.

A new connection costs a process of the server and the settings of its session: several times what a sensor asks.
"""

import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from psycopg.pq import TransactionStatus
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import QueuePool

from logistics_core.postgres.idle_connections import has_news
from logistics_pipeline.database.connections import Connection, connect

KEPT_CONNECTIONS = 2
"""As many more as threads need at one moment are closed after use."""

MOST_SECONDS = 300
"""A connection is not used any more after this time: networks forget those that were idle for longer."""

UNANSWERED_MS = 60_000
"""A server that has vanished without a word is noticed within this time."""


class KeptConnections:
    """Lends connections to one database. A fork of the process has its own."""

    def __init__(self, url: str, application_name: str) -> None:
        """Does not connect yet."""
        self._connect: Callable[[], Any] = partial(
            connect, url, application_name=application_name, tcp_user_timeout=UNANSWERED_MS
        )
        self._process: int | None = None

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """Lends a connection, which is closed if the block fails, or leaves more than an idle session.

        Raises:
            TransientError: the server cannot be reached now.
        """
        kept = self._pool.connect()
        connection: Connection | None = kept.driver_connection
        assert connection is not None
        try:
            yield connection
        except BaseException:
            kept.invalidate()
            raise
        if connection.info.transaction_status is not TransactionStatus.IDLE:
            kept.invalidate()
        kept.close()

    @property
    def _pool(self) -> QueuePool:
        if self._process != os.getpid():
            self._process, self._own = os.getpid(), self._make_pool()
        return self._own

    def _make_pool(self) -> QueuePool:
        pool = QueuePool(
            self._connect,
            pool_size=KEPT_CONNECTIONS,
            max_overflow=-1,
            recycle=MOST_SECONDS,
            use_lifo=True,
            reset_on_return=None,
        )
        event.listen(pool, "checkout", refuse_lost_connection)
        weakref.finalize(self, _dispose, pool, os.getpid()).atexit = False
        return pool


def _dispose(pool: QueuePool, process: int) -> None:
    """Closes the connections of a pool; not in a fork, where they are those of another process."""
    if process == os.getpid():
        pool.dispose()


def refuse_lost_connection(connection: Any, _record: object, _proxy: object) -> None:
    """Has SQLAlchemy replace a kept connection that the server has closed, of either driver."""
    if has_news(connection.fileno()):
        raise DisconnectionError
