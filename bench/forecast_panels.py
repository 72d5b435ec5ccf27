"""Panels to forecast: made from a seed, or read from a folder of shipments and vehicle logs."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from logistics_pipeline.forecasting.panel import FloatArray, IntArray, Level, Panel

_SEASON = 7
_LEAST_SHIPMENTS = 5
_LONGEST_DAYS = 1_500


@dataclass(frozen=True)
class NamedPanel:
    """A panel, and what it is called in tables."""

    name: str
    panel: Panel

    def until(self, periods: int) -> Panel:
        """What was known after so many periods."""
        return replace(self.panel, values=self.panel.values[:, :periods])


def made_panels(routes: int = 200, days: int = 365) -> list[NamedPanel]:
    """Routes per day that are noise around a weekly profile, follow a schedule with holidays, or are mostly idle."""
    return [
        NamedPanel("made: noise around a profile", _tree(*_noise(routes, days, seed=1))),
        NamedPanel("made: schedules and holidays", _tree(*_schedules(routes, days, seed=2))),
        NamedPanel("made: intermittent", _tree(*_noise(routes, days, seed=3, level=0.15))),
    ]


def large_panel(series: int, days: int = 730) -> Panel:
    """So many series in all, one origin per hundred of them."""
    origins = max(series // 100, 1)
    return _tree(*_noise(series - origins - 1, days, seed=4, origins=origins))


def _noise(routes: int, days: int, *, seed: int, level: float = 6.0, origins: int = 8) -> tuple[FloatArray, IntArray]:
    random = np.random.default_rng(seed)
    mean = random.gamma(1.5, level / 1.5, routes)[:, None]
    profile = random.dirichlet(np.full(7, 4.0), routes) * 7
    day = np.arange(days)
    season = 1 + 0.3 * np.sin(day / 58.0)
    return random.poisson(mean * profile[:, day % 7] * season).astype(np.float64), _origins(random, routes, origins)


def _schedules(routes: int, days: int, *, seed: int) -> tuple[FloatArray, IntArray]:
    """The same week again and again, a few cancellations, a new week now and then, holidays with half of everything."""
    random = np.random.default_rng(seed)
    values = np.empty((routes, days))
    for route in range(routes):
        week = random.integers(0, 9, 7)
        for start in range(0, days, 7):
            if random.random() < 0.04:
                week = np.maximum(week + random.integers(-1, 2, 7), 0)
            values[route, start : start + 7] = week[: days - start]
    values -= (random.random(values.shape) < 0.03) & (values > 0)
    for holiday in random.choice(days, days // 45, replace=False):
        values[:, holiday] = np.floor(values[:, holiday] / 2)
    return values, _origins(random, routes, 8)


def _origins(random: np.random.Generator, routes: int, origins: int) -> IntArray:
    found = np.sort(random.integers(0, origins, routes))
    found[:origins] = np.arange(min(origins, routes))
    return np.sort(found)


def _tree(routes: FloatArray, origin_of: IntArray) -> Panel:
    count = int(origin_of.max()) + 1
    origins = np.zeros((count, routes.shape[1]))
    np.add.at(origins, origin_of, routes)
    values = np.concatenate([origins.sum(axis=0, keepdims=True), origins, routes])
    active = values > 0
    started = np.maximum.accumulate(active, axis=1)
    values = np.where(started, values, np.nan)
    parents = np.concatenate([[-1], np.zeros(count), 1 + origin_of]).astype(np.int64)
    levels = (
        Level("total", slice(0, 1)),
        Level("origin", slice(1, 1 + count)),
        Level("route", slice(1 + count, len(values))),
    )
    nobody = np.zeros(len(values), dtype=bool)
    return Panel(values, levels, parents, _SEASON, True, True, True, nobody)


def read_panels(folder: Path) -> Iterator[NamedPanel]:
    """Shipments per day and route of every set in a folder: `<set>/shipments.json.gz` beside `vehicle_logs.json[.gz]`.

    Sets whose dates are not written as 2026-11-30 are left out, and so are routes with fewer than five shipments.
    """
    for shipments in sorted(folder.glob("*/shipments.json.gz")):
        days = _days_of_logs(shipments.parent)
        trips: Counter[tuple[str, str, date]] = Counter()
        for each in _records(shipments):
            day = days.get(str(each.get("log_id"))) or _day(str(each.get("log_id"))[-10:])
            if day is not None and each.get("origin") and each.get("destination"):
                trips[str(each["origin"]), str(each["destination"]), day] += 1
        panel = _panel_of_trips(trips)
        if panel is not None:
            yield NamedPanel(shipments.parent.name, panel)


def _panel_of_trips(trips: Counter[tuple[str, str, date]]) -> Panel | None:
    totals: Counter[tuple[str, str]] = Counter()
    for (origin, destination, _), count in trips.items():
        totals[origin, destination] += count
    names = sorted(name for name, count in totals.items() if count >= _LEAST_SHIPMENTS)
    if not names:
        return None
    last = max(day for _, _, day in trips)
    ordered = sorted(day for _, _, day in trips.elements())
    first = max(ordered[len(ordered) // 50], last - timedelta(days=_LONGEST_DAYS))
    place = {name: row for row, name in enumerate(names)}
    values = np.zeros((len(names), (last - first).days + 1))
    for (origin, destination, day), count in trips.items():
        row = place.get((origin, destination))
        if row is not None and day >= first:
            values[row, (day - first).days] += count
    origins = sorted({origin for origin, _ in names})
    return _tree(values, np.array([origins.index(origin) for origin, _ in names], dtype=np.int64))


def _days_of_logs(folder: Path) -> dict[str, date]:
    found = {}
    for path in (folder / "vehicle_logs.json.gz", folder / "vehicle_logs.json"):
        if path.exists():
            for each in _records(path):
                day = _day(str(each.get("trip_date"))[:10])
                if day is not None:
                    found[str(each["log_id"])] = day
            break
    return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _records(path: Path) -> list[dict[str, Any]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    records: list[dict[str, Any]] = json.loads(content)
    return records
