"""Translates PostgreSQL's errors to problems. Errors in our own SQL are not included: those are bugs."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import ParamSpec, TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import PoolTimeout

from logistics_api.database.freshness import Freshness
from logistics_api.errors import Problem

NOT_MIGRATED = (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName, errors.InsufficientPrivilege)
"""Errors of statements if the schema is older than this API."""

CONFLICT_ATTEMPTS = 3
"""How often it is read what a replica cancels: each time, the replica has got further with what was in the way."""

Parameters = ParamSpec("Parameters")
Found = TypeVar("Found")

logger = logging.getLogger(__name__)


class RecoveryConflict(Problem):
    """A replica has cancelled a statement: it could not apply a change of the primary while the statement ran."""

    def __init__(self) -> None:
        super().__init__(
            503,
            "recovery-conflict",
            "Recovery conflict",
            "The replica of the database cancelled the statement, which was in the way of a change of the primary. "
            "Try again; if it happens often, set hot_standby_feedback on the replica.",
            headers={"Retry-After": "1"},
        )


class NotOnCluster(Problem):
    """The rows lie on the servers of a cluster, and the statement joins them in a way that these cannot."""

    def __init__(self) -> None:
        super().__init__(
            501,
            "not-on-cluster",
            "Not possible on a cluster",
            "The records are distributed over the servers of a cluster, which cannot combine them in this way. Ask for "
            "fewer relations in one request, or for the records and those that they refer to one after the other.",
        )


def again_after_conflict(read: Callable[Parameters, Awaitable[Found]]) -> Callable[Parameters, Awaitable[Found]]:
    """Has a function read again from its beginning what a replica has cancelled. It must do nothing but read.

    Of a function that runs statements itself, each must be a transaction of its own.
    """

    @wraps(read)
    async def read_again(*arguments: Parameters.args, **named: Parameters.kwargs) -> Found:
        for _ in range(CONFLICT_ATTEMPTS - 1):
            with suppress(RecoveryConflict, errors.SerializationFailure):
                return await read(*arguments, **named)
        return await read(*arguments, **named)

    return read_again


@contextmanager
def database_problems(freshness: Freshness, statement_seconds: float) -> Iterator[None]:
    """Translates PostgreSQL's errors.

    Raises:
        Problem: 503 if the database is unavailable, too busy or not migrated; 504 if the statement timed out; 501 if
            the rows lie on a cluster, which cannot answer it.
    """
    try:
        yield
    except PoolTimeout as error:
        raise (busy() if freshness.reachable else unreachable()) from error
    except errors.QueryCanceled as error:
        raise too_slow(statement_seconds) from error
    except NOT_MIGRATED as error:
        logger.error("The database schema does not match this version of the API: %s", str(error).strip())
        raise not_migrated() from error
    except errors.SerializationFailure as error:  # statements that only read meet it on replicas alone
        logger.info("A statement was in the way of the replication: %s", str(error).strip())
        raise RecoveryConflict from error
    except errors.FeatureNotSupported as error:
        logger.info("The cluster does not support a statement: %s", str(error).strip())
        raise NotOnCluster from error
    except errors.DiskFull as error:
        logger.error("The disk of the database server is full: %s", str(error).strip())
        raise disk_full() from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        logger.warning("A request failed in PostgreSQL: %s", str(error).strip())
        raise unreachable() from error


def unreachable() -> Problem:
    """The database cannot be reached."""
    return Problem(
        503,
        "database-unavailable",
        "Database unavailable",
        "PostgreSQL cannot be reached or rejects the API's login; see the API log for the reason. "
        "Run `logistics migrate` first on a new database.",
        headers={"Retry-After": "1"},
    )


def disk_full() -> Problem:
    """PostgreSQL cannot write what the statement needs."""
    return Problem(
        503,
        "database-unavailable",
        "Database unavailable",
        "The disk of the database server is full. Free space on it, or use a shorter date range.",
        headers={"Retry-After": "10"},
    )


def busy() -> Problem:
    """All connections are in use."""
    return Problem(
        503,
        "database-busy",
        "Database busy",
        "Too many requests are waiting for the database. Try again in a moment.",
        headers={"Retry-After": "1"},
    )


def read_only_copy() -> Problem:
    """The API is connected to a standby server, which takes no requests."""
    return Problem(
        501,
        "read-only-database",
        "Read-only database",
        "The API is connected to a read-only copy of the database, so it cannot pass requests on to the pipeline. Use "
        "the command line (`logistics retry`, `unload`, `forget`), or connect the API to the primary server.",
    )


def not_yet_visible(seconds: float) -> Problem:
    """A change is committed, and the replica that is read does not have it yet. No 503: nobody should try again."""
    return Problem(
        504,
        "change-not-yet-visible",
        "Change not visible yet",
        "The change was made: do not send it again. The replica of the database has not received it within "
        f"{seconds:g} seconds, so it is not shown yet.",
    )


def primary_unavailable() -> Problem:
    """The replica that is read can be reached, and the primary cannot."""
    return Problem(
        503,
        "primary-unavailable",
        "Primary unavailable",
        "Nothing was changed. The API reads a replica of the database; the primary, which takes changes, cannot be "
        "reached or refuses the API's login: see the API log for the reason. Try again when the primary is back, or a "
        "replica was promoted.",
        headers={"Retry-After": "10"},
    )


def no_changes() -> Problem:
    """The API can read, but its login for changes is refused."""
    return Problem(
        503,
        "changes-unavailable",
        "Changes not possible",
        "The API can read the database and change nothing: PostgreSQL refuses its login for changes, or that login may "
        "not act as the role logistics_operator; see the API log for the reason. Run `logistics migrate`, which makes "
        "the role and grants it.",
        headers={"Retry-After": "10"},
    )


def not_migrated() -> Problem:
    """The schema lacks something that a statement reads."""
    return Problem(
        503,
        "schema-mismatch",
        "Wrong schema version",
        "The database schema lacks an object that this version of the API reads. Run `logistics migrate`.",
        headers={"Retry-After": "10"},
    )


def too_slow(seconds: float) -> Problem:
    """A statement exceeded its time limit."""
    return Problem(
        504,
        "statement-timeout",
        "Statement timeout",
        f"The database did not finish within {seconds:g} seconds. Use a shorter date range, or try again later.",
    )
