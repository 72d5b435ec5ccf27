"""The tables of superseded records: made when a contract asks for history, and altered as the raw tables are."""

from psycopg import sql

from logistics_core.catalogue import Dataset
from logistics_core.catalogue.contract_files import BUILT_IN
from logistics_core.sql_files import read_sql
from logistics_core.versions import SUCCESSOR
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.distribution import is_distributed
from logistics_pipeline.errors import ConfigurationError


def follow_history(connection: Connection, dataset: Dataset) -> None:
    """Begins or ends keeping superseded records as the contract says; a built-in dataset leaves it to people."""
    if dataset.history is not None:
        keep_history(connection, dataset)
    elif dataset.name not in BUILT_IN:
        ledger.end_history(connection, dataset.name)


def keep_history(connection: Connection, dataset: Dataset) -> bool:
    """Keeps superseded records from now on; returns False if they are kept already, or if none is ever superseded.

    Waits for batches that are being written, and they for this.

    Raises:
        ConfigurationError: its rows are distributed over several nodes.
    """
    if not dataset.key or ledger.is_history_kept(connection, dataset.name):
        return False
    if is_distributed(connection, dataset):
        raise ConfigurationError(
            f"The rows of {dataset.name} are distributed over the nodes of a cluster. Superseded records are kept of "
            "datasets that stay on the coordinator, and of no others."
        )
    with connection.transaction():
        table = sql.Identifier("raw", dataset.name)
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(table))
        make_history_table(connection, dataset)
        ledger.begin_history(connection, dataset.name)
    return True


def has_history_table(connection: Connection, dataset: str) -> bool:
    """Whether there is a table of superseded records, which are kept or were."""
    return connection.execute("SELECT to_regclass(%s)", (f"history.{dataset}",)).fetchone() != (None,)


def drop_history_table(connection: Connection, dataset: str) -> None:
    """Drops the table of superseded records, if there is one.

    The caller has found the raw table empty, or without superseded records, and so is this one.
    """
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier("history", dataset)))
    ledger.forget_history(connection, dataset)


def make_history_table(connection: Connection, dataset: Dataset) -> None:
    """Makes the table of superseded records unless it exists: with the columns of the raw table."""
    connection.execute(
        sql.SQL(read_sql("history/table")).format(
            table=sql.Identifier("raw", dataset.name),
            history=sql.Identifier("history", dataset.name),
            identity=sql.SQL(", ").join(map(sql.Identifier, dataset.identity)),
            successor=sql.Identifier(SUCCESSOR),
            successor_index=sql.Identifier(f"{dataset.name} by successor"),
            file_index=sql.Identifier(f"{dataset.name} by file"),
            description=sql.Literal(f"{dataset.title}: records that later ones have superseded"),
        )
    )
