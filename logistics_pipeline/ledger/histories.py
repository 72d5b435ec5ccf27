"""Datasets whose superseded records are kept, and files of which some were not."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql
from psycopg.rows import class_row

from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection


@dataclass(frozen=True)
class LedgerHistory:
    """The history of one dataset: a row of `ingest.histories`."""

    dataset: str
    since_file_id: int
    """From this file on every version is known, also while files have gaps."""
    started_at: datetime
    ended_at: datetime | None
    """Since when superseded records are kept no longer; None while they are."""


def histories(connection: Connection) -> list[LedgerHistory]:
    """Those that there are, ended ones included, by dataset."""
    with connection.cursor(row_factory=class_row(LedgerHistory)) as cursor:
        return cursor.execute(
            "SELECT dataset, since_file_id, started_at, ended_at FROM ingest.histories ORDER BY dataset"
        ).fetchall()


def is_history_kept(connection: Connection, dataset: str) -> bool:
    """Whether the superseded records of a dataset are kept now."""
    query = "SELECT FROM ingest.histories WHERE dataset = %s AND ended_at IS NULL"
    return connection.execute(query, (dataset,)).fetchone() is not None


def begin_history(connection: Connection, dataset: str) -> None:
    """Notes that superseded records are kept from now on, and of which files some are lost already.

    The caller holds a lock that keeps others from writing to the raw table, and has made the table of the records.
    """
    note_gaps = sql.SQL(read_sql("history/note_gaps")).format(history=sql.Identifier("history", dataset))
    connection.execute("DELETE FROM ingest.history_gaps WHERE dataset = %s", (dataset,))
    connection.execute(note_gaps, {"dataset": dataset})
    connection.execute(
        "INSERT INTO ingest.histories (dataset, since_file_id) SELECT %(dataset)s, coalesce(max(file_id), 0) "
        "FROM ingest.files WHERE dataset = %(dataset)s AND records_loaded + records_superseded > 0 "
        "ON CONFLICT (dataset) DO UPDATE SET since_file_id = excluded.since_file_id, "
        "started_at = excluded.started_at, ended_at = NULL",
        {"dataset": dataset},
    )


def end_history(connection: Connection, dataset: str) -> bool:
    """Notes that superseded records are kept no longer; returns whether they were. Those that were kept stay."""
    query = "UPDATE ingest.histories SET ended_at = clock_timestamp() WHERE dataset = %s AND ended_at IS NULL"
    return connection.execute(query, (dataset,)).rowcount > 0


def forget_history(connection: Connection, dataset: str) -> None:
    """Forgets a dataset whose table of superseded records is dropped in this transaction."""
    connection.execute("DELETE FROM ingest.histories WHERE dataset = %s", (dataset,))
    connection.execute("DELETE FROM ingest.history_gaps WHERE dataset = %s", (dataset,))


def files_with_gaps(connection: Connection, dataset: str) -> list[int]:
    """The files of a dataset of which records were superseded while these were not kept."""
    found = connection.execute(
        "SELECT file_id FROM ingest.history_gaps WHERE dataset = %s ORDER BY file_id", (dataset,)
    ).fetchall()
    return [file_id for (file_id,) in found]


def forget_gap(connection: Connection, file_id: int) -> None:
    """Notes that a file has no gap: nothing of it is in the database any more."""
    connection.execute("DELETE FROM ingest.history_gaps WHERE file_id = %s", (file_id,))
