"""Row queries, built from `tables` alone: no text of a request becomes part of a statement.

PostgreSQL writes the JSON, so a number has the digits it is stored with. Pages use keyset
pagination, never OFFSET: `(trip_date, log_id) > (…)` is one row comparison, which an index serves.

A dataset may have a field of any name in lower case, so aliases and parameters that could be mistaken for one have a
capital letter.
"""

from collections.abc import Sequence
from functools import lru_cache

from psycopg import sql

from logistics_api.rows.tables import OF_FILE, Table

CAP = 10_000
"""A capped count stops at this number."""

_OPERATORS = {"_from": sql.SQL(">="), "_to": sql.SQL("<="), "_prefix": sql.SQL("^@")}

PAGE = """
-- Returns one page of {table}, counting only the page.
-- One row: the objects separated by commas; how many rows were found, at most one more than the page has; the sort
-- keys of the page's last row; the capped count, if requested.
-- Reads {table} and, where a column needs it, ingest.files.
SELECT
    coalesce(string_agg("Document", ',' ORDER BY "Position") FILTER (WHERE "Position" <= %(limit)s), ''),
    count(*),
    {last_keys},
    {counted}
FROM (
    SELECT page."Position", {page_keys}, (SELECT row_to_json("Row") FROM (SELECT {chosen}) AS "Row")::text AS "Document"
    FROM (
        SELECT row_number() OVER (ORDER BY {order}) AS "Position", *
        FROM {matching}
        ORDER BY {order}
        LIMIT %(limit)s + 1
    ) AS page
    {files}
) AS documents
"""

MATCHING = "(SELECT * FROM {table} WHERE {conditions}) AS matching"

# OFFSET 0 keeps the planner from scanning the index of the sort order until it has found enough matching rows: if few
# match, it would scan the whole index. Instead, it finds the rows in the fastest way and sorts them.
FEW_MATCHING = "(SELECT * FROM {table} WHERE {conditions} OFFSET 0) AS matching"

CAPPED = "(SELECT count(*) FROM (SELECT FROM {table} WHERE {conditions} LIMIT {most}) AS counted)"

FILES = "LEFT JOIN ingest.files AS file USING (file_id)"

ESTIMATE = """
-- Asks the planner how many rows it expects: an estimate that costs no row.
-- One row: its plan as JSON.
-- Reads the statistics of {table}.
EXPLAIN (FORMAT json) SELECT FROM {table} WHERE {conditions}
"""

ROW = """
-- Returns one row of {table}.
-- One row, or none: the object.
-- Reads {table} and, where a column needs it, ingest.files.
SELECT (SELECT row_to_json("Row") FROM (SELECT {chosen}) AS "Row")::text
FROM {table} AS page
{files}
WHERE {key} = %(key)s
"""


@lru_cache(1024)
def page(
    table: Table,
    filters: Sequence[str],
    order: str,
    columns: Sequence[str],
    *,
    begun: bool = False,
    few: bool = False,
    capped: bool = False,
) -> bytes:
    """Builds the statement of a page in a sort order (`-` reverses it).

    `begun`: behind the keys `Key0`, …; `few`: not many rows are expected to pass the filters; `capped`: count them.
    """
    descending, keys = order.startswith("-"), table.orders[order.removeprefix("-")]
    names = [sql.Identifier(key) for key in keys]
    direction = sql.SQL(" DESC" if descending else "")
    last = 'max({key}) FILTER (WHERE "Position" = %(limit)s)'
    counted = sql.SQL(CAPPED).format(
        table=name_of(table), conditions=conditions(table, filters), most=sql.Literal(CAP + 1)
    )
    return _bytes(
        sql.SQL(PAGE).format(
            table=name_of(table),
            last_keys=_listed([sql.SQL(last).format(key=name) for name in names]),
            page_keys=_listed([sql.Identifier("page", key) for key in keys]),
            order=_listed([name + direction for name in names]),
            matching=sql.SQL(FEW_MATCHING if few else MATCHING).format(
                table=name_of(table), conditions=conditions(table, filters, (keys, descending) if begun else None)
            ),
            counted=counted if capped else sql.SQL("NULL"),
            chosen=chosen(columns),
            files=files(columns),
        )
    )


@lru_cache(1024)
def estimate(table: Table, filters: Sequence[str]) -> bytes:
    """Builds the statement that estimates how many rows pass the filters."""
    return _bytes(sql.SQL(ESTIMATE).format(table=name_of(table), conditions=conditions(table, filters)))


@lru_cache(1024)
def row(table: Table, columns: Sequence[str]) -> bytes:
    """Builds the statement of the row with the key `key`."""
    return _bytes(
        sql.SQL(ROW).format(
            table=name_of(table), chosen=chosen(columns), files=files(columns), key=sql.Identifier(table.key)
        )
    )


def name_of(table: Table) -> sql.Composable:
    """The table's qualified name."""
    return sql.Identifier("raw", table.name)


def conditions(
    table: Table,
    filters: Sequence[str],
    begins: tuple[Sequence[str], bool] | None = None,
    of: sql.Identifier | None = None,
) -> sql.Composable:
    """Builds the WHERE condition; with `begins`, rows must also come after `Key0`, … in that order (before, if True).

    `of`: the name of the relation, where others are joined that have columns of the same names.
    """
    parts = [condition(table, name, of) for name in filters]
    if begins is not None:
        keys, descending = begins
        parts.append(
            sql.SQL("({keys}) {operator} ({values})").format(
                keys=_listed([sql.Identifier(key) for key in keys]),
                operator=sql.SQL("<" if descending else ">"),
                values=_listed([sql.Placeholder(f"Key{number}") for number in range(len(keys))]),
            )
        )
    return sql.SQL(" AND ").join(parts) if parts else sql.SQL("true")


def condition(table: Table, name: str, of: sql.Identifier | None = None) -> sql.Composable:
    """Builds the condition of a filter: `cost_from` means at least that cost, `cost` exactly that cost."""
    column, operator = name, sql.SQL("=")
    if name not in table.columns:
        column, _, suffix = name.rpartition("_")
        operator = _OPERATORS[f"_{suffix}"]
    qualified = sql.Identifier(column) if of is None else of + sql.SQL(".") + sql.Identifier(column)
    return sql.SQL(" ").join((qualified, operator, sql.Placeholder(name)))


def chosen(columns: Sequence[str]) -> sql.Composable:
    """The columns of a row, of the relations `page` and `file`."""
    return _listed(
        [
            sql.SQL("{} AS {}").format(sql.Identifier("file", OF_FILE[column]), sql.Identifier(column))
            if column in OF_FILE
            else sql.Identifier("page", column)
            for column in columns
        ]
    )


def files(columns: Sequence[str]) -> sql.SQL:
    """Joins the ledger of files if a column needs it."""
    return sql.SQL(FILES if OF_FILE.keys() & set(columns) else "")


def _listed(parts: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def _bytes(statement: sql.Composable) -> bytes:
    return statement.as_bytes(None)
