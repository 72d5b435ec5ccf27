"""The ledger: which files there are, how far each is loaded, what was rejected. Reads and writes `ingest.*` only.

The order of registration (`file_id`) decides which file wins a key, so files are registered when they are first seen,
in a fixed order, however and whenever they are loaded later.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from logistics_pipeline.database import Connection
from logistics_pipeline.discovery import FoundFile

STATES = ("registered", "loading", "loaded", "failed", "unrecognised", "unloaded")
"""What a file can be; the table accepts no others."""


@dataclass(frozen=True)
class LedgerFile:
    """One registered version of a file: a row of `ingest.files`."""

    file_id: int
    dataset: str | None
    path: str
    version: int
    size_bytes: int
    modified_ns: int
    content_hash: str | None
    format: str | None
    state: str
    records_read: int
    records_loaded: int
    records_superseded: int
    records_rejected: int
    bytes_read: int
    unknown_fields: list[str]
    error: str | None
    warning: str | None
    attempts: int
    seconds: float
    run_id: str | None
    layout: dict[str, Any] | None = None
    """What it takes to read a rejected record by itself, see `loading.rereading`."""
    is_reload_due: bool = False
    """Rows of a later file were taken out that may have had this one's keys: its next load begins anew."""
    retry_requested_at: datetime | None = None
    """When somebody asked for a load that has not begun yet."""

    @property
    def fingerprint(self) -> tuple[int, int]:
        return self.size_bytes, self.modified_ns

    @property
    def is_balanced(self) -> bool:
        """Whether every record read is accounted for; the table refuses anything else."""
        return self.records_read == self.records_loaded + self.records_superseded + self.records_rejected


_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, LedgerFile.__dataclass_fields__))
_SELECT = sql.SQL("SELECT {} FROM ingest.files ").format(_COLUMNS)


def _fetch(connection: Connection, where: str, parameters: dict[str, Any]) -> list[LedgerFile]:
    with connection.cursor(row_factory=class_row(LedgerFile)) as cursor:
        return cursor.execute(_SELECT + sql.SQL(where), parameters).fetchall()


def latest_files(connection: Connection) -> dict[str, LedgerFile]:
    """The newest version of every file, by path."""
    newest = "WHERE (path, version) IN (SELECT path, max(version) FROM ingest.files GROUP BY path) ORDER BY file_id"
    return {file.path: file for file in _fetch(connection, newest, {})}


def latest_file(connection: Connection, path: str) -> LedgerFile | None:
    """The newest version of one file, or None if it was never registered."""
    found = _fetch(connection, "WHERE path = %(path)s ORDER BY version DESC LIMIT 1", {"path": path})
    return found[0] if found else None


def file_version(connection: Connection, path: str, version: int) -> LedgerFile | None:
    """One version of one file, or None if it was never registered."""
    found = _fetch(connection, "WHERE path = %(path)s AND version = %(version)s", {"path": path, "version": version})
    return found[0] if found else None


def file_by_id(connection: Connection, file_id: int) -> LedgerFile:
    return _fetch(connection, "WHERE file_id = %(file_id)s", {"file_id": file_id})[0]


def files_in_order(connection: Connection, *, state: str | None = None) -> list[LedgerFile]:
    """Every version of every file in the order of registration, or those in one state."""
    return _fetch(connection, "WHERE %(state)s::text IS NULL OR state = %(state)s ORDER BY file_id", {"state": state})


def in_registration_order(files: Iterable[FoundFile]) -> list[FoundFile]:
    """The order in which files found together are registered: the one changed last wins, then the name decides."""
    return sorted(files, key=lambda file: (file.modified_ns, file.key))


def register(connection: Connection, found: FoundFile, *, content_hash: str | None = None) -> LedgerFile:
    """Registers a file and returns its entry; the existing one if this content is registered already.

    A change of size or time makes a new version. With `content_hash`, a file that was only touched keeps its entry.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (found.key,))
        known = latest_file(connection, found.key)
        if known is not None and known.dataset == found.dataset:
            if known.fingerprint == found.fingerprint:
                return known
            if content_hash is not None and known.content_hash == content_hash:
                return _touch(connection, known, found)
        inserted = _insert(connection, found, version=known.version + 1 if known else 1)
        _close_older_versions(connection, inserted)
        return inserted


def _insert(connection: Connection, found: FoundFile, version: int) -> LedgerFile:
    recognised = found.dataset is not None
    row = connection.execute(
        "INSERT INTO ingest.files (dataset, path, version, size_bytes, modified_ns, state, error) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING file_id",
        (
            found.dataset,
            found.key,
            version,
            found.size_bytes,
            found.modified_ns,
            "registered" if recognised else "unrecognised",
            None if recognised else _UNRECOGNISED,
        ),
    ).fetchone()
    assert row is not None
    return file_by_id(connection, row[0])


def _close_older_versions(connection: Connection, newest: LedgerFile) -> None:
    """Nobody can load a version any more whose content is gone; a loader at work on one moves on to the newest."""
    connection.execute(
        "UPDATE ingest.files SET state = 'failed', error = %s, finished_at = clock_timestamp() "
        "WHERE path = %s AND version < %s AND state IN ('registered', 'loading')",
        (
            f"The file changed before this version was loaded to its end; its new content is version {newest.version}.",
            newest.path,
            newest.version,
        ),
    )


_UNRECOGNISED = (
    "Its path names no dataset, so nothing was loaded. Put it into a folder, or give it a name, that begins with "
    "vehicles, vehicle_logs or shipments."
)


def _touch(connection: Connection, known: LedgerFile, found: FoundFile) -> LedgerFile:
    connection.execute(
        "UPDATE ingest.files SET modified_ns = %s WHERE file_id = %s", (found.modified_ns, known.file_id)
    )
    return file_by_id(connection, known.file_id)


def begin(connection: Connection, file_id: int, run_id: str | None) -> LedgerFile:
    """Notes that a load begins or resumes, before anything of it is written: an attempt that dies counts too.

    Retries within one Dagster run are one attempt: they are for passing troubles, not for files that kill their loader.
    """
    connection.execute(
        "UPDATE ingest.files SET state = 'loading', run_id = %(run_id)s, error = NULL, warning = NULL, "
        "attempts = attempts + (state <> 'loading' OR run_id IS DISTINCT FROM %(run_id)s OR run_id IS NULL)::integer, "
        "started_at = coalesce(started_at, clock_timestamp()), finished_at = NULL, retry_requested_at = NULL "
        "WHERE file_id = %(file_id)s",
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
    """As `loading.rereading.remember` makes it: so whatever file has rejects, how to read them is known."""


def advance(connection: Connection, file_id: int, progress: Progress) -> bool:
    """Moves a file's account on by one batch, in the batch's transaction.

    Returns False, having changed nothing, if the account does not stand where the batch begins: somebody else moved it.
    """
    return (
        connection.execute(
            "UPDATE ingest.files SET records_read = records_read + %(records_read)s, "
            "records_loaded = records_loaded + %(records_loaded)s, "
            "records_superseded = records_superseded + %(records_superseded)s, "
            "records_rejected = records_rejected + %(records_rejected)s, "
            "bytes_read = %(bytes_read)s, seconds = seconds + %(seconds)s, layout = coalesce(layout, %(layout)s), "
            "unknown_fields = ARRAY(SELECT DISTINCT unnest(unknown_fields || %(unknown_fields)s::text[]) ORDER BY 1) "
            "WHERE file_id = %(file_id)s AND state = 'loading' AND records_read = %(records_before)s",
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
        "seconds = seconds + %s, finished_at = clock_timestamp() WHERE file_id = %s",
        (content_hash, file_format, seconds, file_id),
    )


def fail(
    connection: Connection, file_id: int, error: str, *, file_format: str | None = None, seconds: float = 0
) -> None:
    """Closes the account of a file that is itself at fault; what was loaded of it stays."""
    connection.execute(
        "UPDATE ingest.files SET state = 'failed', error = %s, format = coalesce(%s, format), attempts = 0, "
        "seconds = seconds + %s, finished_at = clock_timestamp() WHERE file_id = %s",
        (error, file_format, seconds, file_id),
    )


def warn(connection: Connection, file_id: int, warning: str) -> None:
    """Notes trouble beside the load, such as an export that could not be written."""
    connection.execute("UPDATE ingest.files SET warning = %s WHERE file_id = %s", (warning, file_id))


@dataclass(frozen=True)
class Staleness:
    """How far the analytics are behind what is loaded."""

    is_stale: bool
    waited_seconds: float
    """How long the oldest batch that they do not contain has waited."""
    is_loading: bool
    """A file is being loaded, with or without Dagster."""


def staleness(connection: Connection) -> Staleness:
    """Compares what is committed with what the last refresh took in."""
    with connection.cursor(row_factory=class_row(Staleness)) as cursor:
        found = cursor.execute(
            "SELECT count(*) > 0 OR (SELECT full_refresh_due FROM analytics.status) AS is_stale, "
            "coalesce(extract(epoch FROM clock_timestamp() - min(committed_at)), 0)::double precision "
            "AS waited_seconds, "
            "EXISTS (SELECT FROM ingest.files WHERE state = 'loading') AS is_loading "
            "FROM ingest.batches WHERE refreshed_as IS NULL"
        ).fetchone()
    assert found is not None
    return found


@dataclass(frozen=True)
class RejectReason:
    """Rejects of one file with the same field and kind of reason."""

    field: str | None
    reason: str
    count: int
    first_record: int
    example: str


def reject_summary(connection: Connection, file_id: int, limit: int = 20) -> list[RejectReason]:
    """Why records of a file were rejected, commonest first. Reasons that differ in the value found are one."""
    with connection.cursor(row_factory=class_row(RejectReason)) as cursor:
        return cursor.execute(
            "SELECT field, split_part(reason, ', found ', 1) AS reason, count(*) AS count, "
            "min(record_no) AS first_record, "
            "(array_agg(left(encode(raw, 'escape'), 200) ORDER BY record_no))[1] AS example "
            "FROM ingest.rejects WHERE file_id = %s AND resolved_at IS NULL GROUP BY 1, 2 ORDER BY 3 DESC, 4 LIMIT %s",
            (file_id, limit),
        ).fetchall()


def row_count(connection: Connection, dataset: str) -> int:
    """Rows in the raw table of a dataset: what its files have loaded, which the balance keeps true. Counts no rows."""
    row = connection.execute(
        "SELECT coalesce(sum(records_loaded), 0)::bigint FROM ingest.files WHERE dataset = %s", (dataset,)
    ).fetchone()
    assert row is not None
    return int(row[0])


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


def files_with_rejects(
    connection: Connection, *, path: str | None = None, dataset: str | None = None
) -> list[LedgerFile]:
    """Every version of a file, or of all of a dataset's or of all, that has rejects, resolved ones too."""
    return _fetch(
        connection,
        "WHERE (%(path)s::text IS NULL OR path = %(path)s) AND (%(dataset)s::text IS NULL OR dataset = %(dataset)s) "
        "AND EXISTS (SELECT FROM ingest.rejects WHERE rejects.file_id = files.file_id) ORDER BY file_id",
        {"path": path, "dataset": dataset},
    )


# -- rejects that are replayed -------------------------------------------------------------------------------------


def unresolved_numbers(connection: Connection, file_id: int, after: int, records: int, size: int) -> list[int]:
    """Record numbers of a file's next unresolved rejects behind `after`: at most so many, or so many bytes, or one."""
    found = connection.execute(
        "SELECT record_no, sum(octet_length(raw)) OVER (ORDER BY record_no) FROM ("
        "SELECT record_no, raw FROM ingest.rejects WHERE file_id = %s AND record_no > %s AND resolved_at IS NULL "
        "ORDER BY record_no LIMIT %s) AS next_ones ORDER BY record_no",
        (file_id, after, records),
    ).fetchall()
    return [number for index, (number, total) in enumerate(found) if index == 0 or total <= size]


@dataclass(frozen=True)
class LockedReject:
    """A reject that nobody else can resolve while this transaction lasts."""

    record_no: int
    raw: bytes
    is_resolved: bool


def lock_rejects(connection: Connection, file_id: int, record_numbers: Collection[int]) -> list[LockedReject]:
    """Locks those of the given rejects that exist, and tells which of them were resolved before."""
    with connection.cursor(row_factory=class_row(LockedReject)) as cursor:
        return cursor.execute(
            "SELECT record_no, raw, resolved_at IS NOT NULL AS is_resolved FROM ingest.rejects "
            "WHERE file_id = %s AND record_no = ANY(%s) ORDER BY record_no FOR UPDATE",
            (file_id, list(record_numbers)),
        ).fetchall()


@dataclass(frozen=True)
class Replayed:
    """What one batch of a replay changes in the account of the file whose rejects they were."""

    records_loaded: int
    records_superseded: int
    mended: dict[int, bytes | None]
    """The accepted rejects by number: what went in instead of the raw text, None where that itself did."""
    unknown_fields: list[str]
    stale_days: Sequence[date]
    stale_logs: Sequence[str]


def resolve_rejects(connection: Connection, file_id: int, replayed: Replayed) -> None:
    """Marks rejects as accepted, moves their file's account and lets the refresh know, in the batch's transaction."""
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
        "unknown_fields = ARRAY(SELECT DISTINCT unnest(unknown_fields || %(unknown_fields)s::text[]) ORDER BY 1) "
        "WHERE file_id = %(file_id)s",
        {**replayed.__dict__, "records": len(replayed.mended), "file_id": file_id},
    )
    connection.execute(
        "INSERT INTO ingest.batches (file_id, records, stale_days, stale_logs, merged) VALUES (%s, %s, %s, %s, true)",
        (file_id, len(replayed.mended), list(replayed.stale_days), list(replayed.stale_logs)),
    )


def update_reasons(connection: Connection, file_id: int, reasons: dict[int, tuple[str | None, str]]) -> None:
    """Says anew, as (field, reason) by record number, why rejects are still none the contract accepts."""
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


# -- files that are taken out again --------------------------------------------------------------------------------


def newest_loaded_version(connection: Connection, path: str) -> LedgerFile | None:
    """The newest version of a file that was loaded, be it in part, or be it unloaded since; None if none ever was."""
    found = _fetch(
        connection,
        "WHERE path = %(path)s AND (state IN ('loaded', 'unloaded') OR records_read > 0) ORDER BY version DESC LIMIT 1",
        {"path": path},
    )
    return found[0] if found else None


@dataclass(frozen=True)
class RejectsTakenOut:
    """What became of the rejects of a file that was taken out."""

    rejects: int
    mends: int
    """Of these had been mended by hand: the next load of the file puts them back."""


def take_out_rejects(connection: Connection, file_id: int) -> RejectsTakenOut:
    """Deletes the rejects of a file; remembers how those were mended that were."""
    row = connection.execute(
        "WITH gone AS (DELETE FROM ingest.rejects WHERE file_id = %(file_id)s RETURNING record_no, raw, mended), "
        "kept AS (INSERT INTO ingest.mends SELECT %(file_id)s, record_no, raw, mended FROM gone "
        "WHERE mended IS NOT NULL ON CONFLICT (file_id, record_no) DO UPDATE SET mended = excluded.mended RETURNING 1) "
        "SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM kept)",
        {"file_id": file_id},
    ).fetchone()
    assert row is not None
    return RejectsTakenOut(*row)


def clear(connection: Connection, file_id: int, state: str) -> None:
    """Sets the account of a file back to nothing read, in the transaction that takes out its rows and rejects."""
    connection.execute(
        "UPDATE ingest.files SET state = %s, records_read = 0, records_loaded = 0, records_superseded = 0, "
        "records_rejected = 0, bytes_read = 0, unknown_fields = '{}', layout = NULL, error = NULL, warning = NULL, "
        "attempts = 0, seconds = 0, run_id = NULL, started_at = NULL, finished_at = clock_timestamp(), "
        "is_reload_due = false, retry_requested_at = NULL WHERE file_id = %s",
        (state, file_id),
    )


def mark_older_for_reload(connection: Connection, file: LedgerFile) -> None:
    """Notes that files registered before this one may have rows to bring back, as its own are taken out."""
    connection.execute(
        "UPDATE ingest.files SET is_reload_due = true "
        "WHERE dataset = %s AND file_id < %s AND records_superseded > 0 AND NOT is_reload_due",
        (file.dataset, file.file_id),
    )


def older_files_to_reload(connection: Connection, file: LedgerFile) -> list[LedgerFile]:
    """Files registered before this one that may have rows to bring back, in the order of registration."""
    return _fetch(
        connection,
        "WHERE dataset = %(dataset)s AND file_id < %(file_id)s AND is_reload_due ORDER BY file_id",
        {"dataset": file.dataset, "file_id": file.file_id},
    )


@dataclass(frozen=True)
class Mend:
    """How a person had mended a reject of a file that was taken out since."""

    record_no: int
    raw: bytes
    mended: bytes


def mends_to_put_back(connection: Connection, file_id: int, after: int, records: int, size: int) -> list[Mend]:
    """The next mends behind `after` of rejects that are there again, unresolved: at most so many, or so many bytes."""
    with connection.cursor(row_factory=class_row(Mend)) as cursor:
        return cursor.execute(
            "SELECT record_no, raw, mended FROM (SELECT mends.record_no, mends.raw, mends.mended, "
            "sum(octet_length(mends.raw) + octet_length(mends.mended)) OVER (ORDER BY mends.record_no) "
            "- octet_length(mends.raw) - octet_length(mends.mended) AS size_before "
            "FROM ingest.mends JOIN ingest.rejects USING (file_id, record_no) WHERE file_id = %s AND record_no > %s "
            "AND rejects.raw = mends.raw AND resolved_at IS NULL ORDER BY record_no LIMIT %s) AS next_ones "
            "WHERE size_before < %s ORDER BY record_no",
            (file_id, after, records, size),
        ).fetchall()


def forget_mends(connection: Connection, file_id: int) -> None:
    """Deletes the mends of a file that are in place again: the rejects that they resolved remember them."""
    connection.execute(
        "DELETE FROM ingest.mends USING ingest.rejects WHERE mends.file_id = %s AND rejects.file_id = mends.file_id "
        "AND rejects.record_no = mends.record_no AND rejects.resolved_at IS NOT NULL",
        (file_id,),
    )


# -- loads that are asked for --------------------------------------------------------------------------------------


def request_retry(connection: Connection, file_id: int) -> bool:
    """Asks the file sensor for a load; returns False where the file's state has changed so that there is none to do."""
    return (
        connection.execute(
            "UPDATE ingest.files SET retry_requested_at = clock_timestamp() WHERE file_id = %s "
            "AND (state IN ('failed', 'unloaded') OR (state = 'loaded' AND is_reload_due))",
            (file_id,),
        ).rowcount
        == 1
    )
