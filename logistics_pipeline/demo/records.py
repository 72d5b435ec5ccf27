"""Valid records of each dataset, as lines. `bad_records` makes invalid ones.

The two long loops are flat on purpose: they run millions of times, and a call costs more than what it would tidy up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from math import exp
from random import Random
from typing import Literal, NamedTuple

from logistics_pipeline.demo.file_formats import Layout
from logistics_pipeline.demo.geography import Network
from logistics_pipeline.demo.seasons import Calendar

Order = Literal["chronological", "random"]


class Model(NamedTuple):
    """A model of truck and what it burns."""

    name: str
    litres_per_100_km: float


MODELS = (
    Model("Volvo FH16", 32.5),
    Model("Scania R500", 31.0),
    Model("Mercedes-Benz Actros 1845", 29.5),
    Model("MAN TGX 18.510", 30.5),
    Model("DAF XG 480", 28.8),
    Model("Iveco S-Way 460", 33.0),
    Model("Renault T High 520", 34.5),
    Model("Volvo FM 420", 28.0),
)

NULL_SHARE = 0.02
"""Share of each measure that the sender left out."""

LOST_LOG_SHARE = 0.005
"""Share of shipments whose log never arrives."""

_LOST_LOGS = 1_000
_WEIGHTS = 4_096


@dataclass(frozen=True)
class Plan:
    """The parameters of the sample: the same plan gives the same files."""

    vehicles: int
    logs: int
    shipments: int
    seed: int
    order: Order
    first_day: date
    days: int

    def random(self, purpose: str) -> Random:
        """A separate random generator for each purpose. Seeded with text, which does not depend on PYTHONHASHSEED."""
        return Random(f"{self.seed}/{purpose}")

    def network(self) -> Network:
        return Network(self.random("network"))

    def numbers(self, count: int, purpose: str) -> Iterator[int]:
        """0 … count - 1, each once, in the order the plan asks for."""
        if self.order == "chronological":
            return iter(range(count))
        return scattered(count, self.random(f"order of {purpose}"))


def scattered(count: int, rng: Random) -> Iterator[int]:
    """0 … count - 1, each once, in an order without pattern for a B-tree, in constant memory.

    A linear congruential generator modulo a power of two visits every number once per period if its multiplier is
    1 modulo 4 and its increment odd (Hull and Dobell 1962); those beyond `count` are passed over.
    """
    mask = (1 << (count - 1).bit_length()) - 1 if count else 0
    increment, number = rng.getrandbits(64) | 1, rng.getrandbits(64) & mask
    for _ in range(mask + 1):
        if number < count:
            yield number
        number = (number * 6364136223846793005 + increment) & mask


def vehicle_lines(plan: Plan, layout: Layout) -> Iterator[str]:
    """The fleet, by number: models in turn, each truck between its first and its last year."""
    rng = plan.random("vehicles")
    for vehicle in range(plan.vehicles):
        name = f"{MODELS[vehicle % len(MODELS)].name} #{vehicle + 1:03d}"
        mileage = f"{rng.uniform(8_000, 900_000):.2f}" if rng.random() >= NULL_SHARE else layout.null
        yield layout.template % (f"VEH-{vehicle + 1:05d}", name, mileage)


def vehicle_log_lines(plan: Plan, layout: Layout) -> Iterator[str]:
    """Trips: a route's distance with detours, and the fuel that the truck's model burns on it (25 to 38 l/100 km)."""
    random = plan.random("vehicle_logs").random
    route_of = plan.network().route_of
    day_of = Calendar(plan.first_day, plan.days, plan.logs).day_of
    consumption = [model.litres_per_100_km for model in MODELS]
    vehicles, models, template, null = plan.vehicles, len(MODELS), layout.template, layout.null
    for log in plan.numbers(plan.logs, "vehicle_logs"):
        vehicle = int(random() * vehicles)
        mileage = route_of(log).distance_km * (1 + 0.15 * random())
        fuel = mileage * consumption[vehicle % models] * (0.93 + 0.14 * random()) / 100
        missing = random()
        yield template % (
            f"LOG-{log + 1:08d}",
            f"VEH-{vehicle + 1:05d}",
            day_of(log),
            f"{mileage:.2f}" if missing >= NULL_SHARE else null,
            f"{fuel:.2f}" if missing < 1 - NULL_SHARE else null,
        )


def shipment_lines(plan: Plan, layout: Layout) -> Iterator[str]:
    """Consignments: each on one of the trips of about its time, so some trips carry several and some none.

    It costs its route's base price and its share of tonne-kilometres, and takes the route's usual hours, give or take;
    some come late.
    """
    rng = plan.random("shipments")
    random = rng.random
    route_of = plan.network().route_of
    weights = [min(24_000.0, max(5.0, 900 * exp(rng.gauss(0, 0.95)))) for _ in range(_WEIGHTS)]
    logs, shipments, template, null = plan.logs, plan.shipments, layout.template, layout.null
    for shipment in plan.numbers(shipments, "shipments"):
        log = min(logs - 1, max(0, shipment * logs // shipments + int(random() * 7) - 3))
        origin, destination, distance, base, per_tonne_km, hours, spread, late_share = route_of(log)
        weight = weights[int(random() * _WEIGHTS)] * (0.9 + 0.2 * random())
        cost = (base + distance * (0.05 + weight / 1000 * per_tonne_km)) * (0.95 + 0.1 * random())
        hours *= 1 - spread / 2 + spread * random()
        chance = random()
        if chance < late_share:
            hours *= 1.3 + 5 * chance
        if random() < LOST_LOG_SHARE:
            log = logs + int(random() * _LOST_LOGS)
        missing = random()
        yield template % (
            f"SHP-{shipment + 1:08d}",
            origin,
            destination,
            f"{weight:.2f}" if missing >= NULL_SHARE else null,
            f"{cost:.2f}" if not NULL_SHARE <= missing < 2 * NULL_SHARE else null,
            f"{hours:.2f}" if missing < 1 - NULL_SHARE else null,
            f"LOG-{log + 1:08d}",
        )
