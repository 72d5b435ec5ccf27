"""Counts of cells by file and column, in the transactions that write, overwrite, replay or remove the rows.

Every function is called after its transaction has updated, and so locked, the rows of the files concerned in
`ingest.files`: no two count at once, and none waits for another here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from psycopg import sql

from logistics_core.catalogue import Dataset
from logistics_core.quality import Failure, failure_of
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection


def count_cells(
    connection: Connection,
    file_id: int,
    columns: Sequence[str],
    filled: Mapping[int, Sequence[int]],
    cleared: Mapping[tuple[str, str], int],
) -> None:
    """Adds what this transaction has written to `file_id` and taken from other files.

    `filled` holds the cells with a value that each file has gained, or lost where negative, in the order of `columns`;
    `cleared` by field and reason the number of values that `file_id` is stored without.
    """
    counts = Counter[tuple[str, Failure]]()
    for (field, reason), number in cleared.items():
        counts[field, failure_of(field, reason)] += number
    changes = {
        (changed_id, column): (number, 0, 0)
        for changed_id, numbers in filled.items()
        for column, number in zip(columns, numbers, strict=True)
        if number
    }
    for field in {field for field, _ in counts}:
        number = changes.get((file_id, field), (0, 0, 0))[0]
        out_of_bounds = counts[field, Failure.OUT_OF_BOUNDS]
        changes[file_id, field] = (number, counts[field, Failure.INVALID], out_of_bounds)
    if not changes:
        return
    rows = [(*place, *numbers) for place, numbers in sorted(changes.items())]
    connection.execute(
        "INSERT INTO ingest.column_counts AS counted (file_id, field, filled, cleared, cleared_out_of_bounds) "
        "SELECT * FROM unnest(%s::integer[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[]) "
        "ON CONFLICT (file_id, field) DO UPDATE SET filled = counted.filled + excluded.filled, "
        "cleared = counted.cleared + excluded.cleared, "
        "cleared_out_of_bounds = counted.cleared_out_of_bounds + excluded.cleared_out_of_bounds",
        [list(column) for column in zip(*rows, strict=True)],
    )


def count_columns_again(connection: Connection, dataset: Dataset, *, only_uncounted: bool = False) -> None:
    """Replaces the counts of a dataset's files by those of the rows and the cleared values that are there.

    With `only_uncounted` nothing happens unless a file has rows and no counts: it was loaded by an older version.
    Loads of the dataset wait meanwhile.
    """
    table = sql.Identifier("raw", dataset.name)
    with connection.transaction():
        if only_uncounted and not _has_uncounted_files(connection, dataset):
            return
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(table))
        connection.execute(
            "DELETE FROM ingest.column_counts USING ingest.files "
            "WHERE files.file_id = column_counts.file_id AND files.dataset = %s",
            (dataset.name,),
        )
        for file_id, filled in _filled_cells(connection, dataset):
            count_cells(connection, file_id, dataset.columns, {file_id: filled}, {})
        for file_id, field, reason, number in _cleared_values(connection, dataset):
            count_cells(connection, file_id, (), {}, {(field, reason): number})


def _has_uncounted_files(connection: Connection, dataset: Dataset) -> bool:
    found = connection.execute(
        "SELECT FROM ingest.files WHERE dataset = %s AND records_loaded > 0 "
        "AND NOT EXISTS (SELECT FROM ingest.column_counts WHERE column_counts.file_id = files.file_id) LIMIT 1",
        (dataset.name,),
    )
    return found.fetchone() is not None


def _filled_cells(connection: Connection, dataset: Dataset) -> list[tuple[int, list[int]]]:
    """By file, the cells with a value, in the order of the columns: reads the whole table."""
    counts = sql.SQL(", ").join(sql.SQL("count({})").format(sql.Identifier(column)) for column in dataset.columns)
    query = sql.SQL(read_sql("loading/filled_cells")).format(table=sql.Identifier("raw", dataset.name), counts=counts)
    return connection.execute(query).fetchall()


def _cleared_values(connection: Connection, dataset: Dataset) -> list[tuple[int, str, str, int]]:
    """By file, field and reason up to the value found, the number of cleared values."""
    return connection.execute(
        "SELECT file_id, field, split_part(reason, ', found ', 1), count(*) FROM ingest.cleared_values "
        "JOIN ingest.files USING (file_id) WHERE dataset = %s GROUP BY 1, 2, 3",
        (dataset.name,),
    ).fetchall()


def forget_column_counts(connection: Connection, file_id: int) -> None:
    """Deletes the counts of a file whose rows this transaction has deleted."""
    connection.execute("DELETE FROM ingest.column_counts WHERE file_id = %s", (file_id,))
    connection.execute("DELETE FROM ingest.reference_counts WHERE file_id = %s", (file_id,))
