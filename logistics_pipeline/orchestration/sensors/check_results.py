"""The sensor that repeats checks outside refreshes: when a file has failed for good, or no refresh runs.

It also repeats checks that a run planned and did not execute. Dagster plans the checks of a raw table whenever it is
materialised in the UI, and skips them because each file reports itself; they would be shown without a result.

It writes the findings straight into Dagster's event log: the queries take milliseconds, a run would take seconds.
"""

import json

import dagster as dg

from logistics_pipeline import ledger
from logistics_pipeline.analytics.checks import Check, all_checks, ledger_states, run_checks
from logistics_pipeline.analytics.checks.figures import WAIT_ERROR_SECONDS, WAIT_WARNING_SECONDS, all_taken_in
from logistics_pipeline.analytics.checks.files import no_unrecognised_files
from logistics_pipeline.orchestration.assets.checks import check_evaluation, check_key
from logistics_pipeline.orchestration.resources import DatabaseResource

State = dict[str, str]
"""Per dataset, and for the figures, what the checks depend on. A name that is missing means that all is well."""

FIGURES = "figures"
NO_DATASET = "no dataset"
"""What `sql/checks/ledger_state.sql` calls the files that belong to none."""


def build_check_sensor(interval_seconds: int) -> dg.SensorDefinition:
    """Makes the sensor."""

    @dg.sensor(
        name="standing_troubles",
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Updates the asset checks when a file has failed for good or was corrected, and when loaded rows "
        "wait too long for a refresh.",
    )
    def standing_troubles(
        context: dg.SensorEvaluationContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.SensorResult | dg.SkipReason:
        state, before = _current_state(database), json.loads(context.cursor or "{}")
        checks = all_checks(database.catalogue, database.settings.warn_threshold)
        wanted = _checks_to_repeat(context.instance, checks, _changes(before, state))
        if not wanted:
            return dg.SkipReason("nothing has failed or was corrected since the last evaluation")
        results = run_checks(database.url, wanted)
        return dg.SensorResult(
            cursor=json.dumps(state), asset_events=[check_evaluation(check, finding) for check, finding in results]
        )

    return standing_troubles


def _current_state(database: DatabaseResource) -> State:
    with database.kept_connection() as connection:
        waited = ledger.staleness(connection).waited_seconds
        return ledger_states(connection) | _waiting_state(waited)


def _waiting_state(seconds: float) -> State:
    if seconds <= WAIT_WARNING_SECONDS:
        return {}
    return {FIGURES: "for hours" if seconds > WAIT_ERROR_SECONDS else "too long"}


def _changes(before: State, now: State) -> set[str]:
    return {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}


def _checks_to_repeat(instance: dg.DagsterInstance, checks: list[Check], changed: set[str]) -> list[Check]:
    not_executed = _planned_but_not_executed(instance, checks)
    return [check for check in checks if _depends_on(check) in changed or check_key(check) in not_executed]


def _depends_on(check: Check) -> str | None:
    """The name in the state whose change may change the check's result."""
    if check.schema == "raw":
        return check.table
    if check.name == no_unrecognised_files.__name__:
        return NO_DATASET
    return FIGURES if check.name == all_taken_in.__name__ else None


def _planned_but_not_executed(instance: dg.DagsterInstance, checks: list[Check]) -> set[dg.AssetCheckKey]:
    """Checks whose last execution was planned by a run that has ended without it."""
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key([check_key(check) for check in checks])
    planned = {key: record.run_id for key, record in latest.items() if record.status.value == "PLANNED"}
    ended = {run_id for run_id in set(planned.values()) if _has_ended(instance, run_id)}
    return {key for key, run_id in planned.items() if run_id in ended}


def _has_ended(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is None or run.is_finished
