"""Every figure equals what plain Python computes from the raw rows: in exact fractions, straight from the contract."""

import calendar
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from logistics_pipeline.refreshing import refresh

Number = Decimal | None


class Log(NamedTuple):
    log_id: str
    vehicle_id: str
    trip_date: date
    mileage: Number
    fuel_used: Number


class Shipment(NamedTuple):
    shipment_id: str
    origin: str
    destination: str
    weight: Number
    cost: Number
    delivery_time: Number
    log_id: str


class World(NamedTuple):
    names: dict[str, str | None]
    logs: list[Log]
    shipments: list[Shipment]


class Question(NamedTuple):
    start: date
    end: date
    interval_type: str
    periods_back: int


# The reference: one pass over the rows per figure, no grouping by day, no SQL.


def rounded(value: Fraction | None, digits: int = 2) -> Fraction | None:
    """Half away from zero."""
    if value is None:
        return None
    scale = 10**digits
    nearest = Fraction(int(abs(value) * scale + Fraction(1, 2)), scale)
    return -nearest if value < 0 else nearest


def total(values: list[Number]) -> Fraction:
    return sum((Fraction(value) for value in values if value is not None), Fraction())


def mean(values: list[Number]) -> Fraction | None:
    present = [Fraction(value) for value in values if value is not None]
    return sum(present, Fraction()) / len(present) if present else None


def quotient(dividend: Fraction, divisor: Fraction | int) -> Fraction | None:
    return dividend / divisor if divisor else None


def in_range(world: World, start: date, end: date) -> tuple[dict[str, Log], list[Shipment]]:
    logs = {log.log_id: log for log in world.logs if start <= log.trip_date <= end}
    return logs, [shipment for shipment in world.shipments if shipment.log_id in logs]


def moved_back(day: date, interval_type: str, periods: int) -> date:
    if interval_type == "week":
        return day - timedelta(weeks=periods)
    months = day.year * 12 + day.month - 1 - periods * (12 if interval_type == "year" else 1)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def key_figures(world: World, start: date, end: date) -> tuple[Fraction | None, ...]:
    logs, shipments = in_range(world, start, end)
    return (
        Fraction(len(shipments)),
        Fraction(len({log.vehicle_id for log in logs.values()})),
        total([shipment.cost for shipment in shipments]),
        mean([shipment.delivery_time for shipment in shipments]),
    )


def trend(now: Fraction | None, before: Fraction | None) -> Fraction | None:
    return None if now is None or not before else rounded(100 * (now - before) / before, 1)


def expected_dashboard(world: World, question: Question) -> dict[str, Any]:
    now = key_figures(world, question.start, question.end)
    move = question.interval_type, question.periods_back
    before = key_figures(world, moved_back(question.start, *move), moved_back(question.end, *move))
    figures = ["total_shipments", "active_vehicles", "total_revenue", "avg_delivery_time"]
    trends = ["shipment_trend", "vehicle_trend", "revenue_trend", "delivery_time_trend"]
    return dict(zip(figures, map(rounded, now), strict=True)) | dict(zip(trends, map(trend, now, before), strict=True))


def expected_analytics(world: World, question: Question) -> dict[str, Any]:
    logs, shipments = in_range(world, question.start, question.end)
    routes: dict[tuple[str, str], list[Shipment]] = {}
    for shipment in shipments:
        routes.setdefault((shipment.origin, shipment.destination), []).append(shipment)
    listed = []
    for (origin, destination), carried in sorted(routes.items()):
        average = mean([shipment.cost for shipment in carried])
        if len(carried) >= 5:
            listed.append((average is None, -(average or 0), origin, destination, carried))
    return {
        "overview": {
            "total_shipments": len(shipments),
            "avg_delivery_time": rounded(mean([shipment.delivery_time for shipment in shipments])),
            "total_cost": rounded(total([shipment.cost for shipment in shipments])),
            "avg_cost_per_shipment": rounded(mean([shipment.cost for shipment in shipments])),
            "total_weight": rounded(total([shipment.weight for shipment in shipments])),
            "unique_origins": len({shipment.origin for shipment in shipments}),
            "unique_destinations": len({shipment.destination for shipment in shipments}),
        },
        "expensive_routes": [
            {
                "origin": origin,
                "destination": destination,
                "total_shipments": len(carried),
                "total_cost": rounded(total([shipment.cost for shipment in carried])),
                "avg_cost_per_shipment": rounded(mean([shipment.cost for shipment in carried])),
                "avg_delivery_time": rounded(mean([shipment.delivery_time for shipment in carried])),
                "vehicles_used": len({logs[shipment.log_id].vehicle_id for shipment in carried}),
            }
            for _, _, origin, destination, carried in sorted(listed)[:5]
        ],
    }


def expected_vehicle(name: str | None, driven: list[Log], carried: list[Shipment]) -> dict[str, Any]:
    both = [log for log in driven if log.mileage is not None and log.fuel_used is not None]
    revenue = total([shipment.cost for shipment in carried])
    has_cost = any(shipment.cost is not None for shipment in carried)
    efficiency = quotient(total([log.mileage for log in both]), total([log.fuel_used for log in both]))
    return {
        "vehicle_id": driven[0].vehicle_id,
        "name": name,
        "total_trips": len(driven),
        "total_mileage": rounded(total([log.mileage for log in driven])),
        "total_fuel": rounded(total([log.fuel_used for log in driven])),
        "fuel_efficiency": rounded(efficiency),
        "shipments_delivered": len(carried),
        "avg_delivery_time": rounded(mean([shipment.delivery_time for shipment in carried])),
        "total_revenue": rounded(revenue),
        "revenue_per_trip": rounded(revenue / len(driven)) if has_cost else None,
        "fuel_per_trip": rounded(mean([log.fuel_used for log in driven])),
    }


def expected_metrics(world: World, question: Question) -> list[dict[str, Any]]:
    logs, shipments = in_range(world, question.start, question.end)
    vehicles = []
    for vehicle_id in {log.vehicle_id for log in logs.values()}:
        driven = [log for log in logs.values() if log.vehicle_id == vehicle_id]
        carried = [shipment for shipment in shipments if logs[shipment.log_id].vehicle_id == vehicle_id]
        revenue = total([shipment.cost for shipment in carried])
        vehicles.append((-revenue, vehicle_id, expected_vehicle(world.names.get(vehicle_id), driven, carried)))
    return [metrics for _, _, metrics in sorted(vehicles, key=lambda vehicle: vehicle[:2])]


# The worlds: few days, few routes, few values, so that ties, gaps and coincidences are common.

FIRST, LAST = date(2024, 1, 25), date(2024, 4, 2)
AWKWARD = ["0", "0.005", "0.015", "1", "2.675", "7", "1e-7", "33.333", "123456789012.345", "99999999999999.995"]
days = st.dates(FIRST, LAST) | st.sampled_from([date(2024, 2, 29), date(2024, 3, 29), date(2024, 3, 31)])
measures = st.none() | st.sampled_from(AWKWARD).map(Decimal) | st.decimals(0, 500, places=3)
weights = measures.filter(lambda weight: weight is None or weight > 0)
vehicle_ids = st.sampled_from(["V1", "V2", "v2", "V10", "Ü-1"])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    driven = draw(st.lists(st.tuples(vehicle_ids, days, measures, measures), max_size=12))
    logs = [Log(f"L{number}", *rest) for number, rest in enumerate(driven)]
    log_ids = st.integers(0, len(logs) + 1).map(lambda number: f"L{number}")  # the last ones never arrived
    places = st.sampled_from(["Aachen", "zürich", "Zug"])
    carried = draw(st.lists(st.tuples(places, places, weights, measures, measures, log_ids), max_size=40))
    shipments = [Shipment(f"S{number}", *rest) for number, rest in enumerate(carried)]
    names = draw(st.dictionaries(vehicle_ids, st.none() | st.just('Truck "1"\\')))
    return World(names, logs, shipments)


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
def show(url: str, store: Callable[..., None]) -> Callable[[World], None]:
    """Puts a world into the database and refreshes the analytics."""

    def show(world: World) -> None:
        store(
            url,
            vehicles=[(vehicle_id, name, None) for vehicle_id, name in world.names.items()],
            vehicle_logs=world.logs,
            shipments=world.shipments,
        )
        refresh(url, full=True)

    return show


def compare(api: Any, world: World, question: Question) -> None:
    span = {"start": str(question.start), "end": str(question.end)}
    assert api.get("/api/dashboard", **question._asdict()) == expected_dashboard(world, question)
    assert api.get("/api/shipments/analytics", **span) == expected_analytics(world, question)
    assert api.get("/api/vehicles/metrics", **span) == expected_metrics(world, question)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(worlds(), questions())
@example(two_months((449, "1", "1"), (400, "1", "1")), Question(date(2024, 3, 31), date(2024, 3, 31), "month", 1))
@example(World({}, [], []), Question(FIRST, LAST, "year", 1))
def test_figures_equal_plain_arithmetic(shared: Any, show: Any, world: World, question: Question) -> None:
    show(world)
    compare(shared, world, question)


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
    world = World({f"V{n}": f"Truck {n}" for n in range(20)}, logs, shipments)
    show(world)
    for _ in range(25):
        start = first + timedelta(chance.randrange(-40, 400))
        end = start + timedelta(chance.choice([0, 1, 6, 30, 90, 400]))
        compare(shared, world, Question(start, end, chance.choice(["week", "month", "year"]), chance.randrange(1, 4)))


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
