"""The records that servers have: trips of vehicles, created, changed and deleted while somebody reads them.

Time is the server's own: it stands still unless it is moved, so that records of the same second, late and backdated
ones are made at will.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

START = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Vehicle:
    """A vehicle of the fleet."""

    number: int
    name: str
    odometer_km: float
    created_at: datetime
    updated_at: datetime

    @property
    def id(self) -> str:
        return f"V-{self.number:04}"


@dataclass(frozen=True)
class Trip:
    """A trip, which is at the same time the carriage of one consignment."""

    number: int
    vehicle: int
    started_at: datetime
    ended_at: datetime
    distance_km: float
    fuel_litres: float
    origin: str
    destination: str
    weight_kg: float
    price: float
    status: str
    created_at: datetime
    updated_at: datetime

    @property
    def id(self) -> str:
        return f"T-{self.number:06}"

    @property
    def vehicle_id(self) -> str:
        return f"V-{self.vehicle:04}"


PLACES = ("Aachen", "Bern", "Köln", "Lyon", "Malmö", "Zug")
STATES = ("planned", "running", "done")


@dataclass
class Fleet:
    """Vehicles and trips under a lock, and the server's clock."""

    chance: Random = field(default_factory=lambda: Random(1))
    now: datetime = START
    start: datetime = field(init=False)
    """When the clock was set; trips of the day before begin to be reported then."""
    vehicles: dict[int, Vehicle] = field(default_factory=dict)
    trips: dict[int, Trip] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.start = self.now

    def tick(self, seconds: float = 1.0) -> None:
        with self.lock:
            self.now += timedelta(seconds=seconds)

    def add_vehicles(self, count: int) -> None:
        with self.lock:
            for _ in range(count):
                number = len(self.vehicles) + 1
                odometer_km = round(self.chance.uniform(1_000, 400_000), 1)
                self.vehicles[number] = Vehicle(number, f"Truck {number}", odometer_km, self.now, self.now)

    def add_trips(self, count: int, seconds_between: float = 1.0) -> list[Trip]:
        """Trips, each created so long after the one before: 0 puts all of them into the same moment."""
        with self.lock:
            return [self._add_trip(seconds_between) for _ in range(count)]

    def _add_trip(self, seconds_between: float) -> Trip:
        self.tick(seconds_between)
        number, chance = max(self.trips, default=0) + 1, self.chance
        started_at = (
            self.start + timedelta(seconds=61 * number) - timedelta(days=1)
        )  # no two of a vehicle begin together
        origin, destination = chance.sample(PLACES, 2)
        trip = Trip(
            number,
            chance.choice(list(self.vehicles)) if self.vehicles else 1,
            started_at,
            started_at + timedelta(minutes=chance.randint(20, 600)),
            round(chance.uniform(5, 900), 1),
            round(chance.uniform(1, 300), 1),
            origin,
            destination,
            round(chance.uniform(10, 9_000), 1),
            round(chance.uniform(50, 5_000), 2),
            chance.choice(STATES),
            self.now,
            self.now,
        )
        self.trips[number] = trip
        return trip

    def change_trips(self, count: int, seconds_between: float = 1.0) -> None:
        """Changes as many trips, each of which is the youngest then."""
        with self.lock:
            for number in self.chance.sample(sorted(self.trips), min(count, len(self.trips))):
                self.tick(seconds_between)
                price = round(self.chance.uniform(50, 5_000), 2)
                self.trips[number] = replace(self.trips[number], price=price, updated_at=self.now)

    def delete_trips(self, count: int) -> None:
        with self.lock:
            for number in self.chance.sample(sorted(self.trips), min(count, len(self.trips))):
                del self.trips[number]

    def backdate(self, seconds: float) -> Trip:
        """Adds a trip that says that it was changed so long ago, as one does whose transaction took its time."""
        with self.lock:
            trip = self._add_trip(0)
            moment = self.now - timedelta(seconds=seconds)
            self.trips[trip.number] = replace(trip, created_at=moment, updated_at=moment)
            return self.trips[trip.number]

    def trips_by(
        self,
        key: Callable[[Trip], object] = lambda trip: (trip.updated_at, trip.number),
        since: datetime | None = None,
        until: datetime | None = None,
        of_vehicle: int | None = None,
    ) -> list[Trip]:
        """Trips with `since <= updated_at < until`, in order."""
        with self.lock:
            found = [
                trip
                for trip in self.trips.values()
                if (since is None or trip.updated_at >= since)
                and (until is None or trip.updated_at < until)
                and (of_vehicle is None or trip.vehicle == of_vehicle)
            ]
        return sorted(found, key=key)  # type: ignore[arg-type]

    def numbered_vehicles(self) -> Iterator[Vehicle]:
        with self.lock:
            yield from sorted(self.vehicles.values(), key=lambda vehicle: vehicle.number)


def fleet_of(vehicles: int, trips: int, seed: int = 1, start: datetime = START) -> Fleet:
    """A fleet, the same for the same seed and start."""
    fleet = Fleet(Random(seed), start)
    fleet.add_vehicles(vehicles)
    fleet.add_trips(trips)
    fleet.tick(60)
    return fleet


def utc(moment: datetime) -> str:
    """RFC 3339 with Z, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of(text: str) -> datetime:
    """The moment that RFC 3339 or a database's text without a zone (then UTC) names."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
