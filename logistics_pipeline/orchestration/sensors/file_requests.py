"""Serves requests that people make through the API: retries and dismissals at once, unloads in a run of their own.

The requests are in the database, so nothing is lost while Dagster is down, and a run that dies is followed by another.
"""

import dagster as dg

from logistics_core.database_contract.file_requests import FileAction
from logistics_pipeline import ledger
from logistics_pipeline.orchestration.file_requests import serve_short_requests, serve_unload_requests
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.retries import NO_RUN_RETRIES, TRANSIENT_RETRIES, only_transient_errors_retried
from logistics_pipeline.orchestration.sensors.job_runs import failed_lately, has_unfinished_run
from logistics_pipeline.orchestration.sensors.stale_analytics import PAUSE_AFTER_FAILURE_SECONDS

SENSOR_NAME = "file_requests"


@dg.op(retry_policy=TRANSIENT_RETRIES, description="Removes the rows and rejects of files whose unload was requested.")
def unload_requested_files(context: dg.OpExecutionContext, database: dg.ResourceParam[DatabaseResource]) -> None:
    """Serves all pending requests for an unload."""
    with only_transient_errors_retried():
        served = serve_unload_requests(database.url, database.options)
    context.add_output_metadata({"requests": served})


@dg.job(
    description="Unloads files as requested through the API. A refresh of the analytics follows.",
    executor_def=dg.in_process_executor,
    tags=NO_RUN_RETRIES,  # the sensor requests another run while requests are pending
)
def unload_on_request() -> None:
    """Unloads files as requested."""
    unload_requested_files()


def build_request_sensor(interval_seconds: int) -> dg.SensorDefinition:
    """Makes the sensor that serves requests."""

    @dg.sensor(
        name=SENSOR_NAME,
        job_name=unload_on_request.name,
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Serves requests made through the API: loads files again, unloads and dismisses them.",
    )
    def file_requests(
        context: dg.SensorEvaluationContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.RunRequest | dg.SkipReason:
        # Dagster first: a run that ends after this query has served what the ledger then no longer shows.
        reason = _reason_to_wait(context.instance)
        with database.kept_connection() as connection:
            served = serve_short_requests(connection, database.settings)
            has_unloads = bool(ledger.pending_requests(connection, (FileAction.UNLOAD,)))
        if not has_unloads:
            return dg.SkipReason(f"{served:,} requests served")
        return dg.SkipReason(reason) if reason else dg.RunRequest()

    return file_requests


def _reason_to_wait(instance: dg.DagsterInstance) -> str | None:
    """Why no run is to be requested for pending unloads now; None if one is."""
    name = unload_on_request.name
    if has_unfinished_run(instance, name):
        return "a run that unloads files is under way"
    if failed_lately(instance, name, PAUSE_AFTER_FAILURE_SECONDS):
        return "the last run that unloads files failed a moment ago"
    return None
