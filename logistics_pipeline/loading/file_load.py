"""One attempt at loading one file: registers it, detects its format, writes it batch by batch, finishes it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from logistics_core.catalogue import Dataset
from logistics_core.database_contract.file_states import FileState
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import DISK_FULL_ERRNOS, FileChangedError, FileError
from logistics_pipeline.files.content_hash import ContentHash, NotedHash, content_hash, hashing
from logistics_pipeline.files.folder import FoundFile, split_key
from logistics_pipeline.files.landing import land
from logistics_pipeline.files.remote_file import RemoteFile
from logistics_pipeline.files.stored_file import StoredFile
from logistics_pipeline.files.stores import PlaceError
from logistics_pipeline.ledger import KnownProfiles, LedgerFile
from logistics_pipeline.loading.contract.file_formats import stored_formats
from logistics_pipeline.loading.file_dataset import file_dataset
from logistics_pipeline.loading.finishing import ReadResult, finish_file
from logistics_pipeline.loading.formats.reader import Checkpoint, FileFormat, check_format, detect_format
from logistics_pipeline.loading.layout_changes import layout_changes
from logistics_pipeline.loading.layouts import CsvLayout, layout_from_json
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.loading.parse.chunks import Chunk
from logistics_pipeline.loading.parse.held_records import HeldRecords, can_hold
from logistics_pipeline.loading.parse.parser_process import open_chunks
from logistics_pipeline.loading.parse.parsers import CHANGED, ReadTask, release_held
from logistics_pipeline.loading.write.batch import Batch
from logistics_pipeline.loading.write.batch_writer import BatchWriter
from logistics_pipeline.loading.write.indexes import bulk_load
from logistics_pipeline.loading.write.removal import remove_file_rows, remove_rejects_only

OnProgress = Callable[[int, int], None]
"""Called after every batch with the records and the (decompressed) bytes read so far."""

TYPICAL_EXPANSION = 8
"""How many times larger the content of a compressed file is, roughly: it is unknown before the file was read."""


DIRTY_TIMES = 4
"""How many times as long the parser takes where many records are bad."""

LONG_HEADER_BYTES = 1 << 20
"""A file with a longer CSV header is read by the loader itself, not by a process of its own."""


@dataclass(frozen=True)
class LoadReport:
    """The status of a file after a load: a loaded file, or a failed one with its error."""

    file: LedgerFile
    was_loaded_before: bool = False
    """There was nothing to do: this content had been loaded already."""

    @property
    def is_loaded(self) -> bool:
        return self.file.state is FileState.LOADED

    @property
    def records_per_second(self) -> float:
        return self.file.records_read / self.file.seconds if self.file.seconds else 0.0


class FileLoad:
    """Loads a file through a connection that holds the file's lock."""

    def __init__(
        self,
        connection: Connection,
        options: LoadOptions,
        run_id: str | None,
        on_progress: OnProgress,
        profiles: KnownProfiles,
    ) -> None:
        self._connection = connection
        self._options = options
        self._run_id = run_id
        self._on_progress = on_progress
        self._profiles = profiles
        self._since = perf_counter()
        self._path: StoredFile = Path()
        """What is read, once that is known."""

    def run(self, found: FoundFile, *, on_request: bool) -> LoadReport:
        """Loads the file as it is on disk now and finishes it, loaded or failed."""
        denial = None
        try:
            found = self._options.folder.look_again(found) or found
        except PlaceError as error:
            denial = FileError(str(error))
        file = register_file(self._connection, found)
        if not _is_to_load(file, on_request):
            return LoadReport(file, was_loaded_before=file.state is FileState.LOADED)
        try:
            if denial is not None:
                raise denial
            dataset = file_dataset(self._options.catalogue, file)
        except FileError as error:
            return self._fail(file, error)
        if file.is_reload_due:
            remove_file_rows(self._connection, file, dataset, state=FileState.REGISTERED)
        elif _is_all_rejected(file):
            remove_rejects_only(self._connection, file)
        file = ledger.begin(self._connection, file.file_id, self._run_id)
        result = self._read(file, found, dataset)
        return LoadReport(
            finish_file(
                self._connection, self._options, file.file_id, dataset, result, self._profiles, self._take_seconds
            )
        )

    def _fail(self, file: LedgerFile, error: FileError) -> LoadReport:
        """Fails a file before anything is read. One that is due to be loaded again stays loaded, with a warning."""
        if file.state is FileState.LOADED:
            ledger.warn(self._connection, file.file_id, str(error))
        else:
            ledger.begin(self._connection, file.file_id, self._run_id)
            ledger.fail(self._connection, file.file_id, str(error))
        return LoadReport(ledger.file_by_id(self._connection, file.file_id))

    def _read(self, file: LedgerFile, found: FoundFile, dataset: Dataset) -> ReadResult:
        """Loads the file's records as far as they can be read."""
        result = ReadResult()
        try:
            self._path = self._local_or_remote(found)
            result.format = detect_format(
                self._path,
                dataset,
                self._options.catalogue,
                self._options.max_record_bytes,
                is_nested=found.is_nested,
            )
            if not file.records_read:
                check_format(self._path, result.format, dataset, self._options.max_record_bytes)
            result.format = self._with_changes(result.format, file, dataset)
            result.content_hash = self._load_records(file, found, dataset, result.format)
        except FileError as error:
            result.error = error
        return result

    def _local_or_remote(self, found: FoundFile) -> StoredFile:
        """What is read: the file itself, or its copy on disk where its source asks for that."""
        if not (isinstance(found.path, RemoteFile) and found.path.place.land):
            return found.path
        folder = self._options.landed_dir or self._options.failed_dir.with_name("landed")
        try:
            return land(found.path, split_key(found.key)[0], folder)
        except OSError as error:
            if error.errno in DISK_FULL_ERRNOS:
                raise
            raise FileError(f"The file cannot be copied to {folder}: {error.strerror}") from error

    def _with_changes(self, format: FileFormat, file: LedgerFile, dataset: Dataset) -> FileFormat:
        """The format with a note for each change since the file that was loaded before."""
        if not isinstance(format.layout, CsvLayout):
            return format
        before = layout_from_json(ledger.layout_before(self._connection, dataset.name, file.file_id))
        return replace(format, notes=(*format.notes, *layout_changes(format.layout, before, dataset)))

    def _load_records(self, file: LedgerFile, found: FoundFile, dataset: Dataset, format: FileFormat) -> str | None:
        """Loads the records after those loaded before; returns the hash of the content."""
        expansion = TYPICAL_EXPANSION if format.compression else 1
        left_bytes = found.size_bytes * expansion - file.bytes_read
        task = self._task(file, found, dataset, format)
        least_bytes, may_be_apart = self._options.own_process_bytes, not _has_long_header(format)
        is_large = may_be_apart and left_bytes >= least_bytes
        can_move = isinstance(self._path, Path)  # otherwise two readers would read ranges twice
        moves_before = file.bytes_read + left_bytes - least_bytes // DIRTY_TIMES if may_be_apart and can_move else 0
        with (
            open_chunks(
                task,
                in_own_process=is_large,
                meanwhile=can_move and self._options.parses_meanwhile,
                if_dirty_before=moves_before,
            ) as chunks,
            hashing(self._path) as content,
            bulk_load(self._connection, dataset, left_bytes),
        ):
            self._write(chunks, task)
            return self._hash_of_unchanged(found, content)

    def _task(self, file: LedgerFile, found: FoundFile, dataset: Dataset, format: FileFormat) -> ReadTask:
        held = tuple((file.layout or {}).get("held", ()))
        holds_back = not file.bytes_read and self._options.date_order is None and can_hold(dataset, format.layout)
        return ReadTask(
            path=self._path,
            dataset=dataset,
            layout=format.layout,
            file_id=file.file_id,
            after=Checkpoint(file.records_read + len(held), file.bytes_read),
            date_order=self._options.date_order,
            chunk_bytes=self._options.chunk_bytes_of(dataset),
            max_record_bytes=self._options.max_record_bytes,
            max_expansion=self._options.max_expansion,
            reference_parser=self._options.reference_parser,
            formats=stored_formats(file.layout),
            codec=(file.layout or {}).get("encoding") if file.records_read else "",
            widened=frozenset((file.layout or {}).get("widened", ())),
            holding=HeldRecords(dataset) if holds_back else None,
            held=held,
            fingerprint=found.fingerprint if self._path is found.path else None,
        )

    def _write(self, chunks: Iterator[Chunk], task: ReadTask) -> None:
        writer = BatchWriter(self._connection, task)
        checkpoint, damage = task.after, None
        for first in chunks:
            # Not after the last batch: at its end, the whole file is judged.
            if checkpoint.records:
                self._check_rejects(replace(task, after=checkpoint), writer, damage)
            batch = Batch(first, chunks, checkpoint, self._options.batch)
            writer.write(batch, self._take_seconds)
            checkpoint = batch.checkpoint
            self._on_progress(checkpoint.records, checkpoint.offset)
            if batch.error is not None:
                raise batch.error
            damage = damage or batch.damage

    def _check_rejects(self, task: ReadTask, writer: BatchWriter, damage: FileError | None) -> None:
        """Stops a load that rejects too much. If the file is known to be damaged, that is the reason given.

        Records that are held back may be good.
        """
        file, limit = ledger.file_by_id(self._connection, task.file_id), self._options.max_rejects
        if not limit.is_exceeded(file.records_read + len(writer.held), file.records_rejected):
            return
        if writer.held:
            formats = stored_formats(file.layout)
            chunk = release_held(replace(task, holding=None, held=tuple(writer.held), formats=formats))
            writer.write(Batch(chunk, iter(()), task.after, self._options.batch), self._take_seconds)
            damage, file = chunk.damage or damage, ledger.file_by_id(self._connection, task.file_id)
        raise damage or limit.error(self._connection, task.file_id, file.records_read, file.records_rejected)

    def _hash_of_unchanged(self, found: FoundFile, content: ContentHash | NotedHash) -> str | None:
        """The hash of the content that was loaded: taken first, before checking that the file has not changed."""
        result = content.wait()
        if self._path is not found.path:
            return result  # a copy of this version, which nobody changes
        now = self._options.folder.look_again(found)
        if now is None:
            raise FileError("The file was removed or renamed while it was loaded, so it may not have been complete")
        if now.fingerprint != found.fingerprint:
            raise FileChangedError(CHANGED)
        return result

    def _take_seconds(self) -> float:
        """The time since the last call, which the ledger does not include yet."""
        since, self._since = self._since, perf_counter()
        return self._since - since


def register_file(connection: Connection, found: FoundFile) -> LedgerFile:
    """Registers a file unless it is registered as it is now; returns its entry in the ledger.

    Its content is hashed only if that decides whether the file changed or was merely touched.
    """
    known = ledger.latest_file(connection, found.key)
    if known is not None and (known.dataset, known.fingerprint) == (found.dataset, found.fingerprint):
        return known
    may_be_touched = known is not None and known.content_hash is not None and known.size_bytes == found.size_bytes
    return ledger.register(connection, found, content_hash=content_hash(found.path) if may_be_touched else None)


def _has_long_header(format: FileFormat) -> bool:
    """Whether the header takes so much memory that two processes should not hold it."""
    return isinstance(format.layout, CsvLayout) and len(format.layout.header_text) > LONG_HEADER_BYTES


def _is_all_rejected(file: LedgerFile) -> bool:
    """Whether the file failed without a good record: settings or contract may have changed, so it is read anew."""
    return file.state is FileState.FAILED and file.records_rejected == file.records_read > 0


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
