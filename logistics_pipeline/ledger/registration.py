"""Registers files in the ledger: each version of each once, in the order that decides which one wins a key."""

from logistics_core.database_contract.file_states import UNFINISHED_STATES, FileState, sql_list
from logistics_core.database_contract.locks import registration_lock_key
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.files.folder import LONGEST_KEY, NESTED_MARK, FoundFile, nested_key
from logistics_pipeline.ledger.files import LedgerFile, change_file, file_by_id, latest_file
from logistics_pipeline.ledger.notifications import NOTIFY


def register(connection: Connection, found: FoundFile, *, content_hash: str | None = None) -> LedgerFile:
    """Registers a file and returns its entry; the existing one if this content is registered already.

    A change of size or time makes a new version. With `content_hash`, a file that was only touched keeps its entry.
    """
    with connection.transaction():
        connection.execute(f"SELECT pg_advisory_xact_lock({registration_lock_key('%s')})", (found.key,))
        known = latest_file(connection, found.key)
        if known is not None and known.dataset == found.dataset:
            if known.fingerprint == found.fingerprint:
                return known
            if content_hash is not None and known.content_hash == content_hash:
                return _touch(connection, known, found)
        inserted = _insert(connection, found, version=known.version + 1 if known else 1)
        if known is not None:
            _close_older_versions(connection, inserted)
        return inserted


def recognise(connection: Connection, file_id: int, dataset: str) -> bool:
    """Registers an unrecognised file for a dataset that has got a contract; False if it is unrecognised no longer."""
    return (
        connection.execute(
            f"UPDATE ingest.files SET dataset = %s, state = '{FileState.REGISTERED}', error = NULL "
            f"WHERE file_id = %s AND state = '{FileState.UNRECOGNISED}' AND dismissed_at IS NULL {NOTIFY}",
            (dataset, file_id),
        ).rowcount
        == 1
    )


def register_nested(connection: Connection, around: str, dataset: str) -> None:
    """Registers the files of a dataset once more, for one whose records are within theirs, in the order of the files.

    Files that are registered for it already keep their place. Files from outside the raw folder are left to whoever
    loads them.
    """
    connection.execute(
        "INSERT INTO ingest.files (dataset, path, size_bytes, modified_ns, place, etag, version_id) "
        "SELECT %(dataset)s, path || %(suffix)s, size_bytes, modified_ns, place, etag, version_id "
        "FROM ingest.files AS file "
        "WHERE dataset = %(around)s AND strpos(path, %(mark)s) = 0 AND NOT starts_with(path, '/') "
        "AND dismissed_at IS NULL AND NOT EXISTS "
        "(SELECT FROM ingest.files AS newer WHERE newer.path = file.path AND newer.version > file.version) "
        "AND NOT EXISTS (SELECT FROM ingest.files AS known WHERE known.path = file.path || %(suffix)s) "
        f"ORDER BY file_id {NOTIFY}",
        {"dataset": dataset, "around": around, "suffix": nested_key("", dataset), "mark": NESTED_MARK},
    )


def note_new_content(connection: Connection, file: LedgerFile, found: FoundFile) -> None:
    """Takes other content of a file for the same version, which keeps its place among the files.

    The caller holds the file's lock, has removed the rows of the old content, and puts the new one in place.
    """
    connection.execute(f"SELECT pg_advisory_xact_lock({registration_lock_key('%s')})", (file.path,))
    connection.execute(
        "UPDATE ingest.files SET size_bytes = %s, modified_ns = %s, content_hash = NULL WHERE file_id = %s",
        (found.size_bytes, found.modified_ns, file.file_id),
    )


def explain_unrecognised(connection: Connection, file_id: int, error: str) -> None:
    """Says more about why a file belongs to no dataset, and what to do."""
    connection.execute(
        f"UPDATE ingest.files SET error = %s WHERE file_id = %s AND state = '{FileState.UNRECOGNISED}' {NOTIFY}",
        (error, file_id),
    )


def unrecognised_files(connection: Connection, *, unexplained: bool = False) -> list[tuple[int, str]]:
    """The number and path of each file that belongs to no dataset, in its newest version, in order of registration.

    `unexplained`: only those that nobody has proposed a contract for, or tried to.
    """
    return connection.execute(
        "SELECT file_id, path FROM ingest.files AS file "
        f"WHERE state = '{FileState.UNRECOGNISED}' AND dismissed_at IS NULL "
        "AND (NOT %(unexplained)s OR error = ANY(%(errors)s)) AND NOT EXISTS "
        "(SELECT FROM ingest.files AS newer WHERE newer.path = file.path AND newer.version > file.version) "
        "ORDER BY file_id",
        {"unexplained": unexplained, "errors": [_UNRECOGNISED, _UNRECOGNISED_BEFORE]},
    ).fetchall()


def _insert(connection: Connection, found: FoundFile, version: int) -> LedgerFile:
    recognised = found.dataset is not None
    return change_file(
        connection,
        "INSERT INTO ingest.files "
        "(dataset, path, version, size_bytes, modified_ns, state, error, place, etag, version_id) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            found.dataset,
            found.key,
            version,
            found.size_bytes,
            found.modified_ns,
            FileState.REGISTERED if recognised else FileState.UNRECOGNISED,
            None if recognised else _TOO_LONG if found.is_too_long else _UNRECOGNISED,
            found.place or None,
            found.etag,
            found.version_id,
        ),
    )


def _close_older_versions(connection: Connection, newest: LedgerFile) -> None:
    """Marks versions whose content has been replaced as failed; a loader that is reading one goes on to the newest."""
    connection.execute(
        f"UPDATE ingest.files SET state = '{FileState.FAILED}', error = %s, finished_at = clock_timestamp() "
        f"WHERE path = %s AND version < %s AND state IN {sql_list(UNFINISHED_STATES)} {NOTIFY}",
        (
            f"The file changed before this version was loaded to its end; its new content is version {newest.version}.",
            newest.path,
            newest.version,
        ),
    )


_UNRECOGNISED = (
    "Its path names no dataset, so nothing was loaded yet. If it holds records of a new kind, a contract is proposed "
    "for it while `logistics up` or `logistics contracts watch` runs, or by `logistics contracts propose FILE "
    "--store`. If they are of a dataset that there is, load it as such (`logistics load FILE --dataset NAME`), or give "
    "the file or its folder the name of the dataset (shipments2024.json, shipments/june.csv)."
)
_UNRECOGNISED_BEFORE = (
    "Its path names no dataset, so nothing was loaded. Put it into a folder, or give it a name, that begins with the "
    "name of a dataset, such as shipments, followed by nothing or by anything but a letter (shipments2024.json, "
    "shipments_june.csv, shipments (1).csv); /api/datasets lists them."
)
"""What earlier versions have written, before contracts were proposed."""
_TOO_LONG = (
    f"Its path is longer than {LONGEST_KEY:,} bytes, so nothing was loaded. Give it and its folders shorter names, "
    "or put it into fewer folders."
)


def _touch(connection: Connection, known: LedgerFile, found: FoundFile) -> LedgerFile:
    connection.execute(
        "UPDATE ingest.files SET modified_ns = %s, etag = %s, version_id = %s WHERE file_id = %s",
        (found.modified_ns, found.etag, found.version_id, known.file_id),
    )
    return file_by_id(connection, known.file_id)
