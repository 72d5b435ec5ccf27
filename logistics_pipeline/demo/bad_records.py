"""What senders get wrong: records that the data contract rejects, in a file that stays well-formed."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from logistics_pipeline.demo.file_formats import Layout

Damage = Callable[[dict[str, Any]], object]
"""Returns what arrives instead of a valid record."""


def _put(field: str, value: object) -> Damage:
    return lambda record: {**record, field: value}


def _without(field: str) -> Damage:
    return lambda record: {name: value for name, value in record.items() if name != field}


def _inflate(field: str) -> Damage:
    return lambda record: {**record, field: f"{record[field]} (formerly known as {record[field]}) " * 12}


# Used in turn. The first is an object: NDJSON whose first line is bad must still be recognised as NDJSON.
_DAMAGES: dict[str, tuple[Damage, ...]] = {
    "vehicle_logs": (
        _put("mileage", -12.5),
        _put("trip_date", "1899-12-31"),
        _put("trip_date", "03/04/2024"),
        _without("log_id"),
        _put("fuel_used", "about 120, see receipt"),
        _put("trip_date", "2024-02-30"),
        _inflate("vehicle_id"),
        _put("vehicle_id", "   "),
        _put("mileage", "NaN"),
        _put("trip_date", "2204-06-01"),
        _put("fuel_used", -0.01),
        _put("trip_date", None),
    ),
    "shipments": (
        _put("weight", 0),
        _put("cost", -250),
        _put("delivery_time", "two days"),
        _without("shipment_id"),
        _put("log_id", None),
        _inflate("destination"),
        _put("weight", -3.2),
        _put("origin", ""),
        _put("cost", "1.250,-"),
        _put("delivery_time", "Infinity"),
        _without("destination"),
        _put("weight", "12 kg"),
    ),
}

# What CSV cannot express: types, values that are not records, characters that no text file holds.
_JSON_DAMAGES: dict[str, tuple[Damage, ...]] = {
    "vehicle_logs": (
        _put("mileage", {"value": 120.5, "unit": "km"}),
        lambda record: f"{record['log_id']}: no data received",
        _put("trip_date", 1709510400000),
        _put("fuel_used", True),
        _put("vehicle_id", "VEH-\0\0\0\0\0"),
        _put("log_id", None),
    ),
    "shipments": (
        _put("weight", [120.5, 80.0]),
        lambda record: f"{record['shipment_id']}: cancelled",
        _put("log_id", ["LOG-00000001", "LOG-00000002"]),
        _put("cost", False),
        _put("origin", {"city": "Berlin", "country": "DE"}),
        lambda record: None,
    ),
}


class BadRecordWriter:
    """Replaces one line, at random, in every full segment of `every` lines of a file; none if `every` is None.

    The kinds of damage take turns, so that some 18 bad records show them all.
    """

    def __init__(self, layout: Layout, records: int, every: int | None, rng: Random) -> None:
        self.total = records // every if every else 0
        self._layout = layout
        self._damages = damages_of(layout) if self.total else ()
        self._damaged = 0
        self._positions = _positions(self.total, every or 0, rng)
        self._next = next(self._positions, None)

    def damage(self, lines: list[str], first: int) -> None:
        """Damages some of the lines, in place. `first` is the index in the file of the first of them."""
        while self._next is not None and self._next < first + len(lines):
            index = self._next - first
            apply = self._damages[self._damaged % len(self._damages)]
            lines[index] = self._layout.render(apply(self._layout.read(lines[index])))
            self._damaged += 1
            self._next = next(self._positions, None)


def damages_of(layout: Layout) -> tuple[Damage, ...]:
    """All kinds of damage that the layout's format can express."""
    name = layout.dataset.name
    return _DAMAGES[name] if layout.format == "csv" else _DAMAGES[name] + _JSON_DAMAGES[name]


def _positions(total: int, every: int, rng: Random) -> Iterator[int]:
    for segment in range(total):
        yield segment * every + rng.randrange(every)
