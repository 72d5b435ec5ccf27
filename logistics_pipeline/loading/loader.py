"""Loads files: registers each, resumes where it stands, batch by batch, and closes its account. The core's only door.

Whatever interrupts a load (kill, lost connection, restart), loading the file again continues behind the last batch that
was committed. Of two loads of the same file one waits for the other and then finds the work done.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, perf_counter
from types import TracebackType
from typing import Self

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter

from logistics_core.catalogue import DATASETS
from logistics_core.database_contract.file_states import FileState
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection, connect, transient_errors
from logistics_pipeline.errors import FileChangedError, FileError, TransientError
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.file_lock import only_one
from logistics_pipeline.loading.formats.reader import Checkpoint, format_name, open_records, recognise_file
from logistics_pipeline.loading.layouts import Layout, Place
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.loading.parse.chunks import Chunk
from logistics_pipeline.loading.parse.parser_process import read_chunks_apart
from logistics_pipeline.loading.parse.parsers import ReadTask, read_chunks
from logistics_pipeline.loading.rejects.failed_files import export_or_warn
from logistics_pipeline.loading.rejects.reread import recall, remember
from logistics_pipeline.loading.removal import put_mends_back, take_out
from logistics_pipeline.loading.write.batch_writer import Batch, BatchWriter
from logistics_pipeline.loading.write.indexes import bulk_load
from logistics_pipeline.sources.content_hash import ContentHash, content_hash
from logistics_pipeline.sources.folder import FoundFile

OnProgress = Callable[[int, int], None]
"""Called after every batch with the records read and the bytes (decompressed) read so far."""

COMPRESSED_BY = 8
"""How much larger the content of a compressed file is, about: nobody knows before it was read."""


@dataclass(frozen=True)
class LoadReport:
    """The account of a file after a load: a loaded file, or a failed one with its error."""

    file: LedgerFile
    was_loaded_before: bool = False
    """There was nothing to do: this content had been loaded already."""

    @property
    def is_loaded(self) -> bool:
        return self.file.state is FileState.LOADED

    @property
    def records_per_second(self) -> float:
        return self.file.records_read / self.file.seconds if self.file.seconds else 0.0


def load_file(
    url: str,
    found: FoundFile,
    options: LoadOptions,
    *,
    run_id: str | None = None,
    on_progress: OnProgress = lambda records, size: None,
) -> LoadReport:
    """Loads one file. See `Loader.load`."""
    with Loader(url, options, run_id) as loader:
        return loader.load(found, on_progress)


def load_files(
    url: str, files: Iterable[FoundFile], options: LoadOptions, *, run_id: str | None = None
) -> Iterator[LoadReport]:
    """Loads files one after the other through one connection and yields the account of each. See `Loader.load`."""
    with Loader(url, options, run_id) as loader:
        for found in files:
            yield loader.load(found)


class Loader:
    """Loads files through one connection, which is opened when it is first needed, and anew when it was lost."""

    def __init__(self, url: str, options: LoadOptions, run_id: str | None = None) -> None:
        self._url = url
        self.options = options
        self._run_id = run_id
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._disconnect()

    def load(
        self,
        found: FoundFile,
        on_progress: OnProgress = lambda records, size: None,
        *,
        on_request: bool = True,
    ) -> LoadReport:
        """Loads a file to its end, or to the place where it is at fault, and returns its account.

        A file that was unloaded is loaded again `on_request` of a person, not where a program merely found it.

        A passing trouble of the database is waited for, up to `LoadOptions.retry_seconds` without any progress.

        Raises:
            TransientError: the database stayed away; what was committed stays, and the next call resumes there.
        """
        patience = _Patience(self.options.retry_seconds)

        def on_batch(records: int, size: int) -> None:
            patience.renew()
            on_progress(records, size)

        for attempt in Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=patience.is_over,
            wait=wait_exponential_jitter(multiplier=0.2, max=5),
            reraise=True,
        ):
            with attempt, transient_errors(f"loading {found.key}"):
                try:
                    with only_one(self.connection, found.key):
                        load = _Load(self.connection, self.options, self._run_id, on_batch)
                        return load.run(found, on_request)
                except BaseException:
                    self._disconnect()  # whatever state it is in: the next attempt begins with a new one
                    raise
        raise AssertionError("tenacity either returns or raises")

    @property
    def connection(self) -> Connection:
        """The connection that it loads through, for what goes with a load; opened if there is none.

        Raises:
            TransientError: the server cannot be reached now.
        """
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url, application_name="logistics load")
            # What a crash takes back of the last commits is loaded again; closing a file's account waits for the disk.
            self._connection.execute("SET synchronous_commit = off")
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Patience:
    """Gives up when nothing has moved for so many seconds, however long the load as a whole has taken."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        self._last_progress = monotonic()

    def is_over(self, _: RetryCallState) -> bool:
        return monotonic() - self._last_progress > self._seconds


def register_file(connection: Connection, found: FoundFile) -> LedgerFile:
    """Registers a file and tells a touch from a change, for which its content is hashed, but only then."""
    known = ledger.latest_file(connection, found.key)
    was_perhaps_touched = (
        known is not None
        and known.content_hash is not None
        and known.fingerprint != found.fingerprint
        and known.size_bytes == found.size_bytes
    )
    return ledger.register(connection, found, content_hash=content_hash(found.path) if was_perhaps_touched else None)


class _Load:
    """One attempt at one file."""

    def __init__(
        self, connection: Connection, options: LoadOptions, run_id: str | None, on_progress: OnProgress
    ) -> None:
        self._connection = connection
        self._options = options
        self._run_id = run_id
        self._on_progress = on_progress
        self._layout: Layout | None = None
        self._format: str | None = None
        self._hash: str | None = None
        self._since = perf_counter()

    def run(self, found: FoundFile, on_request: bool) -> LoadReport:
        """Loads the file as it is on disk now and closes its account."""
        found = self._options.folder.look_at(found.path, found.dataset) or found
        file = register_file(self._connection, found)
        if not _is_to_load(file, on_request):
            return LoadReport(file, was_loaded_before=file.state is FileState.LOADED)
        if file.is_reload_due:
            take_out(self._connection, file, state=FileState.REGISTERED)
        file = ledger.begin(self._connection, file.file_id, self._run_id)
        error = None
        try:
            self._load(file, found)
        except FileError as found_error:
            error = found_error
        self._export(file.file_id)  # before the account is closed: if this dies, it is done again
        self._close(file.file_id, error)
        return LoadReport(ledger.file_by_id(self._connection, file.file_id))

    def _load(self, file: LedgerFile, found: FoundFile) -> None:
        assert file.dataset is not None
        dataset = DATASETS[file.dataset]
        self._layout, compression = recognise_file(found.path, dataset, self._options.max_record_bytes)
        self._format = format_name(self._layout, compression)
        left_bytes = found.size_bytes * (COMPRESSED_BY if compression else 1) - file.bytes_read
        task = ReadTask(
            path=found.path,
            dataset=dataset,
            layout=self._layout,
            file_id=file.file_id,
            after=Checkpoint(file.records_read, file.bytes_read),
            date_order=self._options.date_order,
            chunk_bytes=self._options.chunk_bytes,
            max_record_bytes=self._options.max_record_bytes,
            max_expansion=self._options.max_expansion,
            reference_lane=self._options.reference_lane,
        )
        with (
            self._chunks(task, left_bytes) as chunks,  # first: a process of its own takes its time to start
            ContentHash(found.path) as beside,
            bulk_load(self._connection, dataset, left_bytes),
        ):
            self._write(chunks, task)
            self._hash = self._unchanged(found, beside)

    @contextmanager
    def _chunks(self, task: ReadTask, left_bytes: int) -> Iterator[Iterator[Chunk]]:
        if left_bytes < self._options.own_process_bytes:
            yield read_chunks(task)
        else:
            with read_chunks_apart(task) as chunks:
                yield chunks

    def _write(self, chunks: Iterator[Chunk], task: ReadTask) -> None:
        def find_place(record_no: int, before: Checkpoint) -> Place:
            return _find_place(task, record_no, before)

        writer = BatchWriter(self._connection, task.dataset, task.file_id, find_place, remember(task.layout))
        checkpoint = task.after
        self._check_rejects(task.file_id)
        for first in chunks:
            batch = Batch(first, chunks, checkpoint, self._options.batch)
            writer.write(batch, self._take_seconds)
            checkpoint = batch.checkpoint
            self._on_progress(checkpoint.records, checkpoint.offset)
            self._check_rejects(task.file_id)
            if batch.error is not None:
                raise batch.error

    def _check_rejects(self, file_id: int) -> None:
        file, limit = ledger.file_by_id(self._connection, file_id), self._options.max_rejects
        if limit.is_exceeded(file.records_read, file.records_rejected):
            raise limit.error(self._connection, file_id, file.records_read, file.records_rejected)

    def _unchanged(self, found: FoundFile, beside: ContentHash) -> str | None:
        """The hash of the content that was loaded: taken first, then the file is looked at once more."""
        taken = beside.wait()
        now = self._options.folder.look_at(found.path)
        if now is None:
            raise FileError(
                "The file was removed or renamed while it was loaded: nobody can say whether it was complete"
            )
        if now.fingerprint != found.fingerprint:
            raise FileChangedError(
                "The file changed while it was loaded. Its new content is a new version and is loaded as such"
            )
        return taken

    def _export(self, file_id: int) -> None:
        file = ledger.file_by_id(self._connection, file_id)
        if file.records_rejected:
            file = put_mends_back(self._connection, file, self._options.batch, self._options.date_order)
        if file.records_rejected == file.records_read > 0:
            self._warn_that_nothing_is_good(file)
        export_or_warn(self._connection, file, self._layout or recall(file.layout), self._options.failed_dir)

    def _warn_that_nothing_is_good(self, file: LedgerFile) -> None:
        """A file too small for the limit of rejects may still be of another kind altogether."""
        reasons = ledger.reject_summary(self._connection, file.file_id, limit=1)
        commonest = "".join(f" The commonest reason, {found.count:,} times: {found.reason}." for found in reasons)
        warning = f"None of its {file.records_read:,} records could be loaded.{commonest}"
        ledger.warn(self._connection, file.file_id, warning)

    def _close(self, file_id: int, error: FileError | None) -> None:
        seconds = self._take_seconds()
        with self._connection.transaction():
            self._connection.execute("SET LOCAL synchronous_commit = on")
            if error is None:
                ledger.finish(
                    self._connection,
                    file_id,
                    content_hash=self._hash,
                    file_format=self._format or "",
                    seconds=seconds,
                )
            else:
                ledger.fail(self._connection, file_id, str(error), file_format=self._format, seconds=seconds)

    def _take_seconds(self) -> float:
        """The time since the last call: what the ledger has not been told yet."""
        since, self._since = self._since, perf_counter()
        return self._since - since


def _is_to_load(file: LedgerFile, on_request: bool) -> bool:
    match file.state:
        case FileState.UNRECOGNISED:
            return False
        case FileState.LOADED:
            return file.is_reload_due
        case FileState.UNLOADED:
            return on_request or file.retry_requested_at is not None
        case _:
            return True


def _find_place(task: ReadTask, record_no: int, before: Checkpoint) -> Place:
    """Reads a record again whose place nobody remembered."""
    with open_records(task.path, task.dataset, before, task.max_record_bytes, layout=task.layout) as reading:
        for records in reading.records:
            if record_no <= records.before + len(records.values):
                return records.place(record_no - records.before - 1)
    raise FileChangedError(
        "The file changed while it was loaded. Its new content is a new version and is loaded as such"
    )
