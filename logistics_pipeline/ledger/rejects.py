"""Rejected records: listed, exported and replayed."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from psycopg import sql
from psycopg.rows import args_row, class_row

from logistics_core.database_contract.reject_kinds import KIND
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.planning import planned_without
from logistics_pipeline.ledger.notifications import NOTIFY
from logistics_pipeline.ledger.reject_kinds import (
    EXAMPLE_BYTES,
    CountedReject,
    Kind,
    count_rejects,
    uncount_rejects,
)


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


@contextmanager
def page_by_page(connection: Connection) -> Iterator[None]:
    """Pages of a file's rejects are read in the order of the index, whatever PostgreSQL believes about their number.

    It may not have counted those of a file just loaded. For what it takes to be few, it reads all that are left and
    sorts them, on every page.
    """
    with connection.transaction(), planned_without(connection, "bitmapscan", "seqscan"):
        yield


def unresolved_numbers(connection: Connection, file_id: int, after: int, records: int, size: int) -> list[int]:
    """Numbers of a file's next unresolved rejects after `after`: at most `records`, of `size` bytes, or one."""
    with page_by_page(connection):
        found = connection.execute(
            "SELECT record_no, sum(octet_length(raw)) OVER (ORDER BY record_no) FROM ("
            "SELECT record_no, raw FROM ingest.rejects WHERE file_id = %s AND record_no > %s AND resolved_at IS NULL "
            "ORDER BY record_no LIMIT %s) AS next_ones ORDER BY record_no",
            (file_id, after, records),
        ).fetchall()
    return [number for index, (number, total) in enumerate(found) if index == 0 or total <= size]


class RawReject(NamedTuple):
    """A record as it was rejected."""

    record_no: int
    raw: bytes


def unresolved_raws(connection: Connection, file_id: int, after: int, records: int, size: int) -> list[RawReject]:
    """A file's next unresolved rejects after the record number `after`: at most `records`, of `size` bytes, or one."""
    numbers = unresolved_numbers(connection, file_id, after, records, size)
    if not numbers:
        return []
    with connection.cursor(row_factory=args_row(RawReject), binary=True) as cursor:
        return cursor.execute(
            "SELECT record_no, raw FROM ingest.rejects "
            "WHERE file_id = %s AND record_no BETWEEN %s AND %s AND resolved_at IS NULL ORDER BY record_no",
            (file_id, numbers[0], numbers[-1]),
        ).fetchall()


def joined_raws(
    connection: Connection, file_id: int, after: int, records: int, size: int, between: bytes
) -> RawReject | None:
    """The same as one text with `between` between them, and the number of the last; None if there are no more."""
    with page_by_page(connection), connection.cursor(row_factory=args_row(RawReject), binary=True) as cursor:
        joined = cursor.execute(
            read_sql("rejects/joined_raws").encode(),
            {"file_id": file_id, "after": after, "records": records, "size": size, "between": between},
        ).fetchone()
    return None if joined is None or joined.record_no is None else joined


def unresolved_reasons(connection: Connection, file_id: int) -> Iterator[bytes | bytearray | memoryview]:
    """Number, position, field and reason of a file's unresolved rejects as rows of CSV, in blocks of whole rows."""
    query = sql.SQL(
        "COPY (SELECT record_no, byte_offset, field, reason FROM ingest.rejects "
        "WHERE file_id = {} AND resolved_at IS NULL ORDER BY record_no) TO STDOUT (FORMAT csv)"
    ).format(sql.Literal(file_id))
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        yield from copy


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
    resolved = connection.execute(
        "UPDATE ingest.rejects AS reject SET resolved_at = clock_timestamp(), mended = accepted.mended "
        "FROM unnest(%s::bigint[], %s::bytea[]) AS accepted (record_no, mended) "
        f"WHERE file_id = %s AND reject.record_no = accepted.record_no RETURNING field, {KIND}, reject.record_no",
        (list(replayed.mended), list(replayed.mended.values()), file_id),
    ).fetchall()
    connection.execute(
        "UPDATE ingest.files SET records_rejected = records_rejected - %(records)s, "
        "records_loaded = records_loaded + %(records_loaded)s, "
        "records_superseded = records_superseded + %(records_superseded)s, "
        "values_cleared = values_cleared + %(values_cleared)s, "
        "unknown_fields = ARRAY(SELECT DISTINCT unnest(unknown_fields || %(unknown_fields)s::text[]) ORDER BY 1) "
        f"WHERE file_id = %(file_id)s {NOTIFY}",
        {**replayed.__dict__, "records": len(replayed.mended), "file_id": file_id},
    )
    uncount_rejects(connection, file_id, [(Kind(field, kind), number) for field, kind, number in resolved])
    connection.execute(
        "INSERT INTO ingest.batches (file_id, records, stale_days, stale_keys, merged) VALUES (%s, %s, %s, %s, true)",
        (file_id, len(replayed.mended), list(replayed.stale_days), list(replayed.stale_keys)),
    )


@dataclass(frozen=True)
class Judged:
    """Why the contract refuses a reject now."""

    record_no: int
    field: str | None
    reason: str
    kind: str | None
    """As `ingest.rejects.kind`: None if the reason alone tells it."""


def update_reasons(connection: Connection, file_id: int, judged: Sequence[Judged]) -> None:
    """Updates why the contract still refuses some rejects."""
    connection.execute("SELECT FROM ingest.files WHERE file_id = %s FOR NO KEY UPDATE", (file_id,))
    changed = connection.execute(
        f"WITH before AS (SELECT record_no, field, {KIND} AS kind FROM ingest.rejects AS reject "
        "WHERE file_id = %(file_id)s AND record_no = ANY(%(numbers)s)) "
        "UPDATE ingest.rejects AS reject SET field = judged.field, reason = judged.reason, kind = judged.kind "
        "FROM before JOIN unnest(%(numbers)s::bigint[], %(fields)s::text[], %(reasons)s::text[], %(kinds)s::text[]) "
        "AS judged (record_no, field, reason, kind) USING (record_no) "
        "WHERE file_id = %(file_id)s AND reject.record_no = before.record_no "
        "AND (reject.field, reject.reason, reject.kind) "
        "IS DISTINCT FROM (judged.field, judged.reason, judged.kind) "
        f"RETURNING reject.record_no, before.field, before.kind, reject.field, {KIND}, "
        f"substring(reject.raw FOR {EXAMPLE_BYTES})",
        {
            "file_id": file_id,
            "numbers": [each.record_no for each in judged],
            "fields": [each.field for each in judged],
            "reasons": [each.reason for each in judged],
            "kinds": [each.kind for each in judged],
        },
    ).fetchall()
    uncount_rejects(connection, file_id, [(Kind(field, kind), number) for number, field, kind, *_ in changed])
    count_rejects(
        connection,
        file_id,
        [CountedReject(Kind(field, kind), number, raw) for number, _, _, field, kind, raw in changed],
    )
