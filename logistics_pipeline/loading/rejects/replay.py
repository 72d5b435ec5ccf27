"""Replays rejects: validates them again, corrected or as they were, and loads those that are valid now.

An accepted record keeps its old number. The highest (file_id, record_no) still wins a key, so the tables end as if the
record had been valid from the start, and a later record that is already there supersedes it. Rows, counts, stale days
and the marks on the rejects are committed together, batch by batch; each batch holds rejects of one file. Rejects that
were accepted before are skipped, so an interrupted replay is simply run again.

Memory: one batch (`LoadOptions.batch`), or one reject if that is larger; and the names of the files with rejects.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.database_retry import Deadline, retry_transient_errors
from logistics_pipeline.loading.file_dataset import file_dataset
from logistics_pipeline.loading.file_lock import file_lock
from logistics_pipeline.loading.layouts import layout_from_json
from logistics_pipeline.loading.options import BatchLimits, LoadOptions
from logistics_pipeline.loading.rejects.export_lines import CorrectedReject, UnusableLine, read_export
from logistics_pipeline.loading.rejects.failed_files import export_or_warn
from logistics_pipeline.loading.rejects.replay_batch import BatchReplayer, RejectsToReplay
from logistics_pipeline.loading.rejects.replay_results import Problem, Replay

P = ParamSpec("P")
T = TypeVar("T")

OnWait = Callable[[str], None]
"""Called with a file's path while it is being loaded: its failed file is written afterwards."""


def replay_export(url: str, path: Path, options: LoadOptions, *, on_wait: OnWait = lambda path: None) -> Replay:
    """Replays the lines of an export after a person has corrected them.

    Raises:
        FileError: the export cannot be read, or a file's dataset has no contract any more; batches before stay.
        TransientError: the database stayed unavailable; committed batches stay.
    """
    with _Replayer(url, options) as replayer:
        for lines in _in_batches(replayer.usable(read_export(path, options.max_record_bytes)), options.batch):
            replayer.replay_lines(lines)
        replayer.renew_failed_files(on_wait)
        return replayer.done


def replay_stored(
    url: str,
    options: LoadOptions,
    *,
    path: str | None = None,
    dataset: str | None = None,
    on_wait: OnWait = lambda path: None,
) -> Replay:
    """Replays the rejects of a file, or of all files of a dataset, uncorrected: by the current contract and settings.

    Raises:
        FileError: a file's dataset has no contract any more; batches before stay.
        TransientError: the database stayed unavailable; committed batches stay.
    """
    with _Replayer(url, options) as replayer:
        for file in replayer.run(ledger.files_with_rejects, path=path, dataset=dataset):
            replayer.replay_file(file)
        replayer.renew_failed_files(on_wait)
        return replayer.done


def _in_batches(lines: Iterator[CorrectedReject], limits: BatchLimits) -> Iterator[list[CorrectedReject]]:
    """Cuts lines into batches of one file each. A line for a reject that the batch already holds begins a new one."""
    batch: dict[tuple[str, int, int], CorrectedReject] = {}
    size = 0
    for line in lines:
        key = line.path, line.version, line.record_no
        size += len(line.raw)
        if batch and (
            key in batch or next(iter(batch))[:2] != key[:2] or len(batch) >= limits.records or size > limits.bytes
        ):
            yield list(batch.values())
            batch, size = {}, len(line.raw)
        batch[key] = line
    if batch:
        yield list(batch.values())


class _Replayer:
    """Replays batches through a connection that is opened again when it is lost."""

    def __init__(self, url: str, options: LoadOptions) -> None:
        self._url = url
        self._options = options
        self._connection: Connection | None = None
        self._paths: dict[str, None] = {}
        """Of the files replayed, in order."""
        self.done = Replay()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()

    def run(self, work: Callable[Concatenate[Connection, P], T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Calls `work` with the connection, repeatedly while the database fails with transient errors."""
        return retry_transient_errors(
            lambda: work(self._connected(), *arguments, **keywords),
            "replaying rejects",
            Deadline(self._options.retry_seconds),
        )

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url, application_name="logistics replay")
        return self._connection

    # -- replaying -------------------------------------------------------------------------------------------------

    def usable(self, lines: Iterator[CorrectedReject | UnusableLine]) -> Iterator[CorrectedReject]:
        """Passes on the lines that name a reject and counts the others."""
        for line in lines:
            if isinstance(line, CorrectedReject):
                yield line
            else:
                self.done.add(Replay(unusable=1, problems=[Problem(None, None, None, line.line_no, line.reason)]))

    def replay_lines(self, lines: list[CorrectedReject]) -> None:
        """Replays lines of an export, all of one file."""
        path, version = lines[0].path, lines[0].version
        file = self.run(ledger.file_version, path, version)
        if file is None:
            reason = f"the ledger knows no version {version} of this file: is the export of another database?"
            problems = [Problem(path, version, line.record_no, line.line_no, reason) for line in lines]
            self.done.add(Replay(unusable=len(lines), problems=problems))
        else:
            self._replay(file, {line.record_no: line for line in lines})

    def replay_file(self, file: LedgerFile) -> None:
        """Replays the unresolved rejects of a file, uncorrected."""
        limits, last = self._options.batch, 0
        while numbers := self.run(ledger.unresolved_numbers, file.file_id, last, limits.records, limits.bytes):
            self._replay(file, dict.fromkeys(numbers))
            last = numbers[-1]
        self._paths[file.path] = None

    def _replay(self, file: LedgerFile, rejects: RejectsToReplay) -> None:
        self._paths[file.path] = None
        self.done.add(self.run(_replay_batch, file, rejects, self._options))

    # -- the copies in the failed folder ---------------------------------------------------------------------------

    def renew_failed_files(self, on_wait: OnWait) -> None:
        """Writes the remaining rejects to the failed folder, also for files that an interrupted replay left out."""
        for path in self._paths:
            self.run(_renew_failed_file, path, self._options, on_wait)


def _replay_batch(connection: Connection, file: LedgerFile, rejects: RejectsToReplay, options: LoadOptions) -> Replay:
    dataset = file_dataset(options.catalogue, file)
    return BatchReplayer(connection, file, dataset, options.date_order, options.max_rejects).replay(rejects)


def _renew_failed_file(connection: Connection, path: str, options: LoadOptions, on_wait: OnWait) -> None:
    """Writes the rejects of a file's newest version; other versions have none in the failed folder."""
    with file_lock(connection, path, on_wait):
        file = ledger.latest_file(connection, path)
        layout = layout_from_json(file.layout) if file else None
        if file is not None and layout is not None:
            export_or_warn(connection, file, layout, options.failed_dir, options.catalogue)
