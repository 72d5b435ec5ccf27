"""Tables of the datasets: their columns and the sort orders that an index serves. Plain data.

`filters` declares the same columns as query parameters; `queries` and `exports.queries` build statements from them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from logistics_core.catalogue import Dataset, Field, FieldType

Kind = Literal["string", "date", "number", "integer"]

KINDS: Mapping[FieldType, Kind] = {FieldType.STRING: "string", FieldType.DATE: "date", FieldType.NUMBER: "number"}

EXAMPLES: Mapping[FieldType, str | float] = {
    FieldType.STRING: "example",
    FieldType.DATE: "2024-01-31",
    FieldType.NUMBER: 412.5,
}

SOURCE: Mapping[str, Kind] = {
    "file_path": "string",
    "file_version": "integer",
    "file_id": "integer",
    "record_no": "integer",
}
"""Source of a row: the file (`ingest.files`), and the record number in it, from 1."""

OF_FILE = {"file_path": "path", "file_version": "version"}
"""Columns that are read from `ingest.files`, and their names there."""


@dataclass(frozen=True, eq=False)
class Table:
    """The table of one dataset, as the API reads it."""

    dataset: Dataset
    own: Mapping[str, Kind]
    """The fields of the dataset, in their order: the columns of a row unless the request names others."""
    orders: Mapping[str, Sequence[str]]
    """What a page can be sorted by → the columns of that order. An index gives each, in either direction, or all
    but its last column: few rows are then left to sort."""
    default_sort: str

    @property
    def name(self) -> str:
        """The table's name in the schema `raw`."""
        return self.dataset.name

    @property
    def slug(self) -> str:
        """Its name in paths."""
        return self.dataset.slug

    @property
    def key(self) -> str:
        """The column that identifies a row."""
        return self.dataset.key

    @property
    def columns(self) -> Mapping[str, Kind]:
        """All columns that a request can name."""
        return {**self.own, **SOURCE}

    @property
    def sorts(self) -> tuple[str, ...]:
        """The values of the parameter `sort`; `-` reverses an order."""
        return tuple(f"{sign}{order}" for order in self.orders for sign in ("", "-"))

    def choose(self, fields: str | None, *, source: bool) -> tuple[str, ...]:
        """The columns of a row, in the order of the table: those named, or all of its own; `source` adds its."""
        wanted = set(fields.split(",")) if fields else set(self.own)
        return tuple(column for column in self.columns if column in wanted or (source and column in SOURCE))


@cache
def table_of(dataset: Dataset) -> Table:
    """The table of a dataset."""
    orders = dict(_orders(dataset))
    dating = dataset.dating
    by_date = dating is not None and dating.is_own and dating.field in orders
    return Table(
        dataset=dataset,
        own={field.name: KINDS[field.type] for field in dataset.fields},
        orders=orders,
        default_sort=f"-{dating.field}" if by_date and dating is not None else dataset.key,
    )


def _orders(dataset: Dataset) -> Iterator[tuple[str, tuple[str, ...]]]:
    """By its own date first, then by its key, then by what else an index begins with."""
    by_index: dict[str, tuple[str, ...]] = {}
    for index in dataset.indexes:
        if index.method == "btree" and all(map(_is_sortable, _fields(dataset, index.columns))):
            by_index.setdefault(index.columns[0], tuple(dict.fromkeys((*index.columns, dataset.key))))
    by_index.pop(dataset.key, None)
    own_date = dataset.dating.field if dataset.dating is not None and dataset.dating.is_own else None
    if own_date in by_index:
        yield own_date, by_index.pop(own_date)
    yield dataset.key, (dataset.key,)
    yield from by_index.items()


def _fields(dataset: Dataset, columns: Sequence[str]) -> list[Field | None]:
    return [dataset.field(column) if column in dataset.columns else None for column in columns]


def _is_sortable(field: Field | None) -> bool:
    """A cursor cannot hold NULL, so rows cannot be sorted by an optional field."""
    return field is not None and field.required


def example_of(field: Field) -> str | float:
    """Returns an example value of the field, for the documentation."""
    return EXAMPLES[field.type] if field.example is None else field.example
