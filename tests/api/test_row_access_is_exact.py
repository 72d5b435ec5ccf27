"""Whoever may see some rows only gets the answers of a database that holds no others.

Rules and questions are drawn at random. Which rows a rule means is decided here once more, without SQL; a second
database has these alone, and its API is asked the same questions without any rule.
"""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import psycopg
import pytest
from pyarrow import parquet

from logistics_core.row_access.rules import RowAccess
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.api_keys import create_key
from tests.api.conftest import Api, Serve

FIRST = date(2024, 1, 29)
PLACES = ("Aachen", "null", "Zürich", "100% Zug", 'O\'Hare \\ "B"')
SEEDS = range(60)
QUICK = 3
QUESTIONS = 14

Record = dict[str, Any]
World = Mapping[str, list[Record]]


def _world() -> World:
    random = Random(7)

    def measure(most: int) -> Decimal | None:
        return random.choice([None, Decimal(random.randrange(1, most)) / 10])

    vehicles = [{"vehicle_id": f"V{n}", "name": f"Truck {n % 3}", "total_mileage": measure(900)} for n in range(7)]
    logs = [
        {
            "log_id": f"L{n}",
            "vehicle_id": f"V{n % 9}",  # some vehicles never arrive
            "trip_date": FIRST + timedelta(random.randrange(80)),
            "mileage": measure(9_000),
            "fuel_used": measure(900),
        }
        for n in range(60)
    ]
    shipments = [
        {
            "shipment_id": f"S{n:03}",
            "origin": random.choice(PLACES),
            "destination": random.choice(PLACES[1:]),
            "weight": measure(9_000),
            "cost": measure(90_000),
            "delivery_time": measure(480),
            "log_id": f"L{random.randrange(65)}",  # some wait for their log
        }
        for n in range(240)
    ]
    return {"vehicles": vehicles, "vehicle_logs": logs, "shipments": shipments}


WORLD = _world()
LOGS = {log["log_id"]: log for log in WORLD["vehicle_logs"]}
VEHICLES = {vehicle["vehicle_id"]: vehicle for vehicle in WORLD["vehicles"]}
PATHS = {
    "shipments": ("origin", "destination", "log.vehicle_id", "log.vehicle.name"),
    "vehicle_logs": ("vehicle_id", "vehicle.name"),
    "vehicles": ("name", "vehicle_id"),
}


# -- rules, and the rows that they mean ------------------------------------------------------------------------------


def _value(record: Record, path: str) -> Any:
    first, _, rest = path.partition(".")
    if not rest:
        return record.get(first)
    found = LOGS.get(record["log_id"]) if first == "log" else VEHICLES.get(record["vehicle_id"])
    return None if found is None else _value(found, rest)


def _rules(random: Random) -> RowAccess:
    """Rules about some of the datasets: all of one, or one or two alternatives."""
    rules: list[tuple[str, dict[str, tuple[str, ...]]]] = []
    for dataset, paths in PATHS.items():
        kind = random.random()
        if kind < 0.2:
            continue
        for _ in range(0 if kind < 0.35 else random.choice([1, 1, 2])):
            chosen = random.sample(paths, random.choice([1, 1, 2]))
            rules.append((dataset, {path: _values(random, dataset, path) for path in chosen}))
        if kind < 0.35:
            rules.append((dataset, {}))
    return RowAccess.of(rules or [("shipments", {"origin": ("Aachen",)})])


def _values(random: Random, dataset: str, path: str) -> tuple[str, ...]:
    known = sorted({value for record in WORLD[dataset] if (value := _value(record, path)) is not None})
    return tuple(random.sample([*known, "nothing is so"], random.choice([1, 2, 3])))


def _permitted(access: RowAccess) -> World:
    def may_be_seen(dataset: str, record: Record) -> bool:
        return any(
            all(_value(record, path) in values for path, values in alternative.items())
            for alternative in access.rules.get(dataset, ())
        )

    return {name: [each for each in records if may_be_seen(name, each)] for name, records in WORLD.items()}


# -- two databases ----------------------------------------------------------------------------------------------------


@dataclass
class Pair:
    """The API with all rows and keys for some of them, and one whose database has some rows alone."""

    all_rows: Api
    some_rows: Api
    keys: list[tuple[RowAccess, str]]
    fill: Callable[[World], None]


def _stored(world: World) -> dict[str, list[tuple[Any, ...]]]:
    return {name: [tuple(record.values()) for record in records] for name, records in world.items()}


@pytest.fixture(scope="module")
def pair(
    new_database: Callable[[], AbstractContextManager[str]], store: Callable[..., None], serve: Serve, wait_until: Any
) -> Iterator[Pair]:
    with new_database() as all_url, new_database() as some_url:
        store(all_url, **_stored(WORLD))
        refresh(all_url, full=True)
        with psycopg.connect(all_url, autocommit=True) as connection:
            keys = [
                (access, create_key(connection, f"seed{seed}", ["read", "export"], row_access=access)[0])
                for seed in SEEDS
                for access in [_rules(Random(seed))]
            ]
        with serve(all_url) as all_rows, serve(some_url) as some_rows:
            last = {"X-API-Key": keys[-1][1]}
            wait_until(lambda: all_rows.client.get("/api/session", headers=last).status_code == 200)

            def fill(world: World) -> None:
                store(some_url, **_stored(world))
                refresh(some_url, full=True)
                with psycopg.connect(some_url) as connection:
                    (version,) = connection.execute("SELECT data_version FROM analytics.status").fetchone() or ()
                freshness = some_rows.app.state.database.freshness
                wait_until(lambda: freshness.published is not None and freshness.published.data_version == version)

            yield Pair(all_rows, some_rows, keys, fill)


@dataclass
class Asked:
    """Asks both the same."""

    pair: Pair
    key: str
    random: Random

    def get(self, path: str, **query: Any) -> tuple[Any, Any]:
        """The responses of the caller that may see some rows, and of the API that has no others."""
        narrowed = self.pair.all_rows.client.get(path, params=query, headers={"X-API-Key": self.key})
        return narrowed, self.pair.some_rows.client.get(path, params=query)

    def compare(self, take: Callable[[Any], Any], path: str, **query: Any) -> None:
        """Takes the same of both and compares it."""
        narrowed, exact = self.get(path, **query)
        assert narrowed.status_code == exact.status_code == 200, (narrowed.text, exact.text, path, query)
        assert take(narrowed) == take(exact), (path, query)

    def graphql(self, document: str) -> None:
        """The data of both answers, without errors."""
        narrowed, exact = map(_json, self.get("/graphql", query=document))
        assert exact.keys() == {"data", "extensions"}, (exact, document)
        assert narrowed == exact, document


def _json(response: Any) -> Any:
    return json.loads(response.content, parse_float=Decimal)


# -- questions --------------------------------------------------------------------------------------------------------

SLUGS = {"shipments": "shipments", "vehicle_logs": "vehicle-logs", "vehicles": "vehicles"}
SORTS = {
    "shipments": ("shipment_id", "-shipment_id", "day", "-day", "cost", "-cost", "log_id"),
    "vehicle_logs": ("log_id", "-trip_date", "mileage", "-fuel_used"),
    "vehicles": ("vehicle_id", "-total_mileage"),
}
FILTERS: Mapping[str, tuple[dict[str, str], ...]] = {
    "shipments": (
        {}, {}, {"origin": "Aachen"}, {"destination": "100% Zug"}, {"cost_from": "2000"}, {"day_from": "2024-03-01"},
        {"vehicle_id": "V1"}, {"isNull": "cost"}, {"shipment_id_prefix": "S1"},
    ),
    "vehicle_logs": ({}, {"vehicle_id": "V8"}, {"trip_date_to": "2024-03-01"}, {"isNull": "mileage"}),
    "vehicles": ({}, {"name": "Truck 1"}),
}  # fmt: skip


def _page(asked: Asked, dataset: str) -> None:
    """All pages in some order, and how many rows there are."""
    random = asked.random
    query = {
        "sort": random.choice(SORTS[dataset]),
        "limit": random.choice([3, 50, 500]),
        "count": random.choice(["estimated", "capped", "none"]),
        **random.choice(FILTERS[dataset]),
    }
    path, cursors = f"/api/{SLUGS[dataset]}", ({}, {})
    while True:
        responses = [
            api.client.get(path, params=query | cursor, headers=headers)
            for api, cursor, headers in zip(
                (asked.pair.all_rows, asked.pair.some_rows), cursors, ({"X-API-Key": asked.key}, {}), strict=True
            )
        ]
        assert [each.status_code for each in responses] == [200, 200], (path, query, responses[0].text)
        narrowed, exact = map(_json, responses)
        assert (narrowed["data"], narrowed["total"]) == (exact["data"], exact["total"]), (path, query)
        assert (narrowed["next_cursor"] is None) == (exact["next_cursor"] is None), (path, query)
        if exact["next_cursor"] is None:
            return
        cursors = {"cursor": narrowed["next_cursor"]}, {"cursor": exact["next_cursor"]}


def _row(asked: Asked, dataset: str) -> None:
    """A single row, which may be one that the caller must not know of."""
    record = asked.random.choice(WORLD[dataset])
    narrowed, exact = asked.get(f"/api/{SLUGS[dataset]}/{next(iter(record.values()))}")
    assert narrowed.status_code == exact.status_code, record
    if exact.status_code == 200:
        assert _json(narrowed) == _json(exact)
    else:
        assert narrowed.json()["detail"] == exact.json()["detail"]


def _export(asked: Asked, dataset: str) -> None:
    """A file: the same lines, in an order that nobody promises; of Parquet also the same types."""
    format = asked.random.choice(["csv", "ndjson", "parquet"])

    def lines(response: Any) -> Any:
        if format == "parquet":
            table = parquet.read_table(io.BytesIO(response.content))
            return table.schema, sorted(map(repr, table.to_pylist()))
        return sorted(response.content.splitlines())

    asked.compare(lines, f"/api/exports/{SLUGS[dataset]}.{format}", **asked.random.choice(FILTERS[dataset]))


DIMENSIONS = {
    "shipments": ("origin", "destination", "log_id"),
    "vehicle_logs": ("vehicle_id", "trip_date"),
    "vehicles": ("name",),
}
METRIC_FILTERS: Mapping[str, tuple[Any, ...]] = {
    "shipments": (None, None, {"origin": "Aachen"}, {"not": {"destination": "100% Zug"}}, {"cost": {"gt": 1000}}),
    "vehicle_logs": (None, {"vehicle_id": {"in": ["V1", "V8"]}}, {"mileage": None}),
    "vehicles": (None, {"name": "Truck 1"}),
}


def _metrics(asked: Asked, dataset: str, related: tuple[str, ...] = ()) -> None:
    """Metrics by fields and periods, compared, with shares and totals."""
    random, has_days = asked.random, dataset != "vehicles"
    dimensions = (*DIMENSIONS[dataset], *related)
    query: dict[str, Any] = {"by": ",".join(random.sample(dimensions, random.randrange(min(3, len(dimensions)) + 1)))}
    if related:
        query["by"] = ",".join(dict.fromkeys([random.choice(related), *filter(None, query["by"].split(","))]))
    if has_days and random.random() < 0.7:
        query["grain"] = random.choice(["day", "week", "month", "year"])
    if has_days and random.random() < 0.5:
        query |= {"start": "2024-02-10", "end": "2024-03-20"}
    if has_days and random.random() < 0.4:
        query["compare"] = random.choice(["previous", "year"])
    shown = random.choice([None, "share", "running" if "grain" in query else "share"])
    if shown is not None:
        query |= {
            "show": shown,
            "metrics": {"shipments": "shipments,revenue", "vehicles": "lifetime_distance"}.get(dataset, "trips"),
        }
    chosen = random.choice(METRIC_FILTERS[dataset])
    if chosen is not None:
        query["filter"] = json.dumps(chosen)
    query |= {"exact": "true", "total": "true", "limit": random.choice([2, 10_000])}
    asked.compare(_figures, f"/api/metrics/{dataset}", **query)
    format = random.choice(["csv", "ndjson"])
    del query["total"]
    asked.compare(lambda response: response.content, f"/api/metrics/{dataset}", **query | {"format": format})


def _figures(response: Any) -> Any:
    """All of an answer but where it came from."""
    document = _json(response)
    columns = [{**each, "approximate_within": None} for each in document["columns"]]
    rest = {name: each for name, each in document.items() if name not in ("source", "data_version", "undated")}
    return rest | {"columns": columns}


def _key_figures(asked: Asked, dataset: str) -> None:
    names = {
        "shipments": ("shipments", "revenue"),
        "vehicle_logs": ("trips", "distance"),
        "vehicles": ("lifetime_distance",),
    }
    query = {"metrics": ",".join(f"{dataset}.{name}" for name in names[dataset])}

    def figures(response: Any) -> Any:
        return [
            {name: value for name, value in each.items() if name not in ("source", "approximate_within")}
            for each in _json(response)["figures"]
        ]

    asked.compare(figures, "/api/kpi", **query, **asked.random.choice([{}, {"start": "2024-02-10"}]))


_GRAPHQL = {
    "shipments": (
        "{ shipments(first: 7, orderBy: COST_DESC) { nodes { shipmentId origin day cost } pageInfo { hasNextPage } "
        "total { rows kind } } }",
        '{ shipments(first: 500, filter: {origin: {ne: "Aachen"}}) { edges { node { shipmentId vehicleId } } '
        "total(count: CAPPED) { rows kind } } }",
        '{ one: shipment(shipmentId: "S001") { origin } other: shipment(shipmentId: "S002") { origin destination } }',
        "{ shipmentsMetrics(metrics: [REVENUE, SHIPMENTS], by: [ORIGIN], exact: true) "
        "{ rows { origin revenue shipments } groups total { revenue } } }",
    ),
    "vehicle_logs": (
        "{ vehicleLogs(first: 9, orderBy: TRIP_DATE_DESC) { nodes { logId tripDate } total { rows kind } } }",
        "{ vehicleLogsMetrics(grain: MONTH, by: [VEHICLE_ID]) { rows { period vehicleId trips } groups } }",
    ),
    "vehicles": ("{ vehicles(first: 3) { nodes { vehicleId name } total { rows kind } pageInfo { hasNextPage } } }",),
}
_GRAPHQL_OF_SEVERAL = {
    frozenset({"shipments", "vehicle_logs"}): (
        "{ shipments(first: 500) { nodes { shipmentId log { logId mileage } } } }",
        "{ vehicleLogs(first: 60) { nodes { logId shipments(first: 2) { nodes { shipmentId cost } total { rows kind } "
        "pageInfo { hasNextPage } } } } }",
        '{ shipments(first: 500, filter: {log: {vehicleId: {eq: "V1"}}}) { nodes { shipmentId } total { rows } } }',
        "{ shipments(first: 500, filter: {log: {mileage: {isNull: true}}}) { nodes { shipmentId } } }",
    ),
    frozenset({"vehicle_logs", "vehicles"}): (
        "{ vehicleLogs(first: 60) { nodes { logId vehicle { name } } } }",
        "{ vehicles { nodes { vehicleId logs(first: 3) { nodes { logId tripDate } total { rows kind } } } } }",
        '{ vehicleLogsMetrics(by: [VEHICLE_VEHICLE_ID], filter: {vehicle: {name: {ne: "Truck 1"}}}, exact: true) '
        "{ rows { vehicleVehicleId trips } } }",
    ),
}


def _graphql(asked: Asked, dataset: str) -> None:
    asked.graphql(asked.random.choice(_GRAPHQL[dataset]))


_KINDS = (_page, _row, _export, _metrics, _metrics, _key_figures, _graphql)


@pytest.mark.parametrize(
    "seed", [seed if seed < QUICK else pytest.param(seed, marks=pytest.mark.slow) for seed in SEEDS]
)
def test_answers_are_those_of_a_database_with_the_permitted_rows_alone(pair: Pair, seed: int) -> None:
    access, key = pair.keys[seed]
    permitted, asked = _permitted(access), Asked(pair, key, Random(seed))
    granted = [name for name in PATHS if name in access.rules]
    _ask_about_hidden(asked, granted)
    # Shipments are dated by their logs, also by those that may not be seen: these are there while they are asked about.
    pair.fill({**permitted, "vehicle_logs": WORLD["vehicle_logs"]})
    if "shipments" in granted:
        for _ in range(QUESTIONS // 2):
            asked.random.choice(_KINDS)(asked, "shipments")
    pair.fill(permitted)
    for dataset in granted[granted[:1] == ["shipments"] :]:
        for _ in range(QUESTIONS // 2):
            asked.random.choice(_KINDS)(asked, dataset)
    for datasets, documents in _GRAPHQL_OF_SEVERAL.items():
        if datasets <= set(granted):
            asked.graphql(asked.random.choice(documents))
    if {"vehicle_logs", "vehicles"} <= set(granted):
        _metrics(asked, "vehicle_logs", ("vehicle.name", "vehicle.vehicle_id"))
    dating = {log["log_id"] for log in permitted["vehicle_logs"]}
    if {"shipments", "vehicle_logs"} <= set(granted) and all(
        each["log_id"] in dating or each["log_id"] not in LOGS for each in permitted["shipments"]
    ):
        _metrics(asked, "shipments", ("log.vehicle_id", "log.trip_date"))


def _ask_about_hidden(asked: Asked, granted: list[str]) -> None:
    """Of a dataset without a rule nothing is answered."""
    for dataset in (name for name in PATHS if name not in granted):
        for path in (f"/api/{SLUGS[dataset]}", f"/api/exports/{SLUGS[dataset]}.csv", f"/api/metrics/{dataset}"):
            narrowed, _ = asked.get(path)
            assert narrowed.status_code == 403
            assert f"may not see any rows of {dataset}" in narrowed.json()["detail"]


def test_the_rules_drawn_are_of_every_kind() -> None:
    drawn = [_rules(Random(seed)) for seed in SEEDS]
    some = [len(_permitted(access)["shipments"]) for access in drawn]
    assert {0, len(WORLD["shipments"])} < set(some)
    assert any("log.vehicle.name" in access.text for access in drawn)
    assert {name for access in drawn for name in PATHS if name not in access.rules} == set(PATHS)
