"""A dataset of a user's own: one contract file and nothing else. Its fields have names that invite confusion."""

from pathlib import Path
from typing import Any

from logistics_core.catalogue import Catalogue, load_catalogue

CONTRACT = """
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: drivers
path: drivers.csv
title: Drivers
singular: driver
description: "People who drive: one record per person."
schema:
  primaryKey: [driver_id]
  foreignKeys:
    - fields: [vehicle_id]
      reference: {resource: vehicles, fields: [vehicle_id]}
  fields:
    - {name: driver_id, title: Driver, type: string, role: identifier, description: Identifies the driver,
       constraints: {required: true}, example: D-001}
    - {name: from, title: Depot, type: string, role: dimension, description: Where the driver starts,
       constraints: {required: true}, example: Aachen}
    - {name: json, title: Notes, type: string, role: text, description: Anything worth knowing}
    - {name: hired_on, title: Hired on, type: date, role: time, description: First day of work,
       constraints: {required: true}}
    - {name: number, title: Points, type: number, role: measure, description: Penalty points,
       constraints: {required: true, minimum: 0}}
    - {name: document, title: Distance, type: number, unit: km, role: measure, description: Distance driven}
    - {name: first, title: First vehicle, type: string, role: text, description: The first vehicle}
    - {name: chosen, title: Chosen on, type: date, role: time, description: Day of the interview}
    - {name: filters, title: Filters, type: string, role: text, description: Filters}
    - {name: vehicle_id, title: Vehicle, type: string, role: dimension, description: The driver's vehicle}
datedBy: {field: hired_on}
indexes:
  - {name: drivers_by_day, fields: [hired_on]}
  - {name: drivers_by_depot, fields: [from, hired_on]}
  - {name: drivers_by_interview, fields: [chosen]}
  - {name: drivers_by_file, fields: [file_id], method: brin}
"""


def add_contract(data_dir: Path) -> Catalogue:
    """Puts the contract where a user would, and reads all."""
    folder = data_dir / "contracts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "drivers.yaml").write_text(CONTRACT)
    return load_catalogue(folder)


def drivers(count: int) -> list[dict[str, Any]]:
    """Records, some with nothing in their optional fields."""
    return [
        {
            "driver_id": f"D-{number:03}",
            "from": ("Aachen", "Zug", "Ulm")[number % 3],
            "json": f'"{number}", {{}}' if number % 4 else None,
            "hired_on": f"2024-03-{1 + number % 9:02}",
            "number": number % 5,
            "document": number * 1.25 if number % 3 else None,
            "first": f"V-{number % 7:03}" if number % 2 else None,
            "chosen": "2024-02-29" if number % 5 else None,
            "filters": None,
            "vehicle_id": f"V-{number % 15:03}",
        }
        for number in range(count)
    ]
