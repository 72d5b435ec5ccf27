"""When the analytics are refreshed: as soon as loads have settled, and every five minutes while loads go on.

The sensor asks the ledger whether committed batches wait for a refresh. It is not an AutomationCondition, because those
remember events, and lose them: with `any_deps_updated().since_last_handled()`, a load that reports between two ticks,
in the tick that also sees the last refresh finish, counts as handled, and its figures stay stale (seen on Dagster
1.13.27). The present state cannot be lost, and covers what is loaded without Dagster.
"""

import time
from dataclasses import dataclass
from threading import Event

import dagster as dg

from logistics_core.database_contract.channels import Channel
from logistics_pipeline import ledger
from logistics_pipeline.analytics.rollups import datasets_to_remake
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.listening import wait_for_notification
from logistics_pipeline.orchestration.assets.analytics import REFRESH_SENSOR, REFRESH_STEP
from logistics_pipeline.orchestration.jobs import REFRESH_JOB, load_job_name
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.sensors.job_runs import has_unfinished_run, last_run_if_failed, seconds_since
from logistics_pipeline.orchestration.sensors.long_polling import Patience, minimum_interval

MAX_WAIT_SECONDS = 300
"""How long a committed batch may wait for other loads to end."""

PAUSE_AFTER_FAILURE_SECONDS = 60

END_OF_RUN_SECONDS = 0.5
"""How often Dagster is asked whether the runs have ended that a refresh waits for."""


@dataclass(frozen=True)
class RefreshConditions:
    """What the decision to refresh depends on."""

    is_stale: bool
    """Something is loaded that the analytics do not contain, or a contract has other metrics than before."""
    waited_seconds: float
    """How long the oldest of it has waited."""
    is_loading: bool
    is_refreshing: bool
    seconds_since_failure: float | None
    """Since the last refresh ended, if it failed; whether the checks after it could run does not matter."""


def reason_to_wait(conditions: RefreshConditions) -> str | None:
    """Why no refresh is to be requested now; None if one is."""
    if not conditions.is_stale:
        return "the figures are up to date"
    if conditions.is_refreshing:
        return "a refresh is running"
    if conditions.is_loading and conditions.waited_seconds < MAX_WAIT_SECONDS:
        return "loads are running: one refresh follows when they have settled"
    if conditions.seconds_since_failure is not None and conditions.seconds_since_failure < PAUSE_AFTER_FAILURE_SECONDS:
        return "the last refresh failed a moment ago"
    return None


def build_refresh_sensor(interval_seconds: int, *, patience_seconds: float = 0.0) -> dg.SensorDefinition:
    """Makes the sensor that requests refreshes.

    Args:
        patience_seconds: how long an evaluation waits for a load to commit, and for loads to end.
    """

    @dg.sensor(
        name=REFRESH_SENSOR,
        job=REFRESH_JOB,
        minimum_interval_seconds=minimum_interval(interval_seconds),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Refreshes the analytics once loads have settled: one refresh for many loads.",
    )
    def stale_analytics(
        context: dg.SensorEvaluationContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.RunRequest | dg.SkipReason:
        patience = Patience.of(patience_seconds)
        with database.connect() as connection:
            has_news = Event()
            connection.add_notify_handler(lambda _: has_news.set())
            connection.execute(f"LISTEN {Channel.FILES}")
            while True:
                has_news.clear()
                conditions = _current_conditions(context.instance, database, connection)
                reason = reason_to_wait(conditions)
                if reason is None:
                    return dg.RunRequest()
                if not patience.left:
                    return dg.SkipReason(reason)
                if conditions.is_stale and conditions.is_loading:
                    time.sleep(min(END_OF_RUN_SECONDS, patience.left))  # what else they commit is no reason to look
                elif not has_news.is_set():  # else it has arrived with the answer to a query
                    _wait_for_news(connection, conditions, patience)

    return stale_analytics


def _wait_for_news(connection: Connection, conditions: RefreshConditions, patience: Patience) -> None:
    """Waits for the next commit of a load; after one, for the ends of runs, which Dagster does not announce."""
    seconds = min(END_OF_RUN_SECONDS, patience.left) if conditions.is_stale else patience.left
    wait_for_notification(connection, seconds)


def _current_conditions(
    instance: dg.DagsterInstance, database: DatabaseResource, connection: Connection
) -> RefreshConditions:
    # Dagster first: what a run commits after this query is found by the next evaluation, and never missed.
    is_refreshing = has_unfinished_run(instance, REFRESH_JOB.name)
    has_load_runs = any(has_unfinished_run(instance, load_job_name(dataset)) for dataset in database.catalogue)
    staleness = ledger.staleness(connection)
    is_stale = staleness.is_stale or bool(datasets_to_remake(connection, database.catalogue))
    return RefreshConditions(
        is_stale=is_stale,
        waited_seconds=staleness.waited_seconds,
        is_loading=has_load_runs or staleness.is_loading,
        is_refreshing=is_refreshing,
        seconds_since_failure=_seconds_since_failure(instance),
    )


def _seconds_since_failure(instance: dg.DagsterInstance) -> float | None:
    failed = last_run_if_failed(instance, REFRESH_JOB.name)
    if failed is None or _has_refreshed(instance, failed.dagster_run.run_id):
        return None  # a check after the refresh could not run
    return seconds_since(failed)


def _has_refreshed(instance: dg.DagsterInstance, run_id: str) -> bool:
    steps = instance.get_run_step_stats(run_id, [REFRESH_STEP])
    return any(step.status is not None and step.status.value == "SUCCESS" for step in steps)
