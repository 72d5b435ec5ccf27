"""Checks of the figures: that they are right, and that they hold what is loaded."""

from typing import Any

from logistics_pipeline import ledger
from logistics_pipeline.analytics.checks.model import Finding, Severity
from logistics_pipeline.analytics.checks.queries import fetch_one
from logistics_pipeline.analytics.checks.recomputation import compare
from logistics_pipeline.analytics.checks.wording import count, percent
from logistics_pipeline.database.connections import Connection

UNASSIGNED_LIMIT_PERCENT = 5

WAIT_WARNING_SECONDS = 15 * 60
WAIT_ERROR_SECONDS = 2 * 60 * 60
"""Loaded rows are in the figures within five minutes plus the time of a refresh, see `stale_analytics`."""


def aggregates_match_raw(table: str, connection: Connection, whole: bool) -> Finding:
    """The figures equal what a refresh would compute from the raw rows.

    Cost: that of refreshing the days compared, see `sample_days`. Stale days are left out.
    """
    return compare(connection, table, whole=whole).finding()


def unassigned_shipments(connection: Connection, whole: bool) -> Finding:
    """Few shipments wait for their log. Cost: reads one row and the ledger's sum."""
    unassigned, shipments = fetch_one(connection, "unassigned")
    share = percent(unassigned, shipments)
    figures = {"unassigned_shipments": unassigned, "unassigned_percent": share}
    sentence = (
        f"{count(unassigned, 'shipment waits', 'shipments wait')} for a log to arrive, {share:.2f} % of {shipments:,}"
    )
    if share > UNASSIGNED_LIMIT_PERCENT:
        return Finding.warning(f"{sentence}: they are in no dated figure. Is a file of vehicle_logs missing?", figures)
    return Finding.passing(f"{sentence}.", figures)


def no_future_days(connection: Connection, whole: bool) -> Finding:
    """No log is dated in the future. Cost: reads the days of analytics.days that are, by its key."""
    days, newest, trips = fetch_one(connection, "future_days")
    figures: dict[str, Any] = {"future_days": days, "trips": trips}
    if days:
        figures["newest_day"] = newest.isoformat()
        return Finding.warning(
            f"{count(trips, 'trip is', 'trips are')} dated in the future, on {count(days, 'day', 'days')} up to "
            f"{newest}: ranges end at the newest day that is not. Correct the trip_date of these logs; "
            "/api/vehicle-logs?trip_date_from= lists them.",
            figures,
        )
    return Finding.passing("No trip is dated in the future.", figures)


def all_taken_in(connection: Connection, whole: bool) -> Finding:
    """What is loaded is in the figures, or will be in a moment. Cost: reads an index of the batches that wait."""
    found = ledger.staleness(connection)
    waited = round(found.waited_seconds)
    figures = {"waited_seconds": waited}
    sentence = f"Loaded rows have waited {waited // 60:,} minutes for a refresh"
    if waited > WAIT_WARNING_SECONDS:
        severity = Severity.ERROR if waited > WAIT_ERROR_SECONDS else Severity.WARN
        return Finding(False, severity, f"{sentence}: see the runs of refresh_analytics_job.", figures)
    if found.is_stale:
        return Finding.passing("What was loaded a moment ago waits for the next refresh.", figures)
    return Finding.passing("The figures hold what is loaded.", figures)
