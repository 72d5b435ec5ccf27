"""Rejected records: listed, exported and replayed."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.ledger.notifications import NOTIFY


@dataclass(frozen=True)
class RejectReason:
    """Rejects of one file with the same field and kind of reason."""

    field: str | None
    reason: str
    count: int
    first_record: int
    example: str


def reject_summary(connection: Connection, file_id: int, limit: int = 20) -> list[RejectReason]:
    """Why records of a file were rejected, most common reason first, regardless of the value found."""
    with connection.cursor(row_factory=class_row(RejectReason)) as cursor:
        return cursor.execute(
            "SELECT field, split_part(reason, ', found ', 1) AS reason, count(*) AS count, "
            "min(record_no) AS first_record, "
            "(array_agg(left(encode(raw, 'escape'), 200) ORDER BY record_no))[1] AS example "
            "FROM ingest.rejects WHERE file_id = %s AND resolved_at IS NULL GROUP BY 1, 2 ORDER BY 3 DESC, 4 LIMIT %s",
            (file_id, limit),
        ).fetchall()


@dataclass(frozen=True)
class RejectedRecord:
    """A row of `ingest.rejects` with its file's path and version."""

    path: str
    version: int
    record_no: int
    byte_offset: int | None
    field: str | None
    reason: str
    raw: bytes
    resolved_at: datetime | None


def rejects(
    connection: Connection, *, file_id: int | None = None, path: str | None = None, resolved_too: bool = False
) -> Iterator[RejectedRecord]:
    """Yields rejected records in file and record order, of one file version or path if given. Constant memory."""
    with (
        connection.transaction(),
        connection.cursor("rejects", row_factory=class_row(RejectedRecord)) as cursor,
    ):
        cursor.itersize = 500
        cursor.execute(
            "SELECT path, version, record_no, byte_offset, field, reason, raw, resolved_at "
            "FROM ingest.rejects JOIN ingest.files USING (file_id) "
            "WHERE (%(file_id)s::integer IS NULL OR file_id = %(file_id)s) "
            "AND (%(path)s::text IS NULL OR path = %(path)s) AND (%(resolved_too)s OR resolved_at IS NULL) "
            "ORDER BY file_id, record_no",
            {"file_id": file_id, "path": path, "resolved_too": resolved_too},
            binary=True,
        )
        yield from cursor


def unresolved_numbers(connection: Connection, file_id: int, after: int, records: int, size: int) -> list[int]:
    """Numbers of a file's next unresolved rejects after `after`: at most `records`, of `size` bytes, or one."""
    found = connection.execute(
        "SELECT record_no, sum(octet_length(raw)) OVER (ORDER BY record_no) FROM ("
        "SELECT record_no, raw FROM ingest.rejects WHERE file_id = %s AND record_no > %s AND resolved_at IS NULL "
        "ORDER BY record_no LIMIT %s) AS next_ones ORDER BY record_no",
        (file_id, after, records),
    ).fetchall()
    return [number for index, (number, total) in enumerate(found) if index == 0 or total <= size]


@dataclass(frozen=True)
class LockedReject:
    """A reject that no other session can resolve during this transaction."""

    record_no: int
    raw: bytes
    is_resolved: bool


def lock_rejects(connection: Connection, file_id: int, record_numbers: Collection[int]) -> list[LockedReject]:
    """Locks those of the given rejects that exist and returns whether each was already resolved."""
    with connection.cursor(row_factory=class_row(LockedReject)) as cursor:
        return cursor.execute(
            "SELECT record_no, raw, resolved_at IS NOT NULL AS is_resolved FROM ingest.rejects "
            "WHERE file_id = %s AND record_no = ANY(%s) ORDER BY record_no FOR UPDATE",
            (file_id, list(record_numbers)),
        ).fetchall()


@dataclass(frozen=True)
class Replayed:
    """What one batch of a replay changes in the status of the file that the rejects are from."""

    records_loaded: int
    records_superseded: int
    values_cleared: int
    mended: dict[int, bytes | None]
    """The accepted rejects by number: the corrected record, or None if the raw text was accepted."""
    unknown_fields: list[str]
    stale_days: Sequence[date]
    stale_keys: Sequence[str]


def resolve_rejects(connection: Connection, file_id: int, replayed: Replayed) -> None:
    """Marks rejects as accepted, updates their file's status and registers stale days, in the batch's transaction."""
    connection.execute(
        "UPDATE ingest.rejects SET resolved_at = clock_timestamp(), mended = accepted.mended "
        "FROM unnest(%s::bigint[], %s::bytea[]) AS accepted (record_no, mended) "
        "WHERE file_id = %s AND rejects.record_no = accepted.record_no",
        (list(replayed.mended), list(replayed.mended.values()), file_id),
    )
    connection.execute(
        "UPDATE ingest.files SET records_rejected = records_rejected - %(records)s, "
        "records_loaded = records_loaded + %(records_loaded)s, "
        "records_superseded = records_superseded + %(records_superseded)s, "
        "values_cleared = values_cleared + %(values_cleared)s, "
        "unknown_fields = ARRAY(SELECT DISTINCT unnest(unknown_fields || %(unknown_fields)s::text[]) ORDER BY 1) "
        f"WHERE file_id = %(file_id)s {NOTIFY}",
        {**replayed.__dict__, "records": len(replayed.mended), "file_id": file_id},
    )
    connection.execute(
        "INSERT INTO ingest.batches (file_id, records, stale_days, stale_keys, merged) VALUES (%s, %s, %s, %s, true)",
        (file_id, len(replayed.mended), list(replayed.stale_days), list(replayed.stale_keys)),
    )


def update_reasons(connection: Connection, file_id: int, reasons: dict[int, tuple[str | None, str]]) -> None:
    """Updates why the contract still refuses some rejects: (field, reason) by record number."""
    connection.execute(
        "UPDATE ingest.rejects SET field = judged.field, reason = judged.reason "
        "FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS judged (record_no, field, reason) "
        "WHERE file_id = %s AND rejects.record_no = judged.record_no",
        (
            list(reasons),
            [field for field, _ in reasons.values()],
            [reason for _, reason in reasons.values()],
            file_id,
        ),
    )
