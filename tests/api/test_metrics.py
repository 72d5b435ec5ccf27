"""Metrics of any dataset: what there is, answers from pre-aggregates and from records, comparisons, and refusals.

Every figure is computed once more here, from the records, without SQL.
"""

import io
import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil
from random import Random
from typing import Any

import psycopg
import pytest
from pyarrow import parquet

from logistics_core.metrics.periods import DayRange, Grain, part_before, period_of
from logistics_pipeline.analytics.refresh import refresh
from tests.api.conftest import Api, Serve

FIRST = date(2024, 1, 1)
PLACES = ("Aachen", "null", "Zürich", "100% Zug")
METRICS = (
    "shipments,revenue,revenue_per_shipment,total_weight,revenue_per_kg,median_delivery_time,p90_delivery_time,"
    "max_delivery_time,destinations"
)

Record = dict[str, Any]


def _world() -> tuple[list[Record], list[Record]]:
    random = Random(13)
    logs = [
        {
            "log_id": f"L{n}",
            "vehicle_id": f"V{n % 7}",
            "trip_date": FIRST + timedelta(random.randrange(430)),
            "mileage": random.choice([None, Decimal(random.randrange(9_000)) / 10]),
            "fuel_used": random.choice([None, Decimal(random.randrange(900)) / 10]),
        }
        for n in range(300)
    ]
    shipments = [
        {
            "shipment_id": f"S{n}",
            "origin": random.choice(PLACES),
            "destination": random.choice(PLACES[:2]),
            "weight": random.choice([None, Decimal(random.randrange(1, 9_000)) / 10]),
            "cost": random.choice([None, Decimal(random.randrange(90_000)) / 100]),
            "delivery_time": random.choice([None, Decimal(random.randrange(480)) / 10]),
            "log_id": f"L{random.randrange(310)}",  # some wait for their log
        }
        for n in range(1_200)
    ]
    return logs, shipments


LOGS, SHIPMENTS = _world()
DAY_OF = {log["log_id"]: log["trip_date"] for log in LOGS}
VEHICLE_OF = {log["log_id"]: log["vehicle_id"] for log in LOGS}
DATED = [shipment | {"day": DAY_OF[shipment["log_id"]]} for shipment in SHIPMENTS if shipment["log_id"] in DAY_OF]


@pytest.fixture(scope="module")
def api(
    new_database: Callable[[], AbstractContextManager[str]], serve: Serve, store: Callable[..., None]
) -> Iterator[Api]:
    with new_database() as url:
        store(
            url,
            vehicles=[(f"V{n}", ["Truck", "Van", None][n % 3], 1000) for n in range(6)],
            vehicle_logs=[tuple(log.values()) for log in LOGS],
            shipments=[tuple(shipment.values()) for shipment in SHIPMENTS],
        )
        with psycopg.connect(url) as connection:
            connection.execute(
                "INSERT INTO ingest.batches (file_id, records, merged) SELECT min(file_id), 1, true FROM ingest.files"
            )
        refresh(url, full=True)
        with serve(url) as running:
            yield running


# -- the figures, computed once more -----------------------------------------------------------------------------------


def total(values: list[Decimal | None]) -> Decimal | None:
    given = [value for value in values if value is not None]
    return sum(given, Decimal(0)) if given else None


def quotient(first: Decimal | None, second: Decimal | int | None) -> Fraction | None:
    return None if first is None or not second else Fraction(first) / Fraction(second)


def quantile(values: list[Decimal | None], share: Fraction) -> Decimal | None:
    given = sorted(value for value in values if value is not None)
    return given[ceil(share * len(given)) - 1] if given else None


def expected(shipments: list[Record]) -> Record:
    def of(field: str) -> list[Decimal | None]:
        return [each[field] for each in shipments]

    both = [each for each in shipments if each["weight"] is not None and each["cost"] is not None]
    costs = [cost for cost in of("cost") if cost is not None]
    return {
        "shipments": len(shipments),
        "revenue": total(of("cost")),
        "revenue_per_shipment": quotient(total(of("cost")), len(costs)),
        "total_weight": total(of("weight")),
        "revenue_per_kg": quotient(total([each["cost"] for each in both]), total([each["weight"] for each in both])),
        "median_delivery_time": quantile(of("delivery_time"), Fraction(1, 2)),
        "p90_delivery_time": quantile(of("delivery_time"), Fraction(9, 10)),
        "max_delivery_time": max((time for time in of("delivery_time") if time is not None), default=None),
        "destinations": len({each["destination"] for each in shipments}),
    }


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, Fraction):
        return found is not None and abs(Fraction(found) - wanted) <= abs(wanted) / 10**15
    return bool(found == wanted)


def check(rows: list[Record], groups: dict[tuple[Any, ...], list[Record]], keys: list[str]) -> None:
    assert {tuple(row[key] for key in keys) for row in rows} == groups.keys()
    for row in rows:
        wanted = expected(groups[tuple(row[key] for key in keys)])
        wrong = {name: (row[name], value) for name, value in wanted.items() if not same(row[name], value)}
        assert not wrong, row


def grouped(by: list[str], grain: Grain | None, days: DayRange, records: list[Record]) -> Any:
    groups: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in records:
        if days.start <= record["day"] <= days.end:
            period = () if grain is None else (period_of(record["day"], grain).start.isoformat(),)
            groups[(*period, *(record[name] for name in by))].append(record)
    return groups


RANGES = [DayRange(FIRST, date(2025, 12, 31)), DayRange(date(2024, 2, 3), date(2024, 3, 17))]


@pytest.mark.parametrize("days", RANGES)
@pytest.mark.parametrize("grain", [None, *Grain])
@pytest.mark.parametrize("by", [[], ["origin"], ["destination", "origin"]])
def test_figures_of_groups_and_periods(api: Api, by: list[str], grain: Grain | None, days: DayRange) -> None:
    query = {"metrics": METRICS, "start": days.start, "end": days.end, "limit": 10_000}
    query |= {"by": ",".join(by)} if by else {}
    query |= {"grain": grain.value} if grain else {}
    answer = api.get("/api/metrics/shipments", **query)
    assert answer["source"] == "rollup"
    keys = (["period"] if grain else []) + by
    check(answer["data"], grouped(by, grain, days, DATED), keys)
    assert answer["groups"] == len(answer["data"])
    exact = api.get("/api/metrics/shipments", **query, filter='{"shipment_id":{"isNull":false}}')
    assert exact["source"] == "rows"
    assert exact["data"] == answer["data"]  # to the digit


def test_the_total_is_that_of_all_groups(api: Api) -> None:
    answer = api.get("/api/metrics/shipments", metrics=METRICS, by="origin", total="true", limit=1)
    assert answer["groups"] == len(PLACES)
    assert len(answer["data"]) == 1
    check([answer["total"]], {(): DATED}, [])
    assert answer["undated"] == len(SHIPMENTS) - len(DATED)


COST = next(each["cost"] for each in DATED if each["cost"] is not None)


def _costs(holds: Callable[[Decimal], bool], *, absent: bool) -> Callable[[Record], bool]:
    return lambda each: absent if each["cost"] is None else holds(each["cost"])


def _goes(origin: str, destination: str) -> Callable[[Record], tuple[bool, bool]]:
    return lambda each: (each["origin"] == origin, each["destination"] == destination)


FILTERS: list[tuple[Any, Callable[[Record], bool], str]] = [
    ({"origin": "Aachen"}, lambda each: each["origin"] == "Aachen", "rollup"),
    ({"origin": {"in": ["null", "Zürich"]}}, lambda each: each["origin"] in ("null", "Zürich"), "rollup"),
    ({"origin": {"startsWith": "100%"}}, lambda each: each["origin"].startswith("100%"), "rollup"),
    ({"cost": {"gte": 100, "lt": "500.5"}}, _costs(lambda cost: 100 <= cost < Decimal("500.5"), absent=False), "rows"),
    ({"cost": {"ne": str(COST)}}, _costs(lambda cost: cost != COST, absent=True), "rows"),
    ({"not": {"cost": {"gt": 100}}}, _costs(lambda cost: cost <= 100, absent=True), "rows"),
    ({"not": {"cost": {"ne": str(COST)}}}, _costs(lambda cost: cost == COST, absent=False), "rows"),
    ({"not": {"cost": None}}, _costs(lambda cost: True, absent=False), "rows"),
    ({"not": {".cost": {"isNull": False}}}, _costs(lambda cost: False, absent=True), "rows"),
    ({"cost": None}, _costs(lambda cost: False, absent=True), "rows"),
    (
        {"or": [{"origin": "Aachen"}, {"destination": "null"}]},
        lambda each: any(_goes("Aachen", "null")(each)),
        "rollup",
    ),
    (
        {"and": [{"origin": "Aachen"}, {"not": {"destination": "null"}}]},
        lambda each: _goes("Aachen", "null")(each) == (True, False),
        "rollup",
    ),
    ({"log.vehicle_id": {"in": ["V1", "V2"]}}, lambda each: VEHICLE_OF[each["log_id"]] in ("V1", "V2"), "rows"),
]


@pytest.mark.parametrize(("filter", "holds", "source"), FILTERS)
def test_filters_keep_what_they_say(api: Api, filter: Any, holds: Callable[[Record], bool], source: str) -> None:
    answer = api.get("/api/metrics/shipments", metrics=METRICS, by="origin", filter=json.dumps(filter))
    kept = [each for each in DATED if holds(each)]
    assert 0 < len(kept) < len(DATED)
    assert answer["source"] == source
    check(answer["data"], grouped(["origin"], None, RANGES[0], kept), ["origin"])


def test_records_are_grouped_by_fields_of_those_they_refer_to(api: Api) -> None:
    answer = api.get("/api/metrics/shipments", metrics=METRICS, by="log.vehicle.name")
    names = {f"V{n}": ["Truck", "Van", None][n % 3] for n in range(6)}
    with_name = [each | {"log.vehicle.name": names.get(VEHICLE_OF[each["log_id"]])} for each in DATED]
    check(answer["data"], grouped(["log.vehicle.name"], None, RANGES[0], with_name), ["log.vehicle.name"])
    assert [row["log.vehicle.name"] for row in answer["data"]].count(None) == 1


@pytest.mark.parametrize("grain", list(Grain))
@pytest.mark.parametrize("days", RANGES)
def test_periods_are_compared_with_the_ones_before(api: Api, grain: Grain, days: DayRange) -> None:
    query = {"metrics": "shipments,revenue,destinations", "grain": grain.value, "compare": "previous"}
    answer = api.get("/api/metrics/shipments", **query, start=days.start, end=days.end, limit=10_000)
    newest = max(DAY_OF.values())
    found = {row["period"]: row for row in answer["data"]}
    for period in answer["periods"]:
        here = DayRange(date.fromisoformat(period["start"]), date.fromisoformat(period["end"]))
        elapsed = here.clipped_to(DayRange(here.start, newest)) if here.start <= newest else here
        before = part_before(elapsed, grain)
        assert before is not None
        assert period["compared"] == {"start": str(before.start), "end": str(before.end)}
        earlier = [each for each in DATED if before.start <= each["day"] <= before.end]
        row = found.get(str(period_of(here.start, grain).start))
        if row is None:
            continue
        wanted = expected(earlier)
        for name in ("shipments", "revenue", "destinations"):
            assert same(row[f"{name}_previous"], wanted[name]), (row, wanted)
            if not wanted[name] or row[name] is None:
                assert row[f"{name}_change"] is None
            else:
                change = 100 * (Fraction(row[name]) - Fraction(wanted[name])) / abs(Fraction(wanted[name]))
                assert abs(Fraction(row[f"{name}_change"]) - change) <= Fraction(1, 200)


def test_windows(api: Api) -> None:
    query = {"metrics": "shipments,revenue", "grain": "week", "show": "running,share,average", "periods": 4}
    answer = api.get("/api/metrics/shipments", **query, by="origin", limit=10_000)
    weeks: dict[str, list[Record]] = defaultdict(list)
    for row in answer["data"]:
        weeks[row["period"]].append(row)
    first = date.fromisoformat(min(weeks))
    for name in ("shipments", "revenue"):
        for rows in weeks.values():
            whole = sum(row[name] or 0 for row in rows)
            for row in rows:
                if row[name] is not None:
                    assert abs(row[f"{name}_share"] - 100 * Decimal(row[name]) / Decimal(whole)) < Decimal("0.0001")
        for row in answer["data"]:
            period = date.fromisoformat(row["period"])
            own = [
                each for each in answer["data"] if each["origin"] == row["origin"] and each["period"] <= row["period"]
            ]
            assert row[f"{name}_running"] == sum(each[name] or 0 for each in own)
            recent = [each for each in own if each["period"] > str(period - timedelta(weeks=4))]
            weeks_so_far = min(4, (period - first).days // 7 + 1)
            mean = Fraction(sum(each[name] or 0 for each in recent)) / weeks_so_far
            assert abs(Fraction(row[f"{name}_average"]) - mean) < Fraction(1, 10**9)


def test_a_mean_over_periods_is_no_mean_of_means(api: Api) -> None:
    query = {"metrics": "revenue_per_shipment", "grain": "month", "show": "average,running", "periods": 3}
    rows = api.get("/api/metrics/shipments", **query)["data"]
    for number, row in enumerate(rows):
        for column, first in (("average", rows[max(0, number - 2)]["period"]), ("running", rows[0]["period"])):
            records = [
                each
                for each in DATED
                if date.fromisoformat(first)
                <= each["day"]
                <= period_of(date.fromisoformat(row["period"]), Grain.MONTH).end
            ]
            assert same(row[f"revenue_per_shipment_{column}"], expected(records)["revenue_per_shipment"])


@pytest.mark.parametrize(
    ("order", "key"),
    [
        ("revenue", lambda row: (row["revenue"] is None, row["revenue"] or 0)),
        ("-revenue", lambda row: (row["revenue"] is None, -(row["revenue"] or 0))),
        ("-origin", None),
    ],
)
def test_rows_are_sorted_and_what_lacks_a_value_comes_last(api: Api, order: str, key: Any) -> None:
    rows = api.get("/api/metrics/shipments", by="origin,destination", metrics="revenue", order=order)["data"]
    wanted = sorted(rows, key=key) if key else sorted(rows, key=lambda row: row["origin"], reverse=True)
    assert [row[order.removeprefix("-")] for row in rows] == [row[order.removeprefix("-")] for row in wanted]


def test_datasets_without_days_have_metrics(api: Api) -> None:
    answer = api.get("/api/metrics/vehicles", metrics="vehicle_count,lifetime_distance")
    assert (answer["source"], answer["range"]) == ("rollup", None)
    assert answer["data"] == [{"vehicle_count": 6, "lifetime_distance": 6000}]
    api.refused(422, "/api/metrics/vehicles", grain="day")
    api.refused(422, "/api/metrics/vehicles", start="2024-01-01")


def test_the_catalogue_of_metrics(api: Api) -> None:
    datasets = {each["dataset"]: each for each in api.get("/api/metrics")["datasets"]}
    assert list(datasets) == ["vehicles", "vehicle_logs", "shipments"]
    paths = [each["path"] for each in datasets["shipments"]["dimensions"]]
    assert datasets["vehicles"]["days"] is None
    known = {"first": str(min(DAY_OF.values())), "last": str(max(DAY_OF.values()))}
    assert datasets["vehicle_logs"]["days"] == known | {"newest": known["last"]}
    assert {"origin", "log.vehicle_id", "log.trip_date", "log.vehicle.vehicle_id"} <= set(paths)
    for path, dataset in itertools.product(paths[:3], ["shipments"]):
        api.get(f"/api/metrics/{dataset}", by=path, metrics="shipments", limit=1)


def test_key_figures_of_several_datasets(api: Api) -> None:
    wanted = "shipments.revenue,vehicle_logs.distance,vehicles.vehicle_count,vehicle_logs.active_vehicles"
    answer = api.get("/api/kpi", metrics=wanted, start="2024-03-01", end="2024-03-31")
    assert [each["metric"] for each in answer["figures"]] == wanted.split(",")
    revenue = answer["figures"][0]
    march = [each for each in DATED if each["day"].month == 3 and each["day"].year == 2024]
    february = [each for each in DATED if each["day"].month == 2 and each["day"].year == 2024]
    assert (revenue["value"], revenue["previous"]) == (expected(march)["revenue"], expected(february)["revenue"])
    assert revenue["compared"] == {"start": "2024-02-01", "end": "2024-02-29"}
    assert sum(point["value"] or 0 for point in revenue["series"]) == revenue["value"]
    assert answer["figures"][2]["series"] == []


@pytest.mark.parametrize("format", ["csv", "ndjson", "parquet"])
def test_answers_as_files(api: Api, format: str) -> None:
    query = {"metrics": "shipments,revenue", "by": "origin", "grain": "month"}
    rows = api.get("/api/metrics/shipments", **query)["data"]
    response = api.client.get("/api/metrics/shipments", params=query | {"format": format})
    assert response.status_code == 200
    assert response.headers["metrics-source"] == "rollup"
    if format == "csv":
        lines = response.text.splitlines()
        assert lines[0] == "period,origin,shipments,revenue"
        assert len(lines) == len(rows) + 1
    elif format == "ndjson":
        assert [json.loads(line, parse_float=Decimal) for line in response.text.splitlines()] == rows
        whole = api.client.get("/api/metrics/shipments", params={"format": format, "metrics": "shipments"})
        assert whole.json() == {"shipments": len(DATED)}
    else:
        table = parquet.read_table(io.BytesIO(response.content)).to_pylist()
        assert [each["shipments"] for each in table] == [row["shipments"] for row in rows]
        assert [each["revenue"] for each in table] == [row["revenue"] for row in rows]
        assert [each["period"].isoformat() for each in table] == [row["period"] for row in rows]


def test_the_types_of_parquet_are_those_of_the_metrics(api: Api) -> None:
    asked = {
        "metrics": "shipments,revenue,revenue_per_kg,p90_delivery_time",
        "by": "origin",
        "grain": "month",
        "compare": "previous",
        "format": "parquet",
    }
    found = [
        parquet.read_schema(io.BytesIO(api.client.get("/api/metrics/shipments", params=asked | more).content))
        for more in ({}, {"limit": 1}, {"filter": '{"origin":"nowhere"}'}, {"start": "2024-03-01", "end": "2024-03-01"})
    ]
    assert all(schema == found[0] for schema in found), "they do not depend on the values"
    types = {name: str(found[0].field(name).type) for name in found[0].names}
    assert types["period"] == "date32[day]"
    assert types["origin"] == "string"
    assert types["shipments"] == types["shipments_previous"] == "int64"
    assert types["revenue"] == "decimal128(38, 10)"
    assert types["revenue_per_kg"] == types["revenue_change"] == "decimal128(38, 20)"


@pytest.mark.parametrize(
    "query",
    [
        {"metrics": "revenu"},
        {"by": "nowhere"},
        {"by": "log.nowhere"},
        {"by": "road.x"},
        {"filter": "{"},
        {"filter": "[]"},
        {"filter": '{"cost":{"like":1}}'},
        {"filter": '{"cost":"much"}'},
        {"filter": '{"origin":{"gt":null}}'},
        {"filter": '{"or":[]}'},
        {"filter": "[" * 3_000},
        {"order": "weight"},
        {"show": "running"},
        {"show": "share", "metrics": "revenue_per_kg"},
        {"show": "share", "metrics": "destinations"},
        {"start": "2024-05-01", "end": "2024-04-01"},
        {"grain": "hour"},
        {"limit": 0},
        {"unknown": 1},
    ],
)
def test_what_cannot_be_answered_is_refused(api: Api, query: dict[str, Any]) -> None:
    problem = api.refused(422, "/api/metrics/shipments", **query)
    assert problem["errors"][0]["expected"]


def test_answers_from_pre_aggregates_are_kept(api: Api) -> None:
    for query, is_kept in (({"by": "origin"}, True), ({"by": "log.vehicle_id"}, False)):
        responses = [api.client.get("/api/metrics/shipments", params=query) for _ in range(2)]
        assert ("data-version" in responses[0].headers) is is_kept
        assert [response.content for response in responses] == [responses[0].content] * 2
        assert ("etag" in responses[1].headers) is is_kept
