"""Reads a file as chunks: the fast parser goes as far as it can, the reference parser reads the rest.

Plain data in, plain data out, so the same call works in the loader's process and in a process of its own
(`parser_process`).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from logistics_core.catalogue import Dataset
from logistics_pipeline.errors import FileChangedError, FileError
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.formats.json_reader import read_page
from logistics_pipeline.loading.formats.reader import Checkpoint, open_after, read_records
from logistics_pipeline.loading.formats.wrapped_arrays import skip_to_next_array
from logistics_pipeline.loading.layouts import ElementsLayout, Layout, LinesLayout, RawRecord
from logistics_pipeline.loading.parse.chunks import Chunk, ChunkMaker
from logistics_pipeline.loading.parse.fast_json import FastJsonParser
from logistics_pipeline.sources.byte_stream import MAX_EXPANSION, Source

CHANGED = "The file changed while it was loaded. Its new content is a new version and is loaded as such"


@dataclass(frozen=True)
class ReadTask:
    """What to read, from which checkpoint on, and how."""

    path: Path
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


def read_chunks(task: ReadTask) -> Iterator[Chunk]:
    """Yields the chunks after the task's checkpoint.

    If the file cannot be read to its end, the last chunk carries the error.
    """
    done = task.after
    try:
        with open_after(task.path, task.layout, task.after, task.max_expansion) as source:
            note = None
            for chunk in _read(task, source):
                done = chunk.checkpoint
                if source.note is not None and source.note != note:  # the encoding may show late
                    note = source.note
                    chunk.notes = (note, *chunk.notes)
                yield chunk
    except FileError as error:
        yield Chunk(done, error=error)


def _read(task: ReadTask, source: Source) -> Iterator[Chunk]:
    maker = ChunkMaker(task.dataset, task.file_id, task.date_order)
    done = task.after.records
    if not task.reference_parser:
        fast = FastJsonParser(source, task.dataset, maker, task.chunk_bytes, task.max_record_bytes)
        match task.layout:
            case ElementsLayout():
                yield from _read_pages(task, source, task.layout, fast, maker)
                return
            case LinesLayout():
                done = (yield from fast.read_lines(done)).records
            case _:
                pass
    for records in read_records(source, task.layout, done, task.max_record_bytes, run_bytes=task.chunk_bytes):
        yield maker.from_records(records)


def _read_pages(
    task: ReadTask, source: Source, layout: ElementsLayout, fast: FastJsonParser, maker: ChunkMaker
) -> Iterator[Chunk]:
    """Reads an array and the same array on every page after it: each with the fast parser as far as that can."""
    done, is_begun, is_more = task.after.records, task.after.records > 0, True
    while is_more:
        before = done
        done = (yield from fast.read_elements(done, is_begun=is_begun)).records
        is_begun = is_begun or done > before
        for records in read_page(source, layout, done, task.max_record_bytes, task.chunk_bytes, is_begun=is_begun):
            done = records.before + len(records.values)
            yield maker.from_records(records)
        is_begun, is_more = False, skip_to_next_array(source, layout.keys, task.max_record_bytes)


def find_records(task: ReadTask, numbers: Collection[int], after: Checkpoint) -> list[RawRecord]:
    """Reads the file again from a checkpoint on to find records in it by their numbers: PostgreSQL refused their rows.

    Raises:
        FileChangedError: one of them is not there any more.
    """
    wanted, found = sorted(numbers, reverse=True), list[RawRecord]()
    if not wanted:
        return found
    with open_after(task.path, task.layout, after) as source:
        for records in read_records(source, task.layout, after.records, task.max_record_bytes):
            while wanted[-1] <= records.before + len(records.values):
                found.append(records.raw_record(wanted.pop() - records.before - 1))
                if not wanted:
                    return found
    raise FileChangedError(CHANGED)
