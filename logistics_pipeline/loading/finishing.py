"""What ends an attempt at a file: corrections restored, rejects written to the failed folder, the file's status closed.

All of it can be repeated: if the loader dies here, the next attempt does it again.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from logistics_core.catalogue import Dataset
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import FileError
from logistics_pipeline.ledger import KnownProfiles, LedgerFile
from logistics_pipeline.loading.contract.unusual_values import unusual_columns
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.formats.reader import FileFormat
from logistics_pipeline.loading.layouts import layout_from_json
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.loading.reject_limit import RejectLimit
from logistics_pipeline.loading.rejects.corrections import restore_corrections
from logistics_pipeline.loading.rejects.failed_files import export_or_warn
from logistics_pipeline.loading.write.key_guard import warning_of_conflicts


@dataclass
class ReadResult:
    """How reading a file ended. What is not known is None."""

    format: FileFormat | None = None
    content_hash: str | None = None
    """None unless the file was read to its end."""
    error: FileError | None = None


def finish_file(
    connection: Connection,
    options: LoadOptions,
    file_id: int,
    dataset: Dataset,
    result: ReadResult,
    profiles: KnownProfiles,
    take_seconds: Callable[[], float],
) -> LedgerFile:
    """Finishes a file whose records were loaded as far as they can be read; returns its status, loaded or failed.

    `take_seconds` returns the time spent since the last batch.
    """
    _conclude(connection, options, file_id, dataset, result, profiles)
    return _close(connection, file_id, result, take_seconds())  # beside no other copy of its header, which may be large


def _conclude(
    connection: Connection,
    options: LoadOptions,
    file_id: int,
    dataset: Dataset,
    result: ReadResult,
    profiles: KnownProfiles,
) -> None:
    """Restores corrections, judges the rejects, writes them to the failed folder, and notes what to warn of."""
    file = ledger.file_by_id(connection, file_id)
    if file.records_rejected:
        file = restore_corrections(connection, file, dataset, options)
    if result.error is None:
        result.error = _reject_error(connection, file, options.max_rejects)
    layout = result.format.layout if result.format else layout_from_json(file.layout)
    export_or_warn(connection, file, layout, options.failed_dir, options.catalogue)
    _add_warning(connection, file_id, ledger.warning_of_shortened_ids(file))
    _add_warning(connection, file_id, warning_of_conflicts(connection, dataset, file))
    if not dataset.key:
        _add_warning(connection, file_id, _repeated_records(connection, file, result.content_hash))
    _warn_of_unusual_values(connection, file, dataset, profiles)


def _reject_error(connection: Connection, file: LedgerFile, limit: RejectLimit) -> FileError | None:
    """Why a file that was read to its end fails all the same: too little of it is good."""
    if not limit.is_exceeded_at_end(file.records_read, file.records_rejected):
        return None
    return limit.error(connection, file.file_id, file.records_read, file.records_rejected)


def _repeated_records(connection: Connection, file: LedgerFile, content_hash: str | None) -> str | None:
    """A sentence about records that were loaded before: without a key nothing replaces them."""
    before = ledger.loaded_before(connection, file, content_hash)
    if before is None:
        return None
    is_version = before.path == file.path
    same_content = f"The file {excerpt(before.path)}, which has the same content,"
    what = f"Version {before.version} of this file" if is_version else same_content
    option = f" --version {before.version}" if is_version else ""
    return (
        f"{what} is loaded as well. Records of {file.dataset} have no key, so its {before.records_loaded:,} rows stay "
        f"beside those of this file. If they should not, run: logistics unload {shlex.quote(before.path)}{option}."
    )


def _add_warning(connection: Connection, file_id: int, sentence: str | None) -> None:
    if sentence is not None:
        before = ledger.file_by_id(connection, file_id).warning
        ledger.warn(connection, file_id, sentence if before is None else f"{before} {sentence}")


def _warn_of_unusual_values(
    connection: Connection, file: LedgerFile, dataset: Dataset, profiles: KnownProfiles
) -> None:
    """Adds to the file's warning what differs too much from earlier files: another unit, few values, one value."""
    if file.dataset is None or not file.records_loaded + file.records_superseded:
        return
    profile, earlier = profiles.profile_and_earlier(connection, file.dataset, file.file_id)
    for name, found in unusual_columns(profile, earlier, dataset.identifiers).items():
        _add_warning(connection, file.file_id, f"{name}: {'; '.join(each.text for each in found)}.")


def _close(connection: Connection, file_id: int, result: ReadResult, seconds: float) -> LedgerFile:
    file_format = result.format.name if result.format else None
    notes = result.format.notes if result.format else ()
    if result.error is None:
        return ledger.finish(
            connection,
            file_id,
            content_hash=result.content_hash,
            file_format=file_format or "",
            seconds=seconds,
            notes=notes,
            durably=True,
        )
    return ledger.fail(
        connection,
        file_id,
        str(result.error),
        content_hash=result.content_hash,
        file_format=file_format,
        seconds=seconds,
        notes=notes,
        durably=True,
    )
