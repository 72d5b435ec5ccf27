"""One vehicle, one route: keys of any characters, what is unknown, and worlds made for one rule each."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from logistics_pipeline.analytics.refresh import refresh
from tests.api import oracle
from tests.api.oracle import Listing, Log, Master, Reader, Shipment, Span, World

DAY = date(2024, 2, 1)
SPAN = Span(DAY, DAY)
DAYS = {"start": str(DAY), "end": str(DAY)}
ODD = [
    "a/b",
    "a/b/details",
    "/",
    "//x",
    "a b",
    "a?b#c",
    "50%",
    "%2F",
    "Ünïcödé 🚚",
    "a\nb",
    "metrics",
    "'; --",
    "a\\b",
    "+",
]


@pytest.fixture
def show(
    api: Any, database_url: str, store: Callable[..., None], wait_until: Callable[..., None]
) -> Callable[[World], Reader]:
    """Puts a world behind the API."""

    def show(world: World) -> Reader:
        vehicles = [(vehicle_id, *master) for vehicle_id, master in world.vehicles.items()]
        store(database_url, vehicles=vehicles, vehicle_logs=world.logs, shipments=world.shipments)
        version = refresh(database_url, full=True).data_version
        freshness = api.app.state.database.freshness
        wait_until(lambda: freshness.published is not None and freshness.published.data_version == version)
        return Reader(world)

    return show


def details_path(vehicle_id: str) -> str:
    return f"/api/vehicles/{quote(vehicle_id, safe='')}/details"


def routes_of(*wanted: tuple[str, int, str | None, str | None, str | None]) -> World:
    """A world of one log; per route: its origin, how many shipments, and the weight, cost and hours of each."""

    def measure(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    return World(
        {},
        [Log("L", "V", DAY, Decimal(100), None)],
        [
            Shipment(f"{origin}{n}", origin, "Z", measure(weight), measure(cost), measure(hours), "L")
            for origin, count, weight, cost, hours in wanted
            for n in range(count)
        ],
    )


def test_keys_of_any_characters_lead_to_their_vehicle(api: Any, show: Any) -> None:
    logs = [Log(f"L{n}", key, DAY, Decimal(n), Decimal(1)) for n, key in enumerate(ODD)]
    shipments = [Shipment(f"S{n}", key, "Z", None, Decimal(n), None, f"L{n}") for n, key in enumerate(ODD)]
    read = show(World({key: Master(key, Decimal(7)) for key in ODD[::2]}, logs, shipments))
    for key in ODD:
        answer = api.get(details_path(key), **DAYS)
        assert answer == oracle.vehicle_details(read, key, SPAN), key
        route = api.get("/api/route/details", origin=key, destination="Z", **DAYS)
        assert route == oracle.route_details(read, (key, "Z"), SPAN), key


def test_a_slash_may_also_be_written_as_it_is(api: Any, show: Any) -> None:
    show(World({"a/b": Master()}, [], []))
    assert api.get("/api/vehicles/a/b/details", **DAYS)["summary"]["vehicle_id"] == "a/b"


@pytest.mark.parametrize("vehicle_id", ["nobody", "V1 ", "v1", "/", "V%"])
def test_an_unknown_vehicle_is_not_found(api: Any, show: Any, vehicle_id: str) -> None:
    show(World({"V1": Master()}, [Log("L", "V2", DAY, None, None)], []))
    problem = api.refused(404, details_path(vehicle_id), **DAYS)
    assert problem["type"] == "urn:logistics:problem:unknown-vehicle"


def test_what_no_key_can_be_is_refused(api: Any) -> None:
    for vehicle_id in ("a\0b", "a" * 256):
        problem = api.refused(422, details_path(vehicle_id), **DAYS)
        assert [error["parameter"] for error in problem["errors"]] == ["vehicle_id"]
    problem = api.refused(422, "/api/route/details", origin="a\0", destination="", **DAYS)
    assert [error["parameter"] for error in problem["errors"]] == ["origin", "destination"]


def test_a_vehicle_known_by_master_data_or_by_a_log_alone_answers_zeros_elsewhere(api: Any, show: Any) -> None:
    read = show(World({"V1": Master("Truck", Decimal("12.345"))}, [Log("L", "V2", DAY, None, None)], []))
    for vehicle_id in ("V1", "V2"):
        later = Span(DAY + timedelta(1), DAY + timedelta(9))
        answer = api.get(details_path(vehicle_id), start=str(later.start), end=str(later.end))
        assert answer == oracle.vehicle_details(read, vehicle_id, later)
        assert answer["daily_performance"] == answer["top_routes"] == []


def test_a_vehicle_whose_logs_are_all_gone_is_unknown_again(api: Any, show: Any, database_url: str) -> None:
    show(World({}, [Log("L", "V1", DAY, None, None)], []))
    assert api.get(details_path("V1"), **DAYS)["summary"]["total_trips"] == 1
    show(World({}, [Log("L", "V2", DAY, None, None)], []))
    with psycopg.connect(database_url) as connection:
        numbers = connection.execute("SELECT count(*) FROM analytics.vehicle_numbers").fetchone()
    assert numbers == (2,)  # it keeps its number
    api.refused(404, details_path("V1"), **DAYS)


def test_a_log_with_several_shipments_of_a_route_is_one_trip_of_it(api: Any, show: Any) -> None:
    log = Log("L", "V", DAY, Decimal(1), None)
    shipments = [Shipment(f"S{n}", "A", "B", None, Decimal(n), Decimal(n), "L") for n in range(4)]
    read = show(World({}, [log], shipments))
    answer = api.get(details_path("V"), **DAYS)
    assert answer == oracle.vehicle_details(read, "V", SPAN)
    assert [route["route_trips"] for route in answer["top_routes"]] == [1]


def test_a_route_that_never_was_is_not_found_and_one_that_rests_answers_zeros(api: Any, show: Any) -> None:
    read = show(routes_of(("A", 3, "1", "1", "1")))
    for origin, destination in (("Z", "A"), ("a", "Z"), ("A", "z"), ("A ", "Z")):
        problem = api.refused(404, "/api/route/details", origin=origin, destination=destination, **DAYS)
        assert problem["type"] == "urn:logistics:problem:unknown-route"
    later = Span(DAY + timedelta(1), DAY + timedelta(9))
    answer = api.get("/api/route/details", origin="A", destination="Z", start=str(later.start), end=str(later.end))
    assert answer == oracle.route_details(read, ("A", "Z"), later)
    assert answer["distribution"] == {"bin_width": None, "bins": []}


@pytest.mark.parametrize(
    "hours",
    [
        ["0"],
        ["5", "5", "5"],
        ["0", "0.30"],
        ["0", "0.301"],
        ["0.01", "30"],
        ["0.009999999999999999999999999", "1e3"],
        ["0", "1e90"],
        [str(n) for n in range(100)],
        [str(n * n) for n in range(40)],
    ],
)
def test_bins_are_of_one_round_width_without_gaps(api: Any, show: Any, hours: list[str]) -> None:
    log = Log("L", "V", DAY, None, None)
    shipments = [Shipment(f"S{n}", "A", "Z", None, None, Decimal(value), "L") for n, value in enumerate(hours)]
    read = show(World({}, [log], shipments))
    answer = api.get("/api/route/details", origin="A", destination="Z", **DAYS)
    assert answer == oracle.route_details(read, ("A", "Z"), SPAN)
    bins = answer["distribution"]["bins"]
    assert sum(bin["shipments"] for bin in bins) == len(hours)
    assert len(bins) <= 32


def test_equal_value_scores_share_a_category(api: Any, show: Any) -> None:
    read = show(routes_of(*[(name, 5, "1", cost, "3") for name, cost in zip("ABCDEFG", "1222245", strict=True)]))
    answer = api.get("/api/route/cost-value", **DAYS, sort_by="origin", sort_order="asc")
    assert answer == oracle.page_of(oracle.cost_value(read, SPAN), Listing("origin", "asc"))
    categories = [row["value_category"].split()[0] for row in answer["data"]]
    assert categories == ["High"] * 5 + ["Low"] * 2


@pytest.mark.parametrize("count", range(1, 8))
def test_thirds_are_as_equal_as_can_be(api: Any, show: Any, count: int) -> None:
    show(routes_of(*[(name, 5, "1", str(cost), "1") for cost, name in enumerate("ABCDEFG"[:count], 1)]))
    rows = api.get("/api/route/cost-value", **DAYS)["data"]
    found = [row["value_category"] for row in rows]
    sizes = [found.count(category) for category in ("High Value", "Medium Value", "Low Value")]
    assert sizes == sorted(sizes, reverse=True) and max(sizes) - min(sizes) <= 1 and sum(sizes) == count


def test_exactly_a_fifth_above_the_mean_is_not_yet_high_though_the_mean_never_ends(api: Any, show: Any) -> None:
    """Means of 1/3, 1/3 ... and one of 1.2 times their mean: all three decimals go on for ever."""
    log = Log("L", "V", DAY, None, None)

    def route(origin: str, thirds: int) -> list[Shipment]:  # 6 shipments, `thirds` x 2 hours in all
        hours = [Decimal(2 * thirds)] + [Decimal(0)] * 5
        return [Shipment(f"{origin}{n}", origin, "Z", None, None, value, "L") for n, value in enumerate(hours)]

    # means 1/3 x (4, 5, 6): their mean is 5/3, and 6/3 is 1.2 times that
    read = show(World({}, [log], route("A", 4) + route("B", 5) + route("C", 6)))
    answer = api.get("/api/route/optimization", **DAYS)
    assert answer == oracle.page_of(oracle.optimization(read, SPAN), Listing("cost_time_efficiency"))
    recommended = {row["optimization_recommendation"] for row in answer["data"]}
    assert recommended == {"Performing within normal parameters"}


def test_each_recommendation_has_its_case(api: Any, show: Any) -> None:
    read = show(
        routes_of(
            ("slow", 5, "10", "10", "90"),
            ("dear", 5, "10", "90", "10"),
            ("unweighed", 5, None, "50", "10"),
            ("plain", 12, "10", "10", "10"),
        )
    )
    answer = api.get("/api/route/optimization", **DAYS)
    assert answer == oracle.page_of(oracle.optimization(read, SPAN), Listing("cost_time_efficiency"))
    assert {row["origin"]: row["optimization_recommendation"].split(" - ")[0] for row in answer["data"]} == {
        "slow": "High delivery time",
        "dear": "High cost per weight",
        "unweighed": "Low volume, high cost",
        "plain": "Performing within normal parameters",
    }


def test_on_time_is_up_to_an_hour_above_the_mean_of_all_time_even_one_that_never_ends(api: Any, show: Any) -> None:
    """1/3 + 1 hours: 1.3333333333333333333333 is on time, one ten-sextillionth more is not."""
    later = DAY + timedelta(40)
    logs = [Log("L0", "V", DAY, None, None), Log("L1", "V", later, None, None)]
    close = [Decimal("1.3333333333333333333333"), Decimal("1.3333333333333333333334")]
    rest = Decimal(5) - sum(close)  # 15 shipments, 5 hours in all
    shipments = [
        Shipment(f"S{n}", "A", "Z", None, None, hours, "L0")
        for n, hours in enumerate([*close, Decimal(0), Decimal(0), Decimal(0)])
    ]
    shipments += [Shipment(f"T{n}", "A", "Z", None, None, rest / 10, "L1") for n in range(10)]
    read = show(World({}, logs, shipments))
    answer = api.get("/api/route/reliability", **DAYS)
    assert answer == oracle.page_of(oracle.reliability(read, SPAN), Listing("reliability_score"))
    assert answer["data"][0]["on_time_delivery_rate"] == 80


def test_days_without_a_weight_of_their_own_leave_efficiencies_null_and_the_routes_listed_last(
    api: Any, show: Any
) -> None:
    read = show(routes_of(("A", 5, None, "1", "1"), ("B", 5, "1", "1", "1"), ("C", 5, "2", "1", "3")))
    answer = api.get("/api/route/top-performing", **DAYS)
    assert answer == oracle.top_performing(read, SPAN, 10)
    assert answer[-1]["origin"] == "A" and answer[-1]["overall_score"] is None


def test_growth_is_measured_against_the_days_right_before(api: Any, show: Any) -> None:
    logs = [Log(f"L{n}", "V", DAY - timedelta(n), Decimal(10), None) for n in range(8)]
    shipments = [Shipment(f"S{n}", "A", "B", None, Decimal(2**n), None, f"L{n}") for n in range(8)]
    read = show(World({}, logs, shipments))
    span = Span(DAY - timedelta(2), DAY)
    answer = api.get("/api/costs/overview", start=str(span.start), end=str(span.end))
    assert answer == oracle.cost_overview(read, span)
    assert (answer["total_cost"], answer["prev_total_cost"]) == (1 + 2 + 4, 8 + 16 + 32)
    assert answer["cost_growth_percentage"] == Decimal("-87.5")


def test_the_range_before_the_first_day_of_all_can_be_asked_for(api: Any, show: Any) -> None:
    show(routes_of(("A", 5, "1", "1", "1")))
    answer = api.get("/api/figures/summary", start="1900-01-01", end="2100-12-31")
    assert answer["previous_end"] == "1899-12-31"
    assert answer["trend"]["shipments"] is None
    assert api.get("/api/costs/overview", start="1900-01-01", end="2100-12-31")["prev_total_cost"] == 0


def test_before_anything_has_come_every_path_answers_nothing(api: Any) -> None:
    read = Reader(World({}, [], []))
    assert api.get("/api/figures/summary", **DAYS) == oracle.summary(read, SPAN, "previous")
    assert api.get("/api/figures/daily", **DAYS) == {"data": []}
    assert api.get("/api/route/matrix", **DAYS) == {"data": []}
    assert api.get("/api/costs/overview", **DAYS) == oracle.cost_overview(read, SPAN)
    assert api.get("/api/route/top-performing", **DAYS) == []
    for path in oracle.LISTS:
        assert api.get(path, **DAYS) == {"data": [], "total": 0, "page": 1, "page_size": 10}
