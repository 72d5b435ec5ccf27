"""When work on refreshed figures is requested: once the figures have settled.

Like the refresh, it follows the present state and not events, see `stale_analytics`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from logistics_core.catalogue import Catalogue
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.analytics.rollups import datasets_to_remake
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.sensors.job_runs import failed_lately, has_unfinished_run
from logistics_pipeline.orchestration.sensors.stale_analytics import MAX_WAIT_SECONDS

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

PAUSE_AFTER_FAILURE_SECONDS = 300


@dataclass(frozen=True)
class Due:
    """An asset that is to be made anew, and why."""

    asset: dg.AssetKey
    name: str
    reason: str


@dataclass(frozen=True)
class WorkAfterRefresh:
    """What a sensor requests; the sentences say why it requests nothing."""

    sensor: str
    job_name: str
    description: str
    due: Callable[[Connection, Catalogue, Settings], Sequence[Due]]
    under_way: str
    failed: str
    up_to_date: str


def build_sensors(
    work: WorkAfterRefresh, jobs: "Sequence[UnresolvedAssetJobDefinition]", interval_seconds: int
) -> list[dg.SensorDefinition]:
    """Makes the sensor that requests the work; none without a job to request."""
    return [_build(work, job, interval_seconds) for job in jobs]


def _build(work: WorkAfterRefresh, job: "UnresolvedAssetJobDefinition", interval_seconds: int) -> dg.SensorDefinition:
    @dg.sensor(
        name=work.sensor,
        job=job,
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=work.description,
    )
    def request_work(
        context: dg.SensorEvaluationContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.RunRequest | dg.SkipReason:
        if has_unfinished_run(context.instance, work.job_name):
            return dg.SkipReason(work.under_way)
        if failed_lately(context.instance, work.job_name, PAUSE_AFTER_FAILURE_SECONDS):
            return dg.SkipReason(work.failed)
        with database.kept_connection() as connection:
            if _are_figures_about_to_change(connection, database.catalogue):
                return dg.SkipReason("the figures are about to change")
            due = work.due(connection, database.catalogue, database.settings)
        if not due:
            return dg.SkipReason(work.up_to_date)
        return dg.RunRequest(
            asset_selection=[each.asset for each in due],
            tags={"logistics/reason": "; ".join(f"{each.name}: {each.reason}" for each in due)[:200]},
        )

    return request_work


def _are_figures_about_to_change(connection: Connection, catalogue: Catalogue) -> bool:
    staleness = ledger.staleness(connection)
    waits = staleness.is_loading or staleness.is_stale or bool(datasets_to_remake(connection, catalogue))
    return waits and staleness.waited_seconds < MAX_WAIT_SECONDS
