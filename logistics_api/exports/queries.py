"""Export queries. PostgreSQL writes the lines, some thousands at a time; Python only forwards them.

A batch is a range of the table's blocks, not of its keys. The table is read once, in the order it is stored in,
whatever the filters are; a range of keys would be planned anew for every batch, badly for many filters.

As in `rows.queries`, a capital letter marks aliases and parameters that are no column of a dataset.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, LiteralString

from psycopg import sql

from logistics_api.as_of.relations import AS_OF_FILE
from logistics_api.rows.queries import chosen, conditions, files, name_of, relation
from logistics_api.rows.tables import Kind, Table

# The lock precedes the snapshot, so no TRUNCATE can come in between. It does not block reading or writing rows.
# A connection that shares a snapshot does not wait for the lock: its holder may be waiting for the first connection.
BEGIN = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
{snapshot}
SET LOCAL statement_timeout = {statement_timeout};
SET LOCAL idle_in_transaction_session_timeout = {idle_timeout};
LOCK TABLE {table} IN ACCESS SHARE MODE {nowait}
"""

BATCH = """
-- Returns the lines of the rows that pass the filters in a range of blocks of {table}.
-- One row: the lines, each with its line feed (NULL for none), as bytes of UTF-8, and how many.
-- Reads {table} and, where a column needs it, ingest.files and the table that dates {table}.
SELECT convert_to(string_agg({line}, '')::text, 'UTF8'), count(*)
FROM (
    SELECT {chosen}
    FROM {relation}
    {files}
    WHERE page.ctid >= %(First)s::tid AND page.ctid < %(Behind)s::tid AND {conditions}
) AS "Exported"
"""

LARGEST = """
-- Finds what numbers of {table} need: digits before the point and behind it.
-- One row: an array of the largest value and the largest scale, without zeros at the end, of each column in turn. (The
-- number of columns of a result is limited.)
-- Reads {table}.
SELECT ARRAY[{measures}]::numeric[]
FROM {relation}
WHERE {conditions}
"""

Lines = Literal["ndjson", "csv", "excel", "trimmed"]
"""How a row is written; `excel` is CSV without formulas, `trimmed` CSV without the zeros at the end of decimals."""

NDJSON_LINE = "row_to_json(\"Exported\")::text || E'\\n'"


def begin(table: Table, *, statement_seconds: float, idle_seconds: float, snapshot: str | None = None) -> bytes:
    """The statements that begin an export's transaction; with the name of a snapshot, one that shares it."""
    shared = sql.SQL("SET TRANSACTION SNAPSHOT {};").format(sql.Literal(snapshot))
    return (
        sql.SQL(BEGIN)
        .format(
            snapshot=sql.SQL("") if snapshot is None else shared,
            nowait=sql.SQL("" if snapshot is None else "NOWAIT"),
            table=name_of(table),
            statement_timeout=sql.Literal(round(statement_seconds * 1000)),
            idle_timeout=sql.Literal(round(idle_seconds * 1000)),
        )
        .as_bytes(None)
    )


@lru_cache(1024)
def batch(
    table: Table,
    filters: Sequence[str],
    columns: Sequence[str],
    lines: Lines,
    *,
    as_of: bool = False,
    is_distributed: bool = False,
) -> bytes:
    """The statement of the lines in blocks `First` to `Behind`; `as_of`: of the versions as of the file `AsOf`.

    `is_distributed`: the rows lie on the nodes of a cluster.
    """
    ndjson = _json_line(columns) if is_distributed else sql.SQL(NDJSON_LINE)
    return (
        sql.SQL(BATCH)
        .format(
            line=ndjson if lines == "ndjson" else _csv_line(table, columns, lines),
            chosen=chosen(table, columns),
            table=name_of(table),
            relation=relation(
                table, (*columns, *filters), is_looked_up=True, as_of=AS_OF_FILE if as_of else None, by_key=True
            ),
            files=files(columns),
            conditions=conditions(table, filters),
        )
        .as_bytes(None)
    )


@lru_cache(1024)
def largest(table: Table, filters: Sequence[str], columns: Sequence[str], *, as_of: bool = False) -> bytes:
    """The statement that finds what the numbers of these columns need."""
    measure = sql.SQL("max(abs({column})), max(min_scale({column}))")
    measures = sql.SQL(", ").join([measure.format(column=sql.Identifier("page", column)) for column in columns])
    return (
        sql.SQL(LARGEST)
        .format(
            measures=measures,
            table=name_of(table),
            relation=relation(table, filters, as_of=AS_OF_FILE if as_of else None),
            conditions=conditions(table, filters),
        )
        .as_bytes(None)
    )


def _json_line(columns: Sequence[str]) -> sql.Composable:
    """What `NDJSON_LINE` is, for rows that come from several nodes: these do not say what their columns are called."""
    cell = "{} || coalesce(to_json({})::text, 'null')"
    cells = [
        sql.SQL(cell).format(sql.Literal(f"{json.dumps(name, ensure_ascii=False)}:"), sql.Identifier(name))
        for name in columns
    ]
    return sql.SQL("'{{' || {} || E'}}\n'").format(sql.SQL(" || ',' || ").join(cells))


def _csv_line(table: Table, columns: Sequence[str], lines: Lines) -> sql.Composable:
    cells = [_csv_cell(column, table.columns[column], lines) for column in columns]
    return sql.SQL(" || ',' || ").join(cells) + sql.SQL(" || E'\\n'")


def _csv_cell(column: str, kind: Kind, lines: Lines) -> sql.Composable:
    """Quotes every text; leaves missing values empty, to distinguish them from texts."""
    cell: LiteralString
    match kind:
        case "string" if lines == "excel":
            cell = (
                "'\"' || CASE WHEN {0} ~ E'^[-=+@\\t\\r]' THEN '''' ELSE '' END || replace({0}, '\"', '\"\"') || '\"'"
            )
        case "string" | "object" | "array":
            cell = "'\"' || replace({}::text, '\"', '\"\"') || '\"'"
        case "datetime" | "moment":
            cell = "to_json({}) #>> '{{}}'"  # as in NDJSON
        case "number" if lines == "trimmed":
            cell = "trim_scale({})::text"
        case "date":
            cell = "to_char({}, 'YYYY-MM-DD')"  # a cast to text would follow the DateStyle of the server
        case _:
            cell = "{}::text"
    return sql.SQL("coalesce({}, '')").format(sql.SQL(cell).format(sql.Identifier(column)))
