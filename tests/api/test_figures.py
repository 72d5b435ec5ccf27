"""Every figure equals what plain Python computes from the raw rows (`oracle`), on worlds made to be difficult."""

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from logistics_pipeline.analytics.refresh import refresh
from tests.api import oracle
from tests.api.oracle import LISTS, Listing, Log, Master, Number, Reader, Shipment, Span, World


class Question(NamedTuple):
    start: date
    end: date
    interval_type: str
    periods_back: int


# The worlds: few days, few routes, few values, so that ties, gaps and coincidences are common.

FIRST, LAST = date(2024, 1, 25), date(2024, 4, 2)
AWKWARD = ["0", "0.005", "0.015", "1", "2.675", "7", "1e-7", "33.333", "123456789012.345", "99999999999999.995"]
days = st.dates(FIRST, LAST) | st.sampled_from([date(2024, 2, 29), date(2024, 3, 29), date(2024, 3, 31)])
measures = st.none() | st.sampled_from(AWKWARD).map(Decimal) | st.decimals(0, 500, places=3)
weights = measures.filter(lambda weight: weight is None or weight > 0)
vehicle_ids = st.sampled_from(["V1", "V2", "v2", "V10", "Ü-1/b c", "100%", "a\nb"])
places = st.sampled_from(["Aachen", "zürich", "100% Zug", "_"])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    driven = draw(st.lists(st.tuples(vehicle_ids, days, measures, measures), max_size=12))
    logs = [Log(f"L{number}", *rest) for number, rest in enumerate(driven)]
    log_ids = st.integers(0, len(logs) + 1).map(lambda number: f"L{number}")  # the last ones never arrived
    routes = draw(st.lists(st.tuples(places, places), min_size=1, max_size=6))  # few, so that some reach 5 shipments
    route = st.sampled_from(routes)
    carried = draw(st.lists(st.tuples(route, weights, measures, measures, log_ids), max_size=60))
    shipments = [Shipment(f"S{number}", *pair, *rest) for number, (pair, *rest) in enumerate(carried)]
    names = st.none() | st.just('Truck "1"\\')
    return World(draw(st.dictionaries(vehicle_ids, st.builds(Master, names, measures))), logs, shipments)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    start, end = sorted([draw(days), draw(days)])
    return Question(start, end, draw(st.sampled_from(["week", "month", "year"])), draw(st.integers(1, 3)))


def one_route(count: int, cost: str, hours: str, day: date, log_id: str) -> tuple[Log, list[Shipment]]:
    log = Log(log_id, "V1", day, Decimal(1), None)
    shipments = [
        Shipment(f"{log_id}-{number}", "A", "B", None, Decimal(cost), Decimal(hours), log_id) for number in range(count)
    ]
    return log, shipments


def two_months(now: tuple[int, str, str], before: tuple[int, str, str]) -> World:
    """Shipments on 31 March, and others on the last day of February."""
    log, shipments = one_route(*now, date(2024, 3, 31), "L1")
    earlier_log, earlier_shipments = one_route(*before, date(2024, 2, 29), "L0")
    return World({}, [log, earlier_log], shipments + earlier_shipments)


@pytest.fixture(scope="module")
def url(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    with new_database() as url:
        yield url


@pytest.fixture(scope="module")
def shared(url: str, serve: Any) -> Iterator[Any]:
    with serve(url) as api:
        yield api


@pytest.fixture(scope="module")
def show(url: str, shared: Any, store: Callable[..., None], wait_until: Callable[..., None]) -> Callable[[World], None]:
    """Puts a world into the database, refreshes the analytics, and waits until the API has heard of it."""

    def show(world: World) -> None:
        store(
            url,
            vehicles=[(vehicle_id, *master) for vehicle_id, master in world.vehicles.items()],
            vehicle_logs=world.logs,
            shipments=world.shipments,
        )
        version = refresh(url, full=True).data_version
        freshness = shared.app.state.database.freshness
        wait_until(lambda: freshness.published is not None and freshness.published.data_version == version)

    return show


def compare(api: Any, world: World, question: Question) -> None:
    """Every path of figures, for one range."""
    read, span = Reader(world), Span(question.start, question.end)
    days = {"start": str(span.start), "end": str(span.end)}
    assert api.get("/api/dashboard", **question._asdict()) == oracle.dashboard(read, span, *question[2:])
    target = Decimal("7")
    asked = {**days, "on_time_hours": str(target)}
    assert api.get("/api/figures/daily", **days) == oracle.daily(read, span)
    for grain in ("day", "week", "month", "weekday"):
        assert api.get("/api/figures/series", **days, grain=grain) == oracle.series(read, span, grain), grain
    for choice in ("previous", "weekday", "none"):
        assert api.get("/api/figures/summary", **days, compare=choice) == oracle.summary(read, span, choice)
        assert api.get("/api/figures/summary", **asked, compare=choice) == oracle.summary(read, span, choice, target)
    assert api.get("/api/shipments/analytics", **days) == oracle.shipment_analytics(read, span)
    assert api.get("/api/vehicles/metrics", **days) == oracle.vehicle_metrics(read, span)
    assert api.get("/api/costs/overview", **days) == oracle.cost_overview(read, span)
    assert api.get("/api/route/top-performing", **days, limit=100) == oracle.top_performing(read, span, 100)
    assert api.get("/api/route/top-performing", **asked) == oracle.top_performing(read, span, 10, target)
    assert api.get("/api/route/matrix", **days) == oracle.matrix(read, span)
    assert api.get("/api/route/matrix", **asked) == oracle.matrix(read, span, target)
    listed = oracle.page_of(oracle.reliability(read, span, target), Listing("on_target_rate"))
    assert api.get("/api/route/reliability", **asked, sort_by="on_target_rate") == listed
    for path, (rows, sort_by) in LISTS.items():
        assert api.get(path, **days) == oracle.page_of(rows(read, span), Listing(sort_by)), path


def compare_details(api: Any, world: World, span: Span, most: int = 10) -> None:
    """Some vehicles and some routes, those without anything in the range among them."""
    read, days = Reader(world), {"start": str(span.start), "end": str(span.end)}
    for vehicle_id in sorted({log.vehicle_id for log in world.logs} | world.vehicles.keys())[:most]:
        path = f"/api/vehicles/{quote(vehicle_id, safe='')}/details"
        assert api.get(path, **days) == oracle.vehicle_details(read, vehicle_id, span), vehicle_id
    for origin, destination in sorted(read.all_time)[:most]:
        found = api.get("/api/route/details", **days, origin=origin, destination=destination)
        assert found == oracle.route_details(read, (origin, destination), span), (origin, destination)
        found = api.get("/api/route/details", **days, origin=origin, destination=destination, on_time_hours="2.675")
        assert found == oracle.route_details(read, (origin, destination), span, Decimal("2.675"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(worlds(), questions())
@example(two_months((449, "1", "1"), (400, "1", "1")), Question(date(2024, 3, 31), date(2024, 3, 31), "month", 1))
@example(World({}, [], []), Question(FIRST, LAST, "year", 1))
def test_figures_equal_plain_arithmetic(shared: Any, show: Any, world: World, question: Question) -> None:
    show(world)
    compare(shared, world, question)
    compare_details(shared, world, Span(question.start, question.end))


@pytest.mark.slow
def test_figures_equal_plain_arithmetic_on_a_year_of_trips(shared: Any, show: Any) -> None:
    chance = random.Random(20240229)

    def measure(top: int) -> Number:
        return None if chance.random() < 0.1 else Decimal(chance.randrange(1, top * 1000)) / 1000

    first = date(2023, 7, 1)
    logs = [
        Log(f"L{n}", f"V{chance.randrange(25)}", first + timedelta(chance.randrange(400)), measure(900), measure(300))
        for n in range(2000)
    ]
    places = [f"Place {n}" for n in range(6)]
    shipments = [
        Shipment(
            f"S{n}",
            chance.choice(places),
            chance.choice(places),
            measure(900),
            measure(2000),
            measure(90),
            f"L{chance.randrange(2100)}",
        )
        for n in range(4000)
    ]
    world = World({f"V{n}": Master(f"Truck {n}", measure(9000)) for n in range(20)}, logs, shipments)
    show(world)
    for _ in range(8):
        start = first + timedelta(chance.randrange(-40, 400))
        end = start + timedelta(chance.choice([0, 1, 6, 30, 90, 400]))
        compare(shared, world, Question(start, end, chance.choice(["week", "month", "year"]), chance.randrange(1, 4)))
        compare_details(shared, world, Span(start, end), 3)


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        ((2245, "1", "1"), (2000, "1", "1"), Decimal("12.3")),  # 12.25
        ((1755, "1", "1"), (2000, "1", "1"), Decimal("-12.3")),  # -12.25
        ((2000, "1", "1"), (2000, "1", "1"), Decimal("0")),
    ],
)
def test_a_trend_of_half_a_tenth_is_rounded_away_from_zero(
    shared: Any, show: Any, now: Any, before: Any, expected: Decimal
) -> None:
    show(two_months(now, before))
    assert shared.get("/api/dashboard", start="2024-03-31", end="2024-03-31")["shipment_trend"] == expected


def test_a_trend_of_means_that_no_decimal_can_write_is_still_exact(shared: Any, show: Any) -> None:
    """Means of 449/1200 and 1/3 hours: +12.25 %, though neither mean ends."""
    world = two_months((1200, "1", "0"), (3, "1", "0"))
    long, one = Decimal(449), Decimal(1)
    shipments = [s._replace(delivery_time=long) if s.shipment_id == "L1-0" else s for s in world.shipments]
    shipments = [s._replace(delivery_time=one) if s.shipment_id == "L0-0" else s for s in shipments]
    show(world._replace(shipments=shipments))
    figures = shared.get("/api/dashboard", start="2024-03-31", end="2024-03-31")
    assert figures["delivery_time_trend"] == Decimal("12.3")
    assert figures["avg_delivery_time"] == Decimal("0.37")


def test_a_month_before_the_end_of_march_is_the_end_of_february(shared: Any, show: Any) -> None:
    show(two_months((3, "10", "5"), (2, "10", "4")))
    figures = shared.get("/api/dashboard", start="2024-03-30", end="2024-03-31", interval_type="month")
    assert figures["shipment_trend"] == 50
    assert figures["delivery_time_trend"] == 25


def test_the_default_comparison_is_one_month_back(shared: Any, show: Any) -> None:
    show(two_months((3, "10", "5"), (2, "10", "4")))
    span = {"start": "2024-03-31", "end": "2024-03-31"}
    assert shared.get("/api/dashboard", **span) == shared.get(
        "/api/dashboard", **span, interval_type="month", periods_back=1
    )


def test_quotients_are_rounded_once_even_where_they_are_huge(shared: Any, show: Any) -> None:
    """They are 999999999999999.00499996: with the 16 digits of PostgreSQL they would end in .0050, and round to .01."""
    day, huge, more = date(2024, 3, 31), Decimal(999999999999999), Decimal("4.99996")
    logs = [Log(f"L{n}", "V1", day, None, huge) for n in range(999)]
    logs.append(Log("L999", "V1", day, None, huge + more))
    logs.append(Log("M", "V2", day, 1000 * huge + more, Decimal(1000)))
    shipments = [Shipment(f"S{n}", "A", "B", None, huge, huge, "L0") for n in range(999)]
    shipments.append(Shipment("S999", "A", "B", None, huge + more, huge + more, "L0"))
    show(World({}, logs, shipments))
    compare(shared, World({}, logs, shipments), Question(day, day, "month", 1))
    overview = shared.get("/api/shipments/analytics", start="2024-03-31", end="2024-03-31")["overview"]
    assert overview["avg_cost_per_shipment"] == huge


def test_a_trend_just_below_half_a_tenth_is_not_rounded_up(shared: Any, show: Any) -> None:
    """+12.249999999999999999 %."""
    show(two_months((1, "112249999999999999.999", "1"), (1, "100000000000000000", "1")))
    figures = shared.get("/api/dashboard", start="2024-03-31", end="2024-03-31")
    assert figures["revenue_trend"] == Decimal("12.2")


def test_an_empty_range_answers_zeros_nulls_and_empty_lists(shared: Any, show: Any) -> None:
    show(two_months((5, "10", "5"), (2, "10", "4")))
    span = {"start": "1900-01-01", "end": "1900-01-01"}
    assert shared.get("/api/dashboard", **span, interval_type="year", periods_back=6000) == {
        "total_shipments": 0,
        "active_vehicles": 0,
        "total_revenue": 0,
        "avg_delivery_time": None,
        "shipment_trend": None,
        "vehicle_trend": None,
        "revenue_trend": None,
        "delivery_time_trend": None,
    }
    assert shared.get("/api/shipments/analytics", **span) == {
        "overview": {
            "total_shipments": 0,
            "avg_delivery_time": None,
            "total_cost": 0,
            "avg_cost_per_shipment": None,
            "total_weight": 0,
            "unique_origins": 0,
            "unique_destinations": 0,
        },
        "expensive_routes": [],
    }
    assert shared.get("/api/vehicles/metrics", **span) == []


def test_the_widest_range_there_is_has_every_dated_shipment(shared: Any, show: Any) -> None:
    show(two_months((5, "10", "5"), (2, "10", "4")))
    assert shared.get("/api/dashboard", start="1900-01-01", end="2100-12-31")["total_shipments"] == 7


def test_only_routes_with_five_shipments_are_listed_five_of_them_and_ties_by_name(shared: Any, show: Any) -> None:
    log = Log("L0", "V1", date(2024, 2, 1), None, None)
    costs = {"A": 10, "B": 30, "C": 20, "D": 20, "E": None, "F": 20, "G": 5}
    shipments = [
        Shipment(f"{origin}{number}", origin, "Z", None, None if cost is None else Decimal(cost), None, "L0")
        for origin, cost in costs.items()
        for number in range(5)
    ]
    shipments += [Shipment(f"X{number}", "X", "Z", None, Decimal(1000), None, "L0") for number in range(4)]
    show(World({}, [log], shipments))
    routes = shared.get("/api/shipments/analytics", start="2024-02-01", end="2024-02-01")["expensive_routes"]
    assert [route["origin"] for route in routes] == ["B", "C", "D", "F", "A"]


def test_a_route_without_any_cost_comes_last_with_null(shared: Any, show: Any) -> None:
    log = Log("L0", "V1", date(2024, 2, 1), None, None)
    shipments = [
        Shipment(f"{origin}{number}", origin, "Z", None, cost, None, "L0")
        for origin, cost in {"A": None, "B": Decimal(0)}.items()
        for number in range(5)
    ]
    show(World({}, [log], shipments))
    routes = shared.get("/api/shipments/analytics", start="2024-02-01", end="2024-02-01")["expensive_routes"]
    assert [(route["origin"], route["avg_cost_per_shipment"], route["total_cost"]) for route in routes] == [
        ("B", 0, 0),
        ("A", None, 0),
    ]
