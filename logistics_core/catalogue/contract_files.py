"""Reads contract files: one YAML file per dataset, a Data Package resource with keys of our own.

The format is that of Data Package 2.0 (https://datapackage.org/standard/data-resource/ and .../table-schema/): `schema`
with `fields`, `primaryKey` and `foreignKeys`. Our keys: `singular`, `datedBy`, `indexes`, `expect`, `extras`,
`keyConfirmed`, `records`, `history`, `metrics`, `rollups`, `forecasts`, `models`, `externalIds`, `links` and `entity`
of a dataset; `role`, `unit`, `timeZone`, `negativeParentheses`, `invalidValues`, `expect` and `aliases` of a field.
`encoding` and `dialect` are read by `table_dialect`, metrics by `contract_metrics`, forecasts by `contract_forecasts`,
models by `contract_models`, what has to do with external ids by `contract_identities`.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from stat import S_ISREG
from typing import Any, Literal, NamedTuple
from zoneinfo import available_timezones

import msgspec

from logistics_core.catalogue import contract_models
from logistics_core.catalogue.contract_forecasts import ForecastKeys, paths_of, read_forecasts
from logistics_core.catalogue.contract_identities import (
    EntityKeys,
    ExternalIdKeys,
    LinksKeys,
    named_dimensions,
    read_entity,
    read_external_ids,
    read_links,
    with_entities,
)
from logistics_core.catalogue.contract_metrics import MetricKeys, read_metrics, read_rollups
from logistics_core.catalogue.contract_shapes import NAME, ShapeFault, check_shape, described, known_field, suggestion
from logistics_core.catalogue.contract_yaml import KeyPath, Place, YamlDocument, YamlFault, read_yaml, with_place
from logistics_core.catalogue.model import (
    EXTRAS,
    FALSE_VALUES,
    NESTED_TYPES,
    NUMERIC_TYPES,
    TEMPORAL_TYPES,
    TRUE_VALUES,
    UTC,
    Catalogue,
    Dataset,
    Dating,
    Expectations,
    Field,
    FieldType,
    Index,
    InvalidValues,
    KeptHistory,
    NestedRecords,
    Reference,
    Role,
    Snapshots,
)
from logistics_core.catalogue.table_dialect import DialectKeys, read_dialect, read_encoding
from logistics_core.catalogue.time_patterns import PatternError, TimePattern, time_pattern

BUILT_IN_FOLDER = Path(__file__).resolve().parent / "contracts"
SUFFIX = ".yaml"
MAX_FILE_BYTES = 1 << 20
MAX_FIELDS = 1_500
"""PostgreSQL takes 1,600 columns in a table, columns that were removed among them."""
MAX_ALIASES = 50
"""Of one field."""
MAX_ALIAS_CHARACTERS = 255
"""The loader keeps no more of a name in a header."""

BUILT_IN = ("vehicles", "vehicle_logs", "shipments")
"""The built-in datasets in the order in which they are shown; those that a user adds follow by name."""

RESERVED_NAMES = frozenset({
    "file_id", "record_no", "file_path", "file_version",
    "tableoid", "xmin", "xmax", "cmin", "cmax", "ctid",
    "fields", "source", "sort", "limit", "cursor", "count", "trailer", "for",
})  # fmt: skip
"""Columns that every table has, those of PostgreSQL among them, and query parameters that every dataset has."""

RESERVED_FIELDS = frozenset({
    "existing_at", "existing_file_id", "touched", "had_values",
    "size", "page", "dataset", "range", "compare",
    "parameters", "database", "format",
})  # fmt: skip
"""Names that the merge gives to columns, parameters of the dashboard's Data page, and arguments of endpoints."""

RESERVED_DATASETS = frozenset({
    "alerts", "audit", "boards", "contracts", "costs", "dashboard", "datasets", "events", "exports", "figures",
    "forecasts", "graphql", "history", "identities", "ingestion", "kpi", "me", "measures", "metrics", "models",
    "notifications", "quality", "route", "session", "sources", "system",
})  # fmt: skip
"""Paths below /api that are taken. A test of the API keeps this list complete."""

AMBIGUOUS_DATASETS = frozenset({"none", "constructor", "proposals", "accuracy"})
"""Names that metrics, JavaScript and the paths of contracts and forecasts give a meaning of their own."""

MAX_KEY_FIELDS = 32
"""PostgreSQL takes no more columns in an index."""

_NOT_IN_KEYS = frozenset({"object", "array"})
"""Types of fields that cannot be part of a key."""

FILTER_SUFFIXES = ("_from", "_to", "_prefix")
"""What follows a field's name in a query parameter that filters by it."""

GROUP_CHARACTERS = (",", ".", " ", "'")
"""What can group thousands. A space stands for any space, also one that does not break or is thin."""

_NUMERIC = frozenset({"number", "integer"})
"""Types whose values can equal each other."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class ContractError(Exception):
    """A contract file cannot be used; the message names the file, the place in it and what is expected."""


def load_catalogue(folder: Path | None = None) -> Catalogue:
    """The built-in datasets and those whose contracts are in `folder`, which need not exist.

    Raises:
        ContractError: a file is not a contract, or does not fit the others.
    """
    added = contract_paths(folder) if folder is not None else []
    if not added:
        return built_in_catalogue()
    return make_catalogue([*built_in_catalogue().values(), *map(read_contract, added)])


def contract_files(folder: Path | None = None) -> dict[str, Path]:
    """The file of each contract, by the name of its dataset: the built-in ones and those in `folder`.

    Raises:
        ContractError: a file is not a contract.
    """
    added = contract_paths(folder) if folder is not None else []
    files = {name: BUILT_IN_FOLDER / f"{name}{SUFFIX}" for name in BUILT_IN}
    return files | {read_contract(path).name: path for path in added}


def contract_paths(folder: Path) -> list[Path]:
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
    for name, dataset in by_name.items():
        references = tuple(_in_order_of_key(each, dataset, by_name) for each in dataset.references)
        by_name[name] = replace(dataset, references=references)
        _check_dating(by_name[name], by_name)
        _check_records(by_name[name], by_name)
    for name, dataset in by_name.items():
        try:
            by_name[name] = with_entities(dataset, by_name)
        except ValueError as error:
            raise ContractError(f"{name}: {error}") from error
    _check_forecasts(by_name)
    _check_models(by_name)
    _check_table_names(by_name)
    _check_record_names(by_name)
    return Catalogue({name: _with_related_datasets(dataset, by_name) for name, dataset in by_name.items()})


def _with_related_datasets(dataset: Dataset, all_datasets: dict[str, Dataset]) -> Dataset:
    """The dataset with the one that dates it, and the one whose records hold its own, where there is one."""
    if dataset.dating is not None and dataset.dating.dataset is not None:
        dataset = replace(dataset, dated_through=all_datasets[dataset.dating.dataset])
    if dataset.records is not None:
        dataset = replace(dataset, parent=all_datasets[dataset.records.dataset])
    return dataset


def _check_records(dataset: Dataset, all_datasets: dict[str, Dataset]) -> None:
    """The relation that nested records declare shows already that there is the other dataset, and that it has a key."""
    if dataset.records is None:
        return
    other, array = all_datasets[dataset.records.dataset], dataset.records.array
    where = f"{dataset.name}: records names {array} of {other.name}"
    if other.records is not None:
        raise ContractError(
            f"{where}, whose records are within those of {other.records.dataset} themselves. Only arrays within the "
            "records of a file can be a dataset."
        )
    arrays = [field.name for field in other.fields if field.type is FieldType.ARRAY]
    if array not in arrays:
        known = f"There are: {', '.join(arrays)}" if arrays else f"{other.name} has none"
        raise ContractError(f"{where}, which is no field of type array. {known}.")


def _check_forecasts(all_datasets: dict[str, Dataset]) -> None:
    """The fields of records referred to that forecasts name."""
    from logistics_core.metrics.paths import read_path  # here: it builds on the catalogue

    for dataset in all_datasets.values():
        for where, path in paths_of(dataset.forecasts):
            try:
                found = read_path(path, dataset, all_datasets)
            except ValueError as error:
                raise ContractError(f"{dataset.name}: {where}: {error}") from error
            if found.field.type in NESTED_TYPES:
                raise ContractError(f"{dataset.name}: {where} names {path}, whose type is {found.field.type}.")


def _check_models(all_datasets: dict[str, Dataset]) -> None:
    """The fields of records referred to that models name."""
    from logistics_core.metrics.paths import read_path  # here: it builds on the catalogue

    for dataset in all_datasets.values():
        for where, path, is_number in contract_models.paths_of(dataset.models):
            try:
                found = read_path(path, dataset, all_datasets)
                contract_models.check_type(path, found.field.type, where, numeric=is_number)
            except ValueError as error:
                text = str(error)
                raise ContractError(
                    f"{dataset.name}: {text if text.startswith(where) else f'{where}: {text}'}"
                ) from error


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


def _in_order_of_key(reference: Reference, dataset: Dataset, all_datasets: dict[str, Dataset]) -> Reference:
    """The reference with its fields in the order of the other dataset's key, which they must hold completely."""
    refers = f"{dataset.name}: {', '.join(reference.fields)} refers to"
    if reference.dataset not in all_datasets:
        known = ", ".join(all_datasets)
        meant = suggestion(reference.dataset, all_datasets)
        raise ContractError(
            f"{refers} {reference.dataset}, which is no dataset. There are: {known}.{meant} Accept the contract of "
            f"{reference.dataset} first. If that one refers to {dataset.name} in turn, accept {dataset.name} without "
            f"this relation, then {reference.dataset}, then {dataset.name} with it."
        )
    other = all_datasets[reference.dataset]
    if not other.key:
        raise ContractError(f"{refers} {other.name}, whose records have no key. Remove the relation.")
    fields = dict(zip(reference.target_fields, reference.fields, strict=True))
    if set(fields) != set(other.key) or len(reference.fields) != len(other.key):
        raise ContractError(
            f"{refers} {', '.join(reference.target_fields)} of {other.name}, whose key is {', '.join(other.key)}. A "
            "relation leads to all fields of the key and to no others."
        )
    for target, name in fields.items():
        types = dataset.field(name).type, other.field(target).type
        if types[0] != types[1] and not _NUMERIC.issuperset(types):
            raise ContractError(
                f"{dataset.name}: {name} refers to {target} of {other.name}, but one is a {types[0]} and the other a "
                f"{types[1]}. Give both the same type."
            )
    return Reference(tuple(fields[name] for name in other.key), other.name, other.key)


def _check_dating(dataset: Dataset, all_datasets: dict[str, Dataset]) -> None:
    dating = dataset.dating
    if dating is None or dating.dataset is None:
        return
    reference = dataset.reference_of(dating.field)
    if reference is None or reference.dataset != dating.dataset:
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
    document = read_document(read_text(path), str(path))
    return contract_from_document(document.value, str(path), document.places)


def read_text(path: Path) -> str:
    """The text of a contract file, as it is.

    Raises:
        ContractError: it is no file, too large, or not UTF-8.
    """
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):
            raise ContractError(f"{path} is not a file.")
        if status.st_size > MAX_FILE_BYTES:
            raise ContractError(f"{path}: a contract has at most {MAX_FILE_BYTES:,} bytes.")
        content = path.read_bytes()
        return content.decode()
    except OSError as error:
        raise ContractError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ContractError(
            f"{path}: line {line:,}, byte {error.start} is not UTF-8. Expected: a text file in UTF-8. Save it in that "
            "encoding; a workbook or an archive is not a contract."
        ) from error


def read_document(text: str, where: str) -> YamlDocument:
    """Reads the YAML of a contract, with the places of its keys. `where` names it in messages.

    Raises:
        ContractError: it is too large, or not YAML that a contract may be written in.
    """
    if len(text.encode(errors="replace")) > MAX_FILE_BYTES:
        raise ContractError(f"{where}: a contract has at most {MAX_FILE_BYTES:,} bytes.")
    try:
        return read_yaml(text)
    except YamlFault as error:
        raise ContractError(f"{where} is not YAML: {error}") from error


def document_of(text: str, where: str) -> object:
    """The document alone.

    Raises:
        ContractError: as `read_document`.
    """
    return read_document(text, where).value


def contract_from_document(document: object, where: str, places: Mapping[KeyPath, Place] | None = None) -> Dataset:
    """Makes a dataset of a contract that was read already.

    `where` names it in messages; `places` of its keys are named there as well.

    Raises:
        ContractError: it is not a contract.
    """
    places = places or {}
    if document is None:
        raise ContractError(
            f"{where} is not a contract: it is empty. `logistics contracts propose FILE` prints a contract for a data "
            "file."
        )
    try:
        check_shape(document, _Resource, places)
        resource = msgspec.convert(document, _Resource)
    except ShapeFault as error:
        raise ContractError(f"{where} is not a contract: {with_place(error.path, str(error), places)}") from error
    try:
        return _dataset(resource)
    except ValueError as error:
        message = str(error)
        raise ContractError(f"{where}: {with_place(_path_in(message), message, places)}") from error


_PATH = re.compile(r"[a-zA-Z]+(?:\[[0-9]+\]|\.[a-zA-Z]+)*")


def _path_in(message: str) -> KeyPath:
    """The key that a message begins with: all that `_dataset` raises do."""
    found = _PATH.match(message)
    parts = re.findall("[a-zA-Z]+|[0-9]+", found[0]) if found else []
    return tuple(int(part) if part.isdigit() else part for part in parts)


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


class _FieldExpectations(_Struct):
    filled: bool = False


class _Field(_Struct, kw_only=True):
    name: str
    title: str = ""
    type: FieldType
    role: Role | None = None
    description: str = ""
    unit: str | None = None
    constraints: _Constraints = msgspec.field(default_factory=_Constraints)
    invalid_values: InvalidValues | msgspec.UnsetType | None = msgspec.UNSET
    missing_values: list[str] | None = None
    decimal_char: str | None = None
    group_char: str | None = None
    bare_number: bool | None = None
    negative_parentheses: bool | None = None
    expect: _FieldExpectations = msgspec.field(default_factory=_FieldExpectations)
    format: str | None = None
    true_values: list[str] | None = None
    false_values: list[str] | None = None
    time_zone: bool | None = None
    example: str | float | bool | None = None
    aliases: list[str] = []


class _Target(_Struct):
    resource: str
    fields: list[str]


class _ForeignKey(_Struct):
    fields: list[str]
    reference: _Target


class _Schema(_Struct):
    fields: list[_Field]
    primary_key: list[str] = []
    foreign_keys: list[_ForeignKey] = []
    missing_values: list[str] | None = None


class _DatedBy(_Struct):
    field: str
    dataset: str | None = None
    time_zone: str | None = None


class _Index(_Struct):
    name: str
    fields: list[str]
    method: str = "btree"


class _Records(_Struct):
    dataset: str
    array: str
    position: str


class _History(_Struct):
    snapshots: Snapshots | None = None
    time_zone: str | None = None


class _Expectations(_Struct):
    quality: float | None = None
    freshness: str | None = None


class _Resource(_Struct, kw_only=True):
    profile: Literal["https://datapackage.org/profiles/2.0/dataresource.json"] = msgspec.field(name="$schema")
    name: str
    path: str
    title: str = ""
    description: str = ""
    schema: _Schema
    singular: str | None = None
    dated_by: _DatedBy | None = None
    indexes: list[_Index] = []
    expect: _Expectations = msgspec.field(default_factory=_Expectations)
    encoding: str | None = None
    dialect: DialectKeys | None = None
    extras: bool = True
    records: _Records | None = None
    history: bool | _History | None = None
    key_confirmed: bool = True
    metrics: list[MetricKeys] | None = None
    rollups: list[list[str]] | None = None
    forecasts: list[ForecastKeys] = []
    external_ids: list[ExternalIdKeys] = []
    links: LinksKeys | None = None
    entity: EntityKeys | None = None
    models: list[contract_models.ModelKeys] = []


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
            f"schema.fields: a dataset has at most {MAX_FIELDS:,} fields, not {len(resource.schema.fields):,}."
        )
    fields = tuple(
        _field(each, f"schema.fields[{number}]", resource.schema) for number, each in enumerate(resource.schema.fields)
    )
    by_name = {field.name: field for field in fields}
    if len(by_name) < len(fields):
        names = [field.name for field in fields]
        number = next(number for number, name in enumerate(names) if name in names[:number])
        first = names.index(names[number])
        raise ValueError(
            f"schema.fields[{number}].name is {names[number]!r}, as is that of schema.fields[{first}]: two fields have "
            "one name. Rename or remove one."
        )
    _check_filters(by_name)
    _check_aliases(fields)
    if resource.extras and EXTRAS in by_name:
        raise ValueError(
            f"schema.fields: the table has a column {EXTRAS} for columns that the contract does not know. Rename the "
            f"field {EXTRAS}, or write `extras: false` to ignore such columns."
        )
    references = tuple(_reference(each, by_name) for each in resource.schema.foreign_keys)
    external_ids = read_external_ids(resource.external_ids, by_name)
    dimensions = by_name | named_dimensions(external_ids)
    title = resource.title or _in_words(resource.name)
    found = Dataset(
        name=resource.name,
        title=title,
        singular=singular,
        key=_key(resource.schema.primary_key, by_name),
        fields=fields,
        description=resource.description or f"{title}.",
        dating=_dating(resource.dated_by, by_name),
        references=references,
        indexes=tuple(_index(each, by_name) for each in resource.indexes),
        expectations=_expectations(resource.expect),
        encoding=read_encoding(resource.encoding),
        dialect=read_dialect(resource.dialect),
        has_extras=resource.extras,
        is_key_confirmed=resource.key_confirmed,
        path=resource.path,
        records=_records(resource.records, by_name, references),
        history=_history(resource.history, resource.dated_by),
        declared_metrics=None if resource.metrics is None else read_metrics(resource.metrics, by_name),
        declared_rollups=None if resource.rollups is None else read_rollups(resource.rollups, dimensions),
        external_ids=external_ids,
        links=read_links(resource.links, by_name, resource.schema.primary_key),
        entity=read_entity(resource.entity, by_name, resource.schema.primary_key),
    )
    models = contract_models.read_models(resource.models, by_name, found.dating, found.key)
    found = replace(found, models=models) if models else found
    return _with_forecasts(found, resource.forecasts)


def _with_forecasts(dataset: Dataset, declared: Sequence[ForecastKeys]) -> Dataset:
    """The dataset with its forecasts, which are of metrics that follow from all its fields."""
    if not declared:
        return dataset
    from logistics_core.metrics.defaults import metrics_of  # here: it builds on the catalogue

    fields = {field.name: field for field in dataset.fields} | named_dimensions(dataset.external_ids)
    found = read_forecasts(declared, metrics_of(dataset), fields, dataset.dating)
    return replace(dataset, forecasts=found)


def _records(
    records: _Records | None, by_name: dict[str, Field], references: Sequence[Reference]
) -> NestedRecords | None:
    """Where nested records are: each holds the key of the record that it is in, and its place there."""
    if records is None:
        return None
    position = known_field(records.position, by_name, "records.position")
    if position.type is not FieldType.INTEGER or not position.required:
        raise ValueError(f"records.position names {position.name}, which must be a required integer.")
    relations = [each for each in references if each.dataset == records.dataset]
    if len(relations) != 1:
        raise ValueError(
            f"records.dataset is {records.dataset}: schema.foreignKeys must declare one relation to it, from the "
            f"fields that hold the key of the record around this one; it declares {len(relations)}."
        )
    for name in relations[0].fields:
        if not by_name[name].required or name == position.name:
            raise ValueError(
                f"schema.foreignKeys: {name} holds the key of {records.dataset}, so it must be required and another "
                "field than records.position."
            )
    return NestedRecords(records.dataset, records.array, records.position)


def _check_texts(resource: _Resource) -> None:
    """Refuses characters that PostgreSQL, JSON or a page cannot hold."""
    texts = {"title": resource.title, "description": resource.description}
    for number, field in enumerate(resource.schema.fields):
        where = f"schema.fields[{number}]"
        texts |= {f"{where}.title": field.title, f"{where}.description": field.description}
        texts |= {f"{where}.unit": field.unit or "", f"{where}.example": str(field.example)}
    for number, metric in enumerate(resource.metrics or ()):
        where = f"metrics[{number}]"
        texts |= {f"{where}.title": metric.title, f"{where}.description": metric.description}
        texts |= {f"{where}.unit": metric.unit or ""}
    for where, text in texts.items():
        if _UNPRINTABLE.search(text):
            raise ValueError(f"{where} contains a control character or half of a surrogate pair.")


def _check_name(name: str, where: str) -> None:
    if not NAME.fullmatch(name) or name in RESERVED_NAMES:
        raise ValueError(
            f"{where} is {name!r}. It must begin with a letter, hold only a-z, 0-9 and _, have at most 40 characters, "
            f"and be none of {', '.join(sorted(RESERVED_NAMES))}."
        )


def _in_words(name: str) -> str:
    """A title made of a name: `Fuel cards` of `fuel_cards`."""
    return name.replace("_", " ").strip().capitalize()


def _usual_role(field: _Field, schema: _Schema) -> Role:
    """What a field is for by its key and type, if the contract does not say."""
    if field.name in schema.primary_key:
        return Role.IDENTIFIER
    if field.type in TEMPORAL_TYPES:
        return Role.TIME
    if field.type in NUMERIC_TYPES:
        return Role.MEASURE
    return Role.TEXT if field.type in NESTED_TYPES else Role.DIMENSION


def _field(field: _Field, where: str, schema: _Schema) -> Field:
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
    missing_values = schema.missing_values if field.missing_values is None else field.missing_values
    title = field.title or _in_words(field.name)
    bounds = _bounds(field, where)
    return Field(
        name=field.name,
        title=title,
        type=field.type,
        role=field.role or _usual_role(field, schema),
        description=field.description or title,
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
        is_expected=field.expect.filled,
        format=_format(field, where),
        **_boolean_words(field, where),
        has_time_zone=_has_time_zone(field, where),
        example=field.example,
        aliases=_aliases(field.aliases, where),
    )


def _aliases(aliases: list[str], where: str) -> tuple[str, ...]:
    if len(aliases) > MAX_ALIASES:
        raise ValueError(f"{where}.aliases: a field has at most {MAX_ALIASES} aliases, not {len(aliases)}.")
    for alias in aliases:
        if not alias.strip() or len(alias) > MAX_ALIAS_CHARACTERS or _UNPRINTABLE.search(alias):
            raise ValueError(
                f"{where}.aliases: an alias has 1 to {MAX_ALIAS_CHARACTERS} characters, none of them a control "
                f"character, not {alias[:40]!r}."
            )
    return tuple(dict.fromkeys(aliases))


def _check_aliases(fields: Sequence[Field]) -> None:
    """No name may lead to two fields."""
    owners = {field.name: field.name for field in fields}
    for field in fields:
        for alias in field.aliases:
            owner = owners.setdefault(alias, field.name)
            if owner != field.name:
                raise ValueError(
                    f"schema.fields: {alias!r} is an alias of {field.name}, and a name or an alias of {owner}. Remove "
                    "it from one of them."
                )


def _number_format(field: _Field, where: str) -> dict[str, Any]:
    """How numbers are written in texts, where the contract says so."""
    keys = {
        "decimalChar": field.decimal_char,
        "groupChar": field.group_char,
        "bareNumber": field.bare_number,
        "negativeParentheses": field.negative_parentheses,
    }
    given = [key for key, value in keys.items() if value is not None]
    if given and field.type not in NUMERIC_TYPES:
        raise ValueError(f"{where}: only a number has {given[0]}; {field.name} is {_a(field.type)}.")
    if field.decimal_char not in (None, ".", ","):
        raise ValueError(f"{where}.decimalChar must be a point or a comma, not {field.decimal_char!r}.")
    if field.group_char not in (None, *GROUP_CHARACTERS):
        known = ", ".join(map(repr, GROUP_CHARACTERS))
        raise ValueError(f"{where}.groupChar must be one of {known}, not {field.group_char!r}.")
    decimal_char = field.decimal_char
    if decimal_char is None and field.group_char is not None:
        decimal_char = "," if field.type is FieldType.INTEGER and field.group_char == "." else "."
    if decimal_char is not None and decimal_char == field.group_char:
        raise ValueError(f"{where}: decimalChar and groupChar must differ; decimalChar is a point if it is not given.")
    return {
        "decimal_char": decimal_char,
        "group_char": field.group_char,
        "is_bare_number": field.bare_number,
        "has_negative_parentheses": bool(field.negative_parentheses),
    }


_PATTERNED_TYPES = frozenset({
    FieldType.DATE, FieldType.DATETIME, FieldType.TIME, FieldType.DURATION, FieldType.YEAR_MONTH,
})  # fmt: skip
DURATION_PATTERNS = ("%H:%M:%S", "%H:%M", "%M:%S")
"""What says whether 12:30 are minutes and seconds. The first number of a duration has no end."""


def _format(field: _Field, where: str) -> str | None:
    """How dates and times are written, where the contract says so. `any` leaves that to the files."""
    if field.format is None:
        return None
    if field.type not in _PATTERNED_TYPES:
        if field.format == "default":
            return None
        known = ", ".join(sorted(_PATTERNED_TYPES))
        raise ValueError(f"{where}: only {known} have a format; {field.name} is {_a(field.type)}.")
    if field.format in ("any", "default"):
        return None if field.format == "any" else field.format
    if field.type is FieldType.DURATION:
        if field.format not in DURATION_PATTERNS:
            known = " or ".join(DURATION_PATTERNS)
            raise ValueError(f"{where}.format of a duration must be {known}, not {field.format!r}.")
        return field.format
    try:
        _check_pattern(time_pattern(field.format), field)
    except PatternError as error:
        raise ValueError(f"{where}.format {error}; it is {field.format!r}.") from None
    return field.format


def _check_pattern(pattern: TimePattern, field: _Field) -> None:
    """Raises PatternError if the pattern does not tell what the type holds, or tells more."""
    has_day, has_clock = "d" in pattern.directives, bool(pattern.directives & set("HIMSfp"))
    is_complete, expected = {
        FieldType.DATE: (pattern.has_date and not has_clock, "a year, a month and a day, and no time of day"),
        FieldType.DATETIME: (pattern.has_date and pattern.has_hour, "a year, a month, a day and an hour"),
        FieldType.TIME: (pattern.has_hour and not pattern.has_month and not has_day, "an hour, and no day"),
        FieldType.YEAR_MONTH: (
            pattern.has_month and not has_day and not has_clock,
            "a year and a month, and nothing more",
        ),
    }[field.type]
    if not is_complete:
        raise PatternError(f"must have {expected}, because {field.name} is {_a(field.type)}")
    if "S" in pattern.directives and "M" not in pattern.directives:
        raise PatternError("has seconds and no minutes")
    if ("z" in pattern.directives) != (field.type is FieldType.DATETIME and bool(field.time_zone)):
        raise PatternError("must have %z if timeZone of a datetime is true, and only then")


def _boolean_words(field: _Field, where: str) -> dict[str, Any]:
    """How a boolean is written in texts."""
    given = {"trueValues": field.true_values, "falseValues": field.false_values}
    for key, words in given.items():
        if words is None:
            continue
        if field.type is not FieldType.BOOLEAN:
            raise ValueError(f"{where}: only a boolean has {key}; {field.name} is {_a(field.type)}.")
        if not words or not all(word.strip() for word in words):
            raise ValueError(f"{where}.{key} must list at least one word, and none that is empty.")
    true, false = (
        default if words is None else tuple(dict.fromkeys(word.strip() for word in words))
        for words, default in ((field.true_values, TRUE_VALUES), (field.false_values, FALSE_VALUES))
    )
    both = [word for word in true if word in false]
    if both:
        raise ValueError(f"{where}: {both[0]!r} is among trueValues and among falseValues.")
    return {"true_values": true, "false_values": false}


def _has_time_zone(field: _Field, where: str) -> bool:
    if field.time_zone is not None and field.type is not FieldType.DATETIME:
        raise ValueError(f"{where}: only a datetime has timeZone; {field.name} is {_a(field.type)}.")
    return bool(field.time_zone)


def _a(type: FieldType) -> str:
    """The type with its article."""
    return f"an {type}" if type[0] in "aio" else f"a {type}"


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
        case FieldType.NUMBER | FieldType.INTEGER | FieldType.YEAR:
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
                    f"{where}.constraints: only a number, an integer, a year or a date has a minimum or a maximum; "
                    f"{field.name} is {_a(field.type)}."
                )
            return _Bounds()


def _number_bound(value: object, where: str) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{where}.constraints: the bound of a number must be a number, not {described(value)}.")
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
            f"{where}.constraints: the bound of a date must be a date such as 2024-01-31, not {described(value)}."
        ) from None


def _key(names: list[str], by_name: dict[str, Field]) -> tuple[str, ...]:
    """The key, which may be empty: then each record is a row of its own."""
    where = "schema.primaryKey"
    if len(names) > MAX_KEY_FIELDS:
        raise ValueError(f"{where}: a key has at most {MAX_KEY_FIELDS} fields, not {len(names)}.")
    for name in names:
        field = known_field(name, by_name, where)
        if names.count(name) > 1:
            raise ValueError(f"{where} names {name} twice.")
        if not field.required:
            raise ValueError(
                f"{where} names {name}, which must be required: set constraints: {{required: true}}, or leave it out."
            )
        if field.type in _NOT_IN_KEYS:
            raise ValueError(f"{where} names {name}, which is an {field.type}: a key consists of single values.")
    return tuple(names)


def _reference(foreign_key: _ForeignKey, by_name: dict[str, Field]) -> Reference:
    where, target = "schema.foreignKeys", foreign_key.reference
    if not foreign_key.fields or len(foreign_key.fields) != len(target.fields):
        raise ValueError(
            f"{where}: a relation leads from each of its fields to one field of {target.resource}; it names "
            f"{len(foreign_key.fields)} and {len(target.fields)}."
        )
    for name in foreign_key.fields:
        known_field(name, by_name, where)
        if foreign_key.fields.count(name) > 1:
            raise ValueError(f"{where} names {name} twice in one relation.")
    return Reference(tuple(foreign_key.fields), target.resource, tuple(target.fields))


def _dating(dated_by: _DatedBy | None, by_name: dict[str, Field]) -> Dating | None:
    if dated_by is None:
        return None
    field = known_field(dated_by.field, by_name, "datedBy.field")
    if dated_by.dataset is None and not (field.type in TEMPORAL_TYPES and field.required):
        raise ValueError(f"datedBy.field names {field.name}, which must be a required date or datetime.")
    if dated_by.time_zone is None:
        return Dating(field.name, dated_by.dataset)
    if dated_by.dataset is not None or not field.has_time_zone:
        raise ValueError(
            f"datedBy.timeZone says in which time zone the day of a timestamp is, but {field.name} is no datetime with "
            "`timeZone: true`. Remove datedBy.timeZone."
        )
    return Dating(field.name, time_zone=_zone_name(dated_by.time_zone))


def _history(given: bool | _History | None, dated_by: _DatedBy | None) -> KeptHistory | None:
    if given is None or isinstance(given, bool):
        return KeptHistory() if given else None
    if given.snapshots is None and given.time_zone is not None:
        raise ValueError("history.timeZone says whose days snapshots are of: add history.snapshots, or remove it.")
    if given.snapshots is not None and dated_by is not None:
        raise ValueError(
            "history.snapshots gives metrics a time axis by what was known at the end of each day, but datedBy gives "
            "them one by the days of the records. Remove one of them."
        )
    zone = UTC if given.time_zone is None else _zone_name(given.time_zone, "history.timeZone")
    return KeptHistory(given.snapshots, zone)


def _zone_name(name: str, where: str = "datedBy.timeZone") -> str:
    known = _time_zones()
    if name not in known:
        raise ValueError(
            f"{where} is {name!r}. Expected: UTC or a name of the time zone database, such as Europe/Berlin."
            + suggestion(name, sorted(known))
        )
    return name


@cache
def _time_zones() -> frozenset[str]:
    """What Python and PostgreSQL both know: the others stand for the zone of a machine, and for none."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _index(index: _Index, by_name: dict[str, Field]) -> Index:
    _check_name(index.name, "indexes.name")
    if index.method not in ("btree", "brin"):
        raise ValueError(f"indexes: the method of {index.name} must be btree or brin, not {index.method!r}.")
    if not index.fields or len(set(index.fields)) < len(index.fields):
        raise ValueError(f"indexes: {index.name} must name at least one field, and each only once.")
    for name in index.fields:
        if name != "file_id":
            known_field(name, by_name, f"indexes: {index.name}")
    return Index(index.name, tuple(index.fields), index.method)


_LENGTH = re.compile(r"([1-9][0-9]{0,3}) (minute|hour|day|week)s?")


def _expectations(expect: _Expectations) -> Expectations:
    if expect.quality is not None and not 0 <= expect.quality <= 1:
        raise ValueError(f"expect.quality must be a share from 0 to 1, such as 0.95, not {expect.quality}.")
    return Expectations(
        None if expect.quality is None else Decimal(str(expect.quality)),
        None if expect.freshness is None else _length_of_time(expect.freshness),
    )


def _length_of_time(text: str) -> timedelta:
    found = _LENGTH.fullmatch(text)
    if not found:
        raise ValueError(
            "expect.freshness must be a length of time in minutes, hours, days or weeks, such as 1 day or 12 hours, "
            f"not {text!r}."
        )
    return timedelta(**{f"{found[2]}s": int(found[1])})
