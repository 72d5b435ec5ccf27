"""The refresh within the run of a load, after the last file that waits: figures are there sooner by the start of a run.

It is an attempt. The files are loaded and reported before it, so that its failure is not theirs, and what it leaves
stale, whatever the reason, the sensor `stale_analytics` has refreshed by a run of the refresh job, as it would have.
"""

import dagster as dg

from logistics_pipeline import ledger
from logistics_pipeline.analytics.quality import count_references
from logistics_pipeline.analytics.refresh import last_refresh_seconds, refresh_unless_one_runs
from logistics_pipeline.database.connections import transient_errors
from logistics_pipeline.orchestration.assets.analytics import REFRESH_SENSOR, describe_tables
from logistics_pipeline.orchestration.assets.checks import evaluate_tables
from logistics_pipeline.orchestration.assets.pull_checks import evaluate_pulls
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.sensor_states import is_turned_off

LONGEST_SECONDS = 10.0
"""Where a refresh takes longer, a run of its own does it: this one keeps its place among the loads until it ends."""


def refresh_after_load(context: dg.AssetExecutionContext, database: DatabaseResource) -> None:
    """Refreshes the analytics tables, reports them and checks all tables, unless there is a reason to leave it."""
    try:
        reason = _reason_to_leave_it(context.instance, database)
        if reason is None:
            _refresh(context, database)
        else:
            context.log.info(f"The figures are not refreshed within this run: {reason}")
    except Exception as error:  # noqa: BLE001 - whatever it is: the run of the refresh job that follows shows it
        context.log.warning(f"Refreshing within this run has failed, a run of its own follows. {error}")


def _reason_to_leave_it(instance: dg.DagsterInstance, database: DatabaseResource) -> str | None:
    """Why it is left to a run of the refresh job; None if it is not."""
    with transient_errors("asking what waits for a refresh"), database.connect() as connection:
        if not ledger.staleness(connection).is_stale:
            return "they are up to date"
        if ledger.are_files_waiting(connection):
            return "other files are being loaded, and one refresh follows for all"
        if last_refresh_seconds(connection) > LONGEST_SECONDS:
            return f"the last refresh took more than {LONGEST_SECONDS:.0f} s"
    if is_turned_off(instance, REFRESH_SENSOR):
        return f"the sensor {REFRESH_SENSOR} is turned off"
    return None


def _refresh(context: dg.AssetExecutionContext, database: DatabaseResource) -> None:
    done = refresh_unless_one_runs(database.url)
    if done is None:
        context.log.info("The figures are not refreshed within this run: another refresh runs")
        return
    for key, metadata in describe_tables(database, done).items():
        context.log_event(dg.AssetMaterialization(key, metadata=metadata))
    count_references(database.url, database.catalogue, at_once=False)
    for evaluation in (*evaluate_tables(database, context.log), *evaluate_pulls(database, context.log)):
        context.log_event(evaluation)
