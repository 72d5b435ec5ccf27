"""Descriptions of tables for people, from the database itself: columns with their comments, and numbers of rows."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import sql

from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection

COUNTED_BYTES = 64 << 20
"""Tables up to this size are counted, in some 50 ms; for larger ones the planner's estimate is returned."""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    type: str
    is_nullable: bool
    is_key: bool
    """Whether it belongs to the primary key."""
    comment: str | None


def columns_of(connection: Connection, schema: str, table: str) -> list[Column]:
    """The columns of a table in their order."""
    found = connection.execute(read_sql("describing/columns").encode(), {"table": f"{schema}.{table}"}).fetchall()
    return [Column(*row) for row in found]


def days_with_figures(connection: Connection) -> tuple[date | None, date | None]:
    """The first and the last day with a log, as of the last refresh; None if there is none."""
    first_day, last_day = _one(connection, sql.SQL("SELECT first_day, last_day FROM analytics.status"))
    return first_day, last_day


def row_count(connection: Connection, schema: str, table: str) -> int:
    """The number of rows of a table: counted, or estimated if counting would take long."""
    name = sql.Identifier(schema, table)
    (size,) = _one(connection, sql.SQL("SELECT pg_table_size({})").format(sql.Literal(f"{schema}.{table}")))
    if size <= COUNTED_BYTES:
        (rows,) = _one(connection, sql.SQL("SELECT count(*) FROM {}").format(name))
    else:
        # Not from pg_class: the planner corrects its number by the present size of the table.
        (plan,) = _one(connection, sql.SQL("EXPLAIN (FORMAT JSON) SELECT FROM {}").format(name))
        rows = plan[0]["Plan"]["Plan Rows"]
    return int(rows)


def _one(connection: Connection, query: sql.SQL | sql.Composed) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row
