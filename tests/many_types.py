"""A dataset of a user's own with fields of all types, each as its contract may have it written."""

from pathlib import Path
from typing import Any

import yaml

from logistics_core.catalogue import Catalogue, Dataset, load_catalogue
from logistics_core.catalogue.contract_files import contract_from_document

FIELDS: dict[str, dict[str, Any]] = {
    "reading_id": {"type": "string", "role": "identifier", "constraints": {"required": True}, "example": "R-1"},
    "pieces": {"type": "integer", "constraints": {"minimum": -1000, "maximum": 10**40}, "role": "measure"},
    "grouped": {"type": "integer", "groupChar": ".", "role": "measure"},
    "amount": {"type": "number", "role": "measure", "unit": "kg"},
    "is_open": {"type": "boolean"},
    "is_paid": {"type": "boolean", "trueValues": ["ja", "1"], "falseValues": ["nein"]},
    "day": {"type": "date", "role": "time"},
    "iso_day": {"type": "date", "format": "default"},
    "us_day": {"type": "date", "format": "%m/%d/%y"},
    "number_day": {"type": "date", "format": "%Y%m%d"},
    "seen_at": {"type": "datetime", "role": "time"},
    "moment": {"type": "datetime", "timeZone": True, "constraints": {"required": True}, "role": "time"},
    "clocked": {"type": "datetime", "format": "%d %b %Y %I:%M %p"},
    "starts": {"type": "time"},
    "ends": {"type": "time", "format": "%H%M"},
    "departs": {"type": "duration"},
    "lap": {"type": "duration", "format": "%M:%S"},
    "built": {"type": "year", "constraints": {"minimum": 1000}},
    "period": {"type": "yearmonth"},
    "month": {"type": "yearmonth", "format": "%Y%m"},
    "details": {"type": "object", "role": "text"},
    "tags": {"type": "array", "role": "text"},
}

DOCUMENT: dict[str, Any] = {
    "$schema": "https://datapackage.org/profiles/2.0/dataresource.json",
    "name": "readings",
    "path": "readings.csv",
    "title": "Readings",
    "singular": "reading",
    "description": "One record per reading, with fields of all types.",
    "schema": {
        "primaryKey": ["reading_id"],
        "fields": [
            {"name": name, "title": name.replace("_", " "), "role": "dimension", "description": f"The {name}"} | keys
            for name, keys in FIELDS.items()
        ],
    },
    "indexes": [{"name": "readings_by_moment", "fields": ["moment"]}],
}


def readings() -> Dataset:
    """The dataset."""
    return contract_from_document(DOCUMENT, "the contract")


def add_contract(data_dir: Path) -> Catalogue:
    """Puts the contract where a user would, and reads all."""
    folder = data_dir / "contracts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "readings.yaml").write_text(yaml.safe_dump(DOCUMENT, sort_keys=False))
    return load_catalogue(folder)


PLAIN: dict[str, str] = {
    "reading_id": "R-1",
    "pieces": "12",
    "grouped": "1.234.567",
    "amount": "12.50",
    "is_open": "true",
    "is_paid": "nein",
    "day": "2024-03-05",
    "iso_day": "2024-03-05",
    "us_day": "03/05/24",
    "number_day": "20240305",
    "seen_at": "2024-03-05T14:30:15",
    "moment": "2024-03-05 14:30:00.25+02:00",
    "clocked": "5 Mar 2024 2:30 PM",
    "starts": "08:15:00",
    "ends": "0915",
    "departs": "25:10:00",
    "lap": "90:30",
    "built": "1998",
    "period": "2024-03",
    "month": "202403",
    "details": '{"a": [1, 2.50, "x\\ty"], "b": null}',
    "tags": '["x", 1]',
}
"""A text of each field that is valid."""

STORED: dict[str, str] = PLAIN | {
    "grouped": "1234567",
    "is_open": "t",
    "is_paid": "f",
    "us_day": "2024-03-05",
    "number_day": "2024-03-05",
    "seen_at": "2024-03-05 14:30:15",
    "moment": "2024-03-05 12:30:00.250000+00:00",
    "clocked": "2024-03-05 14:30:00",
    "ends": "09:15:00",
    "lap": "01:30:30",
    "month": "2024-03",
}
"""The same as the text that goes to the database."""
