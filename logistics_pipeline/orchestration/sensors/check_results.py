"""The sensor that repeats checks where no refresh follows that would: a file failed for good, or nothing is refreshed.

And where a run was to execute checks and ended without: Dagster plans those of a raw table whenever it is materialised
in the UI, and skips them, as each file reports itself; until somebody answers they would be shown without a result.

It writes what the checks find straight into Dagster's event log: asking costs milliseconds, a run would cost seconds.
"""

import json

import dagster as dg

from logistics_pipeline import ledger
from logistics_pipeline.analytics.checks import CHECKS, Check, ledger_states, run_checks
from logistics_pipeline.analytics.checks.figures import WAIT_ERROR_SECONDS, WAIT_WARNING_SECONDS, all_taken_in
from logistics_pipeline.orchestration.assets.checks import check_evaluation, check_key
from logistics_pipeline.orchestration.resources import Warehouse

State = dict[str, str]
"""Per schema or dataset what its checks depend on; a name that is missing stands for all being well."""

FIGURES = "figures"


def build_check_sensor(interval_seconds: int) -> dg.SensorDefinition:
    """Makes the sensor."""

    @dg.sensor(
        name="standing_troubles",
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Shows in the asset checks when a file is failed for good or mended, and when loaded rows wait too "
        "long to be taken into the figures.",
    )
    def standing_troubles(
        context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.SensorResult | dg.SkipReason:
        seen: State = json.loads(context.cursor or "{}")
        state = _look(warehouse)
        changed = {name for name in seen.keys() | state.keys() if seen.get(name) != state.get(name)}
        unanswered = _unanswered(context.instance)
        wanted = [check for check in CHECKS if _depends_on(check) in changed or check_key(check) in unanswered]
        if not wanted:
            return dg.SkipReason("nothing has failed or been mended since the last look")
        found = run_checks(warehouse.url, wanted)
        return dg.SensorResult(
            cursor=json.dumps(state), asset_events=[check_evaluation(check, finding) for check, finding in found]
        )

    return standing_troubles


def _look(warehouse: Warehouse) -> State:
    with warehouse.connect() as connection:
        waited = ledger.staleness(connection).waited_seconds
        return ledger_states(connection) | _waiting(waited)


def _waiting(seconds: float) -> State:
    if seconds <= WAIT_WARNING_SECONDS:
        return {}
    return {FIGURES: "for hours" if seconds > WAIT_ERROR_SECONDS else "too long"}


def _depends_on(check: Check) -> str | None:
    """The name in the state that says whether a check has something new to say."""
    if check.schema == "raw":
        return check.table
    return FIGURES if check.name == all_taken_in.__name__ else None


def _unanswered(instance: dg.DagsterInstance) -> set[dg.AssetCheckKey]:
    """Checks whose last execution was planned by a run that has ended without it."""
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key([check_key(check) for check in CHECKS])
    planned = {key: record.run_id for key, record in latest.items() if record.status.value == "PLANNED"}
    ended = {run_id for run_id in set(planned.values()) if _has_ended(instance, run_id)}
    return {key for key, run_id in planned.items() if run_id in ended}


def _has_ended(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is None or run.is_finished
