"""Recognises poolers in transaction mode, which lend a session to their clients for one transaction at a time.

What the pipeline and the API rely on would be lost there: settings of the session, locks, notifications, and with them
the role of the API. The server's settings do not show the mode, so it is tried out.
"""

from typing import Any, Self

import psycopg
from psycopg.abc import RV, PQGen

from logistics_core.postgres.sessions import SessionError

ROUNDS = 5
CONNECT_SECONDS = 3
ANSWER_SECONDS = 2.0

_session_poolers: set[str] = set()
"""Connection strings behind which a pooler in session mode was found: asked once per process."""


def refuse_transaction_pooler(conninfo: str) -> None:
    """Raises SessionError if the pooler behind a connection string is in transaction mode; blocks up to some seconds.

    Two clients take turns, each idle while the other asks for its server process. In session mode each keeps its own.
    In transaction mode a process that one of them has used is free again: the other one gets it, even if it is the only
    one, or the first one gets another.
    """
    if conninfo in _session_poolers:
        return
    with _Client(conninfo) as one, _Client(conninfo) as other:
        for _ in range(ROUNDS):
            first, second, again = one.process(), other.process(), one.process()
            if first is None or second is None or again is None:
                return  # no connection is free: in session mode they are all taken
            if first == second or first != again:
                raise SessionError(
                    "The connection goes through a pooler in transaction mode, such as PgBouncer with "
                    "pool_mode=transaction: settings and locks of a session do not last there. Connect to PostgreSQL "
                    "directly, or set the pooler to session mode."
                )
    _session_poolers.add(conninfo)


class _Connection(psycopg.Connection[Any]):
    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        return super().wait(gen, interval, ANSWER_SECONDS if timeout is None else timeout)


class _Client:
    """One client of the pooler; it answers None once the pooler has no connection for it."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: _Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.pgconn.finish()  # at once: a statement may still wait for its turn

    def process(self) -> int | None:
        """The server process of its next transaction."""
        try:
            if self._connection is None:
                self._connection = _Connection.connect(
                    self._conninfo, autocommit=True, connect_timeout=CONNECT_SECONDS, prepare_threshold=None
                )
            row = self._connection.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
        except psycopg.Error:
            return None
        assert row is not None
        return int(row[0])
