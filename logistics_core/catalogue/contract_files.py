"""Reads contract files: one YAML file per dataset, a Data Package resource with keys of our own.

The format is that of Data Package 2.0 (https://datapackage.org/standard/data-resource/ and .../table-schema/): `schema`
with `fields`, `primaryKey` and `foreignKeys`. Our keys: `singular`, `datedBy` and `indexes` of a dataset; `role` and
`unit` of a field.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from logistics_core.catalogue.model import Catalogue, Dataset, Dating, Field, FieldType, Index, Reference, Role

BUILT_IN_FOLDER = Path(__file__).resolve().parent / "contracts"
SUFFIX = ".yaml"
MAX_FILE_BYTES = 1 << 20

BUILT_IN = ("vehicles", "vehicle_logs", "shipments")
"""The built-in datasets in the order in which they are shown; those that a user adds follow by name."""

RESERVED_NAMES = frozenset({
    "file_id", "record_no", "file_path", "file_version",
    "tableoid", "xmin", "xmax", "cmin", "cmax", "ctid",
    "fields", "source", "sort", "limit", "cursor", "count", "trailer",
})  # fmt: skip
"""Columns that every table has, those of PostgreSQL among them, and query parameters that every dataset has."""

RESERVED_DATASETS = frozenset({
    "costs", "dashboard", "datasets", "events", "exports", "figures", "ingestion", "route", "session", "system",
})  # fmt: skip
"""Paths below /api that are taken, so no dataset can have these names. A test of the API keeps this list complete."""

FILTER_SUFFIXES = ("_from", "_to", "_prefix")
"""What follows a field's name in a query parameter that filters by it."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class ContractError(Exception):
    """A contract file cannot be used; the message names the file, the place in it and what is expected."""


def load_catalogue(folder: Path | None = None) -> Catalogue:
    """The built-in datasets and those whose contracts are in `folder`, which need not exist.

    Raises:
        ContractError: a file is not a contract, or does not fit the others.
    """
    added = sorted(folder.glob(f"*{SUFFIX}")) if folder is not None and folder.is_dir() else []
    if not added:
        return built_in_catalogue()
    return make_catalogue([*built_in_catalogue().values(), *map(read_contract, added)])


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
    return Catalogue(by_name)


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
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ContractError(f"{path}: a contract has at most {MAX_FILE_BYTES:,} bytes.")
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        resource = msgspec.convert(document, _Resource)
    except OSError as error:
        raise ContractError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ContractError(f"{path}: byte {error.start} is not UTF-8.") from error
    except yaml.YAMLError as error:
        raise ContractError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    except msgspec.ValidationError as error:
        raise ContractError(f"{path} is not a contract: {error}") from error
    try:
        return _dataset(resource)
    except ValueError as error:
        raise ContractError(f"{path}: {error}") from error


# -- what a file says ------------------------------------------------------------------------------------------------


class _Struct(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Unknown keys are refused: a misspelt one would be ignored in silence."""


class _Constraints(_Struct):
    required: bool = False
    minimum: int | float | None = None
    exclusive_minimum: int | float | None = None


class _Field(_Struct):
    name: str
    title: str
    type: FieldType
    role: Role
    description: str
    unit: str | None = None
    constraints: _Constraints = msgspec.field(default_factory=_Constraints)
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


# -- what it means ---------------------------------------------------------------------------------------------------


def _dataset(resource: _Resource) -> Dataset:
    """Raises ValueError, with what is wrong and where."""
    _check_name(resource.name, "name")
    if resource.name in RESERVED_DATASETS:
        raise ValueError(f"name is {resource.name!r}, which the API uses for something else. Choose another name.")
    singular = resource.singular or f"{resource.name}_record"
    _check_name(singular, "singular")
    fields = tuple(_field(each, f"schema.fields[{number}]") for number, each in enumerate(resource.schema.fields))
    by_name = {field.name: field for field in fields}
    if len(by_name) < len(fields):
        raise ValueError("schema.fields: two fields have one name.")
    _check_filters(by_name)
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
    )


def _check_name(name: str, where: str) -> None:
    if not _NAME.fullmatch(name) or name in RESERVED_NAMES:
        raise ValueError(
            f"{where} is {name!r}. It must begin with a letter, hold only a-z, 0-9 and _, have at most 40 characters, "
            f"and be none of {', '.join(sorted(RESERVED_NAMES))}."
        )


def _field(field: _Field, where: str) -> Field:
    _check_name(field.name, f"{where}.name")
    constraints = field.constraints
    return Field(
        name=field.name,
        title=field.title,
        type=field.type,
        role=field.role,
        description=field.description,
        unit=field.unit,
        required=constraints.required,
        above=_bound(constraints.exclusive_minimum, field, where),
        at_least=_bound(constraints.minimum, field, where),
        example=field.example,
    )


def _check_filters(by_name: dict[str, Field]) -> None:
    """The API filters by `<field>_from` and the like: another field must not have that name."""
    for name in by_name:
        for suffix in FILTER_SUFFIXES:
            if f"{name}{suffix}" in by_name:
                raise ValueError(
                    f"schema.fields: {name}{suffix} is the name of a filter on {name}; rename one of them."
                )


def _bound(value: float | None, field: _Field, where: str) -> Decimal | None:
    if value is not None and field.type is not FieldType.NUMBER:
        raise ValueError(f"{where}.constraints: only a number has a minimum; {field.name} is a {field.type}.")
    return None if value is None else Decimal(str(value))


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
    for name in index.fields:
        if name != "file_id":
            _known(name, by_name, f"indexes: {index.name}")
    return Index(index.name, tuple(index.fields), index.method)
