"""Records into batches: as many rows and rejects as one transaction takes, and the checkpoint behind them.

This is where lanes meet: whatever makes a `Batch` out of a file can be loaded by `copying`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from logistics_pipeline.datasets import Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.layouts import Record
from logistics_pipeline.loading.reading import Checkpoint
from logistics_pipeline.loading.records import Rejection, Row, Validate

MAX_UNKNOWN_FIELDS = 100
"""So many names of unknown fields are remembered per file: a file with keys for data must not fill the ledger."""


class Place(NamedTuple):
    """Where a record stood in its file, and what it looked like there."""

    record_no: int
    byte_offset: int | None
    raw: bytes


@dataclass(frozen=True)
class Reject:
    """A record that is set aside, and why."""

    place: Place
    rejection: Rejection


@dataclass
class Batch:
    """What one transaction writes. `rows[i]` stood at `places[i]`."""

    rows: list[Row] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    unknown_fields: set[str] = field(default_factory=set)
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    """The place behind its last record."""
    error: FileError | None = None
    """What ended the file behind this batch, if it did not end well: the batch itself is good."""

    @property
    def records(self) -> int:
        return len(self.rows) + len(self.rejects)


@dataclass(frozen=True)
class BatchLimits:
    """A batch is full at so many records or bytes of input, whichever comes first."""

    records: int
    bytes: int


def make_batches(
    records: Iterator[Record], dataset: Dataset, validate: Validate, after: Checkpoint, limits: BatchLimits
) -> Iterator[Batch]:
    """Cuts a file's records into batches; at least one, the last one shorter than full or carrying the file's error.

    Where records end does not depend on the limits: everything before an error is in a batch, and loaded.
    """
    known = set(dataset.columns)
    batch, begun_at = Batch(checkpoint=after), after.offset
    try:
        for record in records:
            _add(batch, record, validate, known)
            if batch.records >= limits.records or record.end - begun_at >= limits.bytes:
                yield batch
                batch, begun_at = Batch(checkpoint=batch.checkpoint), record.end
    except FileError as error:
        batch.error = error
    yield batch


def _add(batch: Batch, record: Record, validate: Validate, known: set[str]) -> None:
    outcome = validate(record.value)
    place = Place(record.number, record.offset, record.raw)
    if isinstance(outcome, Rejection):
        batch.rejects.append(Reject(place, outcome))
    else:
        batch.rows.append(outcome)
        batch.places.append(place)
    if isinstance(record.value, dict) and not record.value.keys() <= known:
        _notice(batch, record.value.keys() - known)
    batch.checkpoint = Checkpoint(record.number, record.end)


def _notice(batch: Batch, names: set[str]) -> None:
    for name in sorted(names)[: MAX_UNKNOWN_FIELDS - len(batch.unknown_fields)]:
        batch.unknown_fields.add(name[:255].replace("\0", "\\0").encode("utf-8", "backslashreplace").decode())
