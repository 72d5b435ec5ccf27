"""All versions of the records of a dataset in SQL, and those that were the newest as of a file.

The raw table has the newest version of each key, the table of superseded records all earlier ones. Versions have an
order, which no load changes: that of their files' registration, then that of the records in a file. As of a file, the
newest one of a key is the last that does not come after the file. Nothing here depends on when anything was loaded.
"""

from collections.abc import Sequence

from psycopg import sql

from logistics_core.catalogue import Dataset, FieldType
from logistics_core.catalogue.model import SOURCE_COLUMNS

FROM_FILE, UNTIL_FILE = "from()", "until()"
"""The columns of `with_ranges`: a version is the newest one as of these files, the last excluded. No field has such a
name."""

SUCCESSOR = "superseded()"
"""The column of superseded records with a file that has a later record of the key. No field has such a name.

It need not be the next one, which `with_ranges` finds. But as of this file and later ones the row does not count.
"""

_AS_OF = """(
    SELECT {columns} FROM {table} WHERE file_id <= {file}
    UNION ALL
    SELECT *
    FROM (
        SELECT DISTINCT ON ({key}) {columns}
        FROM {history}
        WHERE file_id <= {file} AND {successor} > {file}
        ORDER BY {order}
    ) AS older
    WHERE NOT EXISTS (
        SELECT FROM {table} AS newest WHERE ({newest_key}) = ({older_key}) AND newest.file_id <= {file}
    )
)"""

_AS_OF_BY_KEY = """(
    SELECT newest.ctid, {chosen}
    FROM {table} AS newest
    LEFT JOIN LATERAL (
        SELECT *
        FROM {history} AS each
        WHERE ({each_key}) = ({newest_key}) AND each.file_id <= {file}
        ORDER BY each.file_id DESC, each.record_no DESC
        LIMIT 1
    ) AS older ON newest.file_id > {file}
    WHERE newest.file_id <= {file} OR older.file_id IS NOT NULL
)"""

_WITHOUT_KEY = "(SELECT ctid, {columns} FROM {table} WHERE file_id <= {file})"

_ALL = """(
    SELECT {columns} FROM {table} {table_condition}
    UNION ALL
    SELECT {columns} FROM {history} {history_condition}
)"""

_WITH_RANGES = """(
    SELECT
        *,
        file_id AS {from_file},
        coalesce(lead(file_id) OVER (PARTITION BY {key} ORDER BY file_id, record_no), {end}) AS {until_file}
    FROM {versions} AS versions
)"""

END = 2**31 - 1
"""Behind every file."""


def columns_of(dataset: Dataset) -> tuple[str, ...]:
    """The columns that the relations here have: those of records, and where each came from."""
    return (*dataset.stored_columns, *SOURCE_COLUMNS)


def as_of(dataset: Dataset, file: sql.Composable) -> sql.Composable:
    """The rows that the raw table of a dataset had if only the files up to one were registered, as a subquery.

    `file` is the number of that file. Reads all rows in the best way. Of superseded records only those are looked at
    of which no later record is known to have been there, so nearly all of them count; of a key with several, the last.
    """
    if not dataset.key:
        return _without_key(dataset, file)
    return sql.SQL(_AS_OF).format(
        **_names(dataset),
        file=file,
        successor=sql.Identifier(SUCCESSOR),
        key=_list(dataset.key),
        newest_key=_list(dataset.key, "newest"),
        older_key=_list(dataset.key, "older"),
        # The order of the index, backwards: nothing has to be sorted.
        order=sql.SQL(", ").join(
            sql.SQL("{} DESC").format(sql.Identifier(name)) for name in (*dataset.key, *SOURCE_COLUMNS)
        ),
    )


def as_of_by_key(dataset: Dataset, file: sql.Composable) -> sql.Composable:
    """The same, where few rows are wanted: some in the order of the key, or those of some blocks of the raw table.

    Each key has the position (`ctid`) of its row in the raw table.
    """
    if not dataset.key:
        return _without_key(dataset, file)
    either = "CASE WHEN newest.file_id <= {0} THEN newest.{1} ELSE older.{1} END AS {1}"
    chosen = [
        sql.SQL("newest.{}").format(sql.Identifier(name))
        if name in dataset.key and dataset.field(name).type is FieldType.STRING  # other equal values may be two texts
        else sql.SQL(either).format(file, sql.Identifier(name))
        for name in columns_of(dataset)
    ]
    return sql.SQL(_AS_OF_BY_KEY).format(
        **_names(dataset),
        file=file,
        chosen=sql.SQL(", ").join(chosen),
        each_key=_list(dataset.key, "each"),
        newest_key=_list(dataset.key, "newest"),
    )


def all_versions(
    dataset: Dataset, condition: sql.Composable | None = None, *, has_history: bool = True
) -> sql.Composable:
    """Every version of every record, as a subquery; `condition` selects some by columns without a qualifier.

    `has_history`: whether there is a table of superseded records.
    """
    where = sql.SQL("") if condition is None else sql.SQL("WHERE {}").format(condition)
    if not dataset.key or not has_history:
        names = {name: part for name, part in _names(dataset).items() if name != "history"}
        return sql.SQL("(SELECT {columns} FROM {table} {where})").format(**names, where=where)
    return sql.SQL(_ALL).format(**_names(dataset), table_condition=where, history_condition=where)


def with_ranges(dataset: Dataset, condition: sql.Composable | None = None) -> sql.Composable:
    """Every version with the files as of which it is the newest one, as a subquery."""
    return sql.SQL(_WITH_RANGES).format(
        versions=all_versions(dataset, condition),
        from_file=sql.Identifier(FROM_FILE),
        until_file=sql.Identifier(UNTIL_FILE),
        key=_list(dataset.identity),
        end=sql.Literal(END),
    )


def _without_key(dataset: Dataset, file: sql.Composable) -> sql.Composable:
    """Nothing is ever superseded: the raw table has everything."""
    return sql.SQL(_WITHOUT_KEY).format(
        columns=_list(columns_of(dataset)), table=sql.Identifier("raw", dataset.name), file=file
    )


def _names(dataset: Dataset) -> dict[str, sql.Composable]:
    return {
        "table": sql.Identifier("raw", dataset.name),
        "history": sql.Identifier("history", dataset.name),
        "columns": _list(columns_of(dataset)),
    }


def _list(columns: Sequence[str], table: str | None = None) -> sql.Composed:
    qualified = [sql.Identifier(column) if table is None else sql.Identifier(table, column) for column in columns]
    return sql.SQL(", ").join(qualified)
