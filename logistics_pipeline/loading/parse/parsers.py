"""Reads a file as chunks: the fast parser goes as far as it can, the reference parser reads the rest.

Plain data in, plain data out, so the same call works in the loader's process and in a process of its own
(`parser_process`).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from logistics_core.catalogue import Dataset, Field, FieldType
from logistics_pipeline.errors import FileChangedError, FileError
from logistics_pipeline.files.byte_stream import MAX_EXPANSION, Source
from logistics_pipeline.files.stored_file import StoredFile
from logistics_pipeline.loading.contract.columns import Column, FormatsNeededError, WideningNeededError
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.contract.file_evidence import FileEvidence
from logistics_pipeline.loading.contract.file_formats import FORMATTED_TYPES, NOT_LOOKED_FOR, FileFormats
from logistics_pipeline.loading.formats.json_names import JsonNames, json_names, named_records
from logistics_pipeline.loading.formats.json_reader import read_page
from logistics_pipeline.loading.formats.reader import Checkpoint, encoding_of, open_after, read_records
from logistics_pipeline.loading.formats.wrapped_arrays import skip_to_next_array
from logistics_pipeline.loading.layouts import CsvLayout, ElementsLayout, Layout, LinesLayout, RawRecord, Records
from logistics_pipeline.loading.parse.chunks import (
    Chunk,
    ChunkMaker,
    OtherColumns,
    RecordTaker,
    columns_of,
    merge_chunks,
)
from logistics_pipeline.loading.parse.fast_json import FastJsonParser
from logistics_pipeline.loading.parse.held_records import HeldRecord, HeldRecords
from logistics_pipeline.loading.parse.typed_json import TypedDecoder

CHANGED = "The file changed while it was loaded. Its new content is a new version and is loaded as such"


@dataclass(frozen=True)
class ReadTask:
    """What to read, from which checkpoint on, and how."""

    path: StoredFile
    dataset: Dataset
    layout: Layout
    file_id: int
    after: Checkpoint
    date_order: DateOrder | None
    chunk_bytes: int
    max_record_bytes: int
    reference_parser: bool = False
    """Leave everything to the reference parser."""
    max_expansion: int = MAX_EXPANSION
    formats: FileFormats = NOT_LOOKED_FOR
    """How the file's values are written, as far as that was found out before."""
    codec: str | None = ""
    """What the bytes before the checkpoint have shown of the encoding, see `Source.resume_at`; empty: not known."""
    widened: frozenset[str] = frozenset()
    """Integer fields that are read as numbers, as the file holds decimal ones."""
    passes_over: bool = False
    """Fields that the dataset does not have are of no interest."""
    only_dates: bool = False
    """Of a CSV file, only the rows with dates of all numbers are of interest."""
    holding: HeldRecords | None = None
    """Where records are held back whose dates only the whole file explains. None: the file is searched at the first."""
    held: tuple[int, ...] = ()
    """The numbers of records before the checkpoint that an earlier load has held back."""
    fingerprint: tuple[int, int | str] | None = None
    """Of the version of a file on disk that is to be read, see `FoundFile`. None: whatever is there."""

    @property
    def holds_back(self) -> bool:
        """Whether records may be held back: not any more once the formats of the file's dates are known."""
        return self.holding is not None and self.formats.dates is None


def read_chunks(task: ReadTask) -> Iterator[Chunk]:
    """Yields the chunks after the task's checkpoint.

    If the file cannot be read to its end, the last chunk carries the error.
    """
    return _ChunkReader(task).chunks()


def release_held(task: ReadTask) -> Chunk:
    """The chunk of the records that are held back, where the file is not read further than to the task's checkpoint."""
    return _ChunkReader(task).released()


class _ChunkReader:
    """Reads one file, and begins again at the last checkpoint whenever something about the file has become known."""

    def __init__(self, task: ReadTask) -> None:
        self._task = task
        """What is left to read."""
        self._news = list[FileFormats]()
        """Formats that no chunk has told yet."""
        self._widened = list[str]()
        """Fields of which none has told yet that they are widened."""
        self._damage: FileError | None = None

    def chunks(self) -> Iterator[Chunk]:
        """Yields the chunks that are left."""
        is_read = False
        while not is_read:
            try:
                yield from self._read_on()
                is_read = True
            except FormatsNeededError as needed:
                self._find_formats(needed.type)
            except WideningNeededError as needed:
                self._widened.append(needed.field)
                self._task = replace(self._task, widened=self._task.widened | {needed.field})
            except FileError as error:
                last = self.released() if self._has_held else Chunk(self._task.after)
                last.error = error
                yield last
                return

    def _read_on(self) -> Iterator[Chunk]:
        """Yields chunks as far as they can be made with what is known."""
        if self._task.held and self._task.formats.dates is None:
            raise FormatsNeededError(FieldType.DATE)  # an earlier load has held records back, and left no evidence
        if self._has_held and self._task.formats.dates is not None:
            yield self.released()
        for chunk in _read(self._task, _chunk_maker(self._task)):
            if self._task.holds_back:
                self._hold_back(chunk)
            yield self._with_news(chunk)
        if self._has_held:
            yield self.released()

    def _with_news(self, chunk: Chunk) -> Chunk:
        """A chunk, read and about to be passed on, with what has become known before it."""
        if self._widened:
            chunk.widened = self._task.widened
            chunk.notes = (*chunk.notes, *map(_note_of_widening, self._widened))
            self._widened = []
        if self._news:
            chunk.formats = self._task.formats
            chunk.notes = (*chunk.notes, *(note for found in self._news for note in found.notes()))
            chunk.damage = self._damage
            self._news = []
        self._task = replace(self._task, after=chunk.checkpoint, codec=chunk.codec)
        return chunk

    def _find_formats(self, type: FieldType) -> None:
        formats, self._damage = find_formats(self._task, {type})
        self._know(formats)

    def _know(self, formats: FileFormats) -> None:
        self._news.append(formats)
        self._task = replace(self._task, formats=self._task.formats.completed_by(formats))

    # -- records that are held back --------------------------------------------------------------------------------

    @property
    def _has_held(self) -> bool:
        holding = self._task.holding
        return bool(self._task.held or (holding is not None and holding.records))

    def _hold_back(self, chunk: Chunk) -> None:
        """Takes the records of a chunk that are held back.

        Raises:
            FormatsNeededError: they are too many. The chunk is to be read again.
        """
        holding = self._task.holding
        assert holding is not None
        if not holding.has_room_for(chunk.held, chunk.checkpoint.records):
            raise FormatsNeededError(FieldType.DATE)
        holding.take(chunk.held, chunk.dates)

    def released(self) -> Chunk:
        """The chunk of all records that are held back: the file was read to its end, or searched for its formats."""
        holding = self._task.holding
        held = list(_find_values(self._task, self._task.held)) if holding is None else holding.records
        if self._task.formats.dates is None:
            if holding is None:
                self._find_formats(FieldType.DATE)
            else:
                self._know(holding.formats())
        chunk = None
        while chunk is None:
            try:
                chunk = _chunk_maker(self._task).release(held, self._task.after)
            except FormatsNeededError as needed:  # for a number beside the date
                self._find_formats(needed.type)
        chunk.codec = self._task.codec or None
        if holding is not None:
            holding.clear()
        self._task = replace(self._task, held=())
        return self._with_news(chunk)


def _note_of_widening(field: str) -> str:
    return f"{field} holds decimal numbers: it is read as a number, no longer as an integer."


def find_formats(
    task: ReadTask, types: Collection[FieldType] = FORMATTED_TYPES
) -> tuple[FileFormats, FileError | None]:
    """Reads the whole file, as far as it can be read, to find out how its numbers, dates or both are written.

    Takes constant memory. Returns that, and why the file cannot be read to its end, if it cannot.
    """
    fields = tuple(field for field in task.dataset.fields if field.formatted_as in types)
    dataset = replace(task.dataset, fields=fields)
    evidence = FileEvidence(dataset, task.date_order)
    search = replace(
        task, dataset=dataset, after=Checkpoint(), codec="", passes_over=True, only_dates=set(types) == {FieldType.DATE}
    )
    damage = None
    try:
        for _ in _read(search, EvidenceTaker(dataset, evidence)):
            pass
    except FileError as error:
        damage = error
    return evidence.formats(types), damage


class EvidenceTaker:
    """Takes records as evidence in place of making chunks of them."""

    def __init__(self, dataset: Dataset, evidence: FileEvidence) -> None:
        self._names = dataset.columns
        self._evidence = evidence

    def from_records(self, records: Records) -> Chunk:
        """Takes decoded records."""
        columns, _ = columns_of(records, self._names)
        return self._take(columns, records)

    def from_columns(
        self, columns: Sequence[Column], records: Records, names: Iterable[str], others: OtherColumns
    ) -> Chunk:
        """Takes records as one column per field of the dataset."""
        return self._take(columns, records)

    def _take(self, columns: Sequence[Column], records: Records) -> Chunk:
        self._evidence.add(columns, records.before + 1)
        return Chunk(Checkpoint(records.before + len(records.values), records.end))


class NamedRecords:
    """Passes JSON records on by the names of fields, where contracts know members by other names or by paths."""

    def __init__(self, taker: RecordTaker, names: JsonNames) -> None:
        self._taker = taker
        self._names = names

    def from_records(self, records: Records) -> Chunk:
        """Takes decoded records."""
        return self._taker.from_records(named_records(records, self._names))

    def from_columns(
        self, columns: Sequence[Column], records: Records, names: Iterable[str], others: OtherColumns
    ) -> Chunk:
        """Takes records whose columns are of the dataset's fields already."""
        return self._taker.from_columns(
            columns, named_records(records, self._names), self._names.known_names(names), others
        )


def _chunk_maker(task: ReadTask) -> ChunkMaker:
    fields = tuple(_load_field(field, task) for field in task.dataset.fields)
    dataset = replace(task.dataset, fields=fields)
    return ChunkMaker(dataset, task.file_id, task.date_order, task.formats, holds_dates_back=task.holds_back)


def _load_field(field: Field, task: ReadTask) -> Field:
    """A field as a load takes it: an integer that may become a number, unless it tells records apart."""
    if field.type is not FieldType.INTEGER or field.name in task.dataset.key:
        return field
    is_widened = field.name in task.widened
    if is_widened:
        return replace(field, type=FieldType.NUMBER, was_integer=True)
    return replace(field, may_widen=True)


def _read(task: ReadTask, taker: RecordTaker) -> Iterator[Chunk]:
    """Passes the records after the task's checkpoint on and yields what becomes of them."""
    encoding = encoding_of(task.layout, task.dataset)
    with open_after(
        task.path, task.layout, task.after, task.max_expansion, encoding=encoding, codec=task.codec
    ) as source:
        _check_version(task)
        note = None
        for chunk in _parse(task, source, taker):
            if source.note is not None and source.note != note:  # the encoding may show late
                note = source.note
                chunk.notes = (note, *chunk.notes)
            chunk.codec = source.known_codec
            yield chunk


def _check_version(task: ReadTask) -> None:
    """Checks that the file that was just opened is the version to read: a process may open it after it was replaced.

    If the path still leads to that version now, it did when it was opened.

    Raises:
        FileError: it is another one, or may be.
    """
    if task.fingerprint is None or not isinstance(task.path, Path):
        return  # a file at a place is read at the version that it names
    try:
        now = task.path.stat()
    except OSError as error:
        raise FileError(f"The file cannot be opened: {error.strerror}") from error
    if (now.st_size, now.st_mtime_ns) != task.fingerprint:
        raise FileChangedError(CHANGED)


def _parse(task: ReadTask, source: Source, taker: RecordTaker) -> Iterator[Chunk]:
    done = task.after.records
    if not (isinstance(task.layout, CsvLayout) or json_names(task.dataset).is_plain):
        taker = NamedRecords(taker, json_names(task.dataset))
    if not task.reference_parser:
        decoder = TypedDecoder(task.dataset, passes_over=task.passes_over)
        fast = FastJsonParser(source, decoder, taker, task.chunk_bytes, task.max_record_bytes)
        match task.layout:
            case ElementsLayout():
                yield from _read_pages(task, source, task.layout, fast, taker)
                return
            case LinesLayout():
                done = (yield from fast.read_lines(done)).records
            case _:
                pass
    parts = list[Chunk]()
    for records in read_records(
        source, task.layout, done, task.max_record_bytes, run_bytes=task.chunk_bytes, only_dates=task.only_dates
    ):
        parts.append(taker.from_records(records))
        if records.is_whole:
            yield merge_chunks(parts)
            parts.clear()


def _read_pages(
    task: ReadTask, source: Source, layout: ElementsLayout, fast: FastJsonParser, taker: RecordTaker
) -> Iterator[Chunk]:
    """Reads an array and the same array on every page after it: each with the fast parser as far as that can."""
    done, is_begun, is_more = task.after.records, task.after.records > 0, True
    while is_more:
        before = done
        done = (yield from fast.read_elements(done, is_begun=is_begun)).records
        is_begun = is_begun or done > before
        for records in read_page(source, layout, done, task.max_record_bytes, task.chunk_bytes, is_begun=is_begun):
            done = records.before + len(records.values)
            yield taker.from_records(records)
        is_begun, is_more = False, skip_to_next_array(source, layout, task.max_record_bytes)


def find_records(task: ReadTask, numbers: Collection[int], after: Checkpoint) -> list[RawRecord]:
    """Reads the file again from a checkpoint on to find records in it by their numbers: PostgreSQL refused their rows.

    Raises:
        FileChangedError: the file is another version by now, or one of them is not there any more.
    """
    if numbers and min(numbers) <= after.records:  # it was held back
        after = Checkpoint()
    return [records.raw_record(index) for records, index in _find(task, numbers, after)]


def _find_values(task: ReadTask, numbers: Collection[int]) -> Iterator[HeldRecord]:
    """Reads the file again to find records that were held back."""
    names = None if isinstance(task.layout, CsvLayout) else json_names(task.dataset)
    for records, index in _find(task, numbers, Checkpoint()):
        named = records if names is None or names.is_plain else named_records(records, names)
        yield HeldRecord(records.raw_record(index), named.values[index])


def _find(task: ReadTask, numbers: Collection[int], after: Checkpoint) -> Iterator[tuple[Records, int]]:
    """Reads the file again from a checkpoint on: the records in which those with some numbers are, and their indexes.

    Raises:
        FileChangedError: the file is another version by now, or one of them is not there any more.
    """
    wanted = sorted(numbers, reverse=True)
    if not wanted:
        return
    encoding = encoding_of(task.layout, task.dataset)
    with open_after(task.path, task.layout, after, encoding=encoding) as source:
        _check_version(task)
        for records in read_records(source, task.layout, after.records, task.max_record_bytes):
            while wanted[-1] <= records.before + len(records.values):
                yield records, wanted.pop() - records.before - 1
                if not wanted:
                    return
    raise FileChangedError(CHANGED)
