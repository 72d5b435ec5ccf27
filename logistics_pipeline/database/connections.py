"""Connections: database URLs, and which of PostgreSQL's errors are worth another try. Statements live elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from logistics_core.database_contract.locks import lock_key
from logistics_pipeline.errors import ConfigurationError, TransientError

Connection = psycopg.Connection[tuple[Any, ...]]

CLIENT_CHECK = "client_connection_check_interval"
_KEY = lock_key("%s")

TRANSIENT = (
    psycopg.OperationalError,  # connection lost, server starting, out of memory or disk, lock timeout, cancelled
    psycopg.InterfaceError,  # "the connection is closed": the way psycopg says it was lost a statement ago
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.IdleInTransactionSessionTimeout,
)
"""Errors that say nothing about the data: the same work may succeed a moment later."""


def parse_url(url: str) -> URL:
    """Reads a postgresql:// URL.

    Raises:
        ConfigurationError: it is not one, or names no database.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError(
            "The database URL must look like postgresql://user:password@host:port/database; "
            f"found {url.split('@')[-1]!r} after the credentials."
        )
    if not parsed.database:
        raise ConfigurationError("The database URL names no database: add /logistics at its end.")
    return parsed.set(drivername="postgresql")


def url_text(url: URL) -> str:
    """The URL with its password, as libpq reads it: for a space it takes neither " " nor, in the query, "+"."""
    address, mark, query = url.render_as_string(hide_password=False).partition("?")
    return address.replace(" ", "%20") + mark + query.replace("+", "%20")


def with_database(url: str, database: str) -> str:
    """The same server and login, another database."""
    return url_text(parse_url(url).set(database=database))


def with_driver(url: str, driver: str) -> str:
    """The URL as SQLAlchemy needs it.

    Plain postgresql:// would let it pick psycopg 3, which dagster-postgres cannot use (it closes the connection when
    it sets a timeout).
    """
    return url_text(parse_url(url).set(drivername=f"postgresql+{driver}"))


def connect(url: str, *, application_name: str = "logistics") -> Connection:
    """Opens a connection in autocommit mode: transactions are always opened explicitly.

    The server ends a statement soon after its client is gone; without that, what was killed would go on there.

    Raises:
        TransientError: the server cannot be reached now.
    """
    try:
        return psycopg.connect(
            url,
            autocommit=True,
            options=_options(url),
            connect_timeout=10,
            application_name=application_name,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )
    except psycopg.OperationalError as error:
        raise TransientError(f"Cannot connect to PostgreSQL at {describe(url)}: {str(error).strip()}") from error


def _options(url: str) -> str:
    """The URL's own options, and the interval at which the server looks for its client.

    An interval in the URL is kept: a server on Windows accepts only 0.
    """
    given = str(conninfo_to_dict(url).get("options", ""))
    return given if CLIENT_CHECK in given else f"-c {CLIENT_CHECK}=5s {given}".strip()


def describe(url: str) -> str:
    """Host and database of a URL, without its credentials, for messages."""
    parts = conninfo_to_dict(url)
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


@contextmanager
def transient_errors(doing: str) -> Iterator[None]:
    """Turns PostgreSQL's passing troubles into TransientError with a sentence that says what was being done."""
    try:
        yield
    except TRANSIENT as error:
        reason = str(error).strip() or type(error).__name__
        raise TransientError(f"PostgreSQL failed while {doing}: {reason}") from error


@contextmanager
def free_advisory_lock(connection: Connection, name: str) -> Iterator[bool]:
    """Holds a lock of this connection's session while the block runs, if nobody has it; says whether it does."""
    is_free = _lock_if_free(connection, name)
    try:
        yield is_free
    finally:
        if is_free:
            _unlock(connection, name)


@contextmanager
def advisory_lock(connection: Connection, name: str, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds a lock of this connection's session while the block runs; calls `on_wait` if somebody else has it."""
    if not _lock_if_free(connection, name):
        on_wait()
        connection.execute(f"SELECT pg_advisory_lock({_KEY})", (name,))
    try:
        yield
    finally:
        _unlock(connection, name)


def _lock_if_free(connection: Connection, name: str) -> bool:
    return connection.execute(f"SELECT pg_try_advisory_lock({_KEY})", (name,)).fetchone() == (True,)


def _unlock(connection: Connection, name: str) -> None:
    """Frees the lock, if need be by closing the connection.

    A block that was interrupted amid a statement cannot unlock any more. Closing frees the lock as well, and does not
    hide the interruption behind an error of its own.
    """
    if connection.info.transaction_status is TransactionStatus.IDLE:
        connection.execute(f"SELECT pg_advisory_unlock({_KEY})", (name,))
    else:
        connection.close()
