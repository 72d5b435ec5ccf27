"""Rejects replayed: held against the contract once more, mended or as they stood, and taken in where they keep it now.

An accepted record goes in under its own old number: the highest (file_id, record_no) still wins a key, so the tables
end as if the record had been good from the start, and a later one that is there already supersedes it. Rows, accounts,
stale days and the marks on the rejects are committed together, batch by batch; a batch is of one file. A reject that
was accepted before is passed over, so whatever interrupts a replay, it is simply run again.

Memory: one batch (`LoadOptions.batch`), or one reject if that is larger; and the names of the files it met.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from logistics_core.catalogue import DATASETS
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection, connect, transient_errors
from logistics_pipeline.errors import TransientError
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.file_lock import only_one
from logistics_pipeline.loading.options import BatchLimits, LoadOptions
from logistics_pipeline.loading.rejects.export_lines import MendedReject, UnusableLine, read_export
from logistics_pipeline.loading.rejects.failed_files import export_or_warn
from logistics_pipeline.loading.rejects.replay_batch import BatchReplayer, Wanted
from logistics_pipeline.loading.rejects.replay_results import Problem, Replay
from logistics_pipeline.loading.rejects.reread import recall
from logistics_pipeline.loading.rejects.revalidation import Judge

P = ParamSpec("P")
T = TypeVar("T")

OnWait = Callable[[str], None]
"""Called with a file's path while a load of it goes on: its failed file is written when that has ended."""


def replay_export(url: str, path: Path, options: LoadOptions, *, on_wait: OnWait = lambda path: None) -> Replay:
    """Replays what the lines of an export say, after a person has mended it.

    Raises:
        FileError: the export cannot be read; what was replayed before that place stays.
        TransientError: the database stayed away; what was committed stays.
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
    """Replays the rejects of a file, or of all files of a dataset, as they stand: by the contract and settings of now.

    Raises:
        TransientError: the database stayed away; what was committed stays.
    """
    with _Replayer(url, options) as replayer:
        for file in replayer.do(ledger.files_with_rejects, path=path, dataset=dataset):
            replayer.replay_file(file)
        replayer.renew_failed_files(on_wait)
        return replayer.done


def _in_batches(lines: Iterator[MendedReject], limits: BatchLimits) -> Iterator[list[MendedReject]]:
    """Cuts lines into batches of one file each; what names a reject once more comes in a later one."""
    batch: dict[tuple[str, int, int], MendedReject] = {}
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
    """Replays batches through a connection that is made anew when it is lost."""

    def __init__(self, url: str, options: LoadOptions) -> None:
        self._url = url
        self._options = options
        self._connection: Connection | None = None
        self._paths: dict[str, None] = {}
        """Of the files met, in order."""
        self.done = Replay()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()

    def do(self, work: Callable[Concatenate[Connection, P], T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Does work with the connection, again and again while the database is in passing trouble."""
        for attempt in Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_delay(self._options.retry_seconds),
            wait=wait_exponential_jitter(multiplier=0.2, max=5),
            reraise=True,
        ):
            with attempt, transient_errors("replaying rejects"):
                return work(self._connected(), *arguments, **keywords)
        raise AssertionError("tenacity either returns or raises")

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url, application_name="logistics replay")
        return self._connection

    # -- replaying -------------------------------------------------------------------------------------------------

    def usable(self, lines: Iterator[MendedReject | UnusableLine]) -> Iterator[MendedReject]:
        """Passes on the lines that name a reject and notes the others."""
        for line in lines:
            if isinstance(line, MendedReject):
                yield line
            else:
                self.done.add(Replay(unusable=1, problems=[Problem(None, None, None, line.line_no, line.reason)]))

    def replay_lines(self, lines: list[MendedReject]) -> None:
        """Replays lines of an export, all of one file."""
        path, version = lines[0].path, lines[0].version
        file = self.do(ledger.file_version, path, version)
        if file is None:
            reason = f"the ledger knows no version {version} of this file: is the export of another database?"
            problems = [Problem(path, version, line.record_no, line.line_no, reason) for line in lines]
            self.done.add(Replay(unusable=len(lines), problems=problems))
        else:
            self._replay(file, {line.record_no: line for line in lines})

    def replay_file(self, file: LedgerFile) -> None:
        """Replays the unresolved rejects of a file as they stand."""
        limits, after = self._options.batch, 0
        while numbers := self.do(ledger.unresolved_numbers, file.file_id, after, limits.records, limits.bytes):
            self._replay(file, dict.fromkeys(numbers))
            after = numbers[-1]
        self._paths[file.path] = None

    def _replay(self, file: LedgerFile, wanted: Wanted) -> None:
        self._paths[file.path] = None
        self.done.add(self.do(_replay_batch, file, wanted, self._options.date_order))

    # -- the copies in the failed folder ---------------------------------------------------------------------------

    def renew_failed_files(self, on_wait: OnWait) -> None:
        """Writes the rejects that are left to the failed folder, also where an earlier replay did not come to it."""
        for path in self._paths:
            self.do(_renew_failed_file, path, self._options.failed_dir, on_wait)


def _replay_batch(connection: Connection, file: LedgerFile, wanted: Wanted, date_order: DateOrder | None) -> Replay:
    assert file.dataset is not None, "only a file of a dataset is loaded, and so has rejects"
    judge = Judge(DATASETS[file.dataset], recall(file.layout), date_order)
    return BatchReplayer(connection, file, judge).replay(wanted)


def _renew_failed_file(connection: Connection, path: str, failed_dir: Path, on_wait: OnWait) -> None:
    """Only the newest version of a file has its rejects there."""
    with only_one(connection, path, on_wait):
        file = ledger.latest_file(connection, path)
        layout = recall(file.layout) if file else None
        if file is not None and layout is not None:
            export_or_warn(connection, file, layout, failed_dir)
