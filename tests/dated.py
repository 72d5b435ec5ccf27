"""Datasets whose records hold a timestamp instead of a date, and one that is dated by such a dataset."""

from pathlib import Path
from typing import Any

import yaml

from logistics_core.catalogue import Catalogue, load_catalogue


def scans(*, time_zone: str | None = None, is_zoned: bool = True) -> dict[str, Any]:
    """The contract of scans of parcels, as a document."""
    stamped = {"name": "scanned_at", "type": "datetime", "constraints": {"required": True}}
    return {
        "$schema": "https://datapackage.org/profiles/2.0/dataresource.json",
        "name": "scans",
        "path": "scans.csv",
        "singular": "scan",
        "schema": {
            "primaryKey": ["scan_id"],
            "fields": [
                {"name": "scan_id", "type": "string", "constraints": {"required": True}},
                stamped | ({"timeZone": True} if is_zoned else {}),
                {"name": "weight", "type": "number", "constraints": {"minimum": 0}},
            ],
        },
        "datedBy": {"field": "scanned_at"} | ({"timeZone": time_zone} if time_zone else {}),
    }


PARCELS: dict[str, Any] = {
    "$schema": "https://datapackage.org/profiles/2.0/dataresource.json",
    "name": "parcels",
    "path": "parcels.csv",
    "singular": "parcel",
    "schema": {
        "primaryKey": ["parcel_id"],
        "foreignKeys": [{"fields": ["scan_id"], "reference": {"resource": "scans", "fields": ["scan_id"]}}],
        "fields": [
            {"name": "parcel_id", "type": "string", "constraints": {"required": True}},
            {"name": "scan_id", "type": "string"},
        ],
    },
    "datedBy": {"field": "scan_id", "dataset": "scans"},
}
"""Each takes its day from a scan."""


def add_contracts(data_dir: Path, *documents: dict[str, Any]) -> Catalogue:
    """Puts the contracts where a user would, and reads all."""
    folder = data_dir / "contracts"
    folder.mkdir(parents=True, exist_ok=True)
    for document in documents:
        (folder / f"{document['name']}.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return load_catalogue(folder)
