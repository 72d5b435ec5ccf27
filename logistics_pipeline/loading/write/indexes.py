"""Secondary indexes of the raw tables: dropped for a bulk load and built again afterwards, however it ends.

Adding rows to an index one by one takes several times as long as building it afterwards; docs/decisions/0010 has the
figures behind the thresholds. A dropped index is noted in `ingest.dropped_indexes` in the transaction that drops it;
the transaction that builds it deletes the note. A load that dies therefore leaves notes, and the next load that
ends, or the migration, builds what they name. Unique indexes and those of constraints are never touched: they keep rows
out.

Two advisory locks per table show which sessions are alive; a session that dies releases them.

bulk load   held shared by every bulk load. Whoever gets it exclusively knows that none is alive: the last one builds.
build       held by the session that builds; others wait for it, as it may die, and then check again.

Locks are always taken in the order build, bulk load, table, notes. A bulk load takes the second while it holds neither
the first nor, being outside a transaction, any table. So no two sessions wait for each other. A builder that waits for
the table holds nothing that a transaction on the table could need; a drop does not wait but gives up.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import errors, sql

from logistics_core.catalogue import Dataset
from logistics_core.database_contract.locks import build_indexes_lock, bulk_load_lock, lock_key
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.distribution import table_bytes
from logistics_pipeline.errors import FileError

BULK_BYTES = 32 << 20
"""The least input of a bulk load: with 100,000 records nothing is gained, with 200,000 up to half of the time."""

GROWTH = 2
"""A bulk load has at least this many times the bytes of the table: building also indexes the old rows again."""

DROP_LOCK_TIMEOUT = "250ms"
"""While a drop waits for a reader, every other session waits for the drop."""

DEAD_LOADER_TIMEOUT = "100ms"
"""A bulk load that was just killed, perhaps this same one, may hold its lock for a few milliseconds more."""

_KEY = lock_key("%s")
_REFUSED = ("0A", "22", "23", "42", "54", "P0")
"""Classes of permanent errors: the index does not fit the table or its rows."""

_logger = logging.getLogger(__name__)


@contextmanager
def bulk_load(connection: Connection, dataset: Dataset, input_bytes: int) -> Iterator[bool]:
    """Surrounds a load of `input_bytes` still to be read. Every load uses it, as any may find indexes missing.

    Yields whether the table lacks indexes. Afterwards, also after a `FileError`, everything that is missing is built,
    unless another bulk load is still alive. If anything else ends the load, nothing is built: the load is resumed, or
    another one follows. `connection` is in autocommit mode, outside a transaction.

    Raises:
        psycopg.OperationalError: the connection was lost, or the disk is full; what is missing stays noted.
    """
    try:
        if _is_bulk(connection, dataset, input_bytes):
            with _hold_bulk_lock(connection, dataset):
                yield _drop_indexes(connection, dataset)
        else:
            yield False
    except FileError:
        build_missing(connection, dataset)
        raise
    build_missing(connection, dataset)


def build_missing(connection: Connection, dataset: Dataset) -> None:
    """Builds the indexes that bulk loads dropped, unless one is still alive. Costs one lookup if nothing is missing.

    Waits for another session that is building. An index that PostgreSQL refuses to build is given up with a warning.

    Raises:
        psycopg.OperationalError: the connection was lost, or the disk is full; what is missing stays noted.
    """
    while _first_missing(connection, dataset) is not None and _build_next(connection, dataset):
        pass


def _is_bulk(connection: Connection, dataset: Dataset, input_bytes: int) -> bool:
    """Compares with the size of the table on disk, which is always known: no statistics, no counting."""
    if input_bytes < BULK_BYTES:
        return False
    return input_bytes >= GROWTH * table_bytes(connection, dataset)


@contextmanager
def _hold_bulk_lock(connection: Connection, dataset: Dataset) -> Iterator[None]:
    """Keeps other sessions from building; waits for one that is building now, which would block the load anyway."""
    key = bulk_load_lock(dataset.table)
    connection.execute(f"SELECT pg_advisory_lock_shared({_KEY})", (key,))
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(f"SELECT pg_advisory_unlock_shared({_KEY})", (key,))


def _drop_indexes(connection: Connection, dataset: Dataset) -> bool:
    """Drops what can be dropped now, and returns whether the table lacks indexes."""
    if _secondary_indexes(connection, dataset):
        with (
            suppress(errors.LockNotAvailable, errors.InsufficientPrivilege),  # then the load keeps the indexes
            connection.transaction(),
        ):
            connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(DROP_LOCK_TIMEOUT))
            connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(_table(dataset)))
            connection.execute(_sql("index_text_settings"))
            for index, name in _secondary_indexes(connection, dataset):
                _note_and_drop(connection, dataset, index, name)
    return _first_missing(connection, dataset) is not None


def _secondary_indexes(connection: Connection, dataset: Dataset) -> list[tuple[int, str]]:
    """Object identifiers and names."""
    found = connection.execute(_sql("secondary_indexes"), {"table": dataset.table}).fetchall()
    return [(index, name) for index, name in found]


def _note_and_drop(connection: Connection, dataset: Dataset, index: int, name: str) -> None:
    # It may be noted already: another session built it while the bulk load was running.
    connection.execute(
        "INSERT INTO ingest.dropped_indexes (table_name, index_name, definition) VALUES (%s, %s, pg_get_indexdef(%s)) "
        "ON CONFLICT (table_name, index_name) "
        "DO UPDATE SET definition = excluded.definition, dropped_at = excluded.dropped_at",
        (dataset.table, name, index),
    )
    connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier("raw", name)))


def _first_missing(connection: Connection, dataset: Dataset) -> tuple[str, str] | None:
    """Name and definition of an index to build, or None."""
    found = connection.execute(
        "SELECT index_name, definition FROM ingest.dropped_indexes WHERE table_name = %s ORDER BY index_name LIMIT 1",
        (dataset.table,),
    ).fetchone()
    return found and (found[0], found[1])


def _build_next(connection: Connection, dataset: Dataset) -> bool:
    """Builds one index in a transaction of its own; returns False if it is not this session's turn to build."""
    with connection.transaction():
        if not _take_turn(connection, dataset):
            return False
        missing = _first_missing(connection, dataset)
        if missing is None:
            return False
        try:
            _build(connection, dataset, missing[1])
        except errors.InsufficientPrivilege as error:
            _warn(dataset, missing, error, "Run `logistics migrate` with the login that owns the table")
            return False
        except psycopg.Error as error:
            if (error.sqlstate or "")[:2] not in _REFUSED:
                raise
            _warn(
                dataset, missing, error, "It is given up. To have it again, correct what the message names and run it"
            )
        connection.execute(
            "DELETE FROM ingest.dropped_indexes WHERE table_name = %s AND index_name = %s", (dataset.table, missing[0])
        )
    return True


def _take_turn(connection: Connection, dataset: Dataset) -> bool:
    """Waits for another builder; returns whether no bulk load is alive, and keeps new ones out for this transaction."""
    build_key, bulk_key = build_indexes_lock(dataset.table), bulk_load_lock(dataset.table)
    connection.execute(f"SELECT pg_advisory_xact_lock({_KEY})", (build_key,))
    # A builder that ends, or dies, releases its two locks one after the other: this waits for the second one too.
    connection.execute(f"SELECT pg_advisory_xact_lock_shared({_KEY})", (bulk_key,))
    with suppress(errors.LockNotAvailable), connection.transaction():
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(DEAD_LOADER_TIMEOUT))
        connection.execute(f"SELECT pg_advisory_xact_lock({_KEY})", (bulk_key,))
        return True
    return False


def _build(connection: Connection, dataset: Dataset, definition: str) -> None:
    """Builds an index unless another session has done so: the lock on the table decides which comes first."""
    with connection.transaction():
        connection.execute(_sql("index_building_settings"))
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(_table(dataset)))
        connection.execute(sql.SQL(definition.replace("CREATE INDEX", "CREATE INDEX IF NOT EXISTS", 1)))


def _warn(dataset: Dataset, missing: tuple[str, str], error: psycopg.Error, advice: str) -> None:
    name, definition = missing
    reason = str(error).splitlines()[0]
    _logger.warning(
        "Index %s of %s was dropped for a bulk load and cannot be built again: %s. %s: %s",
        *(name, dataset.table, reason, advice, definition),
    )


def _table(dataset: Dataset) -> sql.Identifier:
    return sql.Identifier("raw", dataset.name)


def _sql(name: str) -> sql.SQL:
    return sql.SQL(read_sql(f"loading/{name}"))
