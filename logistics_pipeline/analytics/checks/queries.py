"""How checks query the database."""

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection


def fetch_all(connection: Connection, name: str, **parameters: object) -> Sequence[tuple[Any, ...]]:
    """Runs `sql/checks/<name>.sql` and returns its rows. Parameters that are pieces of SQL replace `{name}` in it."""
    pieces = {key: value for key, value in parameters.items() if isinstance(value, sql.Composable)}
    text = read_sql(f"checks/{name}")
    query = sql.SQL(text).format(**pieces) if pieces else text.encode()
    return connection.execute(query, {key: value for key, value in parameters.items() if key not in pieces}).fetchall()


def fetch_one(connection: Connection, name: str, **parameters: object) -> tuple[Any, ...]:
    """Runs a query whose result is one row, and returns it."""
    (row,) = fetch_all(connection, name, **parameters)
    return row
