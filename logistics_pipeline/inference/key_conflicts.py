"""Which key would tell records apart that a file and earlier ones have under one key. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from logistics_core.catalogue import Dataset, Field, FieldType, Role
from logistics_core.catalogue.model import NESTED_TYPES, TEMPORAL_TYPES
from logistics_core.profiles import FieldProfile
from logistics_pipeline.inference.proposal import Proposal, ProposedColumn

_NO_PARTS = frozenset({FieldType.NUMBER, FieldType.BOOLEAN, FieldType.DURATION, *NESTED_TYPES})
_MOST_CANDIDATES = 3


class KeyConflict(msgspec.Struct, frozen=True, kw_only=True):
    """Records of a file that have the key of another record and other values."""

    text: str
    """What was found, as a sentence."""
    records: int
    is_held: bool
    """Whether the file is not loaded until somebody has answered."""
    others: tuple[Mapping[str, FieldProfile], ...] = ()
    """The profiles of the files that the other records are in, by field."""


def key_candidates(
    dataset: Dataset, columns: Mapping[str, ProposedColumn], proposal: Proposal, conflict: KeyConflict
) -> list[tuple[str, ...]]:
    """The key with one field more, by which the file differs from the others; and with those that are unique in it.

    `columns` are those of the file by the fields that they are.
    """
    telling = [
        field
        for field in dataset.fields
        if field.name in columns and _may_be_part(field, dataset) and _tells_apart(field, columns, proposal, conflict)
    ]
    telling.sort(key=lambda field: (columns[field.name].distinct > 1, field.type not in TEMPORAL_TYPES))
    found = [_with(dataset, [field.name]) for field in telling[:_MOST_CANDIDATES]]
    by_column = {column.name: name for name, column in columns.items()}
    is_evident = not any(question.kind == "key" for question in proposal.questions)
    if is_evident and len(proposal.key) > 1 and all(name in by_column for name in proposal.key):
        found.append(_with(dataset, [by_column[name] for name in proposal.key]))
    return [each for each in dict.fromkeys(found) if each != dataset.key]


def _with(dataset: Dataset, names: Sequence[str]) -> tuple[str, ...]:
    return (*dataset.key, *(name for name in names if name not in dataset.key))


def _may_be_part(field: Field, dataset: Dataset) -> bool:
    return field.name not in dataset.key and field.role is not Role.MEASURE and field.type not in _NO_PARTS


def _tells_apart(
    field: Field, columns: Mapping[str, ProposedColumn], proposal: Proposal, conflict: KeyConflict
) -> bool:
    """Whether every record has a value, and none that the other files have."""
    mine = proposal.profiles.get(columns[field.name].name)
    others = [each[field.name] for each in conflict.others if field.name in each]
    if mine is None or not others or columns[field.name].empty:
        return False
    return not any(mine.values.keys() & other.values.keys() for other in others)
