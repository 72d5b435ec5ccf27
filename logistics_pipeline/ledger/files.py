"""Files in the ledger: what an entry holds, and how to find entries. Changes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from logistics_core.database_contract.file_states import ONCE_LOADED_STATES, FileState, sql_list
from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.files.folder import FoundFile, path_within, split_key
from logistics_pipeline.ledger.notifications import NOTIFY


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
    state: FileState
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
    notes: list[str] = field(default_factory=list)
    """What was understood about the file that is not plain, one sentence each."""
    values_cleared: int = 0
    """Invalid values of optional fields that were stored as NULL."""
    layout: dict[str, Any] | None = None
    """What is needed to read a rejected record by itself, see `loading.layouts.layout_from_json`."""
    is_reload_due: bool = False
    """A later file that may have superseded rows of this one was unloaded: the next load of this one starts over."""
    retry_requested_at: datetime | None = None
    """When a load was requested that has not begun yet."""
    dismissed_at: datetime | None = None
    """Since when the failed or unrecognised file is nothing to act on."""
    is_missing: bool = False
    """It did not exist any more when it was due to be loaded."""
    registered_at: datetime | None = None
    started_at: datetime | None = None
    """When its first load began."""
    place: str | None = None
    """How the keys of all files of its place begin; None for a file on disk."""
    etag: str | None = None
    version_id: str | None = None
    shortened_ids: dict[str, list[Any]] = field(default_factory=dict)
    """By field: how many ids a spreadsheet has shortened, and one of them."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", FileState(self.state))  # a row of the table has the text

    @property
    def fingerprint(self) -> tuple[int, int | str]:
        return self.size_bytes, self.modified_ns if self.etag is None else self.etag

    @property
    def place_path(self) -> str:
        """Its path within its place: what tells its dataset."""
        return path_within(self.path, self.place or "")

    @property
    def rejected_share(self) -> float:
        """The rejected share of the records read, from 0 to 1."""
        return self.records_rejected / self.records_read if self.records_read else 0.0

    def has_warning(self, threshold: RejectThreshold) -> bool:
        """Whether it is loaded, but with more rejects than `threshold` or a noted problem."""
        return self.state is FileState.LOADED and (
            self.warning is not None
            or (self.records_rejected > 0 and threshold.is_crossed(self.records_read, self.records_rejected))
        )

    @property
    def is_balanced(self) -> bool:
        """Whether every record read is accounted for; the table refuses anything else."""
        return self.records_read == self.records_loaded + self.records_superseded + self.records_rejected


COLUMNS = ", ".join(LedgerFile.__dataclass_fields__)
"""Of `ingest.files`, in the order of the members of `LedgerFile`."""


def fetch_files(connection: Connection, where: str, parameters: dict[str, Any]) -> list[LedgerFile]:
    """The files that a `WHERE` clause, with `ORDER BY` if wanted, selects."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM ingest.files {where}".encode(), parameters).fetchall()
    return [LedgerFile(*row) for row in rows]


def change_file(connection: Connection, change: str, parameters: Mapping[str, Any] | Sequence[Any]) -> LedgerFile:
    """Runs a statement that inserts or changes one file; announces the change, and returns the file as it is then."""
    row = connection.execute(f"{change} {NOTIFY}, {COLUMNS}".encode(), parameters).fetchone()
    assert row is not None
    return LedgerFile(*row[1:])


def latest_files(connection: Connection) -> dict[str, LedgerFile]:
    """The newest version of every file, by path."""
    newest = "WHERE (path, version) IN (SELECT path, max(version) FROM ingest.files GROUP BY path) ORDER BY file_id"
    return {file.path: file for file in fetch_files(connection, newest, {})}


def latest_file(connection: Connection, path: str) -> LedgerFile | None:
    """The newest version of one file, or None if it was never registered."""
    found = fetch_files(connection, "WHERE path = %(path)s ORDER BY version DESC LIMIT 1", {"path": path})
    return found[0] if found else None


def file_version(connection: Connection, path: str, version: int) -> LedgerFile | None:
    """One version of one file, or None if it was never registered."""
    found = fetch_files(
        connection, "WHERE path = %(path)s AND version = %(version)s", {"path": path, "version": version}
    )
    return found[0] if found else None


def file_by_id(connection: Connection, file_id: int) -> LedgerFile:
    """One version of a file, which must exist."""
    return fetch_files(connection, "WHERE file_id = %(file_id)s", {"file_id": file_id})[0]


def last_file(
    connection: Connection, *, file_id: int | None = None, path: str | None = None, until: datetime | None = None
) -> LedgerFile | None:
    """The file of that number, the newest version of that path, or the last one registered until a moment."""
    found = fetch_files(
        connection,
        "WHERE file_id = %(file_id)s OR path = %(path)s OR registered_at <= %(until)s ORDER BY file_id DESC LIMIT 1",
        {"file_id": file_id, "path": path, "until": until},
    )
    return found[0] if found else None


def files_with_records_since(connection: Connection, datasets: Sequence[str], file_id: int) -> list[LedgerFile]:
    """Files of some datasets that were registered after one and have accepted records, in that order."""
    return fetch_files(
        connection,
        "WHERE dataset = ANY(%(datasets)s) AND file_id > %(file_id)s AND records_loaded + records_superseded > 0 "
        "ORDER BY file_id",
        {"datasets": list(datasets), "file_id": file_id},
    )


def files_in_order(connection: Connection, *, state: FileState | None = None) -> list[LedgerFile]:
    """Every version of every file in the order of registration, or those in one state."""
    return fetch_files(
        connection, "WHERE %(state)s::text IS NULL OR state = %(state)s ORDER BY file_id", {"state": state}
    )


def latest_problems(connection: Connection, limit: int) -> list[LedgerFile]:
    """The files registered last of those that failed or were not recognised, in the order of registration."""
    states = sql_list((FileState.FAILED, FileState.UNRECOGNISED))
    found = fetch_files(connection, f"WHERE state IN {states} ORDER BY file_id DESC LIMIT %(limit)s", {"limit": limit})
    return found[::-1]


def in_registration_order(files: Iterable[FoundFile]) -> list[FoundFile]:
    """The order in which files found together are registered: by modification time, then by name. The last one wins.

    Of datasets whose records are in the same files, files have the same order.
    """
    return sorted(files, key=lambda file: (file.modified_ns, split_key(file.key)[0], file.key))


def newest_loaded_version(connection: Connection, path: str) -> LedgerFile | None:
    """The newest version of a file that was loaded, even if only in part or unloaded since; None if none ever was."""
    found = fetch_files(
        connection,
        f"WHERE path = %(path)s AND (state IN {sql_list(ONCE_LOADED_STATES)} OR records_read > 0) "
        "ORDER BY version DESC LIMIT 1",
        {"path": path},
    )
    return found[0] if found else None


def layout_before(connection: Connection, dataset: str, file_id: int) -> dict[str, Any] | None:
    """The layout of the file of a dataset that was registered last before a file, of those that are loaded."""
    newest = layouts_before(connection, dataset, file_id, most=1)
    return newest[0] if newest else None


def has_superseded_rows(connection: Connection, dataset: str) -> bool:
    """Whether a record of a dataset has lost its key to another one."""
    query = "SELECT FROM ingest.files WHERE dataset = %s AND records_superseded > 0 LIMIT 1"
    return connection.execute(query, (dataset,)).fetchone() is not None


def layouts_before(connection: Connection, dataset: str, file_id: int, most: int = 20) -> list[dict[str, Any]]:
    """The layouts of loaded files of a dataset that were registered before a file, the newest first."""
    rows = connection.execute(
        "SELECT layout FROM ingest.files WHERE dataset = %s AND file_id < %s "
        f"AND state = '{FileState.LOADED}' AND layout IS NOT NULL ORDER BY file_id DESC LIMIT %s",
        (dataset, file_id, most),
    ).fetchall()
    return [row[0] for row in rows]


def loaded_before(connection: Connection, file: LedgerFile, content_hash: str | None) -> LedgerFile | None:
    """A file with rows that may be the same records: an earlier version of this one, or one with the same content.

    The newest of them; None if there is none.
    """
    found = fetch_files(
        connection,
        "WHERE dataset = %(dataset)s AND file_id < %(file_id)s AND records_loaded > 0 "
        "AND (path = %(path)s OR content_hash = %(content_hash)s) ORDER BY file_id DESC LIMIT 1",
        {"dataset": file.dataset, "file_id": file.file_id, "path": file.path, "content_hash": content_hash},
    )
    return found[0] if found else None


def older_files_to_reload(connection: Connection, file: LedgerFile) -> list[LedgerFile]:
    """Files registered before this one that may have rows to bring back, in the order of registration."""
    return fetch_files(
        connection,
        "WHERE dataset = %(dataset)s AND file_id < %(file_id)s AND is_reload_due ORDER BY file_id",
        {"dataset": file.dataset, "file_id": file.file_id},
    )


def files_with_rejects(
    connection: Connection, *, path: str | None = None, dataset: str | None = None
) -> list[LedgerFile]:
    """Versions that have rejects, resolved ones included: of one file, of one dataset or of all."""
    return fetch_files(
        connection,
        "WHERE (%(path)s::text IS NULL OR path = %(path)s) AND (%(dataset)s::text IS NULL OR dataset = %(dataset)s) "
        "AND EXISTS (SELECT FROM ingest.rejects WHERE rejects.file_id = files.file_id) ORDER BY file_id",
        {"path": path, "dataset": dataset},
    )
