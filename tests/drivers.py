"""A dataset that the product does not bring along: one contract file, and nothing else."""

from pathlib import Path

CONTRACT = """
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: drivers
path: drivers.csv
title: Drivers
singular: driver
description: "People who drive: one record per driver."
schema:
  primaryKey: [driver_id]
  fields:
    - {name: driver_id, title: Driver, type: string, role: identifier, description: Identifies the driver,
       constraints: {required: true}, example: D-042}
    - {name: hired_on, title: Hired on, type: date, role: time, description: First day of work}
    - {name: licence_points, title: Points, type: number, role: measure, description: Points on the licence,
       constraints: {required: true, minimum: 0}}
indexes:
  - {name: drivers_by_day, fields: [hired_on]}
"""


def add_contract(data_dir: Path) -> None:
    """Puts the contract where a user does: into the folder `contracts` of the data folder."""
    folder = data_dir / "contracts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "drivers.yaml").write_text(CONTRACT)


def driver(number: int, **changes: object) -> dict[str, object]:
    """A valid record."""
    return {"driver_id": f"d{number}", "hired_on": "2024-03-05", "licence_points": 3} | changes
