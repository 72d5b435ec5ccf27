"""The one way into a file: opens it, recognises its layout, yields its records from a given place on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from logistics_pipeline.datasets import Dataset
from logistics_pipeline.loading.csv_reading import read_csv
from logistics_pipeline.loading.json_reading import read_elements, read_json_lines, read_objects
from logistics_pipeline.loading.layouts import (
    CsvLayout,
    ElementsLayout,
    Layout,
    LinesLayout,
    ObjectsLayout,
    Record,
)
from logistics_pipeline.loading.sniffing import recognise
from logistics_pipeline.loading.source import Source, open_source


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
    records: Iterator[Record]

    @property
    def format(self) -> str:
        """For people: `json array, gzip`."""
        return f"{self.layout.name}, {self.compression}" if self.compression else self.layout.name


@contextmanager
def open_records(path: Path, dataset: Dataset, after: Checkpoint, max_record_bytes: int) -> Iterator[Reading]:
    """Opens a file for reading behind a checkpoint of the same content.

    Raises:
        FileError: it cannot be opened or is of no accepted layout; also while its records are read.
    """
    with open_source(path) as source:
        layout = recognise(source, dataset, max_record_bytes)
        compression = source.compression
    # A second time from the beginning: recognising may have read further than the first record.
    with open_source(path) as source:
        source.skip_to(max(layout.start, after.offset))
        yield Reading(layout, compression, _read(source, layout, after.records, max_record_bytes))


def _read(source: Source, layout: Layout, done: int, max_record_bytes: int) -> Iterator[Record]:
    match layout:
        case ElementsLayout():
            return read_elements(source, layout, done, max_record_bytes)
        case LinesLayout():
            return read_json_lines(source, layout, done, max_record_bytes)
        case CsvLayout():
            return read_csv(source, layout, done, max_record_bytes)
        case ObjectsLayout():
            return read_objects(source, layout, done, max_record_bytes)
