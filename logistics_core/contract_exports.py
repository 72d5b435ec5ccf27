"""A contract in the formats of others: Data Package, Open Data Contract Standard 3.1, JSON Schema.

Each is made from the dataset, not copied from the file: what a format cannot say is left out or is a custom property.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from logistics_core.catalogue import Dataset, Field

DATA_PACKAGE = "https://datapackage.org/profiles/2.0/datapackage.json"
JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
OWN_KEYS = frozenset({
    "singular", "datedBy", "indexes", "extras", "expect", "keyConfirmed", "records", "history", "metrics", "rollups",
    "forecasts", "models", "externalIds", "links", "entity",
})  # fmt: skip
"""Keys of ours in a contract, beside those of a Data Package resource."""


class ExportFormat(StrEnum):
    """What a contract can be exported as."""

    DATA_PACKAGE = "datapackage"
    ODCS = "odcs"
    JSON_SCHEMA = "jsonschema"


def export_contract(
    dataset: Dataset, document: Mapping[str, Any], version: int, format: ExportFormat
) -> dict[str, Any]:
    """The contract of a dataset in another format, as a document that JSON and YAML can hold.

    `document` is the contract as it was read, `version` its number; 1 for a built-in one.
    """
    return _FORMATS[format](dataset, document, version)


# -- Data Package ----------------------------------------------------------------------------------------------------


def _data_package(dataset: Dataset, document: Mapping[str, Any], version: int) -> dict[str, Any]:
    """A package of one resource. The contract is one already; other keys are allowed, and kept."""
    return {
        "$schema": DATA_PACKAGE,
        "name": dataset.name.replace("_", "-"),
        "title": dataset.title,
        "description": dataset.description,
        "version": f"{version}.0.0",
        "resources": [dict(document)],
    }


# -- Open Data Contract Standard -------------------------------------------------------------------------------------

_LOGICAL_TYPES = {
    "string": "string", "integer": "integer", "number": "number", "boolean": "boolean", "date": "date",
    "datetime": "timestamp", "time": "time", "duration": "string", "year": "integer", "yearmonth": "string",
    "object": "object", "array": "array",
}  # fmt: skip
_PHYSICAL_TYPES = {
    "string": "text", "integer": "numeric", "number": "numeric", "boolean": "boolean", "date": "date",
    "datetime": "timestamp", "time": "time", "duration": "interval", "year": "integer", "yearmonth": "text",
    "object": "jsonb", "array": "jsonb",
}  # fmt: skip


def _odcs(dataset: Dataset, document: Mapping[str, Any], version: int) -> dict[str, Any]:
    return {
        "version": f"{version}.0.0",
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"raw.{dataset.name}",
        "name": dataset.title,
        "status": "active",
        "description": {"purpose": dataset.description},
        "schema": [
            {
                "name": dataset.name,
                "physicalName": dataset.table,
                "logicalType": "object",
                "physicalType": "table",
                "businessName": dataset.title,
                "description": dataset.description,
                "properties": [_property(field, dataset, document) for field in dataset.fields],
                **_custom({name: value for name, value in _read_as(document).items() if value}),
            }
        ],
    }


def _read_as(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the standard cannot say: how files are read, and our own keys."""
    return {name: document.get(name) for name in ("dialect", "encoding", "path", *sorted(OWN_KEYS))}


def _property(field: Field, dataset: Dataset, document: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": field.name,
        "businessName": field.title,
        "logicalType": _LOGICAL_TYPES[field.type],
        "physicalType": _physical_type(field),
        "description": field.description,
        "required": field.required,
    }
    if field.name in dataset.key:
        found |= {"primaryKey": True, "primaryKeyPosition": dataset.key.index(field.name) + 1}
        found |= {"unique": True} if len(dataset.key) == 1 else {}
    if field.example is not None:
        found["examples"] = [field.example]
    if options := _options(field):
        found["logicalTypeOptions"] = options
    if targets := _targets(field, document):
        found["relationships"] = [{"type": "foreignKey", "to": target} for target in targets]
    return found | _custom(_of_field(field))


def _targets(field: Field, document: Mapping[str, Any]) -> list[str]:
    """The keys of other datasets that a field holds: `vehicles.vehicle_id`."""
    return [
        f"{each['reference']['resource']}.{each['reference']['fields'][0]}"
        for each in document["schema"].get("foreignKeys", [])
        if each["fields"] == [field.name]
    ]


def _physical_type(field: Field) -> str:
    if field.type == "datetime" and field.has_time_zone:
        return "timestamptz"
    return _PHYSICAL_TYPES[field.type]


def _options(field: Field) -> dict[str, Any]:
    """Bounds, by the names of JSON Schema."""
    if _LOGICAL_TYPES[field.type] not in ("integer", "number", "date"):
        return {}
    return {name: value for name, value in _bounds(field).items() if value is not None}


def _bounds(field: Field) -> dict[str, Any]:
    return {
        "minimum": _plain(field.at_least if field.first_day is None else field.first_day),
        "exclusiveMinimum": _plain(field.above),
        "maximum": _plain(field.at_most if field.last_day is None else field.last_day),
        "exclusiveMaximum": _plain(field.below),
    }


def _plain(value: Decimal | date | None) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return None if value is None else value.isoformat()


def _of_field(field: Field) -> dict[str, Any]:
    return {
        "role": str(field.role),
        "unit": field.unit,
        "missingValues": sorted(field.missing_values) if field.missing_values else None,
        "decimalChar": field.decimal_char,
        "groupChar": field.group_char,
        "format": field.format,
        "invalidValues": None if field.invalid_values is None else str(field.invalid_values),
        "aliases": list(field.aliases) or None,
    }


def _custom(values: Mapping[str, Any]) -> dict[str, Any]:
    given = [{"property": name, "value": value} for name, value in values.items() if value is not None]
    return {"customProperties": given} if given else {}


# -- JSON Schema -----------------------------------------------------------------------------------------------------

_JSON_TYPES: Mapping[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string"},
    "time": {"type": "string"},
    "duration": {"type": "string"},
    "year": {"type": "integer"},
    "yearmonth": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
    "object": {"type": "object"},
    "array": {"type": "array"},
}


def _json_schema(dataset: Dataset, document: Mapping[str, Any], version: int) -> dict[str, Any]:
    """What a record looks like in JSON, as the API answers it: dates in ISO 8601, numbers as numbers."""
    return {
        "$schema": JSON_SCHEMA,
        "$id": f"urn:logistics:{dataset.name}:{version}",
        "title": dataset.singular,
        "description": dataset.description,
        "type": "object",
        "properties": {field.name: _json_property(field) for field in dataset.fields},
        "required": [field.name for field in dataset.fields if field.required],
        "additionalProperties": dataset.has_extras,
    }


def _json_property(field: Field) -> dict[str, Any]:
    found: dict[str, Any] = {"title": field.title, "description": field.description_with_unit}
    found |= _JSON_TYPES[field.type]
    if field.type == "datetime" and field.has_time_zone:
        found["format"] = "date-time"
    if found["type"] in ("integer", "number"):
        found |= {name: value for name, value in _bounds(field).items() if value is not None}
    if not field.required:
        found["type"] = [found["type"], "null"]
    return found


_FORMATS: Mapping[ExportFormat, Callable[[Dataset, Mapping[str, Any], int], dict[str, Any]]] = {
    ExportFormat.DATA_PACKAGE: _data_package,
    ExportFormat.ODCS: _odcs,
    ExportFormat.JSON_SCHEMA: _json_schema,
}
