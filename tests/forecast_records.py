"""A dataset with forecasts, for tests of the database, the API and the dashboard: rides of some depots and lines."""

import csv
import io
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

RIDES = """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: rides
path: rides.csv
title: Rides
singular: ride
schema:
  primaryKey: [ride]
  fields:
    - {name: ride, type: string, constraints: {required: true}}
    - {name: ridden_on, type: date, constraints: {required: true}}
    - {name: depot, type: string, role: dimension}
    - {name: line, type: integer, role: dimension}
    - {name: fare, type: number, unit: currency}
    - {name: driver, type: string, role: dimension}
datedBy: {field: ridden_on}
metrics:
  - {name: rides_made, title: Rides, aggregate: rows}
  - {name: fares, title: Fares, aggregate: sum, field: fare, unit: currency}
  - {name: mean_fare, aggregate: avg, field: fare, unit: currency}
  - {name: drivers, aggregate: distinct, field: driver}
  - {name: median_fare, aggregate: quantile, field: fare, quantile: 0.5}
forecasts:
  - metrics: [rides_made, fares, mean_fare]
    by: [[], [depot], [depot, line]]
    horizon: 14
  - metrics: [drivers, median_fare]
    by: [[depot]]
    horizon: 7
    holidays: DE-BY
    specialDays: {Spring fair: [03-20, 2025-04-01]}
"""

FIRST = date(2024, 1, 1)
"""A Monday."""
DEPOTS = ("North", "South", None)


def rides(days: int, *, start: int = 0, **changes: Any) -> list[dict[str, Any]]:
    """Rides of some days from `FIRST` on: more on weekdays, one line of each depot busier than the other."""
    found = []
    for day in range(start, start + days):
        for depot in range(3):
            for line in range(2):
                busy = (5 - depot if (FIRST + timedelta(day)).weekday() < 5 else 1) + (line == 0)
                for number in range(busy):
                    found.append(ride(day, depot, line, number, **changes))
    return found


def ride(day: int, depot: int, line: int, number: int, **changes: Any) -> dict[str, Any]:
    return {
        "ride": f"{day}-{depot}-{line}-{number}",
        "ridden_on": str(FIRST + timedelta(day)),
        "depot": DEPOTS[depot],
        "line": line + 1,
        "fare": None if number == 3 else round(2.5 + (day * 7 + line * 3 + number) % 11 / 10, 2),
        "driver": f"D{(day + depot + number) % 4}",
    } | changes


def as_csv(records: Iterable[dict[str, Any]]) -> bytes:
    """The records as a file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["ride", "ridden_on", "depot", "line", "fare", "driver"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()
