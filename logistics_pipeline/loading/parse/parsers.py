"""Reads a file as chunks: the fast parser goes as far as it can, the reference parser reads the rest.

Plain data in, plain data out, so the same call works in the loader's process and in a process of its own
(`parser_process`).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

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


def read_chunks(task: ReadTask) -> Iterator[Chunk]:
    """Yields the chunks after the task's checkpoint.

    If the file cannot be read to its end, the last chunk carries the error.
    """
    done, codec = task.after, task.codec
    new, damage = list[FileFormats](), None
    widened = list[str]()
    while True:
        try:
            for chunk in _read(task, _chunk_maker(task)):
                if widened:
                    chunk.widened = task.widened
                    chunk.notes = (*chunk.notes, *map(_note_of_widening, widened))
                    widened = []
                if new:
                    chunk.formats = task.formats
                    chunk.notes = (*chunk.notes, *(note for found in new for note in found.notes()))
                    chunk.damage = damage
                    new = []
                done, codec = chunk.checkpoint, chunk.codec
                yield chunk
        except FormatsNeededError as needed:
            formats, damage = find_formats(task, {needed.type})
            new.append(formats)
            task = replace(task, after=done, codec=codec, formats=task.formats.completed_by(formats))
        except WideningNeededError as needed:
            widened.append(needed.field)
            task = replace(task, after=done, codec=codec, widened=task.widened | {needed.field})
        except FileError as error:
            yield Chunk(done, error=error)
            return
        else:
            return


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
    return ChunkMaker(replace(task.dataset, fields=fields), task.file_id, task.date_order, task.formats)


def _load_field(field: Field, task: ReadTask) -> Field:
    """A field as a load takes it: an integer that may become a number, unless it tells records apart."""
    if field.type is not FieldType.INTEGER or field.name in task.dataset.key:
        return field
    is_widened = field.name in task.widened
    return replace(field, type=FieldType.NUMBER if is_widened else field.type, may_widen=not is_widened)


def _read(task: ReadTask, taker: RecordTaker) -> Iterator[Chunk]:
    """Passes the records after the task's checkpoint on and yields what becomes of them."""
    encoding = encoding_of(task.layout, task.dataset)
    with open_after(
        task.path, task.layout, task.after, task.max_expansion, encoding=encoding, codec=task.codec
    ) as source:
        note = None
        for chunk in _parse(task, source, taker):
            if source.note is not None and source.note != note:  # the encoding may show late
                note = source.note
                chunk.notes = (note, *chunk.notes)
            chunk.codec = source.known_codec
            yield chunk


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
        FileChangedError: one of them is not there any more.
    """
    wanted, found = sorted(numbers, reverse=True), list[RawRecord]()
    if not wanted:
        return found
    encoding = encoding_of(task.layout, task.dataset)
    with open_after(task.path, task.layout, after, encoding=encoding) as source:
        for records in read_records(source, task.layout, after.records, task.max_record_bytes):
            while wanted[-1] <= records.before + len(records.values):
                found.append(records.raw_record(wanted.pop() - records.before - 1))
                if not wanted:
                    return found
    raise FileChangedError(CHANGED)
