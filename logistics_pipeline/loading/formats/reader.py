"""Opens a file: detects its format and yields its records, from any checkpoint on."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from logistics_core.catalogue import Dataset
from logistics_pipeline.files.byte_stream import MAX_EXPANSION, Source, open_source
from logistics_pipeline.files.stored_file import StoredFile
from logistics_pipeline.loading.formats.csv_reader import read_csv
from logistics_pipeline.loading.formats.detection import detect_layout
from logistics_pipeline.loading.formats.field_check import check_fields
from logistics_pipeline.loading.formats.json_reader import read_elements, read_json_lines, read_objects
from logistics_pipeline.loading.formats.nested_records import read_nested
from logistics_pipeline.loading.layouts import (
    CsvLayout,
    ElementsLayout,
    Layout,
    LinesLayout,
    NestedLayout,
    ObjectsLayout,
    Records,
)

RUN_BYTES = 64 * 1024
"""A run ends with the record that reaches this many bytes of input: the least that can be committed."""


@dataclass(frozen=True)
class Checkpoint:
    """A position between two records: the number of records before it, and the offset where the next may begin."""

    records: int = 0
    offset: int = 0


@dataclass(frozen=True)
class FileFormat:
    """What a file looks like inside."""

    layout: Layout
    compression: str | None
    """`gzip`, `zstd` or None."""
    notes: tuple[str, ...] = ()
    """What was understood about the file that is not plain, one sentence each: the ledger keeps it."""

    @property
    def name(self) -> str:
        """For people: `json array, gzip`."""
        return f"{self.layout.name}, {self.compression}" if self.compression else self.layout.name


def detect_format(
    path: StoredFile,
    dataset: Dataset,
    dataset_names: Collection[str],
    max_record_bytes: int,
    *,
    is_nested: bool = False,
) -> FileFormat:
    """Returns a file's format; see `detection.detect_layout`. `is_nested`: its records hold those of the dataset.

    Raises:
        FileError: it cannot be opened or has none of the accepted layouts.
    """
    if is_nested and dataset.parent is not None:
        found = detect_format(path, dataset.parent, dataset_names, max_record_bytes)
        assert not isinstance(found.layout, NestedLayout)
        return replace(found, layout=NestedLayout(found.layout, dataset))
    with open_source(path, declared=dataset.encoding) as source:
        layout = detect_layout(source, dataset, dataset_names, max_record_bytes)
        notes = (source.note, *(layout.notes if isinstance(layout, CsvLayout) else ()))
        return FileFormat(layout, source.compression, tuple(filter(None, notes)))


def check_format(path: StoredFile, format: FileFormat, dataset: Dataset, max_record_bytes: int) -> None:
    """Checks that a file with this format holds records of the dataset; see `field_check.check_fields`.

    Raises:
        FileError: it holds records of another kind.
    """
    if isinstance(format.layout, NestedLayout) and dataset.parent is not None:
        check_format(path, replace(format, layout=format.layout.around), dataset.parent, max_record_bytes)
        return
    with open_after(path, format.layout, Checkpoint(), encoding=dataset.encoding) as source:
        check_fields(source, format.layout, dataset, max_record_bytes)


@contextmanager
def open_after(
    path: StoredFile,
    layout: Layout,
    checkpoint: Checkpoint,
    max_expansion: int = MAX_EXPANSION,
    *,
    encoding: str | None = None,
    codec: str | None = "",
) -> Iterator[Source]:
    """Opens a file and moves to a checkpoint of the same content. `encoding` is that of the contract.

    `codec` is what the bytes before the checkpoint have shown, see `Source.resume_at`; empty if that is not known.

    Raises:
        FileError: it cannot be opened, or ends before the checkpoint.
    """
    with open_source(path, max_expansion, encoding) as source:
        if checkpoint.offset > layout.start and codec != "":
            source.resume_at(checkpoint.offset, codec)
        source.skip_to(max(layout.start, checkpoint.offset))
        yield source


def read_records(
    source: Source,
    layout: Layout,
    done: int,
    max_record_bytes: int,
    *,
    run_bytes: int = RUN_BYTES,
    only_dates: bool = False,
) -> Iterator[Records]:
    """Yields the records after the source's position, numbered after `done`.

    With `only_dates`, records may be empty that have no date of all numbers.

    Raises:
        FileError: the file does not continue as its layout promises; all records before the error were yielded.
    """
    match layout:
        case ElementsLayout():
            return read_elements(source, layout, done, max_record_bytes, run_bytes)
        case LinesLayout():
            return read_json_lines(source, layout, done, max_record_bytes, run_bytes)
        case CsvLayout():
            return read_csv(source, layout, done, max_record_bytes, run_bytes, only_dates=only_dates)
        case ObjectsLayout():
            return read_objects(source, layout, done, max_record_bytes, run_bytes)
        case NestedLayout():
            is_begun = source.position > layout.start
            around = read_records(source, layout.around, int(is_begun), max_record_bytes, run_bytes=run_bytes)
            return read_nested(around, layout, done, is_begun=is_begun)


def encoding_of(layout: Layout, dataset: Dataset) -> str | None:
    """The encoding of files that the contract declares: that of the records around nested ones."""
    if isinstance(layout, NestedLayout) and layout.dataset.parent is not None:
        return layout.dataset.parent.encoding
    return dataset.encoding
