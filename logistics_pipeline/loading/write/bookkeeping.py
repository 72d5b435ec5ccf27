"""What a merge changes beside the rows, in its transaction: other files' counts, and the days and keys it makes stale.

Loads and replays do this in the same way.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from logistics_core.catalogue import Dataset
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.write.merger import Merged


def supersede_other_files(connection: Connection, merged: Merged, file_id: int) -> None:
    """Moves rows that `file_id` has overwritten from loaded to superseded, in the counts of the files they came from.

    Always in the order of the files, and before the caller moves the counts of `file_id`: otherwise two loads could
    deadlock.
    """
    for other_id, rows in sorted(merged.overwritten.items()):
        if other_id != file_id:
            ledger.supersede(connection, other_id, rows)


@dataclass(frozen=True)
class FileCounts:
    """What a merge adds to the counts of the file whose rows it merged."""

    loaded: int
    superseded: int


def file_counts(merged: Merged, file_id: int) -> FileCounts:
    """Counts the rows of `file_id`. A row of the file that one of its later rows overwrites moves to superseded."""
    own = merged.overwritten[file_id]
    return FileCounts(merged.written[file_id] - own, merged.superseded[file_id] + own)


@dataclass(frozen=True)
class Stale:
    """What the next refresh has to recompute, in order."""

    days: list[date]
    keys: list[str]
    """Keys of the dataset that dates this one: the refresh looks up their days."""


def stale_after(dataset: Dataset, merged: Merged, gained: Iterable[str]) -> Stale:
    """Returns what is stale after a merge: what lost a row to another day or key, and what `gained` one.

    `gained` are the days of records as ISO dates, or the keys of the dataset that dates this one as COPY text.
    """
    days, keys = set(merged.stale_days), set(merged.stale_keys)
    if dataset.dating is not None and dataset.dating.is_own:
        days.update(map(date.fromisoformat, gained))
    elif dataset.dating is not None:
        keys.update(gained)
    return Stale(sorted(days), sorted(keys))
