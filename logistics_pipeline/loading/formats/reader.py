"""The one way into a file: opens it, recognises its layout, yields its records from a given place on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from logistics_core.catalogue import Dataset
from logistics_pipeline.loading.formats.csv_reader import read_csv
from logistics_pipeline.loading.formats.detection import recognise
from logistics_pipeline.loading.formats.json_reader import read_elements, read_json_lines, read_objects
from logistics_pipeline.loading.layouts import CsvLayout, ElementsLayout, Layout, LinesLayout, ObjectsLayout, Records
from logistics_pipeline.sources.byte_stream import Source, open_source

RUN_BYTES = 64 * 1024
"""A run ends with the record that reaches so much input: the least that can be committed."""


@dataclass(frozen=True)
class Checkpoint:
    """A place between two records: how many records lie before it, and the offset where the next may begin."""

    records: int = 0
    offset: int = 0


@dataclass(frozen=True)
class Reading:
    """An open file."""

    layout: Layout
    compression: str | None
    records: Iterator[Records]

    @property
    def format(self) -> str:
        return format_name(self.layout, self.compression)


def format_name(layout: Layout, compression: str | None) -> str:
    """A file's format for people: `json array, gzip`."""
    return f"{layout.name}, {compression}" if compression else layout.name


def recognise_file(path: Path, dataset: Dataset, max_record_bytes: int) -> tuple[Layout, str | None]:
    """Returns a file's layout and compression.

    Raises:
        FileError: it cannot be opened or is of no accepted layout.
    """
    with open_source(path) as source:
        return recognise(source, dataset, max_record_bytes), source.compression


@contextmanager
def open_records(
    path: Path,
    dataset: Dataset,
    after: Checkpoint,
    max_record_bytes: int,
    *,
    run_bytes: int = RUN_BYTES,
    layout: Layout | None = None,
) -> Iterator[Reading]:
    """Opens a file for reading behind a checkpoint of the same content; `layout` if it was recognised before.

    Raises:
        FileError: it cannot be opened or is of no accepted layout; also while its records are read, after those
            before the fault.
    """
    if layout is None:
        layout, _ = recognise_file(path, dataset, max_record_bytes)
    with open_source(path) as source:  # anew: recognising may have read further than the first record
        source.skip_to(max(layout.start, after.offset))
        records = read_records(source, layout, after.records, max_record_bytes, run_bytes=run_bytes)
        yield Reading(layout, source.compression, records)


def read_records(
    source: Source, layout: Layout, done: int, max_record_bytes: int, *, run_bytes: int = RUN_BYTES
) -> Iterator[Records]:
    """Yields the records behind the position of `byte_stream`, numbered after `done`.

    Raises:
        FileError: the file is not what its layout promises, after those records that are.
    """
    match layout:
        case ElementsLayout():
            return read_elements(source, layout, done, max_record_bytes, run_bytes)
        case LinesLayout():
            return read_json_lines(source, layout, done, max_record_bytes, run_bytes)
        case CsvLayout():
            return read_csv(source, layout, done, max_record_bytes, run_bytes)
        case ObjectsLayout():
            return read_objects(source, layout, done, max_record_bytes, run_bytes)
