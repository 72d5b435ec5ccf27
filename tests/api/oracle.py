"""Every figure computed a second time: in exact fractions, from the raw rows, straight from the data contract.

One pass over the rows per figure: nothing is grouped by day, nothing is SQL, nothing is shared with the product.
"""

import calendar
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import ceil, isqrt
from typing import Any, NamedTuple

Number = Decimal | None
Exact = Fraction | None
Pair = tuple[str, str]


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


class Master(NamedTuple):
    name: str | None = None
    total_mileage: Number = None


class World(NamedTuple):
    vehicles: dict[str, Master]
    logs: list[Log]
    shipments: list[Shipment]


class Span(NamedTuple):
    start: date
    end: date


class Listing(NamedTuple):
    """The parameters of a list."""

    sort_by: str
    sort_order: str = "desc"
    page: int = 1
    page_size: int = 10
    search: str = ""


# Arithmetic


def rounded(value: Exact, digits: int = 2) -> Exact:
    """Half away from zero."""
    if value is None:
        return None
    scale = 10**digits
    nearest = Fraction(int(abs(value) * scale + Fraction(1, 2)), scale)
    return -nearest if value < 0 else nearest


def root(value: Exact) -> Exact:
    """Exact where it can be, else right to 80 decimals: no such root lies half-way between two answers."""
    if value is None:
        return None
    top, bottom = isqrt(value.numerator), isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    scale = 10**80
    return Fraction(isqrt(value.numerator * scale * scale // value.denominator), scale)


def present(values: Iterable[Number]) -> list[Fraction]:
    return [Fraction(value) for value in values if value is not None]


def total(values: Iterable[Number]) -> Fraction:
    return sum(present(values), Fraction())


def mean(values: Iterable[Number]) -> Exact:
    there = present(values)
    return sum(there, Fraction()) / len(there) if there else None


def mean_of(values: Iterable[Exact]) -> Exact:
    there = [value for value in values if value is not None]
    return sum(there, Fraction()) / len(there) if there else None


def quotient(dividend: Exact, divisor: Exact | int) -> Exact:
    return dividend / divisor if dividend is not None and divisor else None


def trend(now: Exact, before: Exact) -> Exact:
    return None if now is None or not before else rounded(100 * (now - before) / before, 1)


def ratio(pairs: Iterable[tuple[Number, Number]]) -> Exact:
    """The sum of the first by the sum of the second, over those that have both."""
    both = [(above, below) for above, below in pairs if above is not None and below is not None]
    return quotient(total(above for above, _ in both), total(below for _, below in both))


# What lies in a range


@dataclass
class Carried:
    """Some shipments, and what is asked of them."""

    world: "Reader"
    shipments: list[Shipment]

    def total(self, measure: str) -> Fraction:
        return total(getattr(shipment, measure) for shipment in self.shipments)

    def mean(self, measure: str) -> Exact:
        return mean(getattr(shipment, measure) for shipment in self.shipments)

    @property
    def count(self) -> int:
        return len(self.shipments)

    @property
    def with_cost(self) -> int:
        return sum(shipment.cost is not None for shipment in self.shipments)

    @property
    def has_cost(self) -> bool:
        return self.with_cost > 0

    @cached_property
    def hours(self) -> list[Fraction]:
        return sorted(present(shipment.delivery_time for shipment in self.shipments))

    @cached_property
    def vehicles(self) -> list[str]:
        return sorted({self.world.log_by_id[shipment.log_id].vehicle_id for shipment in self.shipments})

    @cached_property
    def cost_per_kg(self) -> Exact:
        return ratio((shipment.cost, shipment.weight) for shipment in self.shipments)

    @cached_property
    def value_score(self) -> Exact:
        return ratio((shipment.cost, shipment.delivery_time) for shipment in self.shipments)

    @cached_property
    def mean_hours(self) -> Exact:
        return self.mean("delivery_time")

    @cached_property
    def variance(self) -> Exact:
        if len(self.hours) < 2:
            return None
        middle = sum(self.hours, Fraction()) / len(self.hours)
        return sum(((hours - middle) ** 2 for hours in self.hours), Fraction()) / (len(self.hours) - 1)

    @property
    def variation(self) -> Exact:
        return root(self.variance)

    @property
    def reliability(self) -> Exact:
        if self.variance is None or not self.mean_hours:
            return None
        share = root(self.variance / self.mean_hours**2)
        assert share is not None
        return 100 * (1 - share)

    @cached_property
    def on_time_rate(self) -> Exact:
        timed = [shipment for shipment in self.shipments if shipment.delivery_time is not None]
        in_time = [shipment for shipment in timed if self.world.is_on_time(shipment)]
        return quotient(Fraction(100 * len(in_time)), len(timed))


def on_target_rate(carried: Carried, target: Number) -> Exact:
    if target is None:
        return None
    kept = [hours for hours in carried.hours if hours <= Fraction(target)]
    return quotient(Fraction(100 * len(kept)), len(carried.hours))


def revenue_per_km(carried: Carried, logs: list[Log]) -> Exact:
    return quotient(*revenue_and_km(carried, logs))


def revenue_and_km(carried: Carried, logs: list[Log]) -> tuple[Fraction, Fraction]:
    """Trip by trip: those of which both what customers paid and the distance are known."""
    revenue, km = Fraction(), Fraction()
    for log in logs:
        paid = present(shipment.cost for shipment in carried.shipments if shipment.log_id == log.log_id)
        if paid and log.mileage is not None:
            revenue, km = revenue + sum(paid, Fraction()), km + Fraction(log.mileage)
    return revenue, km


class Reader:
    """A world, read for ranges of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.log_by_id = {log.log_id: log for log in world.logs}
        dated = [shipment for shipment in world.shipments if shipment.log_id in self.log_by_id]
        self.all_time = {pair: mean(s.delivery_time for s in found) for pair, found in by_route(dated).items()}

    def is_on_time(self, shipment: Shipment) -> bool:
        usual = self.all_time[shipment.origin, shipment.destination]
        assert usual is not None and shipment.delivery_time is not None
        return Fraction(shipment.delivery_time) <= usual + 1

    def logs(self, span: Span) -> list[Log]:
        return [log for log in self.world.logs if span.start <= log.trip_date <= span.end]

    def carried(self, span: Span) -> Carried:
        there = {log.log_id for log in self.logs(span)}
        return Carried(self, [shipment for shipment in self.world.shipments if shipment.log_id in there])

    def routes(self, span: Span, least: int = 1) -> list[tuple[Pair, Carried]]:
        """Routes of the range with at least so many shipments, by name."""
        found = by_route(self.carried(span).shipments)
        return [(pair, Carried(self, found[pair])) for pair in sorted(found) if len(found[pair]) >= least]


def by_route(shipments: Iterable[Shipment]) -> dict[Pair, list[Shipment]]:
    found: dict[Pair, list[Shipment]] = {}
    for shipment in shipments:
        found.setdefault((shipment.origin, shipment.destination), []).append(shipment)
    return found


def moved_back(day: date, interval_type: str, periods: int) -> date:
    if interval_type == "week":
        return day - timedelta(weeks=periods)
    months = day.year * 12 + day.month - 1 - periods * (12 if interval_type == "year" else 1)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def previous(span: Span) -> Span:
    """The range of equal length that ends the day before."""
    return Span(span.start - (span.end - span.start) - timedelta(1), span.start - timedelta(1))


def named(pair: Pair, **figures: Any) -> dict[str, Any]:
    return {"origin": pair[0], "destination": pair[1]} | figures


def best(rows: list[dict[str, Any]], figure: str, count: int) -> list[dict[str, Any]]:
    """The rows with the highest figure, none last, ties as they stand."""
    return in_order(rows, figure, "desc")[:count]


def in_order(rows: list[dict[str, Any]], figure: str, order: str) -> list[dict[str, Any]]:
    there = [row for row in rows if row[figure] is not None]
    there.sort(key=lambda row: row[figure], reverse=order == "desc")
    return there + [row for row in rows if row[figure] is None]


# The answers


def dashboard(read: Reader, span: Span, interval_type: str = "month", periods_back: int = 1) -> dict[str, Any]:
    before = Span(*(moved_back(day, interval_type, periods_back) for day in span))
    now, then = _key_figures(read, span), _key_figures(read, before)
    figures = ["total_shipments", "active_vehicles", "total_revenue", "avg_delivery_time"]
    trends = ["shipment_trend", "vehicle_trend", "revenue_trend", "delivery_time_trend"]
    return dict(zip(figures, map(rounded, now), strict=True)) | dict(zip(trends, map(trend, now, then), strict=True))


def _key_figures(read: Reader, span: Span) -> list[Exact]:
    carried = read.carried(span)
    return [
        Fraction(carried.count),
        Fraction(len({log.vehicle_id for log in read.logs(span)})),
        carried.total("cost"),
        carried.mean_hours,
    ]


def same_weekdays(span: Span) -> Span:
    """The same range as few whole weeks earlier as leave no day in both."""
    weeks = next(weeks for weeks in range(1, 40_000) if span.end - timedelta(weeks=weeks) < span.start)
    return Span(*(day - timedelta(weeks=weeks) for day in span))


def summary(read: Reader, span: Span, compare: str, target: Number = None) -> dict[str, Any]:
    days = [log.trip_date for log in read.world.logs]
    future = [day for day in days if day > datetime.now(timezone(timedelta(hours=14))).date()]
    then = {"previous": previous, "weekday": same_weekdays, "none": lambda _: None}[compare](span)
    now_figures = _summary_figures(read, span, target)
    then_figures = _summary_figures(read, then, target) if then else {}
    return {
        "start": str(span.start),
        "end": str(span.end),
        "previous_start": str(then.start) if then else None,
        "previous_end": str(then.end) if then else None,
        "first_day": str(min(days)) if days else None,
        "last_day": str(max(set(days) - set(future) or days)) if days else None,
        "future_days": {"count": len(set(future)), "newest": str(max(future)) if future else None},
        "on_time_hours": None if target is None else Fraction(target),
        "current": {name: rounded(value) for name, value in now_figures.items()},
        "previous": {name: rounded(value) for name, value in then_figures.items()} if then else None,
        "trend": {
            name: trend(now_figures[name], value)
            for name, value in then_figures.items()
            if name != "shipments_with_cost"
        }
        if then
        else None,
    }


def _summary_figures(read: Reader, span: Span, target: Number) -> dict[str, Exact]:
    carried, logs = read.carried(span), read.logs(span)
    return {
        "shipments": Fraction(carried.count),
        "active_vehicles": Fraction(len({log.vehicle_id for log in logs})),
        "revenue": carried.total("cost"),
        "shipments_with_cost": Fraction(carried.with_cost),
        "avg_delivery_time": carried.mean_hours,
        "cost_per_km": _cost_per_km(carried, logs),
        "revenue_per_km": revenue_per_km(carried, logs),
        "fuel_per_100_km": _fuel_per_100_km(logs),
        "on_time_delivery_rate": carried.on_time_rate,
        "on_target_rate": on_target_rate(carried, target),
    }


def _cost_per_km(carried: Carried, logs: list[Log]) -> Exact:
    return quotient(carried.total("cost"), total(log.mileage for log in logs)) if carried.has_cost else None


def _fuel_per_100_km(logs: list[Log]) -> Exact:
    litres = ratio((log.fuel_used, log.mileage) for log in logs)
    return None if litres is None else 100 * litres


def daily(read: Reader, span: Span) -> dict[str, Any]:
    days = sorted({log.trip_date for log in read.logs(span)})
    return {"data": [{"date": str(day), **_day_figures(read, [day])} for day in days]}


def _day_figures(read: Reader, days: list[date]) -> dict[str, Any]:
    logs = [log for log in read.world.logs if log.trip_date in days]
    there = {log.log_id for log in logs}
    carried = Carried(read, [shipment for shipment in read.world.shipments if shipment.log_id in there])
    revenue, km = revenue_and_km(carried, logs)
    return {
        "shipments": carried.count,
        "revenue": rounded(carried.total("cost")),
        "trips": len(logs),
        "active_vehicles": len({log.vehicle_id for log in logs}),
        "avg_delivery_time": rounded(carried.mean_hours),
        "mileage": rounded(total(log.mileage for log in logs)),
        "mileage_count": len(present(log.mileage for log in logs)),
        "fuel": rounded(total(log.fuel_used for log in logs)),
        "fuel_count": len(present(log.fuel_used for log in logs)),
        "cost_per_km": rounded(_cost_per_km(carried, logs)),
        "revenue_per_km": rounded(revenue_per_km(carried, logs)),
        "cost_with_mileage": rounded(revenue),
        "mileage_with_cost": rounded(km),
        "fuel_per_100_km": rounded(_fuel_per_100_km(logs)),
    }


def series(read: Reader, span: Span, grain: str) -> dict[str, Any]:
    """Walks through the calendar day by day: nothing is truncated or shifted."""
    calendar_days = [span.start + timedelta(number) for number in range((span.end - span.start).days + 1)]
    named: dict[Any, list[date]] = {}
    for day in calendar_days:
        named.setdefault(_period(day, grain), []).append(day)
    driven = {log.trip_date for log in read.world.logs}
    periods = [days for _, days in sorted(named.items()) if driven & set(days)]
    return {"grain": grain, "data": [_period_figures(read, days, driven, grain) for days in periods]}


def _period(day: date, grain: str) -> Any:
    week = day.isocalendar()
    return {
        "day": day,
        "week": (week.year, week.week),
        "month": (day.year, day.month),
        "weekday": week.weekday,
    }[grain]


def _period_figures(read: Reader, days: list[date], driven: set[date], grain: str) -> dict[str, Any]:
    span = {"start": str(days[0]), "end": str(days[-1])}
    return {
        **({"weekday": days[0].isoweekday()} if grain == "weekday" else span),
        "days": len(days),
        "days_with_trips": len(driven & set(days)),
        **_day_figures(read, [day for day in days if day in driven]),
    }


def shipment_analytics(read: Reader, span: Span) -> dict[str, Any]:
    carried = read.carried(span)
    listed = [
        named(
            pair,
            total_shipments=route.count,
            total_cost=rounded(route.total("cost")),
            avg_cost_per_shipment=rounded(route.mean("cost")),
            avg_delivery_time=rounded(route.mean_hours),
            vehicles_used=len(route.vehicles),
        )
        for pair, route in read.routes(span, 5)
    ]
    return {
        "overview": {
            "total_shipments": carried.count,
            "avg_delivery_time": rounded(carried.mean_hours),
            "total_cost": rounded(carried.total("cost")),
            "avg_cost_per_shipment": rounded(carried.mean("cost")),
            "total_weight": rounded(carried.total("weight")),
            "unique_origins": len({shipment.origin for shipment in carried.shipments}),
            "unique_destinations": len({shipment.destination for shipment in carried.shipments}),
        },
        "expensive_routes": best(listed, "avg_cost_per_shipment", 5),
    }


def cost_overview(read: Reader, span: Span) -> dict[str, Any]:
    now, then = read.carried(span), read.carried(previous(span))
    listed = [
        named(
            pair,
            total_cost=rounded(route.total("cost")),
            shipment_count=route.count,
            avg_cost=rounded(route.mean("cost")),
        )
        for pair, route in read.routes(span, 5)
    ]
    return {
        "total_cost": rounded(now.total("cost")),
        "avg_cost_per_shipment": rounded(now.mean("cost")),
        "total_shipments": now.count,
        "cost_per_km": rounded(_cost_per_km(now, read.logs(span))),
        "revenue_per_km": rounded(revenue_per_km(now, read.logs(span))),
        "cost_per_kg": rounded(now.cost_per_kg),
        "vehicles_used": len(now.vehicles),
        "prev_total_cost": rounded(then.total("cost")),
        "prev_avg_cost": rounded(then.mean("cost")),
        "cost_growth_percentage": trend(now.total("cost"), then.total("cost")),
        "avg_cost_growth_percentage": trend(now.mean("cost"), then.mean("cost")),
        "top_cost_routes": best(listed, "total_cost", 5),
    }


def vehicle_metrics(read: Reader, span: Span) -> list[dict[str, Any]]:
    vehicles = []
    for vehicle_id in sorted({log.vehicle_id for log in read.logs(span)}):
        found = _vehicle(read, vehicle_id, span)
        vehicles.append(
            {
                "vehicle_id": vehicle_id,
                "name": found["name"],
                "total_trips": found["total_trips"],
                "total_mileage": found["period_mileage"],
                "mileage_count": found["mileage_count"],
                "total_fuel": found["total_fuel"],
                "fuel_count": found["fuel_count"],
                "fuel_efficiency": found["fuel_efficiency"],
                "shipments_delivered": found["deliveries_completed"],
                "avg_delivery_time": found["avg_delivery_time"],
                "total_revenue": found["total_revenue"],
                "revenue_per_trip": found["revenue_per_trip"],
                "revenue_per_km": found["revenue_per_km"],
                "fuel_per_trip": found["fuel_per_trip"],
            }
        )
    return best(vehicles, "total_revenue", len(vehicles))


def _driven_by(read: Reader, vehicle_id: str, span: Span) -> tuple[list[Log], Carried]:
    logs = [log for log in read.logs(span) if log.vehicle_id == vehicle_id]
    there = {log.log_id for log in logs}
    return logs, Carried(read, [shipment for shipment in read.world.shipments if shipment.log_id in there])


def _vehicle(read: Reader, vehicle_id: str, span: Span) -> dict[str, Any]:
    logs, carried = _driven_by(read, vehicle_id, span)
    master = read.world.vehicles.get(vehicle_id, Master())
    return {
        "vehicle_id": vehicle_id,
        "name": master.name,
        "lifetime_mileage": None if master.total_mileage is None else rounded(Fraction(master.total_mileage)),
        "total_trips": len(logs),
        "period_mileage": rounded(total(log.mileage for log in logs)),
        "mileage_count": len(present(log.mileage for log in logs)),
        "total_fuel": rounded(total(log.fuel_used for log in logs)),
        "fuel_count": len(present(log.fuel_used for log in logs)),
        "fuel_efficiency": rounded(ratio((log.mileage, log.fuel_used) for log in logs)),
        "deliveries_completed": carried.count,
        "avg_delivery_time": rounded(carried.mean_hours),
        "total_revenue": rounded(carried.total("cost")),
        "revenue_per_trip": rounded(quotient(carried.total("cost"), len(logs))) if carried.has_cost else None,
        "revenue_per_km": rounded(revenue_per_km(carried, logs)),
        "fuel_per_trip": rounded(mean(log.fuel_used for log in logs)),
    }


def vehicle_details(read: Reader, vehicle_id: str, span: Span) -> dict[str, Any]:
    logs, carried = _driven_by(read, vehicle_id, span)
    days = []
    for day in sorted({log.trip_date for log in logs}):
        driven, brought = _driven_by(read, vehicle_id, Span(day, day))
        days.append(
            {
                "date": str(day),
                "trips": len(driven),
                "daily_mileage": rounded(total(log.mileage for log in driven)),
                "mileage_count": len(present(log.mileage for log in driven)),
                "daily_fuel": rounded(total(log.fuel_used for log in driven)),
                "fuel_count": len(present(log.fuel_used for log in driven)),
                "daily_revenue": rounded(brought.total("cost")),
                "daily_deliveries": brought.count,
            }
        )
    routes = [
        named(
            pair,
            route_trips=len({shipment.log_id for shipment in shipments}),
            avg_route_time=rounded(mean(shipment.delivery_time for shipment in shipments)),
            avg_route_revenue=rounded(mean(shipment.cost for shipment in shipments)),
        )
        for pair, shipments in sorted(by_route(carried.shipments).items())
    ]
    return {
        "summary": _vehicle(read, vehicle_id, span),
        "daily_performance": days,
        "top_routes": best(routes, "route_trips", 5),
    }


def shipment_routes(read: Reader, span: Span) -> list[dict[str, Any]]:
    return [
        named(
            pair,
            total_trips=route.count,
            avg_delivery_time=rounded(route.mean_hours),
            min_delivery_time=rounded(route.hours[0]) if route.hours else None,
            max_delivery_time=rounded(route.hours[-1]) if route.hours else None,
            total_cost=rounded(route.total("cost")),
            avg_cost=rounded(route.mean("cost")),
            total_weight=rounded(route.total("weight")),
            unique_vehicles=len(route.vehicles),
            cost_per_trip=rounded(route.total("cost") / route.count) if route.has_cost else None,
        )
        for pair, route in read.routes(span, 5)
    ]


def reliability(read: Reader, span: Span, target: Number = None) -> list[dict[str, Any]]:
    return [
        named(
            pair,
            total_deliveries=route.count,
            avg_delivery_time=rounded(route.mean_hours),
            delivery_time_variation=rounded(route.variation),
            reliability_score=rounded(route.reliability),
            on_time_delivery_rate=rounded(route.on_time_rate),
            on_target_rate=rounded(on_target_rate(route, target)),
        )
        for pair, route in read.routes(span, 5)
    ]


def cost_value(read: Reader, span: Span) -> list[dict[str, Any]]:
    routes = read.routes(span, 5)
    scores = sorted(route.value_score for _, route in routes if route.value_score is not None)
    return [
        named(
            pair,
            total_shipments=route.count,
            avg_shipment_weight=rounded(route.mean("weight")),
            avg_cost=rounded(route.mean("cost")),
            cost_per_kg=rounded(route.cost_per_kg),
            value_score=rounded(route.value_score),
            value_category=None if route.value_score is None else _third(scores, route.value_score),
        )
        for pair, route in routes
    ]


def _third(scores: list[Fraction], score: Fraction) -> str:
    """Thirds as equal as can be, the first ones longer; equal scores stay together, in the better third."""
    each, over = divmod(len(scores), 3)
    sizes = [each + (number < over) for number in range(3)]
    place = scores.index(score)
    if place < sizes[0]:
        return "High Value"
    return "Medium Value" if place < sizes[0] + sizes[1] else "Low Value"


def optimization(read: Reader, span: Span) -> list[dict[str, Any]]:
    routes = read.routes(span, 5)
    usual_time = mean_of(route.mean_hours for _, route in routes)
    usual_cost = mean_of(route.cost_per_kg for _, route in routes)
    return [
        named(
            pair,
            total_shipments=route.count,
            avg_delivery_time=rounded(route.mean_hours),
            avg_cost=rounded(route.mean("cost")),
            avg_weight=rounded(route.mean("weight")),
            total_cost=rounded(route.total("cost")),
            total_weight=rounded(route.total("weight")),
            cost_time_efficiency=rounded(quotient(route.cost_per_kg, route.mean_hours)),
            **_recommendation(route, usual_time, usual_cost),
        )
        for pair, route in routes
    ]


def _recommendation(route: Carried, usual_time: Exact, usual_cost: Exact) -> dict[str, Any]:
    """The first rule that holds, and the figure it rests on."""
    price = None if usual_cost is None else Fraction(3, 2) * usual_cost * route.total("weight")
    slow, dear = "High delivery time - Consider route optimization", "High cost per weight - Review pricing strategy"
    few = "Low volume, high cost - Consider consolidation"
    rules = [
        (slow, "avg_delivery_time", route.mean_hours, _a_fifth_more(usual_time)),
        (dear, "revenue_per_kg", route.cost_per_kg, _a_fifth_more(usual_cost)),
        (few, "revenue", route.total("cost"), price if route.count < 10 else None),
    ]
    for words, measure, value, threshold in rules:
        if value is not None and threshold is not None and value > threshold:
            basis = {"measure": measure, "value": rounded(value), "threshold": rounded(threshold)}
            return {"optimization_recommendation": words, "recommendation_basis": basis}
    words = "Performing within normal parameters"
    return {"optimization_recommendation": words, "recommendation_basis": None}


def _a_fifth_more(value: Exact) -> Exact:
    return None if value is None else Fraction(6, 5) * value


def top_performing(read: Reader, span: Span, limit: int, target: Number = None) -> list[dict[str, Any]]:
    routes = read.routes(span, 5)
    cost = _efficiency([route.cost_per_kg for _, route in routes])
    delivery = _efficiency([route.mean_hours for _, route in routes])
    scored = [
        named(
            pair,
            total_shipments=route.count,
            reliability_score=rounded(route.reliability),
            cost_efficiency_score=rounded(cost(route.cost_per_kg)),
            delivery_efficiency_score=rounded(delivery(route.mean_hours)),
            overall_score=rounded(_overall(route.reliability, cost(route.cost_per_kg), delivery(route.mean_hours))),
            performance_metrics={
                "on_time_delivery_rate": rounded(route.on_time_rate),
                "on_target_rate": rounded(on_target_rate(route, target)),
                "avg_cost_per_shipment": rounded(route.mean("cost")),
                "total_revenue": rounded(route.total("cost")),
                "total_weight_shipped": rounded(route.total("weight")),
            },
        )
        for pair, route in routes
    ]
    return best(scored, "overall_score", limit)


def _efficiency(values: list[Exact]) -> Callable[[Exact], Exact]:
    there = [value for value in values if value is not None]

    def score(value: Exact) -> Exact:
        if value is None:
            return None
        low, high = min(there), max(there)
        return Fraction(100) if low == high else 100 * (1 - (value - low) / (high - low))

    return score


def _overall(reliable: Exact, cheap: Exact, quick: Exact) -> Exact:
    if reliable is None or cheap is None or quick is None:
        return None
    return Fraction(4, 10) * reliable + Fraction(3, 10) * cheap + Fraction(3, 10) * quick


def matrix(read: Reader, span: Span, target: Number = None) -> dict[str, Any]:
    return {
        "data": [
            named(
                pair,
                shipments=route.count,
                avg_delivery_time=rounded(route.mean_hours),
                on_time_delivery_rate=rounded(route.on_time_rate),
                on_target_rate=rounded(on_target_rate(route, target)),
                cost_per_kg=rounded(route.cost_per_kg),
                revenue=rounded(route.total("cost")),
                shipments_with_cost=route.with_cost,
            )
            for pair, route in read.routes(span)
        ]
    }


def route_details(read: Reader, pair: Pair, span: Span, target: Number = None) -> dict[str, Any]:
    route = dict(read.routes(span)).get(pair, Carried(read, []))
    return {
        "summary": named(
            pair,
            total_shipments=route.count,
            total_cost=rounded(route.total("cost")),
            avg_cost=rounded(route.mean("cost")),
            total_weight=rounded(route.total("weight")),
            avg_weight=rounded(route.mean("weight")),
            cost_per_kg=rounded(route.cost_per_kg),
            value_score=rounded(route.value_score),
            avg_delivery_time=rounded(route.mean_hours),
            min_delivery_time=_percentile(route.hours, 0),
            max_delivery_time=_percentile(route.hours, 100),
            delivery_time_variation=rounded(route.variation),
            reliability_score=rounded(route.reliability),
            on_time_delivery_rate=rounded(route.on_time_rate),
            on_target_rate=rounded(on_target_rate(route, target)),
            p50_delivery_time=_percentile(route.hours, 50),
            p90_delivery_time=_percentile(route.hours, 90),
            p95_delivery_time=_percentile(route.hours, 95),
            vehicles_used=len(route.vehicles),
        ),
        "daily": _route_days(route),
        "distribution": distribution(route.hours),
        "top_vehicles": _route_vehicles(route),
    }


def _route_days(route: Carried) -> list[dict[str, Any]]:
    days: dict[date, list[Shipment]] = {}
    for shipment in route.shipments:
        days.setdefault(route.world.log_by_id[shipment.log_id].trip_date, []).append(shipment)
    return [
        {
            "date": str(day),
            "shipments": len(shipments),
            "revenue": rounded(total(shipment.cost for shipment in shipments)),
            "avg_delivery_time": rounded(mean(shipment.delivery_time for shipment in shipments)),
        }
        for day, shipments in sorted(days.items())
    ]


def _percentile(hours: list[Fraction], percent: int) -> Exact:
    """The first of the sorted values with which so many percent of them are reached."""
    return rounded(hours[max(ceil(Fraction(percent, 100) * len(hours)), 1) - 1]) if hours else None


def distribution(hours: list[Fraction]) -> dict[str, Any]:
    if not hours:
        return {"bin_width": None, "bins": []}
    widths = (step * Fraction(10) ** power for power in range(-2, 200) for step in (1, 2, 5))
    width = next(width for width in widths if 30 * width >= hours[-1] - hours[0])
    counts: dict[int, int] = {}
    for value in hours:
        counts[int(value // width)] = counts.get(int(value // width), 0) + 1
    return {
        "bin_width": width,
        "bins": [
            {"lower": number * width, "upper": (number + 1) * width, "shipments": counts.get(number, 0)}
            for number in range(min(counts), max(counts) + 1)
        ],
    }


def _route_vehicles(route: Carried) -> list[dict[str, Any]]:
    days: dict[str, set[date]] = {}
    for shipment in route.shipments:
        log = route.world.log_by_id[shipment.log_id]
        days.setdefault(log.vehicle_id, set()).add(log.trip_date)
    vehicles = [
        {
            "vehicle_id": vehicle_id,
            "name": route.world.world.vehicles.get(vehicle_id, Master()).name,
            "days": len(days[vehicle_id]),
        }
        for vehicle_id in sorted(days)
    ]
    return best(vehicles, "days", 10)


# Pages

LISTS: dict[str, tuple[Callable[[Reader, Span], list[dict[str, Any]]], str]] = {
    "/api/shipments/routes": (shipment_routes, "total_trips"),
    "/api/route/reliability": (reliability, "reliability_score"),
    "/api/route/cost-value": (cost_value, "value_score"),
    "/api/route/optimization": (optimization, "cost_time_efficiency"),
}
"""Path of every list: its rows by name, and what they are sorted by where nothing is said."""


def page_of(rows: list[dict[str, Any]], asked: Listing) -> dict[str, Any]:
    part = asked.search.casefold()
    found = [row for row in rows if part in row["origin"].casefold() or part in row["destination"].casefold()]
    ordered = in_order(found, asked.sort_by, asked.sort_order)
    first = (asked.page - 1) * asked.page_size
    return {
        "data": ordered[first : first + asked.page_size],
        "total": len(found),
        "page": asked.page,
        "page_size": asked.page_size,
    }
