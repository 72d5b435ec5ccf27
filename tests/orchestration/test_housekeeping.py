"""Old runs and partitions go; what Dagster shows of files, tables and checks stays. On Dagster's PostgreSQL storage."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg
import psycopg
import pytest
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.runs.schema import RunsTable
from sqlalchemy import select, update

from logistics_core.catalogue import built_in_catalogue
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import connect, with_database, with_driver
from logistics_pipeline.orchestration.definitions import build_definitions
from logistics_pipeline.orchestration.partitions import partitions_name
from logistics_pipeline.orchestration.run_retention import RunCleanup, delete_old_partitions, delete_old_runs
from tests.orchestration.conftest import System, shipment, vehicle_log

pytestmark = pytest.mark.slow

SHIPMENTS = dg.AssetKey(["raw", "shipments"])
REFRESH = "refresh_analytics_job"
A_MONTH = 30


@pytest.fixture
def postgres_system(database_url: str, server_url: str, tmp_path: Path) -> Iterator[System]:
    """Dagster's storage in a database of its own, as installations have it; the other tests have SQLite's, which is
    sooner made."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE test_dagster_storage")
        url = with_driver(with_database(server_url, "test_dagster_storage"), "psycopg2")
        with dg.instance_for_test({"storage": {"postgres": {"postgres_url": url}}}) as instance:
            settings = Settings(
                database_url=database_url, data_dir=tmp_path / "data", settle_seconds=1, refresh_after_load=False
            )
            settings.raw_dir.mkdir(parents=True)
            yield System(instance, settings)
        connection.execute("DROP DATABASE test_dagster_storage WITH (FORCE)")


def age(system: System, days: int) -> None:
    """Makes all that there is so many days older."""
    runs = RunsTable.c
    with cast("SqlRunStorage", system.instance.run_storage).connect() as connection:
        for run_id, updated_at in connection.execute(select(runs.run_id, runs.update_timestamp)).all():
            older = {"update_timestamp": updated_at - timedelta(days=days)}
            connection.execute(update(RunsTable).where(runs.run_id == run_id).values(older))
    assert system.settings.database_url is not None
    with connect(system.settings.database_url) as connection:
        connection.execute("UPDATE ingest.files SET finished_at = finished_at - make_interval(days => %s)", (days,))


def run_ids(system: System) -> set[str]:
    return set(system.instance.get_run_ids())


def fresh_status(system: System) -> dict[str, str | None]:
    """The status worked out anew from the events, not from what Dagster remembers of the last look."""
    system.instance.event_log_storage.wipe_asset_cached_status(SHIPMENTS)
    return system.status("shipments")


def materialise(system: System, key: str) -> str:
    """A run of one file, and what became of it in Dagster's eyes."""
    job = build_definitions(system.settings).resolve_job_def("load_shipments")
    result = job.execute_in_process(instance=system.instance, partition_key=key, raise_on_error=False)
    return result.run_id


def printed(system: System, run_id: str) -> bool:
    """Whether what a run printed is still there."""
    logs = system.instance.compute_log_manager
    assert isinstance(logs, LocalComputeLogManager)
    return Path(logs.get_captured_local_path([run_id, "compute_logs", "any"], "out")).parent.exists()


def refresh(system: System) -> str:
    return system.run(dg.RunRequest(), job=REFRESH).run_id


def test_a_partition_whose_run_is_deleted_counts_as_never_materialised_and_its_file_is_asked_for(
    system: System,
) -> None:
    """What Dagster 1.13 does by itself, and why `run_retention` exists."""
    system.drop("shipments.json", [shipment(1)])
    system.settle()
    (run_id,) = run_ids(system)

    system.instance.delete_run(run_id)

    assert fresh_status(system) == {"shipments.json": None}
    assert len(system.tick()) == 1


@pytest.mark.parametrize("storage", ["system", "postgres_system"])
def test_old_runs_go_and_every_partition_keeps_its_status(storage: str, request: pytest.FixtureRequest) -> None:
    system: System = request.getfixturevalue(storage)
    system.drop("shipments/good.json", [shipment(1)])
    system.drop("shipments/bad.json", "not json")
    system.drop("shipments/mended.json", "not json")
    system.settle()
    (load,) = run_ids(system)  # one run over the three files
    system.drop("shipments/mended.json", [shipment(2)])
    system.settle()
    (mending,) = run_ids(system) - {load}
    once_more = materialise(system, "shipments/mended.json")
    before = fresh_status(system)
    age(system, 31)
    young = materialise(system, "shipments/mended.json")
    assert before == {
        "shipments/good.json": "MATERIALIZED",
        "shipments/bad.json": "FAILED",
        "shipments/mended.json": "MATERIALIZED",
    }

    cleared = delete_old_runs(system.instance, built_in_catalogue(), A_MONTH)

    assert cleared == RunCleanup(deleted=2, kept=1)
    assert run_ids(system) == {load, young}
    assert {mending, once_more}.isdisjoint(run_ids(system))
    assert fresh_status(system) == before
    assert system.tick() == []
    assert len(system.observations("shipments", "shipments/bad.json")) == 1, "why it failed is still to be read"
    assert delete_old_runs(system.instance, built_in_catalogue(), A_MONTH) == RunCleanup(deleted=0, kept=1)


def test_a_failed_attempt_after_a_success_is_kept_together_with_that_success(system: System) -> None:
    path = system.drop("shipments.json", [shipment(1)])
    system.settle()
    (success,) = run_ids(system)
    path.unlink()
    attempts = [materialise(system, "shipments.json") for _ in range(3)]
    before = fresh_status(system)
    assert before == {"shipments.json": "FAILED"}
    age(system, 31)

    assert delete_old_runs(system.instance, built_in_catalogue(), A_MONTH) == RunCleanup(deleted=2, kept=2)

    assert run_ids(system) == {success, attempts[-1]}
    assert fresh_status(system) == before


def test_unfinished_runs_stay_however_old_they_are(system: System) -> None:
    system.drop("shipments.json", [shipment(1)])
    (request,) = system.tick()
    job = build_definitions(system.settings).resolve_job_def("load_shipments")
    waiting = system.instance.create_run_for_job(job, tags=dict(request.tags), status=dg.DagsterRunStatus.STARTED)
    age(system, 400)

    assert delete_old_runs(system.instance, built_in_catalogue(), A_MONTH) == RunCleanup(deleted=0, kept=0)
    assert run_ids(system) == {waiting.run_id}


def test_of_refreshes_the_newest_stays_with_its_events_and_what_others_printed_goes(system: System) -> None:
    system.drop("vehicle_logs.json", [vehicle_log(1)])
    system.settle()
    refreshes = [refresh(system) for _ in range(3)]
    assert all(printed(system, run_id) for run_id in refreshes)
    age(system, 31)

    delete_old_runs(system.instance, built_in_catalogue(), A_MONTH)

    assert run_ids(system) & set(refreshes) == {refreshes[-1]}
    assert [run_id for run_id in refreshes if printed(system, run_id)] == [refreshes[-1]]
    event = system.instance.get_latest_materialization_event(dg.AssetKey(["analytics", "daily_routes"]))
    assert event is not None and event.run_id == refreshes[-1]
    assert system.instance.all_logs(refreshes[0]) == []


def test_the_newest_result_of_every_check_stays_and_the_older_ones_are_deleted(system: System) -> None:
    @dg.asset
    def table() -> None: ...

    @dg.asset_check(asset=table)
    def once() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False)

    @dg.asset_check(asset=table)
    def often() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    first = dg.materialize([table, once, often], instance=system.instance).run_id
    later = [dg.materialize([table, often], instance=system.instance).run_id for _ in range(3)]
    age(system, 31)

    assert delete_old_runs(system.instance, built_in_catalogue(), A_MONTH) == RunCleanup(deleted=2, kept=2)

    assert run_ids(system) == {first, later[-1]}
    checks = AssetCheckExecutionsTable.c
    with cast("SqlEventLogStorage", system.instance.event_log_storage).index_connection() as connection:
        left = connection.execute(select(checks.check_name, checks.run_id).order_by(checks.check_name, checks.id)).all()
    assert left == [("often", first), ("often", later[-1]), ("once", first)]


def test_partitions_of_files_long_gone_are_forgotten_and_their_runs_go_with_them(system: System) -> None:
    system.drop("shipments/stays.json", [shipment(1)])
    system.settle()
    gone = system.drop("shipments/gone.json", [shipment(2)])
    system.settle()
    gone.unlink()
    job_housekeeping(system)
    assert set(system.status("shipments")) == {"shipments/stays.json", "shipments/gone.json"}, "it was here lately"
    before = run_ids(system)
    age(system, 91)

    metadata = job_housekeeping(system)

    assert metadata["partitions_forgotten"].value == 1
    assert fresh_status(system) == {"shipments/stays.json": "MATERIALIZED"}
    assert len(before & run_ids(system)) == 1
    assert system.tick() == []
    assert system.ledger()["shipments/gone.json"].records_loaded == 1


def test_a_file_that_comes_back_after_its_partition_was_forgotten_is_loaded_only_if_it_changed(system: System) -> None:
    path = system.drop("shipments/back.json", [shipment(1)])
    system.drop("shipments/stays.json", [shipment(2)])
    system.settle()
    content = path.read_bytes()
    path.unlink()
    age(system, 91)
    job_housekeeping(system)
    assert set(system.status("shipments")) == {"shipments/stays.json"}

    system.drop("shipments/back.json", content)
    system.settle()

    assert fresh_status(system)["shipments/back.json"] == "MATERIALIZED"
    entry = system.ledger()["shipments/back.json"]
    assert (entry.version, entry.records_loaded) == (1, 1)


def test_an_empty_raw_folder_forgets_no_partition(system: System) -> None:
    """Perhaps the folder is only not mounted."""
    path = system.drop("shipments.json", [shipment(1)])
    system.settle()
    path.unlink()
    age(system, 91)

    assert job_housekeeping(system)["partitions_forgotten"].value == 0
    assert fresh_status(system) == {"shipments.json": "MATERIALIZED"}


def test_a_partition_that_a_run_is_asked_for_is_not_forgotten(system: System) -> None:
    system.drop("shipments.json", [shipment(1)])
    (request,) = system.tick()
    job = build_definitions(system.settings).resolve_job_def("load_shipments")
    system.instance.create_run_for_job(job, tags=dict(request.tags), status=dg.DagsterRunStatus.STARTED)
    name = partitions_name("shipments")
    assert name is not None
    partitions = set(system.instance.get_dynamic_partitions(name))
    assert system.status("shipments") == {"shipments.json": "IN_PROGRESS"}

    assert delete_old_partitions(system.instance, built_in_catalogue(), present=set(), closed=partitions) == 0


def job_housekeeping(system: System) -> dict[str, Any]:
    """Runs the job as the schedule does, and returns what it reports."""
    result = (
        build_definitions(system.settings).resolve_job_def("housekeeping").execute_in_process(instance=system.instance)
    )
    assert result.success
    return {
        name: value
        for event in result.all_events
        if event.event_type_value == "STEP_OUTPUT"
        for name, value in event.step_output_data.metadata.items()
    }


def test_housekeeping_reports_what_it_did_to_the_ledger_and_to_the_history(system: System) -> None:
    system.drop("vehicle_logs.json", [vehicle_log(1)])
    system.settle()
    refresh(system)
    refresh(system)
    age(system, 31)

    metadata = job_housekeeping(system)

    assert metadata["runs_deleted"].value == 1
    assert metadata["old_runs_kept"].value == 2
    assert metadata["batches_removed"].value == 0
    assert "raw.vehicle_logs" in metadata["vacuumed"].value


def test_housekeeping_is_scheduled_every_night_without_anybody_turning_it_on() -> None:
    (schedule,) = [
        each for each in build_definitions(Settings()).schedules or [] if each.name == "nightly_housekeeping"
    ]
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    at = datetime(2026, 1, 31, 3, 30, tzinfo=UTC)
    context = dg.build_schedule_context(scheduled_execution_time=at)
    (request,) = schedule.evaluate_tick(context).run_requests or []
    assert request.job_name in (None, "housekeeping")
