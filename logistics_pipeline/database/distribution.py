"""Tables whose rows are distributed over the nodes of a Citus cluster, and what a reader of all nodes has to wait for.

Each node has its own snapshots: what commits while a statement asks one node after the other could be in the answer of
one and not of another. So every transaction that changes distributed rows holds a lock, shared, from right before its
commit until all nodes have committed. Whoever holds it alone reads the same batches on all nodes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from logistics_core.catalogue import Dataset
from logistics_core.database_contract.locks import COMMITS_LOCK, lock_key
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection, advisory_lock, reason_line_of
from logistics_pipeline.errors import TransientError

PAGE_BYTES = 8192
_KEY = lock_key("%s")
_BEFORE_COMMIT = f"SELECT set_config('synchronous_commit', 'on', true), pg_advisory_xact_lock_shared({_KEY})"
"""The coordinator waits for its disk: if it forgot a commit in a crash, the nodes would still have their part of it."""
_IS_TAKEN = "duplicate key value violates unique constraint"
"""What a node says if a key is in its table already."""


def is_distributed(connection: Connection, dataset: Dataset) -> bool:
    """Whether the rows of a dataset's raw table lie on several nodes."""
    row = connection.execute(read_sql("distribution/is_distributed").encode(), {"table": dataset.table}).fetchone()
    return row == (True,)


def are_any_distributed(connection: Connection) -> bool:
    """Whether there is a raw table whose rows lie on several nodes."""
    return connection.execute(read_sql("distribution/are_any_distributed").encode()).fetchone() == (True,)


def use_one_connection_per_node(connection: Connection, *, session: bool = False) -> None:
    """Has a transaction, or the session, talk to each node over one connection: what changes tables or roles must.

    Without a cluster it is a setting that nobody reads.
    """
    connection.execute("SELECT set_config('citus.multi_shard_modify_mode', 'sequential', %s)", (not session,))


@dataclass(frozen=True)
class Pages:
    """The pages of a raw table, of 8 kB each."""

    all: int
    largest: int
    """Of its largest shard; all, if its rows are on one server."""
    shards: int
    """How many tables its rows lie in."""


def pages_of(connection: Connection, dataset: Dataset) -> Pages:
    """How many pages the rows of a raw table have. Asks the file system, not the statistics: these may be old."""
    name = "shard_pages" if is_distributed(connection, dataset) else "pages"
    row = connection.execute(read_sql(f"distribution/{name}").encode(), {"table": dataset.table}).fetchone()
    assert row is not None
    return Pages(*row)


def table_bytes(connection: Connection, dataset: Dataset) -> int:
    """The size of the rows of a raw table on disk, without indexes, on all nodes."""
    return pages_of(connection, dataset).all * PAGE_BYTES


class NodeError(TransientError):
    """A node of the cluster reported an error. Citus passes its message on, but not what kind of error it is."""


@contextmanager
def changing_rows(connection: Connection, *, are_distributed: bool, only_adding: bool = False) -> Iterator[None]:
    """Surrounds statements that change rows of a raw table, in a transaction of their own.

    Distributed rows are committed while nobody reads the snapshots of all nodes; PostgreSQL frees the lock after Citus
    has committed on all of them. Statements that read rows to change them see all that has been committed before, also
    if a node was away then. Those that are `only_adding` rows do not need to: the nodes refuse keys that are taken.

    Raises:
        TransientError: a transaction has committed, and a node that cannot be reached has not heard of it.
        NodeError: a node refused something or cannot be reached; nothing is written.
    """
    if not are_distributed:
        with connection.transaction():
            yield
        return
    with _node_errors():
        if not only_adding:
            _finish_commits(connection)
        with connection.transaction():
            yield
            connection.execute(_BEFORE_COMMIT, (COMMITS_LOCK,))


@contextmanager
def _node_errors() -> Iterator[None]:
    """Turns what a node has reported into an error that says so."""
    try:
        yield
    except psycopg.InternalError as error:  # also psycopg's own, where a server goes away right after a commit
        if _IS_TAKEN in str(error):
            raise NodeError("Another loader wrote one of these keys at the same moment; merging again") from error
        raise NodeError(f"A node of the cluster reported: {reason_line_of(error)}") from error


@contextmanager
def same_snapshot_on_all_nodes(connection: Connection) -> Iterator[None]:
    """Surrounds a transaction that reads distributed rows: it sees the same transactions on all nodes.

    `connection` is outside a transaction. Costs one lookup where no table is distributed.

    Raises:
        TransientError: a transaction has committed, and a node that cannot be reached has not heard of it; or a node
            reported an error.
    """
    if not are_any_distributed(connection):
        yield
        return
    with _node_errors(), advisory_lock(connection, COMMITS_LOCK):
        _finish_commits(connection)
        yield


def _finish_commits(connection: Connection) -> None:
    """Commits on all nodes what has committed on the coordinator, if a node was away at that moment."""
    if _unfinished_commit(connection) is None:
        return
    with advisory_lock(connection, COMMITS_LOCK):  # what is left was perhaps just being committed
        unfinished = _unfinished_commit(connection)
    if unfinished is not None:
        raise TransientError(
            f"Node {unfinished} of the cluster has not yet committed what the coordinator has; is it running?"
        )


def _unfinished_commit(connection: Connection) -> str | None:
    """Has Citus finish what nodes have only prepared; names a node of which it does not know that it has."""
    connection.execute("SELECT recover_prepared_transactions()")
    row = connection.execute(read_sql("distribution/unfinished_commits").encode()).fetchone()
    return None if row is None else f"{row[0]}:{row[1]}"
