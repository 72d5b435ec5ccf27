"""The words for every measure: label, unit, definition, and which direction is good. One place for all of them.

API schemas, `GET /api/measures`, the OpenAPI document and the dashboard take their words from here, and
docs/data-contract.md gives the same definitions. `sql` computes the measures.

`cost` of a shipment is what the customer paid, so its sum is revenue, whatever older response fields are named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

Better = Literal["up", "down", "neither"]

CURRENCY = "currency"
"""Stands for the currency in units and texts; the setting LOGISTICS_CURRENCY gives its label."""

FEED_CURRENCY = "in the currency of the feed"
"""How texts name the currency that no setting names."""

_UNIT_WORDS = {
    "": "",
    "h": "hours",
    "L": "litres",
    "km/L": "km per litre",
    "L/100 km": "litres per 100 km",
    "L/trip": "litres per trip",
    CURRENCY: FEED_CURRENCY,
}


@dataclass(frozen=True)
class Measure:
    """One measure, as it is shown wherever it is shown."""

    label: str
    unit: str
    """A UCUM symbol, `currency`, a quotient of them, `%` or, for counts and scores, nothing."""
    definition: str
    better: Better = "neither"

    def display_unit(self, currency: str | None) -> str | None:
        """The unit as it stands behind a number; None where there is none to show."""
        if not self.unit.startswith(CURRENCY):
            return self.unit or None
        rest = self.unit.removeprefix(CURRENCY)
        return f"{currency}{rest}" if currency else (rest.replace("/", "per ", 1) or None)

    @property
    def description(self) -> str:
        """For the OpenAPI document: label, unit and definition."""
        words = _UNIT_WORDS.get(self.unit, self.unit)
        if self.unit.startswith(f"{CURRENCY}/"):
            words = f"{FEED_CURRENCY} per {self.unit.removeprefix(f'{CURRENCY}/')}"
        return f"{self.label}{f', {words}' if words else ''}: {self.definition}"


MEASURES: Mapping[str, Measure] = {
    "shipments": Measure("Shipments", "", "number of shipments whose log is in the range", "up"),
    "trips": Measure("Trips", "", "number of vehicle logs", "up"),
    "active_vehicles": Measure("Active vehicles", "", "distinct vehicles with at least one log"),
    "vehicles_used": Measure("Vehicles used", "", "distinct vehicles whose logs carried at least one shipment"),
    "origins": Measure("Origins", "", "distinct origins of shipments"),
    "destinations": Measure("Destinations", "", "distinct destinations of shipments"),
    "revenue": Measure(
        "Revenue",
        "currency",
        "what customers paid: the sum of `cost` over the shipments; 0 where none has one, see `shipments_with_cost`",
        "up",
    ),
    "shipments_with_cost": Measure(
        "Shipments with a cost", "", "shipments that have a `cost`; 0: the revenue is not known", "up"
    ),
    "revenue_per_shipment": Measure(
        "Revenue per shipment", "currency", "mean `cost` of the shipments that have one", "up"
    ),
    "revenue_per_all_shipments": Measure(
        "Revenue per shipment, all shipments",
        "currency",
        "revenue / number of shipments, those without a `cost` included; null if none has one",
        "up",
    ),
    "revenue_per_trip": Measure(
        "Revenue per trip", "currency", "revenue / number of trips; null if no shipment has a `cost`", "up"
    ),
    "revenue_per_km": Measure(
        "Revenue per km",
        "currency/km",
        "revenue / mileage, over the trips of which both are known: logs that have a mileage and carried at least one "
        "shipment with a `cost`",
        "up",
    ),
    "cost_per_km": Measure(
        "Revenue per km, all trips",
        "currency/km",
        "revenue / mileage of all logs, whether or not the other is known of a trip; null if no shipment has a "
        "`cost`. `revenue_per_km` compares like with like",
        "up",
    ),
    "cost_with_mileage": Measure(
        "Revenue of measured trips",
        "currency",
        "revenue over the logs that have a mileage and carried at least one shipment with a `cost`: over several "
        "periods, `revenue_per_km` is its sum / the sum of `mileage_with_cost`",
        "up",
    ),
    "mileage_with_cost": Measure(
        "Distance of trips with revenue",
        "km",
        "mileage over the logs that have one and carried at least one shipment with a `cost`",
    ),
    "revenue_per_kg": Measure(
        "Revenue per kg",
        "currency/kg",
        "`cost` / weight, over shipments that have both: income for the carrier, a price for the customer",
    ),
    "revenue_per_hour": Measure(
        "Revenue per hour",
        "currency/h",
        "`cost` / delivery time, over shipments that have both: income for the carrier, a price for the customer. "
        "Route categories rate the lowest third as High Value",
    ),
    "revenue_per_kg_per_hour": Measure(
        "Revenue per kg and hour", "currency/kg/h", "revenue per kg / mean delivery time in hours"
    ),
    "avg_delivery_time": Measure("Delivery time", "h", "mean over the shipments that have a delivery time", "down"),
    "min_delivery_time": Measure("Shortest delivery time", "h", "the shortest delivery time", "down"),
    "max_delivery_time": Measure("Longest delivery time", "h", "the longest delivery time", "down"),
    "p50_delivery_time": Measure(
        "Delivery time, median", "h", "the shortest time within which at least 50 % of the shipments arrived", "down"
    ),
    "p90_delivery_time": Measure(
        "Delivery time, 90 %", "h", "the shortest time within which at least 90 % of the shipments arrived", "down"
    ),
    "p95_delivery_time": Measure(
        "Delivery time, 95 %", "h", "the shortest time within which at least 95 % of the shipments arrived", "down"
    ),
    "delivery_time_variation": Measure(
        "Variation", "h", "sample standard deviation of the delivery times; null for fewer than 2", "down"
    ),
    "reliability_score": Measure(
        "Reliability",
        "",
        "100 x (1 - standard deviation / mean) of the delivery times; below 0 where they vary widely",
        "up",
    ),
    "on_time_rate": Measure(
        "On time",
        "%",
        "shipments that took at most 1 hour longer than the all-time mean of their route, of those that have a "
        "delivery time",
        "up",
    ),
    "on_target_rate": Measure(
        "On target",
        "%",
        "shipments that took at most the target of `on_time_hours`, of those that have a delivery time; null without "
        "a target",
        "up",
    ),
    "cost_efficiency_score": Measure(
        "Price score",
        "%",
        "position of the revenue per kg between the highest (0) and the lowest (100) of all listed routes",
        "up",
    ),
    "delivery_efficiency_score": Measure(
        "Speed score",
        "%",
        "position of the mean delivery time between the longest (0) and the shortest (100) of all listed routes",
        "up",
    ),
    "overall_score": Measure("Overall score", "", "0.4 x reliability + 0.3 x price score + 0.3 x speed score", "up"),
    "weight": Measure("Weight", "kg", "sum over the shipments"),
    "avg_weight": Measure("Weight per shipment", "kg", "mean over the shipments that have a weight"),
    "mileage": Measure("Distance", "km", "sum over the logs; 0 where none has a mileage, see `mileage_count`"),
    "mileage_count": Measure("Trips measured", "", "logs that have a mileage; 0: no distance was measured"),
    "lifetime_mileage": Measure("Lifetime distance", "km", "total_mileage of the vehicle's master data"),
    "fuel": Measure("Fuel", "L", "sum over the logs; 0 where none has the fuel used, see `fuel_count`"),
    "fuel_count": Measure("Trips with fuel", "", "logs that have the fuel used; 0: no fuel was measured"),
    "fuel_efficiency": Measure("Fuel efficiency", "km/L", "mileage / fuel, over logs that have both", "up"),
    "fuel_per_100_km": Measure("Fuel per 100 km", "L/100 km", "100 x fuel / mileage, over logs that have both", "down"),
    "fuel_per_trip": Measure("Fuel per trip", "L/trip", "mean over the logs that have the fuel used", "down"),
}
"""Every measure by name, in the order in which they are listed."""


def figure(measure: str, *, note: str | None = None, examples: list[Any]) -> Any:
    """Declares a response field that shows a measure: its description is the measure's, followed by `note`."""
    description = MEASURES[measure].description
    return Field(
        description=f"{description}. {note}" if note else description,
        examples=examples,
        json_schema_extra={"x-measure": measure},
    )


def change(measure: str, *, examples: list[Any]) -> Any:
    """Declares a response field that shows how much a measure changed."""
    label = MEASURES[measure].label
    return Field(
        description=f"Change of {label[0].lower()}{label[1:]} against the earlier range, %; null if that is 0 or "
        "either value is missing",
        examples=examples,
        json_schema_extra={"x-change-of": measure},
    )


def with_currency(text: str, currency: str | None) -> str:
    """Names the currency in a text that speaks of that of the feed."""
    return text.replace(FEED_CURRENCY, f"in {currency}") if currency else text
