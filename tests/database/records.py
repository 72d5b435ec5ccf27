"""Records to load, and the files they are dropped in. Plain data; imported by the tests beside it."""

import csv
import gzip
import io
import json
from collections.abc import Sequence
from typing import Any

from logistics_core import zstd

Record = dict[str, Any]


def vehicle(number: int, **changes: Any) -> Record:
    return {"vehicle_id": f"v{number}", "name": f"Truck {number}", "total_mileage": 1000 + number} | changes


def log(number: int, **changes: Any) -> Record:
    return {
        "log_id": f"l{number}",
        "vehicle_id": f"v{number % 3}",
        "trip_date": f"2024-01-{1 + number % 28:02}",
        "mileage": 10.5 * number,
        "fuel_used": number,
    } | changes


def shipment(number: int, **changes: Any) -> Record:
    return {
        "shipment_id": f"s{number}",
        "origin": f"origin {number % 2}",
        "destination": f"destination {number % 3}",
        "weight": 1 + number,
        "cost": 2.25 * number,
        "delivery_time": number % 7,
        "log_id": f"l{number % 5}",
    } | changes


def as_array(records: Sequence[object]) -> bytes:
    return b"[\n" + b",\n".join(json.dumps(record).encode() for record in records) + b"\n]\n"


def as_lines(records: Sequence[object]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def as_objects(records: Sequence[object]) -> bytes:
    return "\n".join(json.dumps(record, indent=2) for record in records).encode()


def as_wrapped(records: Sequence[object]) -> bytes:
    return json.dumps({"meta": {"pages": [1]}, "data": {"items": records}, "more": [2]}).encode()


def as_csv(records: Sequence[Record]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list({name: None for record in records for name in record}))
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


LAYOUTS = {
    "shipments.json": as_array,
    "shipments.ndjson": as_lines,
    "shipments-pretty.json": as_objects,
    "shipments-wrapped.json": as_wrapped,
    "shipments.csv": as_csv,
    "shipments.json.gz": lambda records: gzip.compress(as_array(records)),
    "shipments.csv.zst": lambda records: zstd.compress(as_csv(records)),
}
"""Every accepted layout by the name of a file in it."""
