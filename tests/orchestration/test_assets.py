"""The asset graph, its retries and the automatic refresh."""

from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from logistics_core.settings import Settings
from logistics_pipeline.errors import TransientError
from logistics_pipeline.orchestration.assets import analytics, raw
from logistics_pipeline.orchestration.definitions import build_definitions, defs
from logistics_pipeline.orchestration.runtime.instance import fail_orphaned_runs
from logistics_pipeline.orchestration.sensors.stale_analytics import MAX_WAIT_SECONDS, RefreshConditions, reason_to_wait
from tests.orchestration.conftest import System, shipment, vehicle_log


def test_the_asset_graph_is_three_raw_tables_below_the_analytics() -> None:
    graph = build_definitions(Settings()).resolve_asset_graph()
    shape = {
        key.to_user_string(): (
            graph.get(key).group_name,
            sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            type(graph.get(key).partitions_def).__name__,
        )
        for key in graph.get_all_asset_keys()
    }
    raw_tables = ["raw/shipments", "raw/vehicle_logs", "raw/vehicles"]
    assert shape == {
        **{table: ("raw", [], "DynamicPartitionsDefinition") for table in raw_tables},
        **{
            f"analytics/{table}": ("analytics", raw_tables, "NoneType")
            for table in ("daily_vehicles", "vehicle_numbers", "daily_routes", "routes", "days", "rollups")
        },
        "analytics/pictures": ("analytics", ["analytics/daily_routes", "analytics/days"], "NoneType"),
        "catalogue/proposals": ("contracts", [], "NoneType"),
        "worker/alerts_evaluated": ("worker", [], "NoneType"),
        "worker/messages_delivered": ("worker", ["worker/alerts_evaluated"], "NoneType"),
        "forecasts/shipments": ("forecasts", ["analytics/rollups"], "NoneType"),
        **{
            f"models/{name}": ("models", ["analytics/rollups"], "NoneType")
            for name in ("shipments.delivery_time", "shipments.cost", "vehicle_logs.fuel")
        },
    }


def test_what_the_code_server_loads_is_valid() -> None:
    loaded = defs()
    dg.Definitions.validate_loadable(loaded)
    names = {
        "raw_files", "stale_analytics", "stale_forecasts", "stale_models", "standing_troubles", "file_requests",
        "contract_proposals", "source_pulls", "worker_activity",
    }  # fmt: skip
    assert {sensor.name for sensor in loaded.sensors or []} == names


def test_raw_assets_show_their_columns_with_units() -> None:
    graph = build_definitions(Settings()).resolve_asset_graph()
    schema = graph.get(dg.AssetKey(["raw", "shipments"])).metadata["dagster/column_schema"]
    columns = {column.name: column for column in schema.columns}
    assert columns["shipment_id"].constraints.unique and not columns["shipment_id"].constraints.nullable
    assert columns["weight"].type == "numeric" and "kg" in columns["weight"].description
    assert columns["weight"].constraints.other == ["> 0"]


@pytest.mark.slow
def test_a_passing_trouble_is_retried_and_the_file_is_loaded(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = raw.Loader.load, []

    def trouble_first(*args: Any, **options: Any) -> object:
        calls.append(args)
        if len(calls) == 1:
            raise TransientError("the database was away")
        return real(*args, **options)

    monkeypatch.setattr(raw.Loader, "load", trouble_first)
    monkeypatch.setattr("dagster._core.definitions.policy.RetryPolicy.calculate_delay", lambda *_: 0)
    system.drop("shipments.json", [shipment(1)])

    result = system.run(system.tick()[0])

    assert result.success and len(calls) == 2
    assert system.status("shipments") == {"shipments.json": "MATERIALIZED"}


def test_a_file_at_fault_is_not_retried(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = raw.Loader.load, []

    def counted(*args: Any, **options: Any) -> object:
        calls.append(args)
        return real(*args, **options)

    monkeypatch.setattr(raw.Loader, "load", counted)
    system.drop("shipments.json", "not json")

    assert not system.run(system.tick()[0]).success
    assert len(calls) == 1


@pytest.mark.slow
def test_a_refresh_is_retried_when_the_database_was_away_and_not_when_it_would_fail_again(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dagster._core.definitions.policy.RetryPolicy.calculate_delay", lambda *_: 0)
    real, troubles = analytics.refresh, [TransientError("away"), RuntimeError("a bug")]

    def troubled(*args: Any, **options: Any) -> object:
        if troubles:
            raise troubles.pop(0)
        return real(*args, **options)

    monkeypatch.setattr(analytics, "refresh", troubled)
    assert not system.run(dg.RunRequest(), job="refresh_analytics_job").success
    assert troubles == []
    assert system.run(dg.RunRequest(), job="refresh_analytics_job").success


@pytest.mark.slow
def test_loads_lead_to_one_refresh_and_a_refresh_to_no_other(system: System) -> None:
    assert len(system.refresh_tick()) == 1  # a new database has never been computed
    system.run(dg.RunRequest(), job="refresh_analytics_job")
    assert system.refresh_tick() == []
    system.drop("vehicle_logs.json", [vehicle_log(1)])
    system.drop("shipments/1.json", [shipment(1, cost=10)])
    system.drop("shipments/2.json", [shipment(2, cost=20)])
    system.settle()

    (request,) = system.refresh_tick()
    result = system.run(request, job="refresh_analytics_job")

    assert result.success
    assert system.refresh_tick() == []
    materialised = {
        event.asset_key.to_user_string(): event.step_materialization_data.materialization.metadata
        for event in result.all_events
        if event.is_step_materialization and event.asset_key
    }
    assert set(materialised) == {
        "analytics/daily_vehicles",
        "analytics/vehicle_numbers",
        "analytics/daily_routes",
        "analytics/routes",
        "analytics/days",
        "analytics/rollups",
    }
    assert materialised["analytics/rollups"]["rows_written"].value > 0
    assert materialised["analytics/daily_routes"]["rows_written"].value == 1
    assert materialised["analytics/daily_routes"]["batches_taken_in"].value == 3


QUIET = RefreshConditions(
    is_stale=True, waited_seconds=9, is_loading=False, is_refreshing=False, seconds_since_failure=None
)


@pytest.mark.parametrize(
    ("conditions", "waits"),
    [
        (QUIET, False),
        (replace(QUIET, is_stale=False), True),
        (replace(QUIET, is_loading=True), True),
        (replace(QUIET, is_loading=True, waited_seconds=MAX_WAIT_SECONDS), False),
        (replace(QUIET, is_refreshing=True, waited_seconds=9e9), True),
        (replace(QUIET, seconds_since_failure=5), True),
        (replace(QUIET, seconds_since_failure=61), False),
    ],
)
def test_a_refresh_is_requested_when_loads_have_settled_or_have_gone_on_too_long(
    conditions: RefreshConditions, waits: bool
) -> None:
    assert (reason_to_wait(conditions) is not None) == waits


def test_runs_that_a_kill_left_behind_are_failed_and_their_files_asked_for_again(system: System) -> None:
    system.drop("shipments.json", [shipment(1)])
    (request,) = system.tick()
    job = build_definitions(system.settings).resolve_job_def("load_shipments")
    run = system.instance.create_run_for_job(job, tags=dict(request.tags), status=dg.DagsterRunStatus.STARTED)

    assert fail_orphaned_runs(system.instance) == 1

    left = system.instance.get_run_by_id(run.run_id)
    assert left is not None and left.status is dg.DagsterRunStatus.FAILURE
    assert fail_orphaned_runs(system.instance) == 0
    assert len(system.tick()) == 1
