"""Reads a file as chunks, by the fastest lane that understands it; the reference lane finishes what that one leaves.

Plain data in, plain data out: the same call serves in the loader's process and in one of its own (`parser_process`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from logistics_core.catalogue import Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.formats.reader import Checkpoint, read_records
from logistics_pipeline.loading.layouts import ElementsLayout, Layout, LinesLayout
from logistics_pipeline.loading.parse.chunks import Chunk, ChunkMaker
from logistics_pipeline.loading.parse.fast_json import TypedJson
from logistics_pipeline.sources.byte_stream import MAX_EXPANSION, Source, open_source


@dataclass(frozen=True)
class ReadTask:
    """What to read, from where on, and how."""

    path: Path
    dataset: Dataset
    layout: Layout
    file_id: int
    after: Checkpoint
    date_order: DateOrder | None
    chunk_bytes: int
    max_record_bytes: int
    reference_lane: bool = False
    """Leave everything to the reference lane."""
    max_expansion: int = MAX_EXPANSION


def read_chunks(task: ReadTask) -> Iterator[Chunk]:
    """Yields the chunks behind a checkpoint. A file that is at fault ends with a chunk that carries its error."""
    done = task.after
    try:
        with open_source(task.path, task.max_expansion) as source:
            source.skip_to(max(task.layout.start, task.after.offset))
            for chunk in _read(task, source):
                done = chunk.checkpoint
                yield chunk
    except FileError as error:
        yield Chunk(done, error=error)


def _read(task: ReadTask, source: Source) -> Iterator[Chunk]:
    maker = ChunkMaker(task.dataset, task.file_id, task.date_order)
    done = task.after.records
    if not task.reference_lane:
        typed = TypedJson(source, task.dataset, maker, task.chunk_bytes, task.max_record_bytes)
        match task.layout:
            case ElementsLayout():
                done = (yield from typed.read_elements(done)).records
            case LinesLayout():
                done = (yield from typed.read_lines(done)).records
            case _:
                pass
    for records in read_records(source, task.layout, done, task.max_record_bytes, run_bytes=task.chunk_bytes):
        yield maker.from_records(records)
