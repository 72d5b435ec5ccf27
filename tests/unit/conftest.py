"""What tests of the loading core share: reading a file made of bytes, in blocks as small as wanted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from logistics_pipeline.datasets import VEHICLES, Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.layouts import Record
from logistics_pipeline.loading.reading import Checkpoint, open_records
from logistics_pipeline.loading.source import Source


@dataclass(frozen=True)
class Outcome:
    """All that reading a file gave."""

    format: str
    records: list[Record]
    error: FileError | None

    @property
    def values(self) -> list[object]:
        return [record.value for record in self.records]


class ReadContent(Protocol):
    def __call__(
        self,
        content: bytes,
        dataset: Dataset = VEHICLES,
        *,
        after: Checkpoint = Checkpoint(),  # noqa: B008
        block_bytes: int = 256 * 1024,
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
    """Writes bytes to a file and reads its records up to the end or the error."""
    path: Path = tmp_path_factory.mktemp("content") / "file"

    def read(
        content: bytes,
        dataset: Dataset = VEHICLES,
        *,
        after: Checkpoint = Checkpoint(),  # noqa: B008
        block_bytes: int = 256 * 1024,
        max_record_bytes: int = 1 << 20,
    ) -> Outcome:
        path.write_bytes(content)
        layout, records = "", []
        try:
            with blocks_of(block_bytes), open_records(path, dataset, after, max_record_bytes) as reading:
                layout = reading.format
                for record in reading.records:
                    records.append(record)
        except FileError as error:
            return Outcome(layout, records, error)
        return Outcome(layout, records, None)

    return read
