"""What was granted to a caller: datasets, each with the rows of it that may be seen. Plain data."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from logistics_core.catalogue import Catalogue, Dataset, Field, FieldType
from logistics_core.catalogue.metrics import Operator
from logistics_core.metrics.conditions import EVERYTHING, AllOf, AnyOf, Filter, conditions_on
from logistics_core.metrics.paths import read_path

Alternative = Mapping[str, tuple[str, ...]]
"""Fields, or paths to fields, with the values that they may have. All must hold; without any, every row is meant."""


@dataclass(frozen=True)
class RowAccess:
    """The rows that a caller may see: of each dataset those to which one of its alternatives applies; no others."""

    text: str
    """JSON in one form: those who may see the same rows have the same text."""

    @classmethod
    def of(cls, rules: Iterable[tuple[str, Alternative]]) -> "RowAccess":
        """What several rules grant together: each adds rows."""
        found: dict[str, list[dict[str, list[str]]]] = {}
        for dataset, alternative in rules:
            document = {path: sorted(set(values)) for path, values in sorted(alternative.items())}
            if document not in found.setdefault(dataset, []):
                found[dataset].append(document)
        return cls.from_document(found)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "RowAccess":
        """What the database has as JSON."""
        ordered = {name: sorted(alternatives, key=json.dumps) for name, alternatives in sorted(document.items())}
        return cls(json.dumps(ordered, ensure_ascii=False, separators=(",", ":")))

    @classmethod
    def union(cls, documents: Iterable[Mapping[str, Any]]) -> "RowAccess":
        """What several grants together, each as JSON, let a caller see."""
        return cls.of(
            (dataset, alternative)
            for document in documents
            for dataset, alternatives in document.items()
            for alternative in alternatives
        )

    @property
    def document(self) -> dict[str, Any]:
        """It as JSON: dataset → alternatives, each of field → values."""
        found: dict[str, Any] = json.loads(self.text)
        return found

    @cached_property
    def rules(self) -> Mapping[str, tuple[Alternative, ...]]:
        """The alternatives of each dataset."""
        return {
            name: tuple({path: tuple(values) for path, values in each.items()} for each in alternatives)
            for name, alternatives in self.document.items()
        }

    def filter(self, dataset: Dataset, catalogue: Catalogue) -> Filter | None:
        """Which rows of a dataset may be seen; None if none.

        Raises:
            ValueError: a rule does not fit the contract of the dataset; the message says how.
        """
        alternatives = self.rules.get(dataset.name)
        if alternatives is None:
            return None
        return joined(tuple(read_alternative(each, dataset, catalogue) for each in alternatives))

    def __str__(self) -> str:
        return "; ".join(self.described())

    def described(self) -> Iterator[str]:
        """The rules, each as it could have been written."""
        for dataset, alternatives in self.rules.items():
            for each in alternatives:
                conditions = [f"{path} = {' | '.join(map(written, values))}" for path, values in each.items()]
                yield f"{dataset}: {' and '.join(conditions)}" if conditions else dataset


def joined(filters: tuple[Filter, ...]) -> Filter:
    """One of these holds."""
    if EVERYTHING in filters:
        return EVERYTHING
    return filters[0] if len(filters) == 1 else AnyOf(filters)


def read_alternative(alternative: Alternative, dataset: Dataset, catalogue: Catalogue) -> Filter:
    """An alternative as a filter, its values of the types of their fields.

    Raises:
        ValueError: there is no such field, or a value is not of its type.
    """

    def field_of(path: str) -> Field:
        return read_path(path, dataset, catalogue).field

    read = conditions_on(field_of)
    parts = tuple(
        read(path, Operator.IN, [_typed(value, field_of(path)) for value in values], dataset.name)
        for path, values in alternative.items()
    )
    return parts[0] if len(parts) == 1 else AllOf(parts)


def _typed(value: str, field: Field) -> Any:
    """The value as JSON would have it: everything but truth values may be text there."""
    if field.type is FieldType.BOOLEAN:
        return {"true": True, "false": False}.get(value, value)
    return value


KEYWORDS = frozenset({"and", "or"})
_MARKS = frozenset('=|"')


def written(value: str) -> str:
    """A value as rules have it: in quotation marks where it would read as something else."""
    words = value.split(" ")
    is_plain = all(words) and not KEYWORDS & set(words) and not _MARKS & set(value) and value.isprintable()
    return value if is_plain else '"' + value.replace('"', '""') + '"'
