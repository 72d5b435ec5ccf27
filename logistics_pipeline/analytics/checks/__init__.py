"""The checks: what must be true of the tables and the ledger, asked of the database. Knows no Dagster.

Each check answers with a `Finding`. `assets.checks` shows them in the Dagster UI, `cli.checks` on the command line.
They run after every refresh, so each says what it costs at ten million rows; asked for everything (`whole`) they may
read whole tables.

An error is what must never be: rows lost, figures that are wrong, a file that is not loaded. A warning is what a feed
may do and somebody should look at.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from logistics_core.catalogue import DATASETS, Dataset
from logistics_pipeline.analytics.checks.consistency import (
    every_vehicle_has_a_number,
    routes_and_vehicles_agree,
    totals_match_days,
)
from logistics_pipeline.analytics.checks.figures import (
    UNASSIGNED_LIMIT_PERCENT,
    WAIT_WARNING_SECONDS,
    aggregates_match_raw,
    all_taken_in,
    unassigned_shipments,
)
from logistics_pipeline.analytics.checks.files import DRIFT_FILES, balance_per_file, no_failed_files, schema_drift
from logistics_pipeline.analytics.checks.findings import Finding, Severity
from logistics_pipeline.analytics.checks.queries import ask
from logistics_pipeline.analytics.checks.rows import NULL_LIMIT_PERCENT, NULL_RISE_PERCENT, null_share, rows_present
from logistics_pipeline.analytics.refresh import DAILY_TABLES, TABLES
from logistics_pipeline.database.connections import Connection, connect, transient_errors


@dataclass(frozen=True)
class Check:
    """One thing that must be true of one table."""

    schema: str
    table: str
    name: str
    description: str
    find: Callable[[Connection, bool], Finding]
    """Answers in the transaction of the connection; the second argument asks for everything, whatever it costs."""

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.table} {self.name}"


def run_checks(url: str, checks: Iterable[Check], *, whole: bool = False) -> list[tuple[Check, Finding]]:
    """Runs checks in one snapshot of the database, so that they see ledger, rows and figures agree.

    Raises:
        TransientError: the database went away.
    """
    with (
        transient_errors("checking the tables"),
        connect(url, application_name="logistics check") as connection,
        snapshot(connection),
    ):
        return [(check, check.find(connection, whole)) for check in checks]


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """Everything asked inside is answered from one state; nothing is left behind."""
    with connection.transaction(force_rollback=True):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def ledger_states(connection: Connection) -> dict[str, str]:
    """Per dataset with failed files a text that changes when one more fails, fails again or is mended. Milliseconds."""
    return dict(ask(connection, "ledger_state"))


def _raw_checks(dataset: Dataset) -> Iterator[Check]:
    for find, description in (
        (rows_present, "The table has rows, if the ledger says so."),
        (
            balance_per_file,
            "Of every file, records read = loaded + superseded + rejected, and every reject is kept. In "
            "`check_everything` the rows of every file are counted too.",
        ),
        (
            no_failed_files,
            "No file is given up. A failed file is not asked for again until it changes or somebody materialises it.",
        ),
        (
            schema_drift,
            f"The newest {DRIFT_FILES} files have no fields that are new, and the last one lacks none, against those "
            "before them.",
        ),
        (
            null_share,
            f"No measure is missing in more than {NULL_LIMIT_PERCENT} % of the newest rows, nor {NULL_RISE_PERCENT} "
            "points more often than in the whole table.",
        ),
    ):
        yield Check("raw", dataset.name, find.__name__, description, partial(find, dataset))


def _daily_check(table: str) -> Check:
    return Check(
        "analytics",
        table,
        aggregates_match_raw.__name__,
        "The figures are what computing them once more from the raw rows gives: of some of the days refreshed last and "
        "some others after each refresh, of all days in `check_everything`.",
        partial(aggregates_match_raw, table),
    )


def _taken_in_check(table: str) -> Check:
    return Check(
        "analytics",
        table,
        all_taken_in.__name__,
        f"What is loaded is in the figures within {WAIT_WARNING_SECONDS // 60} minutes.",
        all_taken_in,
    )


RAW_CHECKS = tuple(check for dataset in DATASETS.values() for check in _raw_checks(dataset))
ANALYTICS_CHECKS = (
    *(_daily_check(table) for table in DAILY_TABLES),
    *(_taken_in_check(table) for table in TABLES),
    Check(
        "analytics",
        "vehicle_numbers",
        every_vehicle_has_a_number.__name__,
        "Every vehicle with figures has a number, and the numbers have no gaps.",
        every_vehicle_has_a_number,
    ),
    Check(
        "analytics",
        "routes",
        totals_match_days.__name__,
        "The all-time sums of every route are those of its days.",
        totals_match_days,
    ),
    Check(
        "analytics",
        "days",
        routes_and_vehicles_agree.__name__,
        "Shipments, their sums and the vehicles that carried them are the same by route and by vehicle: of the days "
        "that the other checks compare, of all days in `check_everything`.",
        routes_and_vehicles_agree,
    ),
    Check(
        "analytics",
        "daily_routes",
        unassigned_shipments.__name__,
        f"At most {UNASSIGNED_LIMIT_PERCENT} % of the shipments wait for their log, and so are in no dated figure.",
        unassigned_shipments,
    ),
)
CHECKS = (*RAW_CHECKS, *ANALYTICS_CHECKS)

__all__ = ["CHECKS", "Check", "Finding", "Severity", "ledger_states", "run_checks", "snapshot"]
