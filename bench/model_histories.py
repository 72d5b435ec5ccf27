"""Histories of durations for the benchmark of models: made from a seed, and read from folders of real sets."""

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from logistics_pipeline.models.arrays import Durations, FloatArray, IntArray

_MADE = 12_000
_ROUTES = 150
_PER_DAY = 60.0
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%d-%b-%y")


@dataclass(frozen=True)
class NamedHistory:
    """Shipments with their durations."""

    name: str
    durations: Durations


def made_histories() -> Iterator[NamedHistory]:
    """Routes that stay as they are, that take longer and longer, with heavy tails, that are many and rare."""
    yield NamedHistory("routes that do not change", _made(1))
    yield NamedHistory("twice as long at the end", _made(2, growth=np.log(2)))
    yield NamedHistory("heavy tails", _made(3, noise=lambda random, count: 0.2 * random.standard_t(3, count)))
    yield NamedHistory("1,000 rare routes", _made(4, routes=1_000))


def _made(
    seed: int,
    *,
    routes: int = _ROUTES,
    growth: float = 0.0,
    noise: Callable[[np.random.Generator, int], FloatArray] = lambda random, count: 0.3 * random.standard_normal(count),
) -> Durations:
    random = np.random.default_rng(seed)
    started = np.sort(random.uniform(0, 24 * _MADE / _PER_DAY, _MADE))
    group = random.integers(0, routes, _MADE)
    places = int(np.ceil(np.sqrt(routes)))
    origin, destination = group // places, group % places
    of_origin, of_destination = random.normal(0, 0.5, places), random.normal(0, 0.5, places)
    base = 3 + of_origin[origin] + of_destination[destination] + random.normal(0, 0.2, routes)[group]
    logs = base + growth * np.arange(_MADE) / _MADE + noise(random, _MADE)
    return _durations(started, np.exp(logs), group, (origin, destination), 0.0)


def _durations(
    started: FloatArray, value: FloatArray, group: IntArray, fields: tuple[IntArray, ...], slack: float
) -> Durations:
    numbers: IntArray = np.arange(int(group.max()) + 1)
    return Durations(
        started=started,
        known=started + slack + value,
        value=value,
        group=group,
        fields=fields,
        inputs=np.zeros((len(value), 0)),
        groups=tuple((number,) for number in numbers.tolist()),
        values_of_fields=tuple(tuple(range(int(each.max()) + 1)) for each in fields),
    )


# -- real ones -------------------------------------------------------------------------------------------------------


def read_histories(folder: Path) -> Iterator[NamedHistory]:
    """Every set in a folder: `<set>/shipments.json.gz` beside `vehicle_logs.json[.gz]`."""
    for path in sorted(folder.glob("*/shipments.json.gz")):
        logs = {each["log_id"]: each for each in _records(path.parent, "vehicle_logs")}
        shipments = {each["shipment_id"]: each for each in _records(path.parent, "shipments")}
        rows = [row for each in shipments.values() if (row := _row(each, logs.get(each["log_id"]))) is not None]
        if rows:
            yield NamedHistory(path.parent.name, _of_rows(sorted(rows)))


def _records(folder: Path, name: str) -> list[dict[str, Any]]:
    packed = folder / f"{name}.json.gz"
    text = gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / f"{name}.json").read_bytes()
    found: list[dict[str, Any]] = json.loads(text)
    return found


def _row(shipment: dict[str, Any], log: dict[str, Any] | None) -> tuple[float, float, str, str] | None:
    value = shipment["delivery_time"]
    moment = None if log is None else _moment(str(log["trip_date"]))
    if not isinstance(value, int | float) or value <= 0 or moment is None:
        return None
    return moment, float(value), str(shipment["origin"]), str(shipment["destination"])


def _moment(text: str) -> float | None:
    for pattern in _TIMES:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC).timestamp() / 3600
        except ValueError:
            continue
    return None


def _of_rows(rows: Sequence[tuple[float, float, str, str]]) -> Durations:
    started, value = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    slack = 24.0 if bool(np.all(started % 24 == 0)) else 0.0
    keys = _codes([(row[2], row[3]) for row in rows])
    fields = _codes([row[2] for row in rows]), _codes([row[3] for row in rows])
    return _durations(started, value, keys, fields, slack)


def _codes(values: Sequence[Any]) -> IntArray:
    known: dict[Any, int] = {}
    return np.array([known.setdefault(each, len(known)) for each in values], dtype=np.int64)
