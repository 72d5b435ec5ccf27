"""Takes a file's rows out again because a person asks for it: which version, when, and what is left to do.

How rows, rejects and the account go, in one transaction, is in `loading.taking_out`. Nothing here reads the file: it
may be gone. Whatever interrupts an unload, it is done or it is not; called again, it finds out and clears up the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from logistics_core.catalogue import DATASETS
from logistics_core.database_contract.file_states import ONCE_LOADED_STATES, FileState
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection, connect, transient_errors
from logistics_pipeline.errors import PipelineError, TransientError
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.file_lock import only_one
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.loading.rejects.failed_files import export_or_warn
from logistics_pipeline.loading.removal import TakenOut, take_out
from logistics_pipeline.loading.write.indexes import build_missing

OnWait = Callable[[str], None]
"""Called with the file's path while a load of it goes on: it is unloaded when that has ended."""


@dataclass(frozen=True)
class Unloaded:
    """What an unload did."""

    file: LedgerFile
    """Its account, empty now."""
    taken_out: TakenOut
    to_reload: tuple[LedgerFile, ...]
    """Files registered before it that may have had rows under the same keys: loading them again brings those back."""
    out_of_reach: tuple[LedgerFile, ...]
    """The same, but there is a newer version of them: their content must be dropped once more to have it back."""
    was_unloaded_before: bool = False
    """There was nothing to do."""


def unload_file(
    url: str, path: str, options: LoadOptions, *, version: int | None = None, on_wait: OnWait = lambda path: None
) -> Unloaded:
    """Takes out all there is of a file: by default of its newest version that was loaded, be it in part.

    Waits for a load of the file that goes on, and for passing troubles of the database, up to
    `LoadOptions.retry_seconds`.

    Raises:
        PipelineError: the ledger knows no such file or version, or nothing of it was ever loaded.
        TransientError: the database stayed away; calling it again finds out what was done.
    """
    for attempt in Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=stop_after_delay(options.retry_seconds),
        wait=wait_exponential_jitter(multiplier=0.2, max=5),
        reraise=True,
    ):
        with (
            attempt,
            transient_errors(f"unloading {path}"),
            connect(url, application_name="logistics unload") as connection,
            only_one(connection, path, on_wait),
        ):
            return _unload(connection, path, version, options.failed_dir)
    raise AssertionError("tenacity either returns or raises")


def _unload(connection: Connection, path: str, version: int | None, failed_dir: Path) -> Unloaded:
    file = _find(connection, path, version)
    was_unloaded = file.state is FileState.UNLOADED
    taken_out = TakenOut(0, 0, 0) if was_unloaded else take_out(connection, file, state=FileState.UNLOADED)
    # From here on there is nothing to be lost: if this dies, the next call does it.
    assert file.dataset is not None, "only a file of a dataset is loaded"
    build_missing(connection, DATASETS[file.dataset])  # its load may have died in the midst and is not resumed now
    newest = ledger.latest_file(connection, path)
    if newest is not None and newest.file_id == file.file_id:  # of other versions there are no rejects in the folder
        export_or_warn(connection, newest, None, failed_dir)
    to_reload, out_of_reach = _older(connection, file)
    return Unloaded(ledger.file_by_id(connection, file.file_id), taken_out, to_reload, out_of_reach, was_unloaded)


def _find(connection: Connection, path: str, version: int | None) -> LedgerFile:
    """The version that is meant: it has something in the database, or it had and was unloaded before."""
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


def _older(connection: Connection, file: LedgerFile) -> tuple[tuple[LedgerFile, ...], tuple[LedgerFile, ...]]:
    """The older files that are due to be loaded again: those whose content is there, and the others."""
    older = ledger.older_files_to_reload(connection, file)
    newest = {each.file_id for each in ledger.latest_files(connection).values()} if older else set()
    return (
        tuple(each for each in older if each.file_id in newest),
        tuple(each for each in older if each.file_id not in newest),
    )
