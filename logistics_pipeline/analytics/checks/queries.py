"""How checks ask the database, and put numbers into words."""

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection


def ask(connection: Connection, name: str, **parameters: object) -> Sequence[tuple[Any, ...]]:
    """Runs `sql/checks/<name>.sql` and returns its rows. Parameters that are pieces of SQL replace `{name}` in it."""
    pieces = {key: value for key, value in parameters.items() if isinstance(value, sql.Composable)}
    text = read_sql(f"checks/{name}")
    query = sql.SQL(text).format(**pieces) if pieces else text.encode()
    return connection.execute(query, {key: value for key, value in parameters.items() if key not in pieces}).fetchall()


def ask_one(connection: Connection, name: str, **parameters: object) -> tuple[Any, ...]:
    """The same where the answer is one row."""
    (row,) = ask(connection, name, **parameters)
    return row


def percent(part: int, whole: int) -> float:
    """A share in percent, rounded to three digits; 0 of nothing."""
    return round(100 * part / whole, 3) if whole else 0.0


def count(number: int, one: str, more: str) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else more}"
