"""Where the haulier drives: twenty European cities, and routes between them with distance, price and punctuality."""

from math import asin, cos, radians, sin, sqrt
from random import Random
from typing import NamedTuple


class City(NamedTuple):
    """A place that shipments start from and go to; coordinates in degrees."""

    name: str
    latitude: float
    longitude: float
    trade: float
    """How much freight it attracts, relative to the others."""


CITIES = (
    City("Rotterdam", 51.92, 4.48, 9),
    City("Antwerpen", 51.22, 4.40, 7),
    City("Hamburg", 53.55, 9.99, 8),
    City("Paris", 48.86, 2.35, 8),
    City("Milano", 45.46, 9.19, 7),
    City("Berlin", 52.52, 13.41, 5),
    City("München", 48.14, 11.58, 5),
    City("Köln", 50.94, 6.96, 5),
    City("Frankfurt am Main", 50.11, 8.68, 5),
    City("Lyon", 45.76, 4.84, 4),
    City("Warszawa", 52.23, 21.01, 4),
    City("Madrid", 40.42, -3.70, 4),
    City("Barcelona", 41.39, 2.17, 5),
    City("Wien", 48.21, 16.37, 4),
    City("Praha", 50.08, 14.44, 3),
    City("Zürich", 47.37, 8.54, 3),
    City("Torino", 45.07, 7.69, 3),
    City("Marseille", 43.30, 5.37, 3),
    City("Kraków", 50.06, 19.94, 2),
    City("København", 55.68, 12.57, 3),
)

ROAD_FACTOR = 1.25
"""Roads are about this much longer than the straight line."""


class Route(NamedTuple):
    """A direction between two cities. What it costs and how reliable it is differs from route to route."""

    origin: str
    destination: str
    distance_km: float
    base_price: float
    price_per_tonne_km: float
    hours: float
    """Usual time from pick-up to delivery, rests of the driver included."""
    spread: float
    """Relative width of the delivery time around the usual."""
    late_share: float


class Network:
    """All routes, and which of them a trip takes: a pure function of the trip's number, so nobody has to remember."""

    SLOTS_BITS = 13

    def __init__(self, rng: Random) -> None:
        pairs = [(a, b) for a in CITIES for b in CITIES if a is not b]
        routes = [_make_route(a, b, rng) for a, b in pairs]
        freight = [a.trade * b.trade / sqrt(road_km(a, b)) for a, b in pairs]
        self.slots = rng.choices(routes, freight, k=1 << self.SLOTS_BITS)
        self.salt = rng.getrandbits(32)

    def route_of(self, trip: int) -> Route:
        # Fibonacci hashing: the top bits of a 32-bit product with 2^32 / golden ratio.
        return self.slots[((trip * 2654435769 + self.salt) & 0xFFFFFFFF) >> (32 - self.SLOTS_BITS)]


def road_km(a: City, b: City) -> float:
    """Distance by road: the great circle (haversine formula, radius 6371 km) times the road factor."""
    latitude_a, latitude_b = radians(a.latitude), radians(b.latitude)
    h = (
        sin((latitude_b - latitude_a) / 2) ** 2
        + cos(latitude_a) * cos(latitude_b) * sin(radians(b.longitude - a.longitude) / 2) ** 2
    )
    return round(2 * 6371 * asin(sqrt(h)) * ROAD_FACTOR, 1)


def _make_route(a: City, b: City, rng: Random) -> Route:
    distance = road_km(a, b)
    driving = distance / 68
    return Route(
        a.name,
        b.name,
        distance,
        base_price=rng.uniform(35, 95),
        price_per_tonne_km=rng.uniform(0.09, 0.17) * (500 / distance) ** 0.15,
        hours=5 + driving + 11 * (driving // 9),  # a driver rests 11 hours after 9 at the wheel
        spread=rng.uniform(0.06, 0.34),
        late_share=rng.uniform(0.01, 0.12),
    )
