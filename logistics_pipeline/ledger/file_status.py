"""A file's status: from the first load attempt through its batches to its end, and back to empty."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from logistics_core.database_contract.file_states import DISMISSIBLE_STATES, RETRYABLE_STATES, FileState, sql_list
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.ledger.column_counts import forget_column_counts
from logistics_pipeline.ledger.file_profiles import remove_profile
from logistics_pipeline.ledger.file_requests import fulfil_unload_requests
from logistics_pipeline.ledger.files import LedgerFile, change_file
from logistics_pipeline.ledger.histories import forget_gap
from logistics_pipeline.ledger.key_conflicts import forget_key_conflicts
from logistics_pipeline.ledger.notifications import NOTIFY

MAX_NOTES = 50
"""Notes kept per file: one with thousands of unusual columns must not fill the ledger."""

_NOTES = (
    "notes = ARRAY(SELECT note FROM unnest(notes || %(notes)s::text[]) WITH ORDINALITY AS each (note, place) "
    f"GROUP BY note ORDER BY min(place) LIMIT {MAX_NOTES})"
)
"""Appends notes that the file does not have yet."""

_DURABLY = "AND set_config('synchronous_commit', 'on', true) IS NOT NULL"
"""Ends a condition: true, and the transaction of the statement waits for the disk when it commits."""


def begin(connection: Connection, file_id: int, run_id: str | None) -> LedgerFile:
    """Records that a load starts or resumes, before it writes anything: an attempt that crashes counts too.

    Retries within one Dagster run are one attempt: they deal with transient errors, not with files that
    crash their loader. What the file was held for before is forgotten.
    """
    return change_file(
        connection,
        "WITH forgotten AS (DELETE FROM ingest.key_conflicts WHERE file_id = %(file_id)s AND is_held) "
        f"UPDATE ingest.files SET state = '{FileState.LOADING}', run_id = %(run_id)s, error = NULL, warning = NULL, "
        "content_hash = NULL, notes = CASE WHEN records_read = 0 THEN '{}' ELSE notes END, "
        f"attempts = attempts + (state <> '{FileState.LOADING}' OR run_id IS DISTINCT FROM %(run_id)s "
        "OR run_id IS NULL)::integer, "
        "started_at = coalesce(started_at, clock_timestamp()), finished_at = NULL, retry_requested_at = NULL, "
        "is_missing = false, dismissed_at = NULL WHERE file_id = %(file_id)s",
        {"run_id": run_id, "file_id": file_id},
    )


@dataclass(frozen=True)
class Progress:
    """What one batch adds to its file's status."""

    records_before: int
    records_read: int
    records_loaded: int
    records_superseded: int
    records_rejected: int
    bytes_read: int
    """Offset after the batch, not a difference."""
    unknown_fields: list[str]
    seconds: float
    notes: Sequence[str] = ()
    """What was understood about the file that is not plain, one sentence each."""
    values_cleared: int = 0
    """Invalid values of optional fields in the loaded records that were stored as NULL."""
    layout: dict[str, Any] | None = None
    """As `loading.layouts.layout_to_json` makes it: every file with rejects has one, so they can be read again. Its
    member `values` is as `FileFormats.to_json` makes it, from the batch on in which it was needed."""


def advance(connection: Connection, file_id: int, progress: Progress) -> bool:
    """Advances a file's status by one batch, in the batch's transaction. An attempt that got this far made progress.

    Returns False and changes nothing if the status is not where the batch starts: another loader has advanced it.
    """
    return (
        connection.execute(
            "UPDATE ingest.files SET records_read = records_read + %(records_read)s, "
            "records_loaded = records_loaded + %(records_loaded)s, "
            "records_superseded = records_superseded + %(records_superseded)s, "
            "records_rejected = records_rejected + %(records_rejected)s, "
            "values_cleared = values_cleared + %(values_cleared)s, attempts = 0, "
            "bytes_read = %(bytes_read)s, seconds = seconds + %(seconds)s, "
            "layout = coalesce(layout || %(layout)s, layout, %(layout)s), "
            "unknown_fields = ARRAY(SELECT DISTINCT unnest(unknown_fields || %(unknown_fields)s::text[]) ORDER BY 1), "
            f"{_NOTES} "
            f"WHERE file_id = %(file_id)s AND state = '{FileState.LOADING}' "
            f"AND records_read = %(records_before)s {NOTIFY}",
            {
                **progress.__dict__,
                "notes": list(progress.notes),
                "layout": _json(progress.layout),
                "file_id": file_id,
            },
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


def bring_back(connection: Connection, file_id: int, rows: int) -> None:
    """Moves records of a file from superseded to loaded: the file that had superseded them is removed."""
    connection.execute(
        "UPDATE ingest.files SET records_loaded = records_loaded + %(rows)s, "
        f"records_superseded = records_superseded - %(rows)s WHERE file_id = %(file_id)s {NOTIFY}",
        {"rows": rows, "file_id": file_id},
    )


def finish(
    connection: Connection,
    file_id: int,
    *,
    content_hash: str | None,
    file_format: str,
    seconds: float,
    notes: Sequence[str] = (),
    durably: bool = False,
) -> LedgerFile:
    """Marks a file that was read to its end as loaded. `durably`: waits for the disk, as a session may not."""
    return change_file(
        connection,
        f"UPDATE ingest.files SET state = '{FileState.LOADED}', content_hash = %(content_hash)s, format = %(format)s, "
        "attempts = 0, error = NULL, seconds = seconds + %(seconds)s, finished_at = clock_timestamp(), "
        f"{_NOTES} WHERE file_id = %(file_id)s {_DURABLY if durably else ''}",
        {
            "content_hash": content_hash,
            "format": file_format,
            "seconds": seconds,
            "notes": list(notes),
            "file_id": file_id,
        },
    )


def fail(
    connection: Connection,
    file_id: int,
    error: str,
    *,
    content_hash: str | None = None,
    file_format: str | None = None,
    seconds: float = 0,
    notes: Sequence[str] = (),
    run_id: str | None = None,
    is_missing: bool = False,
    durably: bool = False,
) -> LedgerFile:
    """Marks a file as failed: it is at fault itself, or its run was ended. What was loaded of it stays.

    `content_hash` is given if it was read to its end all the same, as for `finish_replayed`.
    `run_id` names that run if the file's load had not begun. A file that `is_missing` is loaded when it is back; this
    counts as an attempt as well, because a machine may not see the files that the sensor's machine sees. `durably`:
    waits for the disk, as a session may not.
    """
    return change_file(
        connection,
        f"UPDATE ingest.files SET state = '{FileState.FAILED}', error = %(error)s, "
        "format = coalesce(%(format)s, format), content_hash = coalesce(%(content_hash)s, content_hash), "
        "attempts = CASE WHEN %(is_missing)s THEN attempts + 1 ELSE 0 END, seconds = seconds + %(seconds)s, "
        "run_id = coalesce(%(run_id)s, run_id), is_missing = %(is_missing)s, finished_at = clock_timestamp(), "
        f"{_NOTES} WHERE file_id = %(file_id)s {_DURABLY if durably else ''}",
        {
            "error": error,
            "content_hash": content_hash,
            "format": file_format,
            "is_missing": is_missing,
            "seconds": seconds,
            "notes": list(notes),
            "run_id": run_id,
            "file_id": file_id,
        },
    )


def finish_replayed(connection: Connection, file_id: int) -> bool:
    """Marks a failed file as loaded that was read to its end, as a replay left it few enough rejects.

    Returns False and changes nothing if it stopped before its end (then it has no hash), or did not fail.
    """
    return (
        connection.execute(
            f"UPDATE ingest.files SET state = '{FileState.LOADED}', attempts = 0, error = NULL, "
            "finished_at = clock_timestamp(), retry_requested_at = NULL, dismissed_at = NULL, is_missing = false "
            f"WHERE file_id = %s AND state = '{FileState.FAILED}' AND content_hash IS NOT NULL {NOTIFY}",
            (file_id,),
        ).rowcount
        == 1
    )


def warn(connection: Connection, file_id: int, warning: str) -> None:
    """Records a problem apart from the load, such as an export that could not be written."""
    connection.execute("UPDATE ingest.files SET warning = %s WHERE file_id = %s", (warning, file_id))


def clear(connection: Connection, file_id: int, state: FileState) -> None:
    """Resets the status of a file to nothing read, in the transaction that removes its rows and rejects."""
    connection.execute(
        "UPDATE ingest.files SET state = %s, records_read = 0, records_loaded = 0, records_superseded = 0, "
        "records_rejected = 0, values_cleared = 0, shortened_ids = '{}', bytes_read = 0, unknown_fields = '{}', "
        "notes = '{}', layout = NULL, error = NULL, "
        "warning = NULL, attempts = 0, seconds = 0, run_id = NULL, started_at = NULL, finished_at = clock_timestamp(), "
        f"is_reload_due = false, retry_requested_at = NULL, is_missing = false, "
        f"dismissed_at = NULL WHERE file_id = %s {NOTIFY}",
        (state, file_id),
    )
    forget_column_counts(connection, file_id)
    remove_profile(connection, file_id)
    forget_key_conflicts(connection, file_id)
    forget_gap(connection, file_id)
    if state is FileState.UNLOADED:
        fulfil_unload_requests(connection, file_id)


def dismiss(connection: Connection, file_id: int) -> bool:
    """Dismisses a failed or unrecognised file that has no rows: nobody has to act on it any more.

    Returns False and changes nothing if the file is in another state, has rows, or was dismissed before. A load of the
    file ends the dismissal.
    """
    return (
        connection.execute(
            "UPDATE ingest.files SET dismissed_at = clock_timestamp(), retry_requested_at = NULL "
            f"WHERE file_id = %s AND state IN {sql_list(DISMISSIBLE_STATES)} AND dismissed_at IS NULL "
            f"AND records_loaded = 0 {NOTIFY}",
            (file_id,),
        ).rowcount
        == 1
    )


def dismiss_deleted(connection: Connection, file_ids: Collection[int]) -> None:
    """Dismisses failed or unrecognised files that are no longer in the raw folder, until they return."""
    connection.execute(
        "UPDATE ingest.files SET dismissed_at = clock_timestamp(), retry_requested_at = NULL, "
        f"is_missing = true WHERE file_id = ANY(%s) AND state IN {sql_list(DISMISSIBLE_STATES)} "
        f"AND dismissed_at IS NULL {NOTIFY}",
        (list(file_ids),),
    )


def end_dismissal(connection: Connection, file_ids: Collection[int]) -> None:
    """Ends the dismissal of unrecognised files that have returned; failed ones are loaded, which ends it as well."""
    connection.execute(
        f"UPDATE ingest.files SET dismissed_at = NULL, is_missing = false WHERE file_id = ANY(%s) {NOTIFY}",
        (list(file_ids),),
    )


def mark_older_for_reload(connection: Connection, file: LedgerFile) -> None:
    """Marks files registered before this one that may have rows to bring back, as this file's rows are removed.

    Where superseded records are kept, those are the files that have gaps: records of all others are back already.
    """
    connection.execute(
        "UPDATE ingest.files SET is_reload_due = true "
        "WHERE dataset = %(dataset)s AND file_id < %(file_id)s AND records_superseded > 0 AND NOT is_reload_due "
        "AND (NOT EXISTS (SELECT FROM ingest.histories WHERE dataset = %(dataset)s AND ended_at IS NULL) "
        "OR EXISTS (SELECT FROM ingest.history_gaps AS gap WHERE gap.file_id = files.file_id))",
        {"dataset": file.dataset, "file_id": file.file_id},
    )


def request_retry(connection: Connection, file_id: int) -> bool:
    """Requests a load from the file sensor; returns False if its state has changed and there is nothing to load."""
    return (
        connection.execute(
            "UPDATE ingest.files SET retry_requested_at = clock_timestamp() WHERE file_id = %s "
            f"AND (state IN {sql_list(RETRYABLE_STATES)} OR (state = '{FileState.LOADED}' AND is_reload_due)) {NOTIFY}",
            (file_id,),
        ).rowcount
        == 1
    )


def withdraw_retry(connection: Connection, file_id: int) -> None:
    """Withdraws the request for a load."""
    connection.execute(f"UPDATE ingest.files SET retry_requested_at = NULL WHERE file_id = %s {NOTIFY}", (file_id,))


def count_reports(connection: Connection, file_ids: Collection[int]) -> None:
    """Counts that a run was requested to report loaded files: the run before it died after loading, before reporting.

    These are attempts as well, so the number of requests is limited.
    """
    connection.execute(
        f"UPDATE ingest.files SET attempts = attempts + 1 WHERE file_id = ANY(%s) AND state = '{FileState.LOADED}'",
        (list(file_ids),),
    )
