"""The raw tables: each dataset's table with its indexes and comments, made from its contract."""

from psycopg import sql

from logistics_core.catalogue import Dataset, Field, Index, Role
from logistics_core.catalogue.column_types import type_name
from logistics_core.catalogue.distribution import SCHEMA, distribution_of
from logistics_core.catalogue.model import SOURCE_COLUMNS
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.day_indexes import make_day_index
from logistics_pipeline.database.distribution import is_distributed
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.migrations.history_tables import follow_history, has_history_table

_PROVENANCE = [("file_id", "integer"), ("record_no", "bigint")]
"""The columns that say where a row came from."""


def make_raw_table(connection: Connection, dataset: Dataset) -> None:
    """Makes a dataset's table and indexes unless they exist, and renews the comments.

    Raises:
        ConfigurationError: the table exists and lacks columns of the contract, or has another key.
    """
    _refuse_lacking_columns(connection, dataset)
    _refuse_other_key(connection, dataset)
    table = sql.Identifier("raw", dataset.name)
    connection.execute(
        _sql("table").format(
            table=table,
            column_definitions=sql.SQL(",\n    ").join(_column(field, dataset) for field in dataset.fields),
            identity=sql.SQL(", ").join(map(sql.Identifier, dataset.identity)),
            description=sql.Literal(dataset.description),
        )
    )
    if dataset.has_extras:
        connection.execute(_sql("extras").format(table=table))
        if has_history_table(connection, dataset.name):
            connection.execute(_sql("extras").format(table=sql.Identifier("history", dataset.name)))
    follow_history(connection, dataset)
    for index in dataset.indexes:
        connection.execute(_index(index, table))
    make_day_index(connection, dataset)
    for field in dataset.fields:
        column = sql.Identifier("raw", dataset.name, field.name)
        connection.execute(
            _sql("column_comment").format(column=column, description=sql.Literal(field.description_with_unit))
        )


def _column(field: Field, dataset: Dataset) -> sql.Composable:
    """For example `"origin" text COLLATE "C" NOT NULL`."""
    words: list[sql.Composable] = [sql.Identifier(field.name), column_type(field, dataset)]
    if field.required:
        words.append(sql.SQL("NOT NULL"))
    return sql.SQL(" ").join(words)


def column_type(field: Field, dataset: Dataset) -> sql.SQL:
    """The type of a field's column, with its collation: `text COLLATE "C"`."""
    collation = ""
    if type_name(field) == "text":
        is_prose = field.role is Role.TEXT and field.name not in dataset.key
        collation = ' COLLATE "default"' if is_prose else ' COLLATE "C"'
    return sql.SQL(type_name(field) + collation)


def _index(index: Index, table: sql.Identifier) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, index.columns))
    return _sql(f"index_{index.method}").format(name=sql.Identifier(index.name), table=table, columns=columns)


def _refuse_lacking_columns(connection: Connection, dataset: Dataset) -> None:
    """Refuses a contract that has changed since its table was made: the loader could not fill the table."""
    found = connection.execute(read_sql("raw/columns").encode(), {"table": dataset.table}).fetchall()
    expected = [(field.name, type_name(field)) for field in dataset.fields] + _PROVENANCE
    lacking = [f"{name} {type_}" for name, type_ in expected if (name, type_) not in found]
    if found and lacking:
        raise ConfigurationError(
            f"The table {dataset.table} was made from another contract: it lacks {', '.join(lacking)}. Restore the "
            "contract, or give the changed one another name."
        )


def _refuse_other_key(connection: Connection, dataset: Dataset) -> None:
    """Refuses a contract whose key has changed since its table was made: rows that were one would have to be two."""
    found = connection.execute(read_sql("raw/key_columns").encode(), {"table": dataset.table}).fetchall()
    names = tuple(name for (name,) in found)
    if names == distributed_identity(dataset) and _is_or_was_distributed(connection, dataset):
        return
    if names not in ((), dataset.identity):
        was = "no key" if names == SOURCE_COLUMNS else f"the key {', '.join(names)}"
        now = f"the key {', '.join(dataset.key)}" if dataset.key else "no key"
        raise ConfigurationError(
            f"The table {dataset.table} was made with {was}, but its contract has {now}. Restore the contract, or give "
            "the changed one another name."
        )


def _is_or_was_distributed(connection: Connection, dataset: Dataset) -> bool:
    """Whether its key is that of a cluster. If its rows are on one server again, it gets its own key back."""
    if is_distributed(connection, dataset):
        return True
    keys = sql.Identifier(SCHEMA, dataset.name)
    if connection.execute("SELECT to_regclass(%s)", (keys.as_string(),)).fetchone() == (None,):
        return False
    connection.execute(
        _sql("key").format(
            table=sql.Identifier("raw", dataset.name),
            key_index=sql.Identifier(f"{dataset.name}_pkey"),
            identity=sql.SQL(", ").join(map(sql.Identifier, dataset.identity)),
        )
    )
    connection.execute(sql.SQL("DROP TABLE {}").format(keys))
    return True


def distributed_identity(dataset: Dataset) -> tuple[str, ...]:
    """The primary key of the table on a cluster: that of Citus has to contain what rows are distributed by."""
    found = distribution_of(dataset)
    return dataset.identity if found is None else tuple(dict.fromkeys((*dataset.identity, found.column)))


def _sql(name: str) -> sql.SQL:
    return sql.SQL(read_sql(f"raw/{name}"))
