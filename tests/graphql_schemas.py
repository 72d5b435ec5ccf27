"""Random catalogues: datasets with fields of any type, keys of several fields or none, references to each other and to
themselves, days of their own or of others, and names that GraphQL cannot have as they are or has for something else."""

from pathlib import Path
from random import Random
from typing import Any

import yaml

from logistics_core.catalogue.contract_files import FILTER_SUFFIXES

PROFILE = "https://datapackage.org/profiles/2.0/dataresource.json"

DATASETS = (
    "query", "queries_", "page_info", "record_source", "string", "int", "decimal", "month", "a__b", "a_b", "ab",
    "x1", "x_1", "x__1", "node", "edges", "files", "quality_", "kpi_", "orders", "order_filter", "order",
    "date_filter", "string_filter", "mutation", "datasets_", "rows", "select", "user", "grain", "comparison",
    "n" * 40, "t" * 39 + "_", "a_1_b", "a1b",
)  # fmt: skip
FIELDS = (
    "id", "node", "nodes", "edges", "cursor_", "and", "or", "not", "in", "eq", "is_null", "isnull", "filter", "first",
    "after", "order_by", "a_b", "a__b", "ab", "a_b_", "x1", "x_1", "x", "true", "false", "null", "table", "row",
    "day", "day_", "typename", "__", "typename_", "position", "n" * 40, "f" * 39 + "_", "select", "order", "group",
    "user", "found", "page_", "file", "name", "type", "record", "record_", "total", "rows", "key0", "dating", "p1",
)  # fmt: skip

TYPES: tuple[dict[str, Any], ...] = (
    {"type": "string"}, {"type": "number"}, {"type": "integer"}, {"type": "boolean"}, {"type": "date"},
    {"type": "datetime"}, {"type": "datetime", "timeZone": True}, {"type": "time"}, {"type": "duration"},
    {"type": "year"}, {"type": "yearmonth"}, {"type": "object"}, {"type": "array"},
)  # fmt: skip
NESTED = ("object", "array")
OWN_DAYS = ("date", "datetime")
ZONES = ("UTC", "Pacific/Auckland", "America/St_Johns", "Europe/Berlin")


def random_contracts(random: Random) -> dict[str, dict[str, Any]]:
    """Contracts that fit together, by the names of their datasets."""
    made: dict[str, dict[str, Any]] = {}
    for name in random.sample(DATASETS, random.randint(2, 5)):
        made[name] = _Contract(random, name, made).document()
    return made


def write_contracts(folder: Path, contracts: dict[str, dict[str, Any]]) -> None:
    """Puts the contracts where a user would."""
    for name, document in contracts.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


class _Contract:
    def __init__(self, random: Random, name: str, others: dict[str, dict[str, Any]]) -> None:
        self._random, self._name, self._others = random, name, others
        self._fields: dict[str, dict[str, Any]] = {}

    def document(self) -> dict[str, Any]:
        for _ in range(self._random.randint(1, 9)):
            self._add(self._random.choice(TYPES), is_required=self._random.random() < 0.4)
        key = self._key()
        foreign_keys = [self._foreign_key(*other) for other in self._keyed(key)]
        found: dict[str, Any] = {
            "$schema": PROFILE,
            "name": self._name,
            "path": f"{self._name}.json",
            "schema": {"primaryKey": key, "foreignKeys": foreign_keys, "fields": self._listed()},
            "extras": self._random.random() < 0.5,
            "indexes": self._indexes(),
        }
        if self._random.random() < 0.4 or len(self._name) > 33:
            found["singular"] = f"{self._name[:36]}_1x"
        dated_by = self._dated_by(foreign_keys)
        return found | ({"datedBy": dated_by} if dated_by else {})

    def _add(self, type_: dict[str, Any], *, is_required: bool) -> str:
        taken = {name + suffix for name in self._fields for suffix in ("", *FILTER_SUFFIXES)}
        name = self._random.choice([each for each in FIELDS if each[0] != "_" and each not in taken])
        self._fields[name] = {"name": name, **type_, "constraints": {"required": is_required}}
        return name

    def _listed(self) -> list[dict[str, Any]]:
        return self._random.sample(list(self._fields.values()), len(self._fields))

    def _key(self) -> list[str]:
        able = [name for name, field in self._fields.items() if field["type"] not in NESTED]
        key = self._random.sample(able, min(len(able), self._random.choice([0, 1, 1, 1, 2, 3])))
        for name in key:
            self._fields[name]["constraints"]["required"] = True
        return key

    def _keyed(self, key: list[str]) -> list[tuple[str, list[dict[str, Any]]]]:
        """Datasets to refer to, with the fields of their keys; a dataset may refer to itself."""
        own = {self._name: [self._fields[name] for name in key]}
        keys = own | {name: _key_of(document) for name, document in self._others.items()}
        able = [(name, fields) for name, fields in keys.items() if fields]
        return [self._random.choice(able) for _ in range(self._random.randint(0, 3))] if able else []

    def _foreign_key(self, other: str, key: list[dict[str, Any]]) -> dict[str, Any]:
        numeric = ("number", "integer")
        types = [{name: each[name] for name in ("type", "timeZone") if name in each} for each in key]
        for type_ in types:
            if type_["type"] in numeric:
                type_["type"] = self._random.choice(numeric)
        fields = [self._add(type_, is_required=self._random.random() < 0.4) for type_ in types]
        return {"fields": fields, "reference": {"resource": other, "fields": [each["name"] for each in key]}}

    def _indexes(self) -> list[dict[str, Any]]:
        able = [name for name, field in self._fields.items() if field["type"] not in NESTED]
        named = self._random.sample(able, min(len(able), self._random.randint(0, 2)))
        return [{"name": f"i{number}_{self._name[:30]}", "fields": [name]} for number, name in enumerate(named)]

    def _dated_by(self, foreign_keys: list[dict[str, Any]]) -> dict[str, Any] | None:
        through = [
            {"field": each["fields"][0], "dataset": each["reference"]["resource"]}
            for each in foreign_keys
            if len(each["fields"]) == 1 and _has_own_day(self._others.get(each["reference"]["resource"]))
        ]
        own = [each for each in self._fields.values() if each["type"] in OWN_DAYS and each["constraints"]["required"]]
        able = [*through, *({"field": each["name"], **self._zone(each)} for each in own)]
        return self._random.choice(able) if able and self._random.random() < 0.8 else None

    def _zone(self, field: dict[str, Any]) -> dict[str, str]:
        return {"timeZone": self._random.choice(ZONES)} if field.get("timeZone") else {}


def _key_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    by_name = {field["name"]: field for field in document["schema"]["fields"]}
    return [by_name[name] for name in document["schema"]["primaryKey"]]


def _has_own_day(document: dict[str, Any] | None) -> bool:
    return document is not None and "datedBy" in document and "dataset" not in document["datedBy"]
