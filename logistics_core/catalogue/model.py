"""What the catalogue holds: datasets with their fields, keys, indexes and relations. Plain data, immutable."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Self

from logistics_core.catalogue.forecasts import DeclaredForecasts
from logistics_core.catalogue.identities import DeclaredEntity, DeclaredLinks, ExternalId
from logistics_core.catalogue.metrics import Metric
from logistics_core.catalogue.models import DeclaredModel
from logistics_core.catalogue.table_dialect import PLAIN, TableDialect


class FieldType(StrEnum):
    """What a field holds, by the names of Table Schema."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    DURATION = "duration"
    YEAR = "year"
    YEAR_MONTH = "yearmonth"
    OBJECT = "object"
    ARRAY = "array"


NUMERIC_TYPES = frozenset({FieldType.INTEGER, FieldType.NUMBER})
NESTED_TYPES = frozenset({FieldType.OBJECT, FieldType.ARRAY})
"""Values that JSON nests. In a CSV file, a cell holds them as JSON text."""
TEMPORAL_TYPES = frozenset({FieldType.DATE, FieldType.DATETIME})


class Role(StrEnum):
    """What a field is for."""

    IDENTIFIER = "identifier"
    TIME = "time"
    DIMENSION = "dimension"
    MEASURE = "measure"
    TEXT = "text"


class InvalidValues(StrEnum):
    """What becomes of a record with an invalid value in an optional field."""

    REJECT = "reject"
    """The record is rejected."""
    NULL = "null"
    """The value is cleared: the record is stored with NULL in its place, and the value is kept beside it."""


UNIT_NAMES = {"L": "litres", "h": "hours", "currency": "in the currency of the feed"}
"""Units whose symbol (UCUM) people may not know, in words."""

MISSING_VALUES = frozenset({"NA", "N/A", "NULL", "\\N", "-"})
"""Texts that mean "nothing" in fields other than texts unless the contract lists others."""

TRUE_VALUES = ("true", "True", "TRUE", "1")
FALSE_VALUES = ("false", "False", "FALSE", "0")
"""What a boolean is written as unless the contract lists others: the words of Table Schema."""

SOURCE_COLUMNS = ("file_id", "record_no")
"""The columns of every table that say where a row came from: together they identify it."""

UTC = "UTC"

EXTRAS = "extras"
"""The column with the values of columns that the contract does not know."""

_SEPARATORS = re.compile("[- ]")


@dataclass(frozen=True)
class Field:
    """One field of a record. An optional field may be absent, null or empty, and is then stored as NULL."""

    name: str
    title: str
    """Its name for people."""
    type: FieldType
    role: Role
    description: str
    unit: str | None = None
    """The symbol of UCUM, or `currency`: that of the feed."""
    required: bool = True
    above: Decimal | None = None
    """Exclusive lower bound of a number."""
    at_least: Decimal | None = None
    """Inclusive lower bound of a number."""
    invalid_values: InvalidValues | None = None
    """What becomes of invalid values, if the contract says so. Only an optional field can be NULL instead."""
    below: Decimal | None = None
    """Exclusive upper bound of a number."""
    at_most: Decimal | None = None
    """Inclusive upper bound of a number."""
    first_day: date | None = None
    """The earliest day that a date may be."""
    last_day: date | None = None
    """The latest day that a date may be."""
    missing_values: frozenset[str] | None = None
    """Texts that mean "nothing", beside the empty one; None for the usual ones."""
    decimal_char: str | None = None
    """The decimal character of numbers in texts; None if files may prove it."""
    group_char: str | None = None
    """The character that groups thousands of numbers in texts."""
    is_bare_number: bool | None = None
    """Whether no text may stand around numbers; None if a currency may that the whole column of a file has."""
    has_negative_parentheses: bool = False
    """Whether a number in parentheses is below zero, as accountants write it: `(1,234.50)`."""
    is_expected: bool = False
    """Whether an optional field should have a value: empty cells count against the completeness of the dataset."""
    example: str | float | bool | None = None
    format: str | None = None
    """How dates and times are written: a pattern of strptime; `default` for ISO 8601 alone; None for any form of which
    the order of day and month is certain."""
    true_values: tuple[str, ...] = TRUE_VALUES
    """How a boolean is written that is true. JSON's own true always is."""
    false_values: tuple[str, ...] = FALSE_VALUES
    has_time_zone: bool = False
    """Whether its timestamps have a time zone, and so are moments: all of them, or none."""
    aliases: tuple[str, ...] = ()
    """Other names that its column has in files: the original title, earlier names, paths in JSON (`customer.city`)."""

    may_widen: bool = False
    """Whether a decimal number in an integer field is no fault but widens the field: while a file is loaded."""
    was_integer: bool = False
    """Whether it is an integer field by the contract, and was widened. Messages still ask for an integer."""

    @property
    def missing_words(self) -> frozenset[str]:
        """Texts that mean "nothing". A text keeps the usual ones, if the contract does not list them: NA is Namibia."""
        if self.missing_values is not None:
            return self.missing_values
        return frozenset() if self.type is FieldType.STRING else MISSING_VALUES

    @property
    def formatted_as(self) -> FieldType | None:
        """Number or date, if a file may write its values in a format that only the whole column proves."""
        if self.type in NUMERIC_TYPES:
            return FieldType.NUMBER
        return FieldType.DATE if self.type in TEMPORAL_TYPES and self.format is None else None

    @property
    def takes_currency(self) -> bool:
        """Whether its numbers can be amounts of money."""
        return self.type is FieldType.NUMBER and self.unit in (None, "currency")

    @property
    def bounds(self) -> tuple[str, ...]:
        """Its bounds for people: `>= 0`."""
        bounds = {
            ">=": self.at_least if self.first_day is None else self.first_day,
            ">": self.above,
            "<=": self.at_most if self.last_day is None else self.last_day,
            "<": self.below,
        }
        return tuple(f"{sign} {bound}" for sign, bound in bounds.items() if bound is not None)

    @property
    def description_with_unit(self) -> str:
        """For example `Fuel burnt, litres`."""
        return self._with_unit(self.description)

    @property
    def title_with_unit(self) -> str:
        """For example `Fuel, litres`."""
        return self._with_unit(self.title)

    def _with_unit(self, text: str) -> str:
        return f"{text}, {UNIT_NAMES.get(self.unit, self.unit)}" if self.unit else text

    @property
    def label(self) -> str:
        """A column heading, for example `Fuel, L`; a title that ends with its unit, as `Fuel (l)`, is one already."""
        last_word = self.title.split()[-1].strip("()[]").casefold() if self.title.split() else ""
        if not self.unit or self.unit == "currency" or last_word == self.unit.casefold():
            return self.title
        return f"{self.title}, {self.unit}"


def master_key_field(external: ExternalId) -> Field:
    """What figures are grouped by for the things of an external id, as a field: a text."""
    description = (
        f"Key of the record of {external.entity} that {external.field} is linked with; without a link "
        f"{external.system}: and the id itself"
    )
    title = external.name.replace("_", " ").capitalize()
    return Field(external.name, title, FieldType.STRING, Role.DIMENSION, description, required=False)


@dataclass(frozen=True)
class Dating:
    """How a record gets its day, and so which days of the analytics a change makes stale."""

    field: str
    """The record's own date or timestamp or, with `dataset`, the field that refers to the record whose day it takes."""
    dataset: str | None = None
    """The dataset that dates this one: the one whose key `field` holds."""
    time_zone: str = UTC
    """Whose days those of timestamps with a time zone are, by its name in the time zone database."""

    @property
    def is_own(self) -> bool:
        """Whether the record holds its date itself."""
        return self.dataset is None


@dataclass(frozen=True)
class Index:
    """A secondary index of the raw table."""

    name: str
    columns: tuple[str, ...]
    method: str = "btree"


@dataclass(frozen=True)
class Reference:
    """Fields that together hold the key of another dataset. The record they refer to may arrive later."""

    fields: tuple[str, ...]
    dataset: str
    target_fields: tuple[str, ...]
    """The other dataset's fields, one for each of `fields`. In a catalogue this is its key, in the key's order."""
    system: str | None = None
    """The system whose external id the field holds; links lead from it to the key. None if it holds the key itself."""


@dataclass(frozen=True)
class NestedRecords:
    """Where records are that are elements of arrays within the records of another dataset: in the files of that one."""

    dataset: str
    """The dataset whose files hold them."""
    array: str
    """Its field that holds the array."""
    position: str
    """The field with the place of an element in its array, counted from 1."""


@dataclass(frozen=True)
class Expectations:
    """What a dataset should be like. Nothing is rejected for it: it is measured, and people are told."""

    quality: Decimal | None = None
    """The lowest score of quality that is good enough, from 0 to 1."""
    freshness: timedelta | None = None
    """How often at least a file should arrive."""


class Snapshots(StrEnum):
    """How often the state of a dataset is looked at: at the end of each of these periods."""

    DAILY = "daily"
    MONTHLY = "monthly"


@dataclass(frozen=True)
class KeptHistory:
    """That earlier versions of records are kept, and what is made of them."""

    snapshots: Snapshots | None = None
    """If metrics have a time axis by what was known at the end of each day or month; None if they have none by that."""
    time_zone: str = UTC
    """Whose days and months these are."""


@dataclass(frozen=True)
class Dataset:
    """A kind of record: where it is stored, what it looks like, what identifies it."""

    name: str
    title: str
    """Its name for people, in the plural."""
    singular: str
    """The name of one record, as an identifier: `vehicle_log`."""
    key: tuple[str, ...]
    """The fields that together identify a record, in this order. Empty if its records have no key: each of them is a
    row of its own, identified by its file and its number there."""
    fields: tuple[Field, ...]
    description: str
    dating: Dating | None = None
    references: tuple[Reference, ...] = ()
    indexes: tuple[Index, ...] = ()
    expectations: Expectations = Expectations()
    encoding: str | None = None
    """The encoding of files whose bytes leave it open, by Python's name; None if the contract does not say."""
    dialect: TableDialect = PLAIN
    """How files are written, as far as they leave it open."""
    dated_through: "Dataset | None" = None
    """The dataset that dates this one, if another does: what `dating` names, found in the catalogue."""
    path: str = ""
    """A file of the dataset, below the raw folder: others in its outermost folder belong to the dataset as well."""
    has_extras: bool = False
    """Whether values of columns that the contract does not know are kept, in the column `extras`."""
    records: NestedRecords | None = None
    """Where its records are, if they are within those of another dataset."""
    parent: "Dataset | None" = None
    """The dataset whose records hold those of this one: what `records` names, found in the catalogue."""
    declared_metrics: tuple[Metric, ...] | None = None
    """The metrics of the contract; None if it leaves them to `logistics_core.metrics.defaults`."""
    declared_rollups: tuple[tuple[str, ...], ...] | None = None
    """The dimensions of each pre-aggregate that the contract asks for; None if it leaves them to the refresh."""
    forecasts: tuple[DeclaredForecasts, ...] = ()
    """The forecasts that the contract asks for."""
    external_ids: tuple[ExternalId, ...] = ()
    """The fields that hold what other systems call the things of an entity."""
    links: DeclaredLinks | None = None
    """What its records link, if they are links between external ids and master keys."""
    entity: DeclaredEntity | None = None
    """What the contract says about its records as master records of an entity."""
    history: KeptHistory | None = None
    """Whether earlier versions of its records are kept. Those without a key are never replaced."""
    models: tuple[DeclaredModel, ...] = ()
    """The models that the contract asks for."""
    is_key_confirmed: bool = True
    """Whether a person has decided the key. If not, most of a file replacing records of other files is a question."""

    def __hash__(self) -> int:
        """Of what tells datasets apart: much is kept by dataset, and looked up for each request."""
        return hash((self.name, self.columns))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The table's data columns, in the order of the fields. `file_id` and `record_no` follow them."""
        return tuple(field.name for field in self.fields)

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns that together identify a row of the table: those of the key or, without one, of the source."""
        return self.key or SOURCE_COLUMNS

    @property
    def stored_columns(self) -> tuple[str, ...]:
        """The columns that a record fills: those of its fields, then `extras` if there is that column."""
        return (*self.columns, EXTRAS) if self.has_extras else self.columns

    @cached_property
    def key_indexes(self) -> tuple[int, ...]:
        """The positions of the key's fields among the columns."""
        return tuple(map(self.columns.index, self.key))

    @property
    def key_field(self) -> str | None:
        """The field that identifies a record by itself, if one does."""
        return self.key[0] if len(self.key) == 1 else None

    @cached_property
    def marks(self) -> frozenset[str]:
        """The fields that an object of JSON shows to be a record: those of the key or, without one, the required ones.

        Only an object with all of them is one for certain.
        """
        return frozenset(self.key or [field.name for field in self.fields if field.required])

    @cached_property
    def parent_fields(self) -> dict[str, str]:
        """The fields that hold the key of the record which a nested record is in, by the fields of that key."""
        found = [each for each in self.references if self.records is not None and each.dataset == self.records.dataset]
        return {target: name for each in found for target, name in zip(each.target_fields, each.fields, strict=True)}

    def external_id_called(self, name: str) -> ExternalId | None:
        """The external id of the thing that questions call so."""
        return next((each for each in self.external_ids if each.name == name), None)

    def reference_of(self, field: str) -> Reference | None:
        """The reference that the field is by itself, if it is one."""
        return next((each for each in self.references if each.fields == (field,)), None)

    @cached_property
    def date_index(self) -> int | None:
        """The position among the columns of the field that leads to the record's day."""
        return None if self.dating is None else self.columns.index(self.dating.field)

    @property
    def own_date_index(self) -> int | None:
        """The position among the columns of the record's own date; None if it has none that decides its day."""
        return self.date_index if self.dating is not None and self.dating.is_own else None

    @property
    def table(self) -> str:
        """Its table, with the schema."""
        return f"raw.{self.name}"

    @property
    def snapshots(self) -> Snapshots | None:
        """How often its state is looked at, if its metrics have a time axis by that."""
        return None if self.history is None else self.history.snapshots

    @property
    def has_periods(self) -> bool:
        """Whether metrics have a time axis: by the days of its records, or by snapshots."""
        return self.dating is not None or self.snapshots is not None

    @property
    def history_table(self) -> str:
        """The table of the records that others have superseded, with the schema; it exists if they are kept."""
        return f"history.{self.name}"

    @property
    def slug(self) -> str:
        """Its name in the paths of the API."""
        return self.name.replace("_", "-")

    @property
    def camel_name(self) -> str:
        """The name of one record as that of a type: `VehicleLog`."""
        return "".join(word.capitalize() for word in self.singular.split("_"))

    @property
    def identifiers(self) -> frozenset[str]:
        """The fields whose values are names: those of the key, and those with the role of an identifier."""
        named = {field.name for field in self.fields if field.role is Role.IDENTIFIER}
        return frozenset(self.key) | named

    def field(self, name: str) -> Field:
        """The field of that name.

        Raises:
            KeyError: there is none.
        """
        return self._fields[name]

    def dimension(self, name: str) -> Field:
        """The field of that name, or the master key of the thing that questions call so: a text.

        Raises:
            KeyError: there is none.
        """
        external = self.external_id_called(name)
        if external is None or name in self._fields:
            return self.field(name)
        return master_key_field(external)

    @cached_property
    def _fields(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}


class Catalogue(Mapping[str, Dataset]):
    """All datasets by name, in the order in which they are shown."""

    def __init__(self, datasets: Mapping[str, Dataset]) -> None:
        self._datasets = dict(datasets)

    def __getitem__(self, name: str) -> Dataset:
        return self._datasets[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._datasets)

    def __len__(self) -> int:
        return len(self._datasets)

    def dataset_of_path(self, path: str) -> str | None:
        """The dataset that a file in the raw folder belongs to by its path, or None.

        The outermost folder or file named after a dataset decides: `shipments.json`, `shipments-2024-06.ndjson.gz`,
        `shipments/2024/06/part-1.csv`, `Vehicle Logs/may.json`. Where one name begins another, the longer one counts.
        A path that names none belongs to the dataset whose contract has it, or its outermost folder, as `path`.
        The dashboard applies the rule about names (`dashboard/static/datasets.js`).
        """
        parts = path.lower().split("/")
        if path.startswith("/"):  # loaded from elsewhere: the folders there were not named for us
            parts = parts[-1:]
        names = (_SEPARATORS.sub("_", part) for part in parts)
        named = next((dataset for name in names for dataset in self._longest_first if _is_named(name, dataset)), None)
        return named or self._by_place.get(_place(path))

    @cached_property
    def _by_place(self) -> dict[str, str]:
        """Datasets by the outermost folder, or the file, that their contracts give as `path`."""
        return {_place(each.path): name for name, each in self.items() if each.path and each.records is None}

    def nested_in(self, dataset: str | None) -> tuple[str, ...]:
        """The datasets whose records are within those of another one."""
        return self._nested.get(dataset, ())

    @cached_property
    def _nested(self) -> dict[str | None, tuple[str, ...]]:
        found: dict[str | None, tuple[str, ...]] = {}
        for name, dataset in self.items():
            if dataset.records is not None:
                found[dataset.records.dataset] = (*found.get(dataset.records.dataset, ()), name)
        return found

    @cached_property
    def _longest_first(self) -> list[str]:
        return sorted(self, key=len, reverse=True)

    def with_invalid_values(self, default: InvalidValues) -> Self:
        """The same datasets, where `default` applies to optional fields whose contract says nothing of its own."""

        def completed(field: Field) -> Field:
            undecided = field.invalid_values is None and not field.required
            return replace(field, invalid_values=default) if undecided else field

        return type(self)(
            {name: replace(each, fields=tuple(map(completed, each.fields))) for name, each in self.items()}
        )

    def __repr__(self) -> str:
        return f"Catalogue({', '.join(self)})"


def _place(path: str) -> str:
    """The outermost folder of a path in the raw folder, with a slash; a file that is in no folder, as it is."""
    folder, slash, _ = path.partition("/")
    return f"{folder}/" if folder and slash else path


def _is_named(name: str, dataset: str) -> bool:
    """Whether a part of a path is the dataset's name, alone or followed by something that cannot continue a word.

    A digit cannot: `shipments2024.json`.
    """
    return name == dataset or re.match(f"{dataset}[^a-z]", name) is not None
