"""Which checks there are: those of every raw table, by the catalogue, and those of the analytics tables."""

from collections.abc import Iterator
from functools import partial

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline.analytics.checks.consistency import (
    every_vehicle_has_a_number,
    rollups_match_records,
    routes_and_vehicles_agree,
    totals_match_days,
)
from logistics_pipeline.analytics.checks.figures import (
    UNASSIGNED_LIMIT_PERCENT,
    WAIT_WARNING_SECONDS,
    aggregates_match_raw,
    all_taken_in,
    no_future_days,
    unassigned_shipments,
)
from logistics_pipeline.analytics.checks.files import (
    DRIFT_FILES,
    balance_per_file,
    few_rejects,
    no_failed_files,
    no_unrecognised_files,
    schema_drift,
)
from logistics_pipeline.analytics.checks.model import Check
from logistics_pipeline.analytics.checks.quality import good_quality
from logistics_pipeline.analytics.checks.rows import NULL_LIMIT_PERCENT, NULL_RISE_PERCENT, null_share, rows_present
from logistics_pipeline.analytics.tables import DAILY_TABLES, ROLLUPS, TABLES


def all_checks(catalogue: Catalogue, warn_rejects: RejectThreshold) -> list[Check]:
    """The checks of all tables. Files with more rejects than `warn_rejects` are a warning."""
    return [*raw_checks(catalogue, warn_rejects), *ANALYTICS_CHECKS]


def raw_checks(catalogue: Catalogue, warn_rejects: RejectThreshold) -> list[Check]:
    """The checks of the raw tables: the same for every dataset."""
    return [check for dataset in catalogue.values() for check in _checks_of(dataset, warn_rejects)]


def _checks_of(dataset: Dataset, warn_rejects: RejectThreshold) -> Iterator[Check]:
    yield Check(
        "raw",
        dataset.name,
        few_rejects.__name__,
        f"No loaded file has more rejects than {warn_rejects} (LOGISTICS_WARN_REJECTS).",
        partial(few_rejects, warn_rejects, dataset),
    )
    for find, description in (
        (rows_present, "The table has rows, if the ledger says so."),
        (
            balance_per_file,
            "For every file, records read = loaded + superseded + rejected, and every reject is kept. "
            "`check_everything` also counts the rows of every file.",
        ),
        (
            no_failed_files,
            "No file has failed for good. A failed file is not loaded again until it changes or somebody "
            "materialises it.",
        ),
        (
            schema_drift,
            f"The newest {DRIFT_FILES} files have no new fields, and the last one lacks none, compared with the files "
            "before them.",
        ),
        (
            good_quality,
            "The score of quality (definition q1) is not below the floor of the contract, `expect: {quality: 0.95}`.",
        ),
        (
            null_share,
            f"No measure is missing in more than {NULL_LIMIT_PERCENT} % of the newest rows, or {NULL_RISE_PERCENT} "
            "points more often than in the whole table.",
        ),
    ):
        yield Check("raw", dataset.name, find.__name__, description, partial(find, dataset))


def _daily_check(table: str) -> Check:
    return Check(
        "analytics",
        table,
        aggregates_match_raw.__name__,
        "The figures equal those recomputed from the raw rows: after each refresh for a sample of the days refreshed "
        "last and of the others, in `check_everything` for all days.",
        partial(aggregates_match_raw, table),
    )


def _freshness_check(table: str) -> Check:
    return Check(
        "analytics",
        table,
        all_taken_in.__name__,
        f"What is loaded is in the figures within {WAIT_WARNING_SECONDS // 60} minutes.",
        all_taken_in,
    )


ANALYTICS_CHECKS = (
    *(_daily_check(table) for table in DAILY_TABLES),
    *(_freshness_check(table) for table in (*TABLES, ROLLUPS)),
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
        "The all-time sums of every route equal the sums of its days.",
        totals_match_days,
    ),
    Check(
        "analytics",
        "days",
        routes_and_vehicles_agree.__name__,
        "Shipments, their sums and the vehicles that carried them are the same by route and by vehicle: on the days "
        "that the other checks compare, in `check_everything` on all days.",
        routes_and_vehicles_agree,
    ),
    Check(
        "analytics",
        "rollups",
        rollups_match_records.__name__,
        "The pre-aggregates of all datasets equal those recomputed from the records: after each refresh on some days, "
        "in `check_everything` on all.",
        rollups_match_records,
    ),
    Check(
        "analytics",
        "days",
        no_unrecognised_files.__name__,
        "Every file in the raw folder belongs to a dataset: others are in no table and no figure.",
        no_unrecognised_files,
    ),
    Check(
        "analytics",
        "days",
        no_future_days.__name__,
        "No log is dated in the future, as after the week rollover of a GPS receiver.",
        no_future_days,
    ),
    Check(
        "analytics",
        "daily_routes",
        unassigned_shipments.__name__,
        f"At most {UNASSIGNED_LIMIT_PERCENT} % of the shipments wait for their log, and so are in no dated figure.",
        unassigned_shipments,
    ),
)
