"""Loads a file: registers it, resumes where it stands, batch by batch, and closes its account. The core's only door.

Whatever interrupts a load (kill, lost connection, restart), calling `load_file` again continues behind the last batch
that was committed. Of two calls for the same file one waits for the other and then finds the work done.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, perf_counter

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter

from logistics_pipeline import ledger
from logistics_pipeline.database import Connection, connect, transient_errors
from logistics_pipeline.datasets import DATASETS, Dataset
from logistics_pipeline.discovery import FoundFile, look_at
from logistics_pipeline.errors import FileChangedError, FileError, TransientError
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.batching import Batch, BatchLimits, make_batches
from logistics_pipeline.loading.copying import BatchWriter
from logistics_pipeline.loading.dates import DateOrder
from logistics_pipeline.loading.failed_files import export_rejects
from logistics_pipeline.loading.reading import Checkpoint, Reading, open_records
from logistics_pipeline.loading.records import compile_validator

OnProgress = Callable[[int, int], None]
"""Called after every batch with the records read and the bytes (decompressed) read so far."""


@dataclass(frozen=True)
class LoadOptions:
    """How to load; what to load is a `FoundFile`."""

    raw_dir: Path
    failed_dir: Path
    batch: BatchLimits
    max_record_bytes: int
    date_order: DateOrder | None
    retry_seconds: float


@dataclass(frozen=True)
class LoadReport:
    """The account of a file after a load: a loaded file, or a failed one with its error."""

    file: LedgerFile
    was_loaded_before: bool = False
    """There was nothing to do: this content had been loaded already."""

    @property
    def is_loaded(self) -> bool:
        return self.file.state == "loaded"

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
    """Loads a file to its end, or to the place where it is at fault, and returns its account.

    A passing trouble of the database is waited for, up to `options.retry_seconds` without any progress.

    Raises:
        TransientError: the database stayed away; what was committed stays, and the next call resumes there.
    """
    patience = _Patience(options.retry_seconds)

    def on_batch(records: int, size: int) -> None:
        patience.renew()
        on_progress(records, size)

    for attempt in Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=patience.is_over,
        wait=wait_exponential_jitter(multiplier=0.2, max=5),
        reraise=True,
    ):
        with (
            attempt,
            transient_errors(f"loading {found.key}"),
            connect(url, application_name="logistics load") as connection,
            _only_one(connection, found.key),
        ):
            return _load(connection, found, options, run_id, on_batch)
    raise AssertionError("tenacity either returns or raises")


class _Patience:
    """Gives up when nothing has moved for so many seconds, however long the load as a whole has taken."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        self._last_progress = monotonic()

    def is_over(self, _: RetryCallState) -> bool:
        return monotonic() - self._last_progress > self._seconds


def fail_missing_file(connection: Connection, key: str) -> LedgerFile | None:
    """Closes the account of a file that is no longer there; None if it was never registered."""
    known = ledger.latest_file(connection, key)
    if known is None or known.state == "loaded":
        return known
    ledger.fail(connection, known.file_id, "The file is gone: it was removed or renamed before it was loaded.")
    return ledger.file_by_id(connection, known.file_id)


@contextmanager
def _only_one(connection: Connection, key: str) -> Iterator[None]:
    """Keeps a second loader of the same file waiting. The lock goes with the connection, however it ends."""
    connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (f"logistics load {key}",))
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (f"logistics load {key}",))


def _load(
    connection: Connection, found: FoundFile, options: LoadOptions, run_id: str | None, on_progress: OnProgress
) -> LoadReport:
    found = look_at(found.path, options.raw_dir, found.dataset) or found
    file = register_file(connection, found)
    if file.state in ("loaded", "unrecognised"):
        return LoadReport(file, was_loaded_before=file.state == "loaded")
    file = ledger.begin(connection, file.file_id, run_id)
    outcome = _Outcome()
    try:
        _load_batches(connection, file, found, options, on_progress, outcome)
        outcome.content_hash = _hash_unchanged(found, options)
    except FileError as error:
        outcome.error = error
    _export(connection, file.file_id, outcome, options)  # before the account is closed: if this dies, it is done again
    _close(connection, file.file_id, outcome)
    return LoadReport(ledger.file_by_id(connection, file.file_id))


@dataclass
class _Outcome:
    """What is known of the file once it was opened, and the time spent on it."""

    reading: Reading | None = None
    content_hash: str | None = None
    error: FileError | None = None
    _since: float = field(default_factory=perf_counter)

    @property
    def format(self) -> str:
        return self.reading.format if self.reading else ""

    def take_seconds(self) -> float:
        """The time since the last call: what the ledger has not been told yet."""
        since, self._since = self._since, perf_counter()
        return self._since - since


def register_file(connection: Connection, found: FoundFile) -> LedgerFile:
    """Registers a file and tells a touch from a change, for which its content is hashed, but only then."""
    known = ledger.latest_file(connection, found.key)
    was_perhaps_touched = (
        known is not None
        and known.content_hash is not None
        and known.fingerprint != found.fingerprint
        and known.size_bytes == found.size_bytes
    )
    return ledger.register(connection, found, content_hash=_hash(found.path) if was_perhaps_touched else None)


def _load_batches(
    connection: Connection,
    file: LedgerFile,
    found: FoundFile,
    options: LoadOptions,
    on_progress: OnProgress,
    outcome: _Outcome,
) -> None:
    assert file.dataset is not None
    dataset = DATASETS[file.dataset]
    before = Checkpoint(file.records_read, file.bytes_read)
    writer = BatchWriter(connection, dataset, file.file_id)
    with open_records(found.path, dataset, before, options.max_record_bytes) as reading:
        outcome.reading = reading
        for batch in _batches(reading, dataset, before, options):
            if batch.records:
                writer.write(batch, before, outcome.take_seconds())
                before = batch.checkpoint
                on_progress(before.records, before.offset)
            if batch.error is not None:
                raise batch.error


def _batches(reading: Reading, dataset: Dataset, before: Checkpoint, options: LoadOptions) -> Iterator[Batch]:
    validate = compile_validator(dataset, options.date_order)
    return make_batches(reading.records, dataset, validate, before, options.batch)


def _hash_unchanged(found: FoundFile, options: LoadOptions) -> str | None:
    """The hash of the content that was loaded: taken first, then the file is looked at once more."""
    content_hash = _hash(found.path)
    now = look_at(found.path, options.raw_dir)
    if now is None:
        raise FileError("The file was removed or renamed while it was loaded: nobody can say whether it was complete")
    if now.fingerprint != found.fingerprint:
        raise FileChangedError(
            "The file changed while it was loaded. Its new content is a new version and is loaded as such"
        )
    return content_hash


def _hash(path: Path) -> str | None:
    """SHA-256 of the bytes on disk; None if they cannot be read now."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _close(connection: Connection, file_id: int, outcome: _Outcome) -> None:
    seconds = outcome.take_seconds()
    if outcome.error is None:
        ledger.finish(
            connection, file_id, content_hash=outcome.content_hash, file_format=outcome.format, seconds=seconds
        )
    else:
        ledger.fail(connection, file_id, str(outcome.error), file_format=outcome.format or None, seconds=seconds)


def _export(connection: Connection, file_id: int, outcome: _Outcome, options: LoadOptions) -> None:
    layout = outcome.reading.layout if outcome.reading else None
    try:
        export_rejects(connection, ledger.file_by_id(connection, file_id), layout, options.failed_dir)
    except OSError as error:
        ledger.warn(
            connection,
            file_id,
            f"Its rejects could not be written below {options.failed_dir} ({error.strerror}); "
            "they are safe in the database: see `logistics rejects`.",
        )
