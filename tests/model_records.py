"""A dataset with models, for tests of the database, the API and the dashboard: deliveries on some routes."""

import csv
import io
import math
from collections.abc import Iterable
from datetime import date, timedelta
from random import Random
from typing import Any

DELIVERIES = """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: deliveries
path: deliveries.csv
title: Deliveries
singular: delivery
schema:
  primaryKey: [delivery]
  fields:
    - {name: delivery, type: string, constraints: {required: true}}
    - {name: sent_on, type: date, constraints: {required: true}}
    - {name: from, type: string, role: dimension}
    - {name: to, type: string, role: dimension}
    - {name: hours, title: Delivery time, type: number, unit: h}
    - {name: promised, type: number, unit: h}
    - {name: weight, type: number, unit: kg}
    - {name: price, type: number, unit: currency}
datedBy: {field: sent_on}
models:
  - name: hours
    predicts: hours
    by: [from, to]
    per: [weight]
    promise: promised
  - name: price
    watches: price
    by: [from, to]
    per: [weight]
    minEffect: 0.3
"""

FIRST = date(2024, 1, 1)
PLACES = ("Aachen", "Bonn", "Celle", "Dresden")
COLUMNS = ("delivery", "sent_on", "from", "to", "hours", "promised", "weight", "price")


def usual_hours(origin: str, destination: str) -> float:
    """The median of a route."""
    return 10.0 + 7 * PLACES.index(origin) + 3 * PLACES.index(destination)


def deliveries(days: int, *, start: int = 0, per_day: int = 12, **changes: Any) -> list[dict[str, Any]]:
    """Deliveries of some days from `FIRST` on: log-normal around the route's median, the price follows the weight."""
    found = []
    for day in range(start, start + days):
        random = Random(f"deliveries of {day}")
        for number in range(per_day):
            origin, destination = random.sample(PLACES, 2)
            weight = round(100 * math.exp(random.gauss(0, 0.7)), 1)
            hours = usual_hours(origin, destination) * math.exp(random.gauss(0, 0.2))
            price = (20 + 2 * PLACES.index(destination)) * (weight / 100) ** 0.8 * math.exp(random.gauss(0, 0.05))
            found.append(
                {
                    "delivery": f"D{day}-{number}",
                    "sent_on": str(FIRST + timedelta(day)),
                    "from": origin,
                    "to": destination,
                    "hours": round(hours, 2),
                    "promised": round(1.2 * usual_hours(origin, destination), 2),
                    "weight": weight,
                    "price": round(price, 2),
                }
                | changes
            )
    return found


def as_csv(records: Iterable[dict[str, Any]]) -> bytes:
    """The records as a file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()
