"""Datasets of a user's own whose keys are not one text: `readings` has a key of two fields, `visits` has none."""

from pathlib import Path
from typing import Any

import yaml

from logistics_core.catalogue import Catalogue, built_in_catalogue, load_catalogue
from logistics_core.catalogue.contract_files import contract_from_document, make_catalogue

_PROFILE = "$schema: https://datapackage.org/profiles/2.0/dataresource.json"

READINGS = f"""
{_PROFILE}
name: readings
path: readings.csv
title: Readings
singular: reading
description: "What a station measured in a slot."
schema:
  primaryKey: [slot, station]
  fields:
    - {{name: station, title: Station, type: string, role: dimension, description: Where it was measured,
       constraints: {{required: true}}, example: s/1}}
    - {{name: day, title: Day, type: date, role: time, description: When it was measured,
       constraints: {{required: true}}}}
    - {{name: slot, title: Slot, type: number, role: identifier, description: The number of the slot,
       constraints: {{required: true}}, example: 1.5}}
    - {{name: value, title: Value, type: number, role: measure, description: What was measured,
       constraints: {{minimum: 0}}}}
datedBy: {{field: day}}
indexes:
  - {{name: readings_by_day, fields: [day]}}
"""

VISITS = f"""
{_PROFILE}
name: visits
path: visits.csv
title: Visits
singular: visit
description: "Visits of places."
schema:
  foreignKeys:
    - fields: [station, slot]
      reference: {{resource: readings, fields: [station, slot]}}
  fields:
    - {{name: place, title: Place, type: string, role: dimension, description: What was visited,
       constraints: {{required: true}}, example: Aachen}}
    - {{name: visited_on, title: Visited on, type: date, role: time, description: Day of the visit,
       constraints: {{required: true}}}}
    - {{name: guests, title: Guests, type: number, role: measure, description: How many came,
       constraints: {{minimum: 0}}}}
    - {{name: station, title: Station, type: string, role: dimension, description: The station of the reading}}
    - {{name: slot, title: Slot, type: number, role: dimension, description: The slot of the reading}}
datedBy: {{field: visited_on}}
"""


def add_contracts(data_dir: Path) -> Catalogue:
    """Puts the contracts where a user would, and reads all."""
    folder = data_dir / "contracts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "readings.yaml").write_text(READINGS)
    (folder / "visits.yaml").write_text(VISITS)
    return load_catalogue(folder)


CATALOGUE = make_catalogue(
    [
        *built_in_catalogue().values(),
        *(contract_from_document(yaml.safe_load(text), "the contract") for text in (READINGS, VISITS)),
    ]
)
"""The built-in datasets and these, without a folder."""


def reading(key: int, **changes: Any) -> dict[str, Any]:
    """A valid record. The slot is written as 1 or as 1.0, depending on the value: equal numbers are one key."""
    record = {"station": f"s{key % 2}", "day": f"2024-03-{1 + key % 28:02}", "slot": key // 2, "value": 3} | changes
    return record | {"slot": record["slot"] if record["value"] % 2 else f"{record['slot']}.0"}


def visit(number: int, **changes: Any) -> dict[str, Any]:
    """A valid record. Nothing tells one from the other."""
    return {
        "place": f"place {number % 2}",
        "visited_on": f"2024-03-{1 + number % 28:02}",
        "guests": 3,
        "station": f"s{number % 2}",
        "slot": number // 2,
    } | changes
