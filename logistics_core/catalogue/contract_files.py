"""Reads contract files: one YAML file per dataset, a Data Package resource with keys of our own.

The format is that of Data Package 2.0 (https://datapackage.org/standard/data-resource/ and .../table-schema/): `schema`
with `fields`, `primaryKey` and `foreignKeys`. Our keys: `singular`, `datedBy`, `indexes` and `extras` of a dataset;
`role`, `unit` and `invalidValues` of a field.
"""

import os
import re
from collections.abc import Hashable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from stat import S_ISREG
from typing import Any, Literal, NamedTuple

import msgspec
import yaml

from logistics_core.catalogue.model import (
    EXTRAS,
    Catalogue,
    Dataset,
    Dating,
    Field,
    FieldType,
    Index,
    InvalidValues,
    Reference,
    Role,
)

BUILT_IN_FOLDER = Path(__file__).resolve().parent / "contracts"
SUFFIX = ".yaml"
MAX_FILE_BYTES = 1 << 20
MAX_FIELDS = 500
"""PostgreSQL takes 1,600 columns; pages of more than this are of no use to anybody."""

BUILT_IN = ("vehicles", "vehicle_logs", "shipments")
"""The built-in datasets in the order in which they are shown; those that a user adds follow by name."""

RESERVED_NAMES = frozenset({
    "file_id", "record_no", "file_path", "file_version",
    "tableoid", "xmin", "xmax", "cmin", "cmax", "ctid",
    "fields", "source", "sort", "limit", "cursor", "count", "trailer", "for",
})  # fmt: skip
"""Columns that every table has, those of PostgreSQL among them, and query parameters that every dataset has."""

RESERVED_FIELDS = frozenset({
    "existing_at", "existing_file_id", "touched",
    "size", "page", "dataset", "range", "compare",
    "parameters", "database", "format",
})  # fmt: skip
"""Names that the merge gives to columns, parameters of the dashboard's Data page, and arguments of endpoints."""

RESERVED_DATASETS = frozenset({
    "costs", "dashboard", "datasets", "events", "exports", "figures", "ingestion", "measures",
    "route", "session", "system",
})  # fmt: skip
"""Paths below /api that are taken. A test of the API keeps this list complete."""

AMBIGUOUS_DATASETS = frozenset({"none", "constructor"})
"""Names that metrics and JavaScript give a meaning of their own."""

FILTER_SUFFIXES = ("_from", "_to", "_prefix")
"""What follows a field's name in a query parameter that filters by it."""

GROUP_CHARACTERS = (",", ".", " ", "'")
"""What can group thousands. A space stands for any space, also one that does not break or is thin."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class ContractError(Exception):
    """A contract file cannot be used; the message names the file, the place in it and what is expected."""


def load_catalogue(folder: Path | None = None) -> Catalogue:
    """The built-in datasets and those whose contracts are in `folder`, which need not exist.

    Raises:
        ContractError: a file is not a contract, or does not fit the others.
    """
    added = _contract_paths(folder) if folder is not None else []
    if not added:
        return built_in_catalogue()
    return make_catalogue([*built_in_catalogue().values(), *map(read_contract, added)])


def contract_files(folder: Path | None = None) -> dict[str, Path]:
    """The file of each contract, by the name of its dataset: the built-in ones and those in `folder`.

    Raises:
        ContractError: a file is not a contract.
    """
    added = _contract_paths(folder) if folder is not None else []
    files = {name: BUILT_IN_FOLDER / f"{name}{SUFFIX}" for name in BUILT_IN}
    return files | {read_contract(path).name: path for path in added}


def _contract_paths(folder: Path) -> list[Path]:
    """The contracts in a folder, by name. Hidden files are left out: editors and file managers make them."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ContractError(f"The folder of contracts {folder} cannot be read: {error.strerror}.") from error
    for name in names:
        if name.lower().endswith((".yml", SUFFIX)) and not name.endswith(SUFFIX):
            raise ContractError(f"{folder / name}: the name of a contract ends in {SUFFIX}. Rename the file.")
    return [folder / name for name in names if name.endswith(SUFFIX)]


@cache
def built_in_catalogue() -> Catalogue:
    """The datasets that the product brings along."""
    return make_catalogue(read_contract(BUILT_IN_FOLDER / f"{name}{SUFFIX}") for name in BUILT_IN)


def make_catalogue(datasets: Iterable[Dataset]) -> Catalogue:
    """Puts datasets together.

    Raises:
        ContractError: two have one name, or a relation leads nowhere.
    """
    by_name: dict[str, Dataset] = {}
    for dataset in datasets:
        if dataset.name in by_name:
            raise ContractError(f"There are two contracts of the dataset {dataset.name}: give one another name.")
        by_name[dataset.name] = dataset
    for dataset in by_name.values():
        _check_relations(dataset, by_name)
    _check_table_names(by_name)
    _check_record_names(by_name)
    return Catalogue({name: _with_dating_dataset(dataset, by_name) for name, dataset in by_name.items()})


def _with_dating_dataset(dataset: Dataset, all_datasets: dict[str, Dataset]) -> Dataset:
    if dataset.dating is None or dataset.dating.dataset is None:
        return dataset
    return replace(dataset, dated_through=all_datasets[dataset.dating.dataset])


def _check_table_names(all_datasets: dict[str, Dataset]) -> None:
    """Tables and indexes share one schema, and so their names."""
    owners = {name: f"the table of {name}" for name in all_datasets}
    owners |= {f"{name}_pkey": f"the primary key of {name}" for name in all_datasets}
    for dataset in all_datasets.values():
        for index in dataset.indexes:
            if index.name in owners:
                raise ContractError(
                    f"{dataset.name}: the index {index.name} has the name of {owners[index.name]}. Rename the index."
                )
            owners[index.name] = f"an index of {dataset.name}"


def _check_record_names(all_datasets: dict[str, Dataset]) -> None:
    """The API names operations and models after a dataset and after one record of it."""
    owners: dict[str, str] = {}
    for dataset in all_datasets.values():
        for name in (dataset.name, dataset.singular):
            if name in owners:
                raise ContractError(
                    f"{dataset.name}: the name {name} is used twice, by {owners[name]} and here. Change `singular`."
                )
            owners[name] = dataset.name


def _check_relations(dataset: Dataset, all_datasets: dict[str, Dataset]) -> None:
    for reference in dataset.references:
        if reference.dataset not in all_datasets:
            known = ", ".join(all_datasets)
            raise ContractError(
                f"{dataset.name}: {reference.field} refers to {reference.dataset}, which is no dataset. "
                f"There are: {known}."
            )
    dating = dataset.dating
    if dating is None or dating.dataset is None:
        return
    if Reference(dating.field, dating.dataset) not in dataset.references:
        raise ContractError(
            f"{dataset.name}: datedBy names the dataset {dating.dataset} through {dating.field}, but "
            "schema.foreignKeys does not declare that relation."
        )
    other = all_datasets[dating.dataset].dating
    if other is None or not other.is_own:
        raise ContractError(f"{dataset.name}: datedBy names {dating.dataset}, whose records have no date of their own.")


def read_contract(path: Path) -> Dataset:
    """Reads one contract file.

    Raises:
        ContractError: it cannot be read, or is not a contract.
    """
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):
            raise ContractError(f"{path} is not a file.")
        if status.st_size > MAX_FILE_BYTES:
            raise ContractError(f"{path}: a contract has at most {MAX_FILE_BYTES:,} bytes.")
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise ContractError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ContractError(f"{path}: byte {error.start} is not UTF-8.") from error
    except yaml.YAMLError as error:
        raise ContractError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    except (ValueError, RecursionError) as error:
        raise ContractError(f"{path} holds a value that YAML cannot read: {error}. Put it in quotes.") from error
    return contract_from_document(document, str(path))


def contract_from_document(document: object, where: str) -> Dataset:
    """Makes a dataset of a contract that was read already. `where` names it in messages.

    Raises:
        ContractError: it is not a contract.
    """
    try:
        resource = msgspec.convert(document, _Resource)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ContractError(f"{where} is not a contract: {error}") from error
    try:
        return _dataset(resource)
    except ValueError as error:
        raise ContractError(f"{where}: {error}") from error


class _Loader(yaml.SafeLoader):
    """Refuses aliases, which can expand without bound, and repeated keys, of which all but one would be lost."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuses an alias where the parser meets it."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed in a contract", None)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuses a key that is there twice."""
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for name in names:
            if names.count(name) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {name} occurs twice", node.start_mark)
        return super().construct_mapping(node, deep)


# -- what a file says ------------------------------------------------------------------------------------------------


class _Struct(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Unknown keys are refused: a misspelt one would be ignored in silence."""


class _Constraints(_Struct):
    """Bounds are numbers, or dates: YAML reads 2024-01-31 as one."""

    required: bool = False
    minimum: Any = None
    exclusive_minimum: Any = None
    maximum: Any = None
    exclusive_maximum: Any = None


class _Field(_Struct):
    name: str
    title: str
    type: FieldType
    role: Role
    description: str
    unit: str | None = None
    constraints: _Constraints = msgspec.field(default_factory=_Constraints)
    invalid_values: InvalidValues | msgspec.UnsetType | None = msgspec.UNSET
    missing_values: list[str] | None = None
    decimal_char: str | None = None
    group_char: str | None = None
    bare_number: bool | None = None
    example: str | float | None = None


class _Target(_Struct):
    resource: str
    fields: list[str]


class _ForeignKey(_Struct):
    fields: list[str]
    reference: _Target


class _Schema(_Struct):
    fields: list[_Field]
    primary_key: list[str]
    foreign_keys: list[_ForeignKey] = []
    missing_values: list[str] | None = None


class _DatedBy(_Struct):
    field: str
    dataset: str | None = None


class _Index(_Struct):
    name: str
    fields: list[str]
    method: str = "btree"


class _Resource(_Struct):
    profile: Literal["https://datapackage.org/profiles/2.0/dataresource.json"] = msgspec.field(name="$schema")
    name: str
    path: str
    title: str
    description: str
    schema: _Schema
    singular: str | None = None
    dated_by: _DatedBy | None = None
    indexes: list[_Index] = []
    extras: bool = True


# -- what it means ---------------------------------------------------------------------------------------------------


def _dataset(resource: _Resource) -> Dataset:
    """Raises ValueError, with what is wrong and where."""
    _check_texts(resource)
    _check_name(resource.name, "name")
    if resource.name in RESERVED_DATASETS | AMBIGUOUS_DATASETS:
        raise ValueError(f"name is {resource.name!r}, which the product uses for something else. Choose another name.")
    singular = resource.singular or f"{resource.name}_record"
    _check_name(singular, "singular")
    if len(resource.schema.fields) > MAX_FIELDS:
        raise ValueError(
            f"schema.fields: a dataset has at most {MAX_FIELDS} fields, not {len(resource.schema.fields)}."
        )
    fields = tuple(
        _field(each, f"schema.fields[{number}]", resource.schema.missing_values)
        for number, each in enumerate(resource.schema.fields)
    )
    by_name = {field.name: field for field in fields}
    if len(by_name) < len(fields):
        raise ValueError("schema.fields: two fields have one name.")
    _check_filters(by_name)
    if resource.extras and EXTRAS in by_name:
        raise ValueError(
            f"schema.fields: the table has a column {EXTRAS} for columns that the contract does not know. Rename the "
            f"field {EXTRAS}, or write `extras: false` to ignore such columns."
        )
    references = tuple(_reference(each, by_name) for each in resource.schema.foreign_keys)
    return Dataset(
        name=resource.name,
        title=resource.title,
        singular=singular,
        key=_key(resource.schema.primary_key, by_name),
        fields=fields,
        description=resource.description,
        dating=_dating(resource.dated_by, by_name),
        references=references,
        indexes=tuple(_index(each, by_name) for each in resource.indexes),
        has_extras=resource.extras,
    )


def _check_texts(resource: _Resource) -> None:
    """Refuses characters that PostgreSQL, JSON or a page cannot hold."""
    texts = {"title": resource.title, "description": resource.description}
    for number, field in enumerate(resource.schema.fields):
        where = f"schema.fields[{number}]"
        texts |= {f"{where}.title": field.title, f"{where}.description": field.description}
        texts |= {f"{where}.unit": field.unit or "", f"{where}.example": str(field.example)}
    for where, text in texts.items():
        if _UNPRINTABLE.search(text):
            raise ValueError(f"{where} contains a control character or half of a surrogate pair.")


def _check_name(name: str, where: str) -> None:
    if not _NAME.fullmatch(name) or name in RESERVED_NAMES:
        raise ValueError(
            f"{where} is {name!r}. It must begin with a letter, hold only a-z, 0-9 and _, have at most 40 characters, "
            f"and be none of {', '.join(sorted(RESERVED_NAMES))}."
        )


def _field(field: _Field, where: str, missing_values: list[str] | None) -> Field:
    _check_name(field.name, f"{where}.name")
    if field.name in RESERVED_FIELDS or field.name.startswith("model_"):
        raise ValueError(
            f"{where}.name is {field.name!r}, which the product uses for something else. Rename the field."
        )
    constraints = field.constraints
    # YAML reads `null` without quotes as nothing: whoever writes the key means the policy.
    invalid_values = InvalidValues.NULL if field.invalid_values is None else field.invalid_values or None
    if constraints.required and invalid_values is InvalidValues.NULL:
        raise ValueError(
            f"{where}.invalidValues is null, but {field.name} is required: only an optional field can be NULL."
        )
    if field.missing_values is not None:
        missing_values = field.missing_values
    bounds = _bounds(field, where)
    return Field(
        name=field.name,
        title=field.title,
        type=field.type,
        role=field.role,
        description=field.description,
        unit=field.unit,
        required=field.constraints.required,
        above=bounds.above,
        at_least=bounds.at_least,
        below=bounds.below,
        at_most=bounds.at_most,
        first_day=bounds.first_day,
        last_day=bounds.last_day,
        invalid_values=invalid_values,
        missing_values=None if missing_values is None else frozenset(text.strip() for text in missing_values) - {""},
        **_number_format(field, where),
        example=field.example,
    )


def _number_format(field: _Field, where: str) -> dict[str, Any]:
    """How numbers are written in texts, where the contract says so."""
    keys = {"decimalChar": field.decimal_char, "groupChar": field.group_char, "bareNumber": field.bare_number}
    given = [key for key, value in keys.items() if value is not None]
    if given and field.type is not FieldType.NUMBER:
        raise ValueError(f"{where}: only a number has {given[0]}; {field.name} is a {field.type}.")
    if field.decimal_char not in (None, ".", ","):
        raise ValueError(f"{where}.decimalChar must be a point or a comma, not {field.decimal_char!r}.")
    if field.group_char not in (None, *GROUP_CHARACTERS):
        known = ", ".join(map(repr, GROUP_CHARACTERS))
        raise ValueError(f"{where}.groupChar must be one of {known}, not {field.group_char!r}.")
    decimal_char = "." if field.decimal_char is None and field.group_char is not None else field.decimal_char
    if decimal_char is not None and decimal_char == field.group_char:
        raise ValueError(f"{where}: decimalChar and groupChar must differ; decimalChar is a point if it is not given.")
    return {"decimal_char": decimal_char, "group_char": field.group_char, "is_bare_number": field.bare_number}


def _check_filters(by_name: dict[str, Field]) -> None:
    """The API filters by `<field>_from` and the like: another field must not have that name."""
    for name in by_name:
        for suffix in FILTER_SUFFIXES:
            if f"{name}{suffix}" in by_name:
                raise ValueError(
                    f"schema.fields: {name}{suffix} is the name of a filter on {name}; rename one of them."
                )


class _Bounds(NamedTuple):
    above: Decimal | None = None
    at_least: Decimal | None = None
    below: Decimal | None = None
    at_most: Decimal | None = None
    first_day: date | None = None
    last_day: date | None = None


def _bounds(field: _Field, where: str) -> _Bounds:
    given = field.constraints
    match field.type:
        case FieldType.NUMBER:
            return _Bounds(
                above=_number_bound(given.exclusive_minimum, where),
                at_least=_number_bound(given.minimum, where),
                below=_number_bound(given.exclusive_maximum, where),
                at_most=_number_bound(given.maximum, where),
            )
        case FieldType.DATE:
            first = [_date_bound(given.minimum, where, 0), _date_bound(given.exclusive_minimum, where, 1)]
            last = [_date_bound(given.maximum, where, 0), _date_bound(given.exclusive_maximum, where, -1)]
            return _Bounds(
                first_day=max((day for day in first if day is not None), default=None),
                last_day=min((day for day in last if day is not None), default=None),
            )
        case _:
            bounds = (given.minimum, given.exclusive_minimum, given.maximum, given.exclusive_maximum)
            if any(bound is not None for bound in bounds):
                raise ValueError(
                    f"{where}.constraints: only a number or a date has a minimum or a maximum; {field.name} is a "
                    f"{field.type}."
                )
            return _Bounds()


def _number_bound(value: object, where: str) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{where}.constraints: the bound of a number must be a number, not {value!r}.")
    bound = Decimal(str(value))
    if not bound.is_finite():
        raise ValueError(f"{where}.constraints: a bound must be a finite number, not {value}.")
    return bound


def _date_bound(value: object, where: str, days: int) -> date | None:
    """A bound moved by some days: what excludes a day ends at its neighbour."""
    if value is None:
        return None
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else value
        if type(day) is not date:
            raise ValueError
        return day + timedelta(days=days)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{where}.constraints: the bound of a date must be a date such as 2024-01-31, not {value!r}."
        ) from None


def _known(name: str, by_name: dict[str, Field], where: str) -> str:
    if name not in by_name:
        raise ValueError(f"{where} names {name!r}, which is no field. There are: {', '.join(by_name)}.")
    return name


def _key(names: list[str], by_name: dict[str, Field]) -> str:
    if len(names) != 1:
        raise ValueError(f"schema.primaryKey must name one field; it names {len(names)}.")
    key = by_name[_known(names[0], by_name, "schema.primaryKey")]
    if key.type is not FieldType.STRING or not key.required:
        raise ValueError(f"schema.primaryKey names {key.name}, which must be a required string.")
    return key.name


def _reference(foreign_key: _ForeignKey, by_name: dict[str, Field]) -> Reference:
    if len(foreign_key.fields) != 1 or len(foreign_key.reference.fields) != 1:
        raise ValueError("schema.foreignKeys: a relation leads from one field to one field.")
    field = _known(foreign_key.fields[0], by_name, "schema.foreignKeys")
    return Reference(field, foreign_key.reference.resource)


def _dating(dated_by: _DatedBy | None, by_name: dict[str, Field]) -> Dating | None:
    if dated_by is None:
        return None
    field = by_name[_known(dated_by.field, by_name, "datedBy.field")]
    if dated_by.dataset is None and (field.type is not FieldType.DATE or not field.required):
        raise ValueError(f"datedBy.field names {field.name}, which must be a required date.")
    return Dating(field.name, dated_by.dataset)


def _index(index: _Index, by_name: dict[str, Field]) -> Index:
    _check_name(index.name, "indexes.name")
    if index.method not in ("btree", "brin"):
        raise ValueError(f"indexes: the method of {index.name} must be btree or brin, not {index.method!r}.")
    if not index.fields or len(set(index.fields)) < len(index.fields):
        raise ValueError(f"indexes: {index.name} must name at least one field, and each only once.")
    for name in index.fields:
        if name != "file_id":
            _known(name, by_name, f"indexes: {index.name}")
    return Index(index.name, tuple(index.fields), index.method)
