"""Makes the profile of a file's columns while it is loaded, from a sample of its rows.

The first rows are all taken, of the rest a fixed share: a profile costs little, whatever the size of the file. It is
stored with each batch, so a load that resumes continues it.
"""

from collections.abc import Iterable, Sequence

from logistics_core.catalogue import Dataset, Field
from logistics_core.profiles import MEASURES, FieldProfile, make_profile, merged_profiles, value_kind
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.ledger import FileProfile
from logistics_pipeline.loading.contract.copy_text import unescape
from logistics_pipeline.loading.parse.parsers import ReadTask
from logistics_pipeline.loading.write.batch import Batch

FIRST_ROWS = 400
"""Rows at the beginning of a file that are all taken."""
SHARE = 256
"""Of the rest, every 256th row."""
MOST_COLUMNS = 200
"""Of a wider table only the first columns have a profile: those of one file must not take megabytes."""


class FileProfiler:
    """Makes the profile of one file."""

    def __init__(self, connection: Connection, task: ReadTask) -> None:
        self._connection = connection
        self._file_id = task.file_id
        self._fields = profiled_fields(task.dataset)
        self._profile = ledger.file_profile(connection, task.file_id) if task.after.records else FileProfile()

    def write(self, batch: Batch) -> FileProfile:
        """Stores the profile including a batch, in the batch's transaction, and returns it."""
        lines = _sample(batch)
        if not lines or not self._fields:
            return self._profile
        rows = [line.split(b"\t", len(self._fields)) for line in lines]
        columns = zip(*rows, strict=True)
        found = {field.name: _profile(field, column) for field, column in zip(self._fields, columns, strict=False)}
        profile = merged_profiles([self._profile, found])
        ledger.keep_profile(self._connection, self._file_id, profile)
        return profile

    def keep(self, profile: FileProfile) -> None:
        """Continues with a profile whose batch is committed."""
        self._profile = profile


def profiled_fields(dataset: Dataset) -> Sequence[Field]:
    """The fields of a dataset that have a profile."""
    return dataset.fields[:MOST_COLUMNS]


def _profile(field: Field, column: Iterable[bytes]) -> FieldProfile:
    kind = value_kind(field.type)
    return make_profile(map(_text, column), kind, MEASURES[kind])


def _sample(batch: Batch) -> list[bytes]:
    lines: list[bytes] = []
    begin = batch.before.records
    for chunk in batch.chunks():
        first = max(FIRST_ROWS - begin, 0)
        next_one = first + -(begin + first) % SHARE
        if min(next_one, 0 if first else next_one) < chunk.rows:
            rows = chunk.text.split(b"\n", chunk.rows)[:-1]
            lines += rows[:first] + rows[next_one::SHARE]
        begin += chunk.rows
    return lines


def _text(value: bytes) -> str | None:
    return unescape(value.decode())
