"""The index of a raw table that finds the records of a day: a refresh computes changed days anew, and only those.

Every dataset whose records have a day has one, unless its key or an index of its contract does the same. It is a block
range index: that costs a load nothing, and a day is found by it as far as its records arrived together. Where another
dataset dates the records, it is a B-tree of what refers to that one. A table that has many rows already gets its index
without holding up those who write to it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from psycopg import errors, sql

from logistics_core.catalogue import Dataset, FieldType
from logistics_core.row_days import day_of_row
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.distribution import is_distributed, table_bytes

SMALL_BYTES = 32 << 20
"""The index of a smaller table is built at once, while its writers wait: that takes some tenths of a second."""

PATIENCE = "10s"
"""How long building waits for a transaction that is older than the index, such as a long export."""

SUMMARIZING_PATIENCE = "100ms"
"""How long a refresh waits for a load that changes the indexes of the same table: it is right without, and slower."""

_logger = logging.getLogger(__name__)


def index_name(dataset: Dataset) -> str:
    """No index or dataset of a contract has such a name, because of the spaces."""
    return f"{dataset.name} by day"


def indexed_day(dataset: Dataset) -> sql.Composable | None:
    """The key of the index; None if records have no day, or if another index finds it."""
    dating = dataset.dating
    if dating is None:
        return None
    is_column = not dating.is_own or dataset.field(dating.field).type is FieldType.DATE
    leading = {dataset.key[:1], *(index.columns[:1] for index in dataset.indexes)}
    if is_column:
        return None if (dating.field,) in leading else sql.Identifier(dating.field)
    day = day_of_row(dataset)
    assert day is not None
    return sql.SQL("({})").format(day)


def has_day_index(connection: Connection, dataset: Dataset) -> bool:
    """Whether the records of a day can be found in the table of a dataset whose records hold their day themselves."""
    if dataset.dating is None or not dataset.dating.is_own:
        return False
    return indexed_day(dataset) is None or _is_complete(connection, dataset)


def summarize_block_ranges(connection: Connection) -> None:
    """Has block range indexes cover the rows that waiting batches wrote: by itself PostgreSQL may take a minute.

    Those of a day, and those of a file. Until then, each search reads all rows that are not covered. `connection` is in
    autocommit mode, outside a transaction.
    """
    names = connection.execute(read_sql("analytics/indexes_to_summarize").encode()).fetchall()
    with _waiting_at_most(connection, SUMMARIZING_PATIENCE):
        for (name,) in names:
            # A bulk load has dropped it just now, or builds it.
            with suppress(errors.UndefinedTable, errors.UndefinedObject, errors.LockNotAvailable):
                connection.execute("SELECT brin_summarize_new_values(%s::regclass)", (name,))


@contextmanager
def _waiting_at_most(connection: Connection, patience: str) -> Iterator[None]:
    """Waits no longer for a lock."""
    usual = connection.execute("SHOW lock_timeout").fetchone()
    connection.execute("SELECT set_config('lock_timeout', %s, false)", (patience,))
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT set_config('lock_timeout', %s, false)", usual)


def make_day_index(connection: Connection, dataset: Dataset) -> None:
    """Makes the index unless it exists, or drops one that is not needed.

    Leaves a large table to `build_day_index`, and one on several nodes: in a transaction that changes it, nobody may
    ask how large it is.
    """
    if indexed_day(dataset) is None:
        drop_day_index(connection, dataset)
    elif not is_distributed(connection, dataset) and table_bytes(connection, dataset) < SMALL_BYTES:
        _create(connection, dataset)


def drop_day_index(connection: Connection, dataset: Dataset) -> None:
    """Drops the index if it exists, and the note that a bulk load has dropped it."""
    connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier("raw", index_name(dataset))))
    connection.execute(
        "DELETE FROM ingest.dropped_indexes WHERE table_name = %s AND index_name = %s",
        (dataset.table, index_name(dataset)),
    )


def build_day_index(connection: Connection, dataset: Dataset) -> None:
    """Builds the index of a large table that lacks it, while others write. Costs one lookup if nothing is missing.

    `connection` is in autocommit mode, outside a transaction. If a transaction that is older does not end soon, the
    index is left to the next migration, with a warning: a refresh takes longer without it, and is right.
    """
    if indexed_day(dataset) is None or _is_complete(connection, dataset) or _will_be_built(connection, dataset):
        return
    try:
        with _waiting_at_most(connection, PATIENCE):
            _drop_unfinished(connection, dataset)
            _create(connection, dataset, concurrently=True)
    except errors.LockNotAvailable:  # what is unfinished cannot be dropped now either: the next attempt does that
        _logger.warning(
            "The index %r of %s was not built, because a transaction that began before has been open for more than "
            "%s. Until it is built, a refresh reads the whole table. Run `logistics migrate` when the transaction "
            "has ended.",
            *(index_name(dataset), dataset.table, PATIENCE),
        )


def _create(connection: Connection, dataset: Dataset, *, concurrently: bool = False) -> None:
    assert dataset.dating is not None
    statement = "raw/day_index" if dataset.dating.is_own else "raw/day_index_by_reference"
    connection.execute(
        sql.SQL(read_sql(statement)).format(
            concurrently=sql.SQL("CONCURRENTLY" if concurrently else ""),
            name=sql.Identifier(index_name(dataset)),
            table=sql.Identifier("raw", dataset.name),
            day=indexed_day(dataset),
        )
    )


def _is_complete(connection: Connection, dataset: Dataset) -> bool:
    found = connection.execute(
        "SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid", (_identifier(dataset).as_string(),)
    )
    return found.fetchone() is not None


def _will_be_built(connection: Connection, dataset: Dataset) -> bool:
    """Whether a bulk load has dropped the index, which it builds again at its end."""
    found = connection.execute(
        "SELECT FROM ingest.dropped_indexes WHERE table_name = %s AND index_name = %s",
        (dataset.table, index_name(dataset)),
    )
    return found.fetchone() is not None


def _drop_unfinished(connection: Connection, dataset: Dataset) -> None:
    """Drops what a building that did not end has left behind."""
    connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(_identifier(dataset)))


def _identifier(dataset: Dataset) -> sql.Identifier:
    return sql.Identifier("raw", index_name(dataset))
