"""Changes of raw tables that follow a changed contract. None of them loses a value or rewrites a table."""

from psycopg import sql

from logistics_core.catalogue import Dataset
from logistics_core.catalogue.column_types import type_name
from logistics_core.sql_files import read_sql
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.day_indexes import drop_day_index, indexed_day
from logistics_pipeline.migrations.history_tables import drop_history_table, has_history_table
from logistics_pipeline.migrations.raw_tables import column_type, make_raw_table


def raw_table_exists(connection: Connection, dataset: str) -> bool:
    """Whether there is a raw table of that name."""
    return connection.execute("SELECT to_regclass(%s)", (f"raw.{dataset}",)).fetchone() != (None,)


def is_raw_table_empty(connection: Connection, dataset: str) -> bool:
    """Whether a raw table has no rows, or does not exist. It has none until the transaction ends, either."""
    if not raw_table_exists(connection, dataset):
        return True
    table = sql.Identifier("raw", dataset)
    connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
    return connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(table)).fetchone() is None


def drop_raw_table(connection: Connection, dataset: str) -> None:
    """Drops a raw table, if there is one, with its indexes; the caller has found it empty."""
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier("raw", dataset)))
    drop_history_table(connection, dataset)
    connection.execute("DELETE FROM ingest.dropped_indexes WHERE table_name = %s", (f"raw.{dataset}",))


def alter_raw_table(connection: Connection, old: Dataset, new: Dataset) -> None:
    """Makes a raw table fit a changed contract, of which every change but those of `Effect.TABLE` is allowed.

    Adds the columns of new optional fields, which are NULL in the rows that there are.
    """
    before = {field.name: field for field in old.fields}
    for field in new.fields:
        type_ = column_type(field, new)
        if field.name not in before:
            _alter(connection, new, "add_column", changed_column=sql.Identifier(field.name), new_type=type_)
            continue
        if before[field.name].required and not field.required:
            _alter(connection, new, "column_optional", changed_column=sql.Identifier(field.name))
        if type_name(field) == "text" and column_type(before[field.name], old) != type_:
            _alter(connection, new, "column_type", changed_column=sql.Identifier(field.name), new_type=type_)
    for index in old.indexes:
        if index not in new.indexes:
            connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier("raw", index.name)))
            connection.execute(
                "DELETE FROM ingest.dropped_indexes WHERE table_name = %s AND index_name = %s", (new.table, index.name)
            )
    if indexed_day(old) != indexed_day(new):
        drop_day_index(connection, old)
    make_raw_table(connection, new)


def rows_fit_key(connection: Connection, old: Dataset, new: Dataset) -> bool:
    """Whether the rows that there are can have the new key. No row is written until the transaction ends, either.

    They can if the key has further fields, of which every row has a value, or none at all, and if no row has ever been
    superseded: such a row would have to come back.
    """
    if not old.key or (new.key and not set(new.key).issuperset(old.key)):
        return False
    table = sql.Identifier("raw", new.name)
    connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
    if ledger.has_superseded_rows(connection, new.name):
        return False
    empty = [sql.SQL("{} IS NULL").format(sql.Identifier(name)) for name in new.key if name not in old.key]
    if not empty:
        return True
    query = sql.SQL("SELECT FROM {} WHERE {} LIMIT 1").format(table, sql.SQL(" OR ").join(empty))
    return connection.execute(query).fetchone() is None


def change_key(connection: Connection, old: Dataset, new: Dataset) -> None:
    """Gives a raw table another key, for which `rows_fit_key` was asked. The contracts differ in nothing else."""
    drop_history_table(connection, new.name)  # which is empty, and made again with the new key
    for field in new.fields:
        column = sql.Identifier(field.name)
        if field.name in new.key and field.name not in old.key:
            _alter(connection, new, "column_required", changed_column=column)
        if column_type(field, old) != column_type(field, new):
            _alter(connection, new, "column_type", changed_column=column, new_type=column_type(field, new))
    _alter(
        connection,
        new,
        "key",
        key_index=sql.Identifier(f"{new.name}_pkey"),
        identity=sql.SQL(", ").join(map(sql.Identifier, new.identity)),
    )
    make_raw_table(connection, new)


def _alter(connection: Connection, dataset: Dataset, statement: str, **parts: sql.Composable) -> None:
    """Alters the raw table, and the table of its superseded records if there is one."""
    text = sql.SQL(read_sql(f"raw/{statement}"))
    connection.execute(text.format(table=sql.Identifier("raw", dataset.name), **parts))
    if has_history_table(connection, dataset.name):
        connection.execute(text.format(table=sql.Identifier("history", dataset.name), **parts))
