"""Connections: database URLs, and which of PostgreSQL's errors are worth another try. Statements live elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from logistics_core.database_contract.actors import SETTING
from logistics_core.database_contract.locks import lock_key
from logistics_core.postgres.poolers import refuse_transaction_pooler
from logistics_core.postgres.sessions import (
    CLIENT_CHECK,
    FORMATS,
    UNLIMITED,
    PoolerError,
    Session,
    SessionError,
    run,
    split_options,
)
from logistics_core.postgres.urls import Address, AddressError
from logistics_pipeline.database.acting import actor_of
from logistics_pipeline.errors import ConfigurationError, TransientError

Connection = psycopg.Connection[tuple[Any, ...]]

DISK_FULL = "53100"
"""SQLSTATE; matches `errors.DiskFull`."""
_KEY = lock_key("%s")

TRANSIENT = (
    psycopg.OperationalError,  # connection lost, server starting, out of memory or disk, lock timeout, cancelled
    psycopg.InterfaceError,  # "the connection is closed": the way psycopg says it was lost a statement ago
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.IdleInTransactionSessionTimeout,
)
"""Errors that say nothing about the data: the same work may succeed a moment later."""


PIPELINE = Session(
    {
        **FORMATS,
        **UNLIMITED,
        "search_path": "public",
        "default_transaction_read_only": "off",
        "session_replication_role": "origin",
        CLIENT_CHECK: "5s",
    }
)
"""The sessions of the pipeline. The server ends a statement soon after its client is gone; without that check, what was
killed would go on there."""


def parse_url(url: str) -> Address:
    """Reads the address of a database: a URL or a connection string of libpq.

    Raises:
        ConfigurationError: it is neither, or names no database.
    """
    try:
        return Address.parse(url)
    except AddressError as error:
        raise ConfigurationError(str(error)) from None


def url_text(url: Address) -> str:
    """The URL with its password, as libpq reads it."""
    return url.url()


def with_database(url: str, database: str) -> str:
    """The same server and login, another database."""
    return parse_url(url).set(database=database).url()


def with_driver(url: str, driver: str) -> str:
    """The URL as SQLAlchemy needs it.

    Plain postgresql:// would let it pick psycopg 3, which dagster-postgres cannot use (it closes the connection when
    it sets a timeout).
    """
    return parse_url(url).sqlalchemy_url(driver)


def connect(url: str, *, application_name: str = "logistics", tcp_user_timeout: int = 0) -> Connection:
    """Opens a connection in autocommit mode: transactions are always opened explicitly.

    Its session has the settings of `PIPELINE`; options in the URL may change those that are limits. What it changes is
    logged in the name of the command's user, or of `application_name`.

    Args:
        tcp_user_timeout: for how many milliseconds what was sent may stay unanswered in the network; 0: for as long as
            the system allows. It may be short where little is sent: a server that is busy does not take more.

    Raises:
        TransientError: the server cannot be reached now.
        ConfigurationError: the URL is invalid, or the session cannot have these settings.
    """
    address = parse_url(url)
    session, conninfo = _session_of(address, application_name, tcp_user_timeout)
    try:
        connection = psycopg.connect(conninfo, autocommit=True)
        try:
            _start(connection, session, conninfo)
        except BaseException:
            connection.close()
            raise
        return connection
    except SessionError as error:
        raise ConfigurationError(f"PostgreSQL at {address} cannot be used: {error}") from error
    except psycopg.Error as error:
        raise TransientError(f"Cannot connect to PostgreSQL at {address}: {reason_of(error)}") from error


def _session_of(address: Address, application_name: str, tcp_user_timeout: int) -> tuple[Session, str]:
    """What the session is to be like, and the connection string. Nothing in it comes from the environment's options."""
    adjustable = {name: value for name, value in PIPELINE.settings.items() if name not in FORMATS} | {"role": ""}
    given, options = split_options(address.parameters.get("options", ""), adjustable)
    conninfo = address.conninfo(
        options=options,
        client_encoding="UTF8",
        connect_timeout=10,
        application_name=application_name,
        keepalives_idle=30,
        keepalives_interval=10,
        keepalives_count=3,
        tcp_user_timeout=tcp_user_timeout,
    )
    actor = {SETTING: actor_of(application_name).setting()}
    return replace(PIPELINE, settings={**PIPELINE.settings, **given, **actor}), conninfo


def _start(connection: Connection, session: Session, conninfo: str) -> None:
    process = connection.info.backend_pid
    try:
        run(connection, session.start(process))
    except PoolerError:
        refuse_transaction_pooler(conninfo)
        run(connection, session.start(process, through_pooler=True))


def describe(url: str) -> str:
    """Host and database of a URL, without its credentials, for messages."""
    return str(parse_url(url))


def reason_of(error: psycopg.Error) -> str:
    """What PostgreSQL or libpq says, as a reason in a sentence; with advice where a person has to act."""
    reason = str(error).strip() or "the connection was lost"
    if error.sqlstate == DISK_FULL:
        first_line = reason.partition("\n")[0]
        return f"{first_line}. The disk of the database server is full: free space on it, then try again."
    return reason


def reason_line_of(error: psycopg.Error) -> str:
    """The first line of `reason_of`, without details such as the statement."""
    return reason_of(error).partition("\n")[0]


@contextmanager
def transient_errors(doing: str) -> Iterator[None]:
    """Turns PostgreSQL's passing troubles into TransientError with a sentence that says what was being done."""
    try:
        yield
    except TRANSIENT as error:
        raise TransientError(f"PostgreSQL failed while {doing}: {reason_of(error)}") from error


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


@contextmanager
def shared_advisory_lock(connection: Connection, name: str) -> Iterator[None]:
    """Holds a lock of this connection's session together with others; waits for whoever holds it alone."""
    connection.execute(f"SELECT pg_advisory_lock_shared({_KEY})", (name,))
    try:
        yield
    finally:
        _unlock(connection, name, "pg_advisory_unlock_shared")


def _lock_if_free(connection: Connection, name: str) -> bool:
    return connection.execute(f"SELECT pg_try_advisory_lock({_KEY})", (name,)).fetchone() == (True,)


def _unlock(connection: Connection, name: str, function: str = "pg_advisory_unlock") -> None:
    """Frees the lock, if need be by closing the connection.

    A block that was interrupted amid a statement cannot unlock any more. Closing frees the lock as well, and does not
    hide the interruption behind an error of its own.
    """
    if connection.info.transaction_status is TransactionStatus.IDLE:
        connection.execute(f"SELECT {function}({_KEY})", (name,))
    else:
        connection.close()
