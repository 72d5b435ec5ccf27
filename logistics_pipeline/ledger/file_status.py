"""A file's account: from the first attempt at it over its batches to its end, and back to nothing."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.ledger.files import LedgerFile, file_by_id
from logistics_pipeline.ledger.notifications import NOTIFY


def begin(connection: Connection, file_id: int, run_id: str | None) -> LedgerFile:
    """Notes that a load begins or resumes, before anything of it is written: an attempt that dies counts too.

    Retries within one Dagster run are one attempt: they are for passing troubles, not for files that kill their loader.
    """
    connection.execute(
        "UPDATE ingest.files SET state = 'loading', run_id = %(run_id)s, error = NULL, warning = NULL, "
        "attempts = attempts + (state <> 'loading' OR run_id IS DISTINCT FROM %(run_id)s OR run_id IS NULL)::integer, "
        "started_at = coalesce(started_at, clock_timestamp()), finished_at = NULL, retry_requested_at = NULL, "
        "is_missing = false "
        f"WHERE file_id = %(file_id)s {NOTIFY}",
        {"run_id": run_id, "file_id": file_id},
    )
    return file_by_id(connection, file_id)


@dataclass(frozen=True)
class Progress:
    """What one batch adds to its file's account."""

    records_before: int
    records_read: int
    records_loaded: int
    records_superseded: int
    records_rejected: int
    bytes_read: int
    """Offset behind the batch, not a difference."""
    unknown_fields: list[str]
    seconds: float
    layout: dict[str, Any] | None = None
    """As `loading.layouts.layout_to_json` makes it: every file with rejects has one, so they can be read again."""


def advance(connection: Connection, file_id: int, progress: Progress) -> bool:
    """Moves a file's account on by one batch, in the batch's transaction. An attempt that got so far is none in vain.

    Returns False, having changed nothing, if the account does not stand where the batch begins: somebody else moved it.
    """
    return (
        connection.execute(
            "UPDATE ingest.files SET records_read = records_read + %(records_read)s, "
            "records_loaded = records_loaded + %(records_loaded)s, "
            "records_superseded = records_superseded + %(records_superseded)s, "
            "records_rejected = records_rejected + %(records_rejected)s, attempts = 0, "
            "bytes_read = %(bytes_read)s, seconds = seconds + %(seconds)s, layout = coalesce(layout, %(layout)s), "
            "unknown_fields = ARRAY(SELECT DISTINCT unnest(unknown_fields || %(unknown_fields)s::text[]) ORDER BY 1) "
            f"WHERE file_id = %(file_id)s AND state = 'loading' AND records_read = %(records_before)s {NOTIFY}",
            {**progress.__dict__, "layout": _json(progress.layout), "file_id": file_id},
        ).rowcount
        == 1
    )


def _json(document: dict[str, Any] | None) -> Jsonb | None:
    return None if document is None else Jsonb(document)


def supersede(connection: Connection, file_id: int, rows: int) -> None:
    """Moves rows of a file from loaded to superseded: their keys now belong to another record."""
    connection.execute(
        "UPDATE ingest.files SET records_loaded = records_loaded - %(rows)s, "
        "records_superseded = records_superseded + %(rows)s WHERE file_id = %(file_id)s",
        {"rows": rows, "file_id": file_id},
    )


def finish(connection: Connection, file_id: int, *, content_hash: str | None, file_format: str, seconds: float) -> None:
    """Closes the account of a file that was read to its end."""
    connection.execute(
        "UPDATE ingest.files SET state = 'loaded', content_hash = %s, format = %s, attempts = 0, error = NULL, "
        f"seconds = seconds + %s, finished_at = clock_timestamp() WHERE file_id = %s {NOTIFY}",
        (content_hash, file_format, seconds, file_id),
    )


def fail(
    connection: Connection,
    file_id: int,
    error: str,
    *,
    file_format: str | None = None,
    seconds: float = 0,
    run_id: str | None = None,
    is_missing: bool = False,
) -> None:
    """Closes the account of a file that is itself at fault, or whose run was ended; what was loaded of it stays.

    `run_id` names that run where the file's load had not begun. One that `is_missing` is loaded when it is there again;
    that is an attempt as well, as there are machines that do not see what the sensor's sees.
    """
    connection.execute(
        "UPDATE ingest.files SET state = 'failed', error = %(error)s, format = coalesce(%(format)s, format), "
        "attempts = CASE WHEN %(is_missing)s THEN attempts + 1 ELSE 0 END, seconds = seconds + %(seconds)s, "
        "run_id = coalesce(%(run_id)s, run_id), is_missing = %(is_missing)s, finished_at = clock_timestamp() "
        f"WHERE file_id = %(file_id)s {NOTIFY}",
        {
            "error": error,
            "format": file_format,
            "is_missing": is_missing,
            "seconds": seconds,
            "run_id": run_id,
            "file_id": file_id,
        },
    )


def warn(connection: Connection, file_id: int, warning: str) -> None:
    """Notes trouble beside the load, such as an export that could not be written."""
    connection.execute("UPDATE ingest.files SET warning = %s WHERE file_id = %s", (warning, file_id))


def clear(connection: Connection, file_id: int, state: str) -> None:
    """Sets the account of a file back to nothing read, in the transaction that takes out its rows and rejects."""
    connection.execute(
        "UPDATE ingest.files SET state = %s, records_read = 0, records_loaded = 0, records_superseded = 0, "
        "records_rejected = 0, bytes_read = 0, unknown_fields = '{}', layout = NULL, error = NULL, warning = NULL, "
        "attempts = 0, seconds = 0, run_id = NULL, started_at = NULL, finished_at = clock_timestamp(), "
        f"is_reload_due = false, retry_requested_at = NULL, is_missing = false WHERE file_id = %s {NOTIFY}",
        (state, file_id),
    )


def mark_older_for_reload(connection: Connection, file: LedgerFile) -> None:
    """Notes that files registered before this one may have rows to bring back, as its own are taken out."""
    connection.execute(
        "UPDATE ingest.files SET is_reload_due = true "
        "WHERE dataset = %s AND file_id < %s AND records_superseded > 0 AND NOT is_reload_due",
        (file.dataset, file.file_id),
    )


def request_retry(connection: Connection, file_id: int) -> bool:
    """Asks the file sensor for a load; returns False where the file's state has changed so that there is none to do."""
    return (
        connection.execute(
            "UPDATE ingest.files SET retry_requested_at = clock_timestamp() WHERE file_id = %s "
            f"AND (state IN ('failed', 'unloaded') OR (state = 'loaded' AND is_reload_due)) {NOTIFY}",
            (file_id,),
        ).rowcount
        == 1
    )


def withdraw_retry(connection: Connection, file_id: int) -> None:
    """Takes back that somebody asked for a load."""
    connection.execute(f"UPDATE ingest.files SET retry_requested_at = NULL WHERE file_id = %s {NOTIFY}", (file_id,))


def count_reports(connection: Connection, file_ids: Collection[int]) -> None:
    """Counts that a run was asked to report loaded files, as the one before died when they were loaded but unreported.

    These are attempts as well, so that nobody asks for ever.
    """
    connection.execute(
        "UPDATE ingest.files SET attempts = attempts + 1 WHERE file_id = ANY(%s) AND state = 'loaded'",
        (list(file_ids),),
    )
