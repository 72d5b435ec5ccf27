"""By what the records of a dataset are distributed over the nodes of a cluster: follows from its contract alone.

Records that grow with time are distributed; what they refer to stays in one place. Whether the tables of a database are
distributed is a question to the database (`logistics_pipeline.database.distribution`).
"""

from dataclasses import dataclass

from logistics_core.catalogue.column_types import type_name
from logistics_core.catalogue.model import TEMPORAL_TYPES, Dataset

SCHEMA = "keys"
"""Of the tables that hold the keys of datasets whose key does not contain the column they are distributed by."""


@dataclass(frozen=True)
class Distribution:
    """How the records of a dataset lie on the nodes."""

    column: str
    """Records with the same value of it are on the same node."""
    beside: str | None = None
    """The dataset whose records with the same value are on the same node: the one that dates this one."""


def distribution_of(dataset: Dataset) -> Distribution | None:
    """How its records are distributed; None if they all stay on the coordinator, see `why_local`."""
    if why_local(dataset) is not None:
        return None
    if dataset.dated_through is not None and dataset.dating is not None:
        return Distribution(dataset.dating.field, beside=dataset.dated_through.name)
    return Distribution(_own_column(dataset))


def why_local(dataset: Dataset) -> str | None:
    """Why all records of a dataset stay on the coordinator, as the rest of a sentence; None if they are distributed."""
    if dataset.dating is None:
        return "its records have no day: others refer to them, and they are few"
    if dataset.links is not None:
        return "its records are links between ids"
    if dataset.history is not None:
        return "its superseded records are kept"
    other = dataset.dated_through
    return None if other is None else _why_not_beside(dataset, other)


def has_key_table(dataset: Dataset, column: str) -> bool:
    """Whether a table of its own keeps the key unique: no node knows all records that could have the same one."""
    return bool(dataset.key) and column not in dataset.key


def _why_not_beside(dataset: Dataset, other: Dataset) -> str | None:
    assert dataset.dating is not None
    found = distribution_of(other)
    field = dataset.field(dataset.dating.field)
    if found is None:
        return f"{other.name} dates its records and stays there"
    if found.column != other.key[0]:
        return f"{other.name} dates its records and is distributed by {found.column}"
    if not field.required:
        return f"{field.name}, which leads to {other.name}, may be missing"
    if type_name(field) != type_name(other.field(found.column)):
        return f"{field.name} has another type than {found.column} of {other.name}"
    return None


def _own_column(dataset: Dataset) -> str:
    """Of a key rather no date: one day's records would all be on one node."""
    if not dataset.key:
        return "record_no"
    undated = [name for name in dataset.key if dataset.field(name).type not in TEMPORAL_TYPES]
    return undated[0] if undated else dataset.key[0]
