"""Takes a file's rows out of the database because a person asks for it: finds the version, reports what is left to do.

`write.removal` deletes rows and rejects and resets the file's status, in one transaction. Nothing here reads the file:
it may be gone. An interrupted unload was either done or not; the next call finds out and completes the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass

from logistics_core.database_contract.file_states import ONCE_LOADED_STATES, FileState
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.database_retry import Deadline, retry_transient_errors
from logistics_pipeline.loading.file_dataset import file_dataset
from logistics_pipeline.loading.file_lock import file_lock
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.loading.rejects.failed_files import export_or_warn
from logistics_pipeline.loading.write.indexes import build_missing
from logistics_pipeline.loading.write.removal import RemovedContent, remove_file_rows

OnWait = Callable[[str], None]
"""Called with the file's path while it is being loaded: it is unloaded afterwards."""


@dataclass(frozen=True)
class Unloaded:
    """What an unload did."""

    file: LedgerFile
    """Its status, now empty."""
    removed: RemovedContent
    to_reload: tuple[LedgerFile, ...]
    """Files registered before it that may have had rows under the same keys: loading them again brings those back."""
    out_of_reach: tuple[LedgerFile, ...]
    """The same, but replaced by a newer version: only delivering their content again brings those rows back."""
    was_unloaded_before: bool = False
    """There was nothing to do."""


def unload_file(
    url: str, path: str, options: LoadOptions, *, version: int | None = None, on_wait: OnWait = lambda path: None
) -> Unloaded:
    """Takes all of a file out of the database: by default of its newest version that was loaded, even partly.

    Waits for a running load of the file. Retries transient errors of the database for `LoadOptions.retry_seconds`.

    Raises:
        PipelineError: the ledger has no such file or version, or nothing of it was ever loaded.
        FileError: the file's dataset has no contract any more.
        TransientError: the database stayed unavailable; calling this again finds out what was done.
    """

    def unload_once() -> Unloaded:
        with (
            connect(url, application_name="logistics unload") as connection,
            file_lock(connection, path, on_wait),
        ):
            return _unload(connection, path, version, options)

    return retry_transient_errors(unload_once, f"unloading {path}", Deadline(options.retry_seconds))


def _unload(connection: Connection, path: str, version: int | None, options: LoadOptions) -> Unloaded:
    file = _find(connection, path, version)
    dataset = file_dataset(options.catalogue, file)
    was_unloaded = file.state is FileState.UNLOADED
    removed = (
        RemovedContent(0, 0, 0)
        if was_unloaded
        else remove_file_rows(connection, file, dataset, state=FileState.UNLOADED)
    )
    # Whatever interrupts this from here on, the next call completes it.
    build_missing(connection, dataset)  # the file's load may have died while indexes were dropped
    _renew_failed_file(connection, file, options)
    to_reload, out_of_reach = _older_files(connection, file)
    return Unloaded(ledger.file_by_id(connection, file.file_id), removed, to_reload, out_of_reach, was_unloaded)


def _find(connection: Connection, path: str, version: int | None) -> LedgerFile:
    """The version that is meant: it has something in the database, or was unloaded before."""
    if version is None:
        file = ledger.newest_loaded_version(connection, path) or ledger.latest_file(connection, path)
    else:
        file = ledger.file_version(connection, path, version)
    if file is None:
        which = f" in version {version}" if version is not None and ledger.latest_file(connection, path) else ""
        raise PipelineError(f"The ledger knows no file {path!r}{which}; `logistics files` lists those it knows.")
    if file.state not in ONCE_LOADED_STATES and file.records_read == 0:
        raise PipelineError(f"Nothing of {path!r} (version {file.version}) is loaded: it is {file.state}.")
    return file


def _renew_failed_file(connection: Connection, file: LedgerFile, options: LoadOptions) -> None:
    """Removes the file's rejects from the failed folder, which holds those of its newest version only."""
    newest = ledger.latest_file(connection, file.path)
    if newest is not None and newest.file_id == file.file_id:
        export_or_warn(connection, newest, None, options.failed_dir, options.catalogue)


def _older_files(connection: Connection, file: LedgerFile) -> tuple[tuple[LedgerFile, ...], tuple[LedgerFile, ...]]:
    """The older files that are due to be loaded again: those whose content is still there, and the others."""
    older = ledger.older_files_to_reload(connection, file)
    newest = {each.file_id for each in ledger.latest_files(connection).values()} if older else set()
    return (
        tuple(each for each in older if each.file_id in newest),
        tuple(each for each in older if each.file_id not in newest),
    )
