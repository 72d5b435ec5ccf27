"""A fleet with ids of other systems, for tests: master records, payments with cards, positions, links in files."""

from typing import Any

_PROFILE = "$schema: https://datapackage.org/profiles/2.0/dataresource.json"

FLEET = f"""
{_PROFILE}
name: fleet
path: fleet.csv
title: Fleet
singular: truck
schema:
  primaryKey: [truck_id]
  fields:
    - {{name: truck_id, type: string, role: identifier, constraints: {{required: true}}}}
    - {{name: kind, type: string, role: dimension}}
    - {{name: plate, type: string, role: identifier}}
    - {{name: nickname, type: string, role: dimension}}
entity:
  match:
    - {{rule: same_plate, field: plate}}
    - {{rule: near_name, field: nickname, compare: name}}
  trust: [fleet, telematics, fuelco]
  attributes: {{nickname: [telematics, fleet]}}
"""
FUEL = f"""
{_PROFILE}
name: fuel
path: fuel.csv
title: Fuel cards
singular: payment
schema:
  primaryKey: [payment]
  fields:
    - {{name: payment, type: string, constraints: {{required: true}}}}
    - {{name: paid_on, type: date, constraints: {{required: true}}}}
    - {{name: plate, type: string, role: dimension}}
    - {{name: litres, type: number, unit: L}}
    - {{name: price, type: number, unit: currency}}
datedBy: {{field: paid_on}}
externalIds:
  - {{field: plate, entity: fleet, system: fuelco, attributes: {{plate: plate}}}}
metrics:
  - {{name: payments, aggregate: rows}}
  - {{name: spent, aggregate: sum, field: price}}
  - {{name: median_litres, aggregate: quantile, field: litres, quantile: 0.5}}
  - {{name: plates, aggregate: distinct, field: plate}}
"""
POSITIONS = f"""
{_PROFILE}
name: positions
path: positions.csv
title: Positions
singular: position
schema:
  fields:
    - {{name: seen_at, type: datetime, constraints: {{required: true}}}}
    - {{name: device, type: integer, role: identifier, constraints: {{required: true}}}}
    - {{name: label, type: string, role: dimension}}
    - {{name: speed, type: number, unit: km/h}}
datedBy: {{field: seen_at}}
externalIds:
  - {{field: device, entity: fleet, system: telematics, attributes: {{nickname: label}}}}
"""
LINKS = f"""
{_PROFILE}
name: fleet_links
path: fleet_links.csv
title: Links of the fleet
singular: fleet_link
schema:
  fields:
    - {{name: system, type: string, role: dimension, constraints: {{required: true}}}}
    - {{name: external_id, type: string, role: identifier, constraints: {{required: true}}}}
    - {{name: truck_id, type: string, role: identifier}}
    - {{name: note, type: string, role: text}}
links: {{entity: fleet, systemField: system, externalId: external_id, key: truck_id, reason: note}}
"""
CONTRACTS = {"fleet": FLEET, "fuel": FUEL, "positions": POSITIONS, "fleet_links": LINKS}


def truck(number: int, **changes: Any) -> dict[str, Any]:
    """A master record."""
    return {
        "truck_id": f"TRUCK-{number:02}",
        "kind": ["artic", "van", None][number % 3],
        "plate": f"W {1230 + number}",
        "nickname": f"Blue Whale {number}",
    } | changes


def payment(number: int, plate: int | None, day: int = 0, **changes: Any) -> dict[str, Any]:
    """A payment with a fuel card."""
    return {
        "payment": f"P{number:04}",
        "paid_on": f"2024-{3 + day // 28:02}-{1 + day % 28:02}",
        "plate": None if plate is None else f"W-{1230 + plate}",
        "litres": 10 + number % 7,
        "price": number * 1.1,
    } | changes


def position(device: int, day: int = 0, **changes: Any) -> dict[str, Any]:
    """A position that a device of telematics has sent."""
    return {
        "seen_at": f"2024-03-{1 + day % 28:02}T08:00:00", "device": 88_120 + device, "label": None, "speed": 50.5
    } | changes  # fmt: skip


def link(plate: int, number: int | None, system: str = "fuelco", **changes: Any) -> dict[str, Any]:
    """A link in a file: the plate of a truck, or with another system the device."""
    external = f"W-{1230 + plate}" if system == "fuelco" else str(88_120 + plate)
    return {
        "system": system,
        "external_id": external,
        "truck_id": None if number is None else f"TRUCK-{number:02}",
        "note": None,
    } | changes
