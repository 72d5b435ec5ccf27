"""Which members of a JSON record are the fields of a dataset: by name, by alias, or by a path into an object.

An alias `customer.city` is the member of that name or, in the object `customer`, the member `city`: objects are
flattened by one level, as a proposal does. The result is a record by the names of fields; members that are no field
keep their names or, in an object that fields have paths into, their paths.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache

from logistics_core.catalogue import Dataset
from logistics_core.catalogue.model import NESTED_TYPES
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.layouts import (
    LargeMember,
    LargeObject,
    Records,
    Table,
    UnclearValue,
    UndecodedValues,
    Unreadable,
)

Place = tuple[str | None, str]
"""Where a value is: the object within the record, None for the record itself, and the name of the member there."""


class JsonNames:
    """The places at which the fields of a dataset are found in JSON records."""

    def __init__(self, dataset: Dataset) -> None:
        self.fields = dict[Place, str]()
        """Fields by place."""
        for field in dataset.fields:
            for name in (field.name, *field.aliases):
                self.fields[None, name] = field.name
            for alias in field.aliases:
                self.fields |= dict.fromkeys(_places_within(alias), field.name)
        self.parents = frozenset(parent for parent, _ in self.fields if parent is not None)
        """The objects that fields have paths into."""
        self._expected = {parent for parent, name in self.fields if parent is not None and _is_path(parent, name)}
        """Those of them that must be objects."""
        self._aliases = frozenset(name for parent, name in self.fields if parent is None) - set(dataset.columns)
        self._nested = frozenset(field.name for field in dataset.fields if field.type in NESTED_TYPES)
        self.is_plain = not self._aliases
        """Whether no field has an alias: names are all that counts."""

    def fields_in(self, record: Mapping[str, object]) -> set[str]:
        """The fields that a record names."""
        found = {self.fields[None, name] for name in record if (None, name) in self.fields}
        for parent in self.parents & record.keys():
            value = record[parent]
            if isinstance(value, Mapping):
                found |= {self.fields[parent, name] for name in value if (parent, name) in self.fields}
        return found

    def field_of(self, parent: str | None, name: str | None) -> str | None:
        """The field at a place, if one is."""
        return None if name is None else self.fields.get((parent, name))

    def read(self, value: object) -> object:
        """A decoded record by the names of fields. What is no record stays as it is, but for the names in it."""
        if isinstance(value, dict):
            return value if self.is_plain else self._read_record(value)
        if isinstance(value, Unreadable) and not self.is_plain:
            names = frozenset(self.known_names(value.names))
            return replace(value, field=self.field_of(None, value.field) or value.field, names=names)
        return value

    def read_all(self, values: Sequence[object]) -> Sequence[object]:
        """As `read` does, for several; a table stays one where that is possible."""
        if isinstance(values, UndecodedValues):
            return _NamedValues(values, self)
        return (self._read_table(values) if isinstance(values, Table) else None) or list(map(self.read, values))

    def known_names(self, names: Iterable[str]) -> set[str]:
        """Names of members by the names of fields, without objects that fields have paths into."""
        return {self.fields.get((None, name), name) for name in names if name not in self.parents}

    def _read_table(self, table: Table) -> Table | None:
        """The table with columns by the names of fields; None if its values decide which is which."""
        names = [self.fields.get((None, name), name) for name in table.columns]
        if self.parents & table.columns.keys() or len(set(names)) < len(names):
            return None
        return Table(dict(zip(names, table.columns.values(), strict=True)), len(table), table.others)

    def _read_record(self, record: dict[str, object]) -> dict[str, object]:
        found = dict[str, dict[Place, object]]()
        others, unclear = dict[str, object](), dict[str, UnclearValue]()
        for name, value in record.items():
            if name in self.parents and value is not None:
                self._read_object(name, value, found, others, unclear)
            field = self.fields.get((None, name))
            if field is not None:
                is_flattened = name in self.parents and isinstance(value, dict) and field not in self._nested
                found.setdefault(field, {})[None, name] = None if is_flattened else value
            elif name not in self.parents or not (value is None or isinstance(value, dict) or name in self._expected):
                others[_unused(name, others)] = value
        named: dict[str, object] = LargeObject() if isinstance(record, LargeObject) else {}
        named.update((field, _single(values)) for field, values in found.items())
        named.update(unclear)
        named.update(others)
        return named

    def _read_object(
        self,
        parent: str,
        value: object,
        found: dict[str, dict[Place, object]],
        others: dict[str, object],
        unclear: dict[str, UnclearValue],
    ) -> None:
        """Reads what stands where fields expect an object."""
        owner = self.fields.get((None, parent))
        if isinstance(value, LargeMember) or not isinstance(value, dict):
            if isinstance(value, dict) or (owner is None and parent in self._expected):
                reason = _no_object(parent, value)
                fields = {
                    field for (each, name), field in self.fields.items() if each == parent and _is_path(parent, name)
                }
                unclear |= dict.fromkeys(fields, UnclearValue(reason, value))
            return
        for name, member in value.items():
            field = self.fields.get((parent, name))
            if field is not None:
                found.setdefault(field, {})[parent, name] = member
            elif owner not in self._nested:
                path = f"{parent}.{name}"
                others[_unused(path, others)] = member


@lru_cache(maxsize=64)
def json_names(dataset: Dataset) -> JsonNames:
    """The names of a dataset's fields in JSON."""
    return JsonNames(dataset)


class _NamedValues(UndecodedValues):
    """Records that are read by the names of fields when they are accessed."""

    def __init__(self, values: UndecodedValues, names: JsonNames) -> None:
        self._values = values
        self._names = names

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: int) -> object:  # type: ignore[override]  # nobody slices
        return self._names.read(self._values[index])

    def read_value(self, index: int, position: int) -> object:
        return self._values.read_value(index, position)

    def cells(self) -> tuple[Sequence[Sequence[object]], Collection[int]]:
        """As the records themselves: their columns are those of the fields already."""
        return self._values.cells()


def named_records(records: Records, names: JsonNames) -> Records:
    """Records whose values are read by the names of fields."""
    return records._replace(values=names.read_all(records.values))


def _places_within(alias: str) -> Iterable[Place]:
    """The places within an object that an alias may mean: one for each point in it."""
    return ((alias[:index], alias[index + 1 :]) for index, character in enumerate(alias) if character == ".")


def _is_path(parent: str, name: str) -> bool:
    """Whether names look like a path. `Avg. speed` and `Nr.` do not: nothing is wrong if `Avg` is no object."""
    return bool(parent and name) and (parent, name) == (parent.strip(), name.strip())


def _single(values: Mapping[Place, object]) -> object:
    """The value of a field that is at one place or, of those at several, the only one that is not null."""
    present = {place: value for place, value in values.items() if value is not None}
    if len(present) < 2:
        return next(iter(present.values()), None)
    written = {name if parent is None else f"{parent}.{name}": value for (parent, name), value in present.items()}
    places = " and ".join(map(_describe_place, list(present)[:5]))
    return UnclearValue(f"is in the record more than once, as {places}: expected one of them", written)


def _describe_place(place: Place) -> str:
    parent, name = place
    return f"`{excerpt(name)}`" if parent is None else f"`{excerpt(name)}` of the object `{excerpt(parent)}`"


def _no_object(parent: str, value: object) -> str:
    if isinstance(value, LargeMember):
        return "is in an object of a record of more than 1 MiB, of which arrays and objects are not kept"
    return f"is expected in the object `{excerpt(parent)}`, which is {_describe(value)}: expected an object or null"


def _describe(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'the text "{excerpt(value)}"'
        case int() | Decimal():
            return f"the number {excerpt(str(value))}"
        case list():
            return "an array"
        case _:
            return "a text too long to be read"


def _unused(name: str, names: Collection[str]) -> str:
    """The name or, if it is used, the name with a number: no value is lost."""
    unused, number = name, 1
    while unused in names:
        number += 1
        unused = f"{name}_{number}"
    return unused
