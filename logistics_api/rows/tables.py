"""Tables of the datasets: their columns, their sort orders, and what the record that dates a row adds. Plain data.

`filters` declares the same columns as query parameters; `queries` and `exports.queries` build statements from them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, Literal

from logistics_api.row_access.permitted import PermittedRows
from logistics_core.catalogue import Dataset, Field, FieldType
from logistics_core.catalogue.contract_files import FILTER_SUFFIXES

Kind = Literal[
    "string", "number", "whole", "boolean", "date", "datetime", "moment", "time", "duration", "year", "month",
    "object", "array", "integer",
]  # fmt: skip
"""What a column holds. A `moment` is a timestamp with a time zone, a `whole` number has any size."""

_KINDS: Mapping[FieldType, Kind] = {
    FieldType.STRING: "string",
    FieldType.NUMBER: "number",
    FieldType.INTEGER: "whole",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATE: "date",
    FieldType.DATETIME: "datetime",
    FieldType.TIME: "time",
    FieldType.DURATION: "duration",
    FieldType.YEAR: "year",
    FieldType.YEAR_MONTH: "month",
    FieldType.OBJECT: "object",
    FieldType.ARRAY: "array",
}

EXAMPLES: Mapping[Kind, Any] = {
    "string": "example",
    "number": 412.5,
    "whole": 42,
    "boolean": True,
    "date": "2024-01-31",
    "datetime": "2024-01-31T14:30:00",
    "moment": "2024-01-31T14:30:00+00:00",
    "time": "14:30:00",
    "duration": "PT25H10M",
    "year": 2024,
    "month": "2024-01",
    "object": {"colour": "red"},
    "array": ["red", "blue"],
}

NUMERIC_KINDS: frozenset[Kind] = frozenset({"number", "whole"})
NESTED_KINDS: frozenset[Kind] = frozenset({"object", "array"})


def kind_of(field: Field) -> Kind:
    """What the field's column holds."""
    return "moment" if field.has_time_zone else _KINDS[field.type]


SOURCE: Mapping[str, Kind] = {
    "file_path": "string",
    "file_version": "integer",
    "file_id": "integer",
    "record_no": "integer",
}
"""Source of a row: the file (`ingest.files`), and the record number in it, from 1."""

OF_FILE = {"file_path": "path", "file_version": "version"}
"""Columns that are read from `ingest.files`, and their names there."""


@dataclass(frozen=True)
class AddedColumn:
    """A column that a row takes from the record that dates it; null until that record arrives."""

    field: Field
    """The column as it is shown."""
    source: str
    """The field of the dating record."""


DAY = "day"
"""The column with the date of the record that dates a row."""


@dataclass(frozen=True, eq=False)
class Table:
    """The table of one dataset, as the API reads it."""

    dataset: Dataset
    own: Mapping[str, Kind]
    """The fields of the dataset, in their order."""
    added: Mapping[str, AddedColumn]
    """What the record that dates a row adds: its day, and the records it refers to. None if a row dates itself."""
    orders: Mapping[str, Sequence[str]]
    """What a page can be sorted by → the columns of that order. An index gives those by a required field, in either
    direction, or all but the last column: few rows are then left to sort. For the others, rows are found and sorted."""
    default_sort: str
    permitted: PermittedRows | None = None
    """The rows that may be seen; None: all."""

    @property
    def name(self) -> str:
        """The table's name in the schema `raw`."""
        return self.dataset.name

    @property
    def slug(self) -> str:
        """Its name in paths."""
        return self.dataset.slug

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns that together identify a row."""
        return self.dataset.identity

    @property
    def columns(self) -> Mapping[str, Kind]:
        """All columns that a request can name."""
        return {**self.own, **{name: kind_of(added.field) for name, added in self.added.items()}, **SOURCE}

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of a row: its own, then those that the record that dates it adds."""
        return (*self.dataset.fields, *(added.field for added in self.added.values()))

    def may_lack(self, column: str) -> bool:
        """Whether the column may be NULL."""
        return column in self.added or (column in self.own and not self.dataset.field(column).required)

    @property
    def sorts(self) -> tuple[str, ...]:
        """The values of the parameter `sort`; `-` reverses an order."""
        return tuple(f"{sign}{order}" for order in self.orders for sign in ("", "-"))

    def for_rows(self, permitted: PermittedRows | None) -> "Table":
        """The table with the rows that a caller may see.

        Raises:
            Problem: 403, there are none.
        """
        if permitted is None:
            return self
        permitted.require(self.name)
        return _with_rows(self, permitted)

    def choose(self, fields: str | None, *, source: bool) -> tuple[str, ...]:
        """The columns of a row, in the order of the table: those named, or all but the source; `source` adds that."""
        wanted = set(fields.split(",")) if fields else set(self.own) | set(self.added)
        return tuple(column for column in self.columns if column in wanted or (source and column in SOURCE))


@cache
def table_of(dataset: Dataset) -> Table:
    """The table of a dataset."""
    added = dict(_added(dataset))
    orders = dict(_orders(dataset))
    dating = dataset.dating
    by_date = dating is not None and dating.is_own and dating.field in orders
    orders |= {name: keys for name, keys in _orders_without_index(dataset, added) if name not in orders}
    return Table(
        dataset=dataset,
        own={field.name: kind_of(field) for field in dataset.fields},
        added=added,
        orders=orders,
        default_sort=f"-{dating.field}" if by_date and dating is not None else dataset.identity[0],
    )


@lru_cache(1024)
def _with_rows(table: Table, permitted: PermittedRows) -> Table:
    """The same one each time, as statements are kept by it."""
    return replace(table, permitted=permitted)


def _added(dataset: Dataset) -> Iterator[tuple[str, AddedColumn]]:
    """The day, and the required fields of the dating record that refer to another record."""
    dating = dataset.dated_through
    if dating is None or dating.dating is None:
        return
    taken = {name + suffix for name in dataset.columns for suffix in ("", *FILTER_SUFFIXES)}
    named = {DAY: dating.dating.field} | {name: name for reference in dating.references for name in reference.fields}
    for name, source in named.items():
        field = dating.field(source)
        is_free = not taken & {name + suffix for suffix in ("", *FILTER_SUFFIXES)}
        if field.required and is_free:
            described = (
                f"{field.description}, of the record of {dating.name} that dates this one; null until it arrives"
            )
            shown = replace(field, name=name, required=False, description=described)
            yield name, AddedColumn(_as_day(shown) if name == DAY else shown, source)


def _as_day(field: Field) -> Field:
    """The day of a date or timestamp."""
    return replace(field, type=FieldType.DATE, has_time_zone=False, format=None, example=None)


def _orders_without_index(dataset: Dataset, added: Mapping[str, AddedColumn]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """By what the dating record adds, by each date and by each measure; rows without it come last."""
    for name in added:
        yield name, (name, *(other for other in added if other != name), *dataset.identity)
    for field in dataset.fields:
        if kind_of(field) in NUMERIC_KINDS or field.type in (FieldType.DATE, FieldType.DATETIME):
            yield field.name, tuple(dict.fromkeys((field.name, *dataset.identity)))


def _orders(dataset: Dataset) -> Iterator[tuple[str, tuple[str, ...]]]:
    """By its own date first, then by its identity, then by what else an index begins with."""
    by_index: dict[str, tuple[str, ...]] = {}
    for index in dataset.indexes:
        if index.method == "btree" and all(map(_is_sortable, _fields(dataset, index.columns))):
            by_index.setdefault(index.columns[0], tuple(dict.fromkeys((*index.columns, *dataset.identity))))
    by_index.pop(dataset.identity[0], None)
    own_date = dataset.dating.field if dataset.dating is not None and dataset.dating.is_own else None
    if own_date in by_index:
        yield own_date, by_index.pop(own_date)
    yield dataset.identity[0], dataset.identity
    yield from by_index.items()


def _fields(dataset: Dataset, columns: Sequence[str]) -> list[Field | None]:
    return [dataset.field(column) if column in dataset.columns else None for column in columns]


def _is_sortable(field: Field | None) -> bool:
    """A cursor cannot hold NULL, so rows cannot be sorted by an optional field."""
    return field is not None and field.required and kind_of(field) not in NESTED_KINDS


def example_of(field: Field) -> Any:
    """Returns an example value of the field as the API has it, for the documentation.

    The contract's own example is written as in files, which is the same for texts and numbers alone.
    """
    is_alike = field.example is not None and kind_of(field) in ("string", "number", "whole", "boolean", "date", "year")
    if is_alike and isinstance(field.example, type(EXAMPLES[kind_of(field)]) | int | float):
        return field.example
    return EXAMPLES[kind_of(field)]
