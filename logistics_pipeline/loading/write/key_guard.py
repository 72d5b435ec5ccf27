"""Holds a file that would replace most of another file's records, where nobody has confirmed the key of the dataset.

A key that inference has proposed was unique in one file. If it is a row number or lacks a field, a later file has the
same keys again and would supersede every row in silence. What the merge finds anyway is counted here.
"""

from collections import Counter

from logistics_core.catalogue import Dataset
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.write.merger import Merged

MOST_SHARE = 0.5
"""The share of the rows of a batch from which on it is held."""
FEWEST_RECORDS = 2
"""A single record that replaces another one is a correction more often than not: it is loaded, with a warning."""
_MOST_PATHS = 3


class KeyConflictError(FileError):
    """Most records of a batch have the key of another record, with other values."""

    def __init__(self, message: str, conflicts: Counter[int], of_records: int, record_no: int | None) -> None:
        super().__init__(message, record_no)
        self.conflicts = conflicts
        self.of_records = of_records


class KeyGuard:
    """Judges the batches of one file by what their merges have found."""

    def __init__(self, connection: Connection, dataset: Dataset, file_id: int) -> None:
        self._connection = connection
        self._dataset = dataset
        self._file_id = file_id

    def check(self, merged: Merged, rows: int, records_before: int) -> None:
        """Counts the conflicts of a batch of so many rows, in its transaction.

        Raises:
            KeyConflictError: they are most of its rows: nothing of the batch may be written.
        """
        if not merged.conflicts:
            return
        versions = ledger.other_versions(self._connection, self._file_id)
        conflicts = Counter({other: count for other, count in merged.conflicts.items() if other not in versions})
        if not conflicts:
            return
        ledger.count_key_conflicts(self._connection, self._file_id, conflicts, rows, is_held=False)
        known = ledger.files_known_to_conflict(self._connection, self._file_id)  # if this file is loaded once more
        count = sum(records for other, records in conflicts.items() if other not in known)
        if count >= FEWEST_RECORDS and count >= MOST_SHARE * rows:
            found = ledger.key_conflicts(self._connection, self._file_id)
            assert found is not None
            message = f"{_counted(count, rows, found)}. {_held(self._dataset)}"
            raise KeyConflictError(message, conflicts, rows, records_before + 1 if records_before else None)

    def hold(self, error: KeyConflictError) -> None:
        """Notes what the file is held for, after the transaction of the batch was rolled back."""
        ledger.count_key_conflicts(self._connection, self._file_id, error.conflicts, error.of_records, is_held=True)


def conflict_sentence(conflicts: ledger.KeyConflicts) -> str:
    """Says how many records of a file have the key of which others."""
    return f"{_counted(conflicts.records, conflicts.of_records, conflicts)}."


def warning_of_conflicts(connection: Connection, dataset: Dataset, file: ledger.LedgerFile) -> str | None:
    """A sentence about records of a loaded file that have replaced others, or were replaced; None if there are none."""
    if dataset.is_key_confirmed:
        return None
    found = ledger.key_conflicts(connection, file.file_id)
    if found is None or found.is_held:
        return None
    return (
        f"{_counted(found.records, file.records_read, found)}: of each key the record that was registered last is "
        f"kept. {_nobody_confirmed(dataset)} `logistics contracts list` shows the question."
    )


def _counted(records: int, of_records: int, found: ledger.KeyConflicts) -> str:
    others = [excerpt(path) for path in found.others.values()]
    named = ", ".join(others[:_MOST_PATHS])
    if len(others) > _MOST_PATHS:
        named += f" and {len(others) - _MOST_PATHS:,} more files"
    if found.is_within_file:
        named += " or of this file itself" if named else "this file itself"
    have = "has" if records == 1 else "have"
    return f"{records:,} of {of_records:,} records {have} the key of another record, of {named}, with other values"


def _held(dataset: Dataset) -> str:
    return (
        f"{_nobody_confirmed(dataset)} So these records were not loaded and have replaced nothing. Are they "
        "corrections, or does the key lack a field? `logistics contracts list` shows the question; once it is answered "
        "and accepted, the file is loaded."
    )


def _nobody_confirmed(dataset: Dataset) -> str:
    return f"Nobody has confirmed that {', '.join(dataset.key)} is the key of {dataset.name}."
