"""When models are brought up to date: once the figures have settled after records have changed.

Like the refresh, they follow the present state and not events, see `stale_analytics`.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from logistics_pipeline import ledger
from logistics_pipeline.analytics.rollups import datasets_to_remake
from logistics_pipeline.models.updating import Due, due_models
from logistics_pipeline.orchestration.assets.models import model_key
from logistics_pipeline.orchestration.jobs import MODELS_JOB
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.sensors.stale_analytics import MAX_WAIT_SECONDS, UNFINISHED

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

PAUSE_AFTER_FAILURE_SECONDS = 300


def build_model_sensors(
    jobs: "Sequence[UnresolvedAssetJobDefinition]", interval_seconds: int
) -> list[dg.SensorDefinition]:
    """Makes the sensor that requests updates; none without a job to request."""
    return [_build(job, interval_seconds) for job in jobs]


def _build(job: "UnresolvedAssetJobDefinition", interval_seconds: int) -> dg.SensorDefinition:
    @dg.sensor(
        name="stale_models",
        job=job,
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Predicts new records and scores earlier predictions after each refresh, and trains models when "
        "due.",
    )
    def stale_models(
        context: dg.SensorEvaluationContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.RunRequest | dg.SkipReason:
        if context.instance.get_runs(dg.RunsFilter(job_name=MODELS_JOB, statuses=UNFINISHED), limit=1):
            return dg.SkipReason("models are being brought up to date")
        if _failed_lately(context.instance):
            return dg.SkipReason("the last update failed a moment ago")
        due, reason = _due(database)
        if not due:
            return dg.SkipReason(reason)
        return dg.RunRequest(
            asset_selection=[model_key(each.model) for each in due],
            tags={"logistics/reason": "; ".join(f"{each.model}: {each.reason}" for each in due)[:200]},
        )

    return stale_models


def _due(database: DatabaseResource) -> tuple[list[Due], str]:
    """The models to be brought up to date and, if there are none, why."""
    with database.connect() as connection:
        staleness = ledger.staleness(connection)
        waits = staleness.is_loading or staleness.is_stale or bool(datasets_to_remake(connection, database.catalogue))
        if waits and staleness.waited_seconds < MAX_WAIT_SECONDS:
            return [], "the figures are about to change"
        due = due_models(connection, database.catalogue, database.settings)
    return due, "the models are up to date"


def _failed_lately(instance: dg.DagsterInstance) -> bool:
    records = instance.get_run_records(dg.RunsFilter(job_name=MODELS_JOB), limit=1)
    if not records or records[0].dagster_run.status is not dg.DagsterRunStatus.FAILURE:
        return False
    return time.time() - (records[0].end_time or 0) < PAUSE_AFTER_FAILURE_SECONDS
