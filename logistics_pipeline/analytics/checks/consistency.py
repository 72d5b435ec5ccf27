"""Checks that the analytics tables agree with each other. `recomputation` compares them with the raw rows.

The tables are written in one transaction, so in one snapshot they agree, whatever waits for the next refresh.
"""

from typing import Any

from logistics_pipeline.analytics.checks.model import Finding
from logistics_pipeline.analytics.checks.queries import fetch_all, fetch_one
from logistics_pipeline.analytics.checks.recomputation import sample_days
from logistics_pipeline.analytics.checks.wording import count
from logistics_pipeline.analytics.rollup_check import days_to_compare, rollup_differences, rollups_at_rest
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force

MAX_LISTED = 10

_DUE = Finding.passing("Not compared: the next refresh recomputes every day.", {})
_WHAT_TO_DO = "`logistics refresh --full` corrects it; please report how it happened."


def totals_match_days(connection: Connection, whole: bool) -> Finding:
    """The all-time sums of the routes, which refreshes update by differences, equal the sums of their days.

    Cost: reads some columns of all of analytics.daily_routes, 0.2 s at 280,000 rows.
    """
    if _is_due(connection):
        return _DUE
    found = fetch_all(connection, "routes_off")
    figures: dict[str, Any] = {"routes_differing": len(found)}
    if not found:
        return Finding.passing("The sums of every route equal those of its days.", figures)
    figures["differences"] = [
        {"origin": origin, "destination": destination, "all_time": total or 0, "days": of_days or 0}
        for origin, destination, total, of_days in found[:MAX_LISTED]
    ]
    origin, destination, *_ = found[0]
    return Finding.error(
        f"The all-time sums of {count(len(found), 'route', 'routes')} differ from the sums of the days, first {origin} "
        f"to {destination}: on-time rates are wrong. {_WHAT_TO_DO}",
        figures,
    )


def every_vehicle_has_a_number(connection: Connection, whole: bool) -> Finding:
    """Each vehicle has a bit in the sets of vehicles, and every bit belongs to a vehicle.

    Cost: reads one column of all of analytics.daily_vehicles, 0.1 s at 370,000 rows.
    """
    if _is_due(connection):
        return _DUE
    numbers, highest, without, example = fetch_one(connection, "vehicles_without_number")
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
            "may be undercounted. Delete all rows of analytics.vehicle_numbers and run `logistics refresh --full`.",
            figures,
        )
    return Finding.passing(f"{count(numbers, 'vehicle has its', 'vehicles have their')} number.", figures)


def routes_and_vehicles_agree(connection: Connection, whole: bool) -> Finding:
    """The shipments of a day, and the vehicles that carried them, are the same by route and by vehicle.

    These are two computations from the raw rows, so each proves the other.

    They are computed from the raw rows in two ways, so each proves the other. Cost: reads the figures of at most six
    days, some 900 rows each.
    """
    is_due, version, first_day, last_day = fetch_one(connection, "status")
    if is_due:
        return _DUE
    days = [] if whole else sample_days(connection, version, first_day, last_day)
    differing = [day.isoformat() for (day,) in fetch_all(connection, "days_off", full=whole, days=days)]
    figures: dict[str, Any] = {"days_differing": len(differing), "days": differing[:MAX_LISTED]}
    compared = "every day" if whole else f"{len(days):,} days"
    if not differing:
        return Finding.passing(f"{compared.capitalize()} compared: the same by route and by vehicle.", figures)
    return Finding.error(
        f"analytics.days, daily_routes and daily_vehicles differ on {len(differing):,} of {compared} compared "
        f"({', '.join(differing[:3])}{', ...' if len(differing) > 3 else ''}). {_WHAT_TO_DO}",
        figures,
    )


def rollups_match_records(connection: Connection, whole: bool) -> Finding:
    """The pre-aggregates of all datasets hold what a full recompute would make of the records.

    Those of datasets of which batches wait for a refresh are left out. Cost: reads the records of at most six days of
    each dataset, and all of a dataset without days if it has few.
    """
    if _is_due(connection):
        return _DUE
    catalogue = catalogue_in_force(connection)
    compared = rollups_at_rest(connection, catalogue)
    found = [
        difference
        for dataset in compared
        for difference in rollup_differences(
            connection, dataset, None if whole else days_to_compare(connection, dataset)
        )
    ]
    figures: dict[str, Any] = {"datasets_compared": len(compared), "rollups_differing": len(found)}
    if not found:
        return Finding.passing(f"{count(len(compared), 'dataset', 'datasets')} compared: no difference.", figures)
    figures["differences"] = [{"dataset": each.dataset, "table": each.table, "rows": each.rows} for each in found]
    first = found[0]
    return Finding.error(
        f"{count(len(found), 'pre-aggregate differs', 'pre-aggregates differ')} from the records, first {first.table} "
        f"of {first.dataset} in {count(first.rows, 'row', 'rows')}: metrics are wrong. {_WHAT_TO_DO}",
        figures,
    )


def _is_due(connection: Connection) -> bool:
    """Whether every day waits to be computed: after an upgrade the tables may be empty."""
    return bool(fetch_one(connection, "status")[0])
