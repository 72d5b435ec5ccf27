"""What tests of the loading core share: reading a file made of bytes, in blocks as small as wanted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest

from logistics_core.catalogue import Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import Source
from logistics_pipeline.loading.formats.reader import RUN_BYTES, Checkpoint, detect_format, open_after, read_records
from logistics_pipeline.loading.layouts import Records
from tests.datasets import DATASETS, VEHICLES


class ReadRecord(NamedTuple):
    """A record as it was read, with its place."""

    number: int
    offset: int | None
    raw: bytes
    value: object


@dataclass(frozen=True)
class Outcome:
    """All that reading a file gave."""

    format: str
    runs: list[Records]
    error: FileError | None

    @property
    def values(self) -> list[object]:
        return [run.values[index] for run in self.runs for index in range(len(run.values))]

    @cached_property
    def records(self) -> list[ReadRecord]:
        places = [run.raw_record(index) for run in self.runs for index in range(len(run.values))]
        return [ReadRecord(*place, value) for place, value in zip(places, self.values, strict=True)]

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """Behind each run: behind each record if runs were wanted that short."""
        return [Checkpoint(run.before + len(run.values), run.end) for run in self.runs]


class ReadContent(Protocol):
    def __call__(
        self,
        content: bytes,
        dataset: Dataset = VEHICLES,
        *,
        after: Checkpoint = Checkpoint(),  # noqa: B008
        block_bytes: int = 256 * 1024,
        run_bytes: int | None = None,
        max_record_bytes: int = 1 << 20,
    ) -> Outcome: ...


@contextmanager
def blocks_of(size: int) -> Iterator[None]:
    """Makes sources give at most `size` bytes at a time."""
    defaults = Source.read.__defaults__
    Source.read.__defaults__ = (size,)
    try:
        yield
    finally:
        Source.read.__defaults__ = defaults


@pytest.fixture(scope="session")
def read_content(tmp_path_factory: pytest.TempPathFactory) -> ReadContent:
    """Writes bytes to a file and reads its records up to the end or the error.

    Unless told otherwise, runs are no longer than blocks: else whole files would always be one run, read at once.
    """
    path: Path = tmp_path_factory.mktemp("content") / "file"

    def read(
        content: bytes,
        dataset: Dataset = VEHICLES,
        *,
        after: Checkpoint = Checkpoint(),  # noqa: B008
        block_bytes: int = 256 * 1024,
        run_bytes: int | None = None,
        max_record_bytes: int = 1 << 20,
    ) -> Outcome:
        path.write_bytes(content)
        layout, runs, error = "", [], None
        wanted = min(block_bytes, RUN_BYTES) if run_bytes is None else run_bytes
        try:
            with blocks_of(block_bytes):
                found = detect_format(path, dataset, DATASETS, max_record_bytes)
                with open_after(path, found.layout, after) as source:
                    layout = found.name
                    for run in read_records(source, found.layout, after.records, max_record_bytes, run_bytes=wanted):
                        runs.append(run)
        except FileError as raised:
            error = raised
        assert all(run.values or run.notes for run in runs)
        return Outcome(layout, runs, error)

    return read
