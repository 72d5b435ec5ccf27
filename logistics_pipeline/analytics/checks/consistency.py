"""Checks that the analytics tables agree with each other. That they agree with the raw rows stands in `recomputation`.

The tables are written in one transaction, so what one snapshot shows of them agrees whatever waits to be taken in.
"""

from typing import Any

from logistics_pipeline.analytics.checks.findings import Finding
from logistics_pipeline.analytics.checks.queries import ask, ask_one, count
from logistics_pipeline.analytics.checks.recomputation import sample_days
from logistics_pipeline.database.connections import Connection

MOST_LISTED = 10

_DUE = Finding.passing("Not compared: the next refresh computes every day anew.", {})
_WHAT_TO_DO = "`logistics refresh --full` makes it right; please report how it came about."


def totals_match_days(connection: Connection, whole: bool) -> Finding:
    """The all-time sums of the routes, which refreshes move by differences, are the sums of their days.

    Cost: some columns of all of analytics.daily_routes: 0.2 s where it has 280,000 rows.
    """
    if _is_due(connection):
        return _DUE
    found = ask(connection, "routes_off")
    figures: dict[str, Any] = {"routes_differing": len(found)}
    if not found:
        return Finding.passing("The sums of every route are those of its days.", figures)
    figures["differences"] = [
        {"origin": origin, "destination": destination, "all_time": total or 0, "days": of_days or 0}
        for origin, destination, total, of_days in found[:MOST_LISTED]
    ]
    origin, destination, *_ = found[0]
    return Finding.error(
        f"The all-time sums of {count(len(found), 'route is', 'routes are')} not those of its days, first {origin} to "
        f"{destination}: on-time rates are wrong. {_WHAT_TO_DO}",
        figures,
    )


def every_vehicle_has_a_number(connection: Connection, whole: bool) -> Finding:
    """Each vehicle has a bit in the sets of vehicles, and no bit is nobody's.

    Cost: one column of all of analytics.daily_vehicles: 0.1 s where it has 370,000 rows.
    """
    if _is_due(connection):
        return _DUE
    numbers, highest, without, example = ask_one(connection, "vehicles_without_number")
    figures = {"numbers": numbers, "vehicles_without": without}
    if without:
        return Finding.error(
            f"{count(without, 'vehicle has', 'vehicles have')} no number, first {example}: what it carried is in no "
            f"figure of a route. {_WHAT_TO_DO}",
            figures,
        )
    if numbers and highest != numbers - 1:
        return Finding.error(
            f"The numbers of {numbers:,} vehicles go up to {highest:,} instead of {numbers - 1:,}: distinct vehicles "
            "may be counted short. Delete all rows of analytics.vehicle_numbers and run `logistics refresh --full`.",
            figures,
        )
    return Finding.passing(f"{count(numbers, 'vehicle has its', 'vehicles have their')} number.", figures)


def routes_and_vehicles_agree(connection: Connection, whole: bool) -> Finding:
    """The shipments of a day, and the vehicles that carried them, are the same by route and by vehicle.

    These are two computations from the raw rows, so each proves the other.

    Cost: the figures of at most six days, some 900 rows each.
    """
    is_due, version, first_day, last_day = ask_one(connection, "status")
    if is_due:
        return _DUE
    days = [] if whole else sample_days(connection, version, first_day, last_day)
    off = [day.isoformat() for (day,) in ask(connection, "days_off", full=whole, days=days)]
    figures: dict[str, Any] = {"days_differing": len(off), "days": off[:MOST_LISTED]}
    compared = "every day" if whole else f"{len(days):,} days"
    if not off:
        return Finding.passing(f"{compared.capitalize()} compared: the same by route and by vehicle.", figures)
    return Finding.error(
        f"analytics.days, daily_routes and daily_vehicles do not agree on {len(off):,} of {compared} compared "
        f"({', '.join(off[:3])}{', ...' if len(off) > 3 else ''}). {_WHAT_TO_DO}",
        figures,
    )


def _is_due(connection: Connection) -> bool:
    """Every day waits to be computed: after an upgrade the tables may be empty."""
    return bool(ask_one(connection, "status")[0])
