"""Makes the profile of a file's columns while it is loaded, from a sample of its rows.

The first rows are all taken, of the rest a fixed share (`Chunk.sample`): a profile costs little, whatever the size of
the file. It is stored with each batch, so a load that resumes continues it.
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
        lines = [line for chunk in batch.chunks() for line in chunk.sample]
        if not lines or not self._fields:
            return self._profile
        rows = [line.split("\t", len(self._fields)) for line in lines]
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


def _profile(field: Field, column: Iterable[str]) -> FieldProfile:
    kind = value_kind(field.type)
    return make_profile(map(unescape, column), kind, MEASURES[kind])
