"""Requests of people to load a file again, to unload it or to dismiss it: `ingest.file_requests`.

The API adds them. The pipeline ends each in the transaction that does what it asks for, so that it is served once,
whatever is interrupted.
"""

from collections.abc import Collection
from dataclasses import dataclass

from psycopg.rows import class_row

from logistics_core.database_contract.file_requests import FileAction
from logistics_pipeline.database.connections import Connection


@dataclass(frozen=True)
class FileRequest:
    """A pending request."""

    request_id: int
    action: FileAction
    file_id: int
    outcome: str | None
    """What has been done for it; an unload has work left after its transaction."""


_COLUMNS = "request_id, action, file_id, outcome"


def pending_requests(connection: Connection, actions: Collection[FileAction]) -> list[FileRequest]:
    """Pending requests for these actions, in the order in which they were made."""
    with connection.cursor(row_factory=class_row(FileRequest)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM ingest.file_requests WHERE done_at IS NULL AND action = ANY(%s) "
            "ORDER BY request_id",
            (list(actions),),
        ).fetchall()


def lock_request(connection: Connection, request_id: int) -> bool:
    """Locks a request until the end of the transaction; False if it is served already, or by another session now."""
    return (
        connection.execute(
            "SELECT FROM ingest.file_requests WHERE request_id = %s AND done_at IS NULL FOR UPDATE SKIP LOCKED",
            (request_id,),
        ).rowcount
        == 1
    )


def end_request(
    connection: Connection, request_id: int, *, outcome: str | None = None, error: str | None = None
) -> None:
    """Ends a request with what was done or why it was not. What is recorded as done already stays."""
    connection.execute(
        "UPDATE ingest.file_requests SET done_at = clock_timestamp(), outcome = coalesce(%(outcome)s, outcome), "
        "error = CASE WHEN coalesce(%(outcome)s, outcome) IS NULL THEN %(error)s END "
        "WHERE request_id = %(request_id)s AND done_at IS NULL",
        {"request_id": request_id, "outcome": outcome, "error": error},
    )


def fulfil_unload_requests(connection: Connection, file_id: int) -> None:
    """Records that a file is unloaded, in the transaction that removes its rows: no request unloads it once more."""
    connection.execute(
        "UPDATE ingest.file_requests SET outcome = 'Its rows and rejects are removed.' "
        "WHERE file_id = %s AND action = %s AND done_at IS NULL",
        (file_id, FileAction.UNLOAD),
    )
