"""Row queries, built from `tables` alone: no text of a request becomes part of a statement.

PostgreSQL writes the JSON, so a number has the digits it is stored with. Pages use keyset
pagination, never OFFSET: `(trip_date, log_id) > (…)` is one row comparison, which an index serves.

A dataset may have a field of any name in lower case, so aliases and parameters that could be mistaken for one have a
capital letter.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from psycopg import sql

from logistics_api.as_of.relations import AS_OF_FILE, table_of_records
from logistics_api.row_access.permitted import refuse_as_of
from logistics_api.rows.tables import DAY, OF_FILE, Table
from logistics_core.catalogue import Dataset
from logistics_core.row_days import day_of_row

CAP = 10_000
"""A capped count stops at this number."""

SMALL = 50_000
"""Tables of up to so many rows are counted exactly, which takes some milliseconds."""

_OPERATORS = {"_from": sql.SQL(">="), "_to": sql.SQL("<="), "_prefix": sql.SQL("^@")}

IS_NULL = "isNull"
"""The filter that columns are NULL, and the end of its name for one column: no column has a capital letter or a dot."""

# As text, whatever the style of the session. Months, days and hours stay apart.
ISO_DURATION = """CASE WHEN {0} IS NOT NULL THEN coalesce(nullif(concat(
        'P',
        nullif(extract(year FROM {0}) * 12 + extract(month FROM {0}), 0) || 'M',
        nullif(extract(day FROM {0}), 0) || 'D',
        nullif(concat(
            'T',
            nullif(extract(hour FROM {0}), 0) || 'H',
            nullif(extract(minute FROM {0}), 0) || 'M',
            nullif(trim_scale(extract(second FROM {0})), 0) || 'S'
        ), 'T')
    ), 'P'), 'PT0S') END"""

PAGE = """
-- Returns one page of {table}, counting only the page.
-- One row: the objects separated by commas; how many rows were found, at most one more than the page has; the sort
-- keys of the page's last row; the capped count, if requested.
-- Reads {table} and, where a column needs it, ingest.files and the table that dates {table}.
SELECT
    coalesce(string_agg("Document", ',' ORDER BY "Position") FILTER (WHERE "Position" <= %(limit)s), ''),
    count(*),
    {last_keys},
    {counted}
FROM (
    SELECT page."Position", {page_keys}, (SELECT row_to_json("Row") FROM (SELECT {chosen}) AS "Row")::text AS "Document"
    FROM (
        SELECT row_number() OVER (ORDER BY {order}) AS "Position", *
        FROM (SELECT * FROM {matching} ORDER BY {order} LIMIT %(limit)s + 1) AS first_rows
    ) AS page
    {dating}
    {files}
) AS documents
"""

MATCHING = "(SELECT page.*{added} FROM {relation} WHERE {conditions}) AS matching"

# OFFSET 0 keeps the planner from scanning the index of the sort order until it has found enough matching rows: if few
# match, it would scan the whole index. Instead, it finds the rows in the fastest way and sorts them.
FEW_MATCHING = "(SELECT page.*{added} FROM {relation} WHERE {conditions} OFFSET 0) AS matching"

CAPPED = "(SELECT count(*) FROM (SELECT 1 FROM {relation} WHERE {conditions} LIMIT {most}) AS counted)"

FILES = "LEFT JOIN ingest.files AS file ON file.file_id = page.file_id"

# For filters and sort orders: the planner may begin with either table, such as with the logs of a week.
DATING = 'LEFT JOIN {other} AS "Dating" ON "Dating".{key} = page.{field}'

# For columns alone: OFFSET 0 makes the planner look up each row by its key, instead of reading the whole other table
# for a page, or for each batch of an export.
DATING_LOOKED_UP = """LEFT JOIN LATERAL (
        SELECT * FROM {other} AS "Other" WHERE "Other".{key} = page.{field} OFFSET 0
    ) AS "Dating" ON true"""

ESTIMATE = """
-- Asks the planner how many rows it expects: an estimate that costs no row.
-- One row: its plan as JSON.
-- Reads the statistics of {table}.
EXPLAIN (FORMAT json) SELECT FROM {relation} WHERE {conditions}
"""

ROW = """
-- Returns one row of {table}.
-- One row, or none: the object.
-- Reads {table} and, where a column needs it, ingest.files.
SELECT (SELECT row_to_json("Row") FROM (SELECT {chosen}) AS "Row")::text
FROM {relation} AS page
{dating}
{files}
WHERE {identified}
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
    lacking: bool = False,
    most: int | None = None,
    as_of: bool = False,
    joined: bool = False,
) -> bytes:
    """Builds the statement of a page in a sort order (`-` reverses it).

    `begun`: behind the keys `Key0`, …; `few`: not many rows are expected to pass the filters; `lacking`: of the rows
    that lack what the order sorts by, otherwise of those that have it; `most`: count the rows up to this number;
    `as_of`: of the versions as of the file `AsOf`; `joined`: looks up nothing for the rows of the page alone.
    """
    descending, keys = order.startswith("-"), keys_of(table, order, lacking=lacking)
    file = AS_OF_FILE if as_of else None
    first = table.orders[order.removeprefix("-")][0]
    names = [sql.Identifier(key) for key in keys]
    direction = sql.SQL(" DESC" if descending else "")
    last = '(array_agg({key}) FILTER (WHERE "Position" = %(limit)s))[1]'
    read = (*filters, first, *(columns if joined else ()))
    is_joined = needs_dating(table, read)
    parts = [conditions(table, filters), *_position(table, keys, descending=descending, begun=begun)]
    if table.may_lack(first):
        parts.append(sql.SQL("{} IS {}NULL").format(page_column(table, first), sql.SQL("" if lacking else "NOT ")))
    by_key = not few and set(keys) <= set(table.dataset.key)
    counted = sql.SQL(CAPPED).format(
        relation=relation(table, filters, as_of=file),
        conditions=conditions(table, filters),
        most=sql.Literal((most or 0) + 1),
    )
    return _bytes(
        sql.SQL(PAGE).format(
            table=name_of(table),
            last_keys=_listed([sql.SQL(last).format(key=_as_key(table, key)) for key in keys]),
            page_keys=_listed([sql.Identifier("page", key) for key in keys]),
            order=_listed([name + direction for name in names]),
            matching=sql.SQL(FEW_MATCHING if few else MATCHING).format(
                added=added_columns(table) if is_joined else sql.SQL(""),
                relation=relation(table, read, as_of=file, by_key=by_key),
                conditions=sql.SQL(" AND ").join(parts),
            ),
            counted=counted if most is not None else sql.SQL("NULL"),
            chosen=chosen(table, columns, is_joined=is_joined),
            dating=sql.SQL("") if is_joined else dating(table, columns, is_looked_up=True, as_of=file),
            files=files(columns),
        )
    )


def _as_key(table: Table, column: str) -> sql.Composable:
    """A column as a cursor holds it: Python has no time 24:00:00, and no months in its durations."""
    is_text = table.columns[column] in ("boolean", "time", "duration")
    return sql.SQL("{}::text" if is_text else "{}").format(sql.Identifier(column))


def keys_of(table: Table, order: str, *, lacking: bool = False) -> Sequence[str]:
    """The columns of a sort order; those that lack what it sorts by are sorted by their identity."""
    return table.identity if lacking else table.orders[order.removeprefix("-")]


def _position(table: Table, keys: Sequence[str], *, descending: bool, begun: bool) -> list[sql.Composable]:
    """Rows after `Key0`, … in the order of the keys (before, if descending)."""
    if not begun:
        return []
    operator = sql.SQL("<" if descending else ">")
    values = _listed([sql.Placeholder(f"Key{number}") for number in range(len(keys))])
    columns = _listed([page_column(table, key) for key in keys])
    parts: list[sql.Composable] = [sql.SQL("({}) {} ({})").format(columns, operator, values)]
    if keys[0] in table.added:  # an index does not serve a comparison of columns of two tables
        parts.append(sql.SQL("{} {}= {}").format(page_column(table, keys[0]), operator, sql.Placeholder("Key0")))
    return parts


@lru_cache(1024)
def estimate(table: Table, filters: Sequence[str], *, as_of: bool = False) -> bytes:
    """Builds the statement that estimates how many rows pass the filters."""
    return _bytes(
        sql.SQL(ESTIMATE).format(
            table=name_of(table),
            relation=relation(table, filters, as_of=AS_OF_FILE if as_of else None),
            conditions=conditions(table, filters),
        )
    )


@lru_cache(1024)
def row(table: Table, columns: Sequence[str], *, as_of: bool = False) -> bytes:
    """Builds the statement of the row whose identity is `Key0`, … ."""
    file = AS_OF_FILE if as_of else None
    return _bytes(
        sql.SQL(ROW).format(
            table=name_of(table),
            relation=records_of(table, file, by_key=True),
            chosen=chosen(table, columns),
            dating=dating(table, columns, is_looked_up=True, as_of=file),
            files=files(columns),
            identified=sql.SQL(" AND ").join(
                sql.SQL("page.{} = {}").format(sql.Identifier(column), sql.Placeholder(f"Key{number}"))
                for number, column in enumerate(table.identity)
            ),
        )
    )


def rows_expected(row: tuple[Any, ...] | None) -> int:
    """The number of rows in the answer to `ESTIMATE`."""
    assert row is not None
    return int(row[0][0]["Plan"]["Plan Rows"])


def is_guess(row: tuple[Any, ...] | None) -> bool:
    """Whether that number is always the same, whatever there is: Citus plans without statistics of the nodes."""
    assert row is not None
    return bool(row[0][0]["Plan"].get("Custom Plan Provider") == "Citus Adaptive")


def datasets_read(table: Table, names: Sequence[str]) -> list[Dataset]:
    """The datasets whose records a statement with these columns and filters reads."""
    other = table.dataset.dated_through
    return [table.dataset, other] if other is not None and needs_dating(table, names) else [table.dataset]


def name_of(table: Table) -> sql.Composable:
    """The table's qualified name."""
    return sql.Identifier("raw", table.name)


def records_of(table: Table, as_of: sql.Composable | None, *, by_key: bool = False) -> sql.Composable:
    """The rows of the table that may be seen; `as_of`: as of the file of that number, where all may be."""
    if table.permitted is None:
        return table_of_records(table.dataset, as_of, by_key=by_key)
    refuse_as_of(table.permitted, as_of)
    return table.permitted.records(table.dataset)


def relation(
    table: Table,
    names: Sequence[str],
    *,
    is_looked_up: bool = False,
    as_of: sql.Composable | None = None,
    by_key: bool = False,
) -> sql.Composable:
    """The table as `page`, joined with the table that dates it if one of the filters or columns needs it.

    `as_of`: as of the file of that number; `by_key`: few rows are wanted, in the order of the key.
    """
    return sql.SQL("{} AS page {}").format(
        records_of(table, as_of, by_key=by_key),
        dating(table, names, is_looked_up=is_looked_up, as_of=as_of),
    )


def needs_dating(table: Table, names: Sequence[str]) -> bool:
    """Whether one of the filters or columns is of the record that dates a row."""
    return any(column_of(table, name) in table.added for name in names)


def dating(
    table: Table, names: Sequence[str], *, is_looked_up: bool = False, as_of: sql.Composable | None = None
) -> sql.Composable:
    """Joins the table that dates `page`, as `Dating`, if one of the filters or columns needs it.

    What dates a row belongs to it: it is shown even where the dating record itself may not be seen. `is_looked_up`: for
    each row found, instead of in whatever way the planner expects to be the fastest.
    """
    other, dated_by = table.dataset.dated_through, table.dataset.dating
    if other is None or dated_by is None or not needs_dating(table, names):
        return sql.SQL("")
    return sql.SQL(DATING_LOOKED_UP if is_looked_up else DATING).format(
        other=table_of_records(other, as_of, by_key=is_looked_up),
        key=sql.Identifier(*other.key),
        field=sql.Identifier(dated_by.field),
    )


def conditions(table: Table, filters: Sequence[str]) -> sql.Composable:
    """Builds the WHERE condition on the relations `page` and `Dating`."""
    parts = [condition(table, name) for name in filters]
    return sql.SQL(" AND ").join(parts) if parts else sql.SQL("true")


def condition(table: Table, name: str) -> sql.Composable:
    """Builds the condition of a filter: `cost_from` means at least that cost, `cost` exactly that cost."""
    column = column_of(table, name)
    if is_null_filter(name):
        return sql.SQL("{} IS NULL").format(page_column(table, column))
    operator = sql.SQL("=") if column == name else _OPERATORS[name.removeprefix(column)]
    return sql.SQL(" ").join((page_column(table, column), operator, sql.Placeholder(name)))


def column_of(table: Table, name: str) -> str:
    """The column that a filter tests; a column is its own."""
    if is_null_filter(name):
        return name.removesuffix(f".{IS_NULL}")
    return name if name in table.columns else name.rpartition("_")[0]


def is_null_filter(name: str) -> bool:
    """Whether a filter asks for rows without a value."""
    return name.endswith(f".{IS_NULL}")


def page_column(table: Table, name: str) -> sql.Composable:
    """A column of the relations `page` and `Dating`."""
    return column_of_row(table, name, row="page", dating="Dating")


def column_of_row(table: Table, name: str, *, row: str, dating: str) -> sql.Composable:
    """A column of the row with an alias, or of the one that dates it with another."""
    if name in table.added:
        other = table.dataset.dated_through
        day = day_of_row(other, dating) if name == DAY and other is not None else None
        return day or sql.Identifier(dating, table.added[name].source)
    return sql.Identifier(row, name)


def added_columns(table: Table) -> sql.Composable:
    """The columns that the dating record adds, for a SELECT list that begins with those of the table."""
    columns = [sql.SQL(", {} AS {}").format(page_column(table, name), sql.Identifier(name)) for name in table.added]
    return sql.SQL("").join(columns)


def chosen(table: Table, columns: Sequence[str], *, is_joined: bool = False) -> sql.Composable:
    """The columns of a row, of the relations `page`, `Dating` and `file`; `is_joined`: `page` has those of `Dating`."""
    return _listed([_chosen(table, column, is_joined) for column in columns])


def _chosen(table: Table, column: str, is_joined: bool) -> sql.Composable:
    if column in OF_FILE:
        source: sql.Composable = sql.Identifier("file", OF_FILE[column])
    elif table.columns[column] == "duration":
        source = sql.SQL(ISO_DURATION).format(sql.Identifier("page", column))
    elif column in table.added and not is_joined:
        source = page_column(table, column)
    else:
        return sql.Identifier("page", column)
    return sql.SQL("{} AS {}").format(source, sql.Identifier(column))


def files(columns: Sequence[str]) -> sql.SQL:
    """Joins the ledger of files if a column needs it."""
    return sql.SQL(FILES if OF_FILE.keys() & set(columns) else "")


def _listed(parts: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def _bytes(statement: sql.Composable) -> bytes:
    return statement.as_bytes(None)
