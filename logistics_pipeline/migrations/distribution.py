"""Distributes the raw tables over the nodes of a Citus cluster, with the rows that they have.

Which ones, and by what, follows from the contracts (`logistics_core.catalogue.distribution`). All other tables stay on
the coordinator: the ledger, whose transactions the guarantees depend on, the figures, which are small, and the records
that others refer to.
"""

from dataclasses import dataclass

import psycopg
from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.distribution import SCHEMA, distribution_of, has_key_table, why_local
from logistics_core.database_contract.locks import MIGRATION_LOCK
from logistics_core.sql_files import read_sql
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import (
    TRANSIENT,
    Connection,
    advisory_lock,
    connect,
    reason_line_of,
    transient_errors,
)
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.database.distribution import is_distributed, use_one_connection_per_node
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.migrations.history_tables import has_history_table
from logistics_pipeline.migrations.raw_tables import distributed_identity


@dataclass(frozen=True)
class Placed:
    """Where the records of a dataset are."""

    dataset: str
    column: str | None
    """What they are distributed by; None: all are on the coordinator."""
    why_local: str | None = None
    is_new: bool = False
    """Whether they have just been distributed."""

    @property
    def sentence(self) -> str:
        """The same, for people."""
        if self.column is None:
            return f"{self.dataset} stays on the coordinator: {self.why_local}."
        return f"{self.dataset} {'is now' if self.is_new else 'was already'} distributed by {self.column}."


def distribute(url: str) -> list[Placed]:
    """Distributes the tables of all datasets that can be, unless they are; `migrate` has made them.

    Loads of a dataset wait while its rows move. Each dataset is a transaction of its own: after an interruption, the
    next call goes on with the others.

    Raises:
        ConfigurationError: the database is not the coordinator of a cluster with other nodes, or a table has something
            that Citus cannot distribute.
        TransientError: the server went away.
    """
    with (
        connect(url, application_name="logistics migrate") as connection,
        transient_errors("distributing tables"),
        advisory_lock(connection, MIGRATION_LOCK),
    ):
        _refuse_without_nodes(connection)
        return [_place(connection, dataset) for dataset in _in_order(catalogue_in_force(connection))]


def _refuse_without_nodes(connection: Connection) -> None:
    steps = "`docs/scaling.md` says how to make a cluster."
    if connection.execute("SELECT FROM pg_extension WHERE extname = 'citus'").fetchone() is None:
        raise ConfigurationError(
            f"The database {connection.info.dbname!r} does not have the extension Citus, so its tables cannot be "
            f"distributed. {steps}"
        )
    is_coordinator, nodes = connection.execute(read_sql("distribution/nodes").encode()).fetchone() or (False, 0)
    if not is_coordinator:
        raise ConfigurationError(
            "This server is a worker of its cluster. Tables are distributed from the coordinator: "
            "set LOGISTICS_DATABASE_URL to that one."
        )
    if not nodes:
        raise ConfigurationError(f"The coordinator knows no other node that could store rows. {steps}")


def _in_order(catalogue: Catalogue) -> list[Dataset]:
    """Those that date others before these, which lie beside them."""
    return sorted(catalogue.values(), key=lambda dataset: dataset.dated_through is not None)


def _place(connection: Connection, dataset: Dataset) -> Placed:
    wanted = distribution_of(dataset)
    if is_distributed(connection, dataset):
        return Placed(dataset.name, column_of(connection, dataset))
    if wanted is None:
        return Placed(dataset.name, None, why_local(dataset))
    if ledger.is_history_kept(connection, dataset.name) or has_history_table(connection, dataset.name):
        return Placed(dataset.name, None, "its superseded records are kept")
    try:
        with connection.transaction():
            _distribute(connection, dataset, wanted.column, wanted.beside)
        _free_space(connection, dataset)
    except TRANSIENT:
        raise
    except psycopg.Error as error:
        raise ConfigurationError(
            f"The table {dataset.table} cannot be distributed by {wanted.column}: {_reason(error)} Drop what "
            "it names, then run this again; tables that come before it are distributed."
        ) from error
    return Placed(dataset.name, wanted.column, is_new=True)


def _reason(error: psycopg.Error) -> str:
    parts = (error.diag.message_primary or reason_line_of(error), error.diag.message_detail)
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def column_of(connection: Connection, dataset: Dataset) -> str:
    """What a table that is distributed is distributed by."""
    row = connection.execute(read_sql("distribution/column").encode(), {"table": dataset.table}).fetchone()
    assert row is not None
    return str(row[0])


def _distribute(connection: Connection, dataset: Dataset, column: str, beside: str | None) -> None:
    use_one_connection_per_node(connection)
    table = sql.Identifier("raw", dataset.name)
    connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
    if column not in dataset.identity:
        connection.execute(
            sql.SQL(read_sql("raw/key")).format(
                table=table,
                key_index=sql.Identifier(f"{dataset.name}_pkey"),
                identity=_list(distributed_identity(dataset)),
            )
        )
    if has_key_table(dataset, column):
        _make_key_table(connection, dataset, column)
    connection.execute(
        "SELECT create_distributed_table(%s, %s, colocate_with => %s)",
        (dataset.table, column, "default" if beside is None else f"raw.{beside}"),
    )


def _make_key_table(connection: Connection, dataset: Dataset, column: str) -> None:
    """Makes the table that keeps the key unique on the cluster, with the keys of the rows that there are."""
    parts = {
        "table": sql.Identifier("raw", dataset.name),
        "keys": sql.Identifier(SCHEMA, dataset.name),
        "key": _list(dataset.key),
        "columns": _list((*dataset.key, column)),
        "description": sql.Literal(f"{dataset.title}: one row per key, with the {column} of its record"),
    }
    connection.execute(sql.SQL(read_sql("distribution/keys")).format(**parts))
    connection.execute("SELECT create_distributed_table(%s, %s)", (f"{SCHEMA}.{dataset.name}", dataset.key[0]))


def _free_space(connection: Connection, dataset: Dataset) -> None:
    """Removes what the coordinator still has of rows that are on the nodes now."""
    for schema in ("raw", SCHEMA):
        connection.execute(
            "SELECT truncate_local_data_after_distributing_table(oid) FROM pg_class "
            "WHERE oid = to_regclass(%s) AND pg_relation_size(oid) > 0",
            (f"{schema}.{dataset.name}",),
        )


def _list(columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
