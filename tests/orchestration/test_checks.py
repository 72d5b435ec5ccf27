"""The asset checks in Dagster: when they run, what is shown of them, and how badly."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import AssetCheckSeverity

from logistics_core.catalogue import built_in_catalogue
from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline.analytics.checks import all_checks
from logistics_pipeline.analytics.tables import TABLES
from logistics_pipeline.database.connections import connect
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import load_options
from logistics_pipeline.orchestration.assets import analytics
from logistics_pipeline.orchestration.assets import checks as asset_checks
from logistics_pipeline.orchestration.assets.checks import check_key
from logistics_pipeline.orchestration.assets.forecasts import forecasts_key
from logistics_pipeline.orchestration.assets.models import model_key
from logistics_pipeline.orchestration.assets.worker import HEARTBEAT
from logistics_pipeline.orchestration.definitions import build_definitions
from logistics_pipeline.orchestration.jobs import CHECK_JOB, REFRESH_JOB
from logistics_pipeline.orchestration.sensors import stale_analytics
from tests.orchestration.conftest import System, shipment, vehicle_log

CHECKS = all_checks(built_in_catalogue(), RejectThreshold.parse("1%"))

MEASURES = {"cost": 10, "weight": 1, "delivery_time": 2}


def shown(system: System, table: str, name: str) -> dg.AssetCheckEvaluation | None:
    """What the UI shows of a check: its last evaluation, or None while one is only planned."""
    key = dg.AssetCheckKey(dg.AssetKey(table.split("/")), name)
    record = system.instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
    assert record is not None, f"{table} {name} was never asked for"
    return record.evaluation if record.status.value != "PLANNED" else None


def all_shown(system: System) -> dict[str, dg.AssetCheckEvaluation | None]:
    return {check.full_name: shown(system, f"{check.schema}/{check.table}", check.name) for check in CHECKS}


@pytest.fixture
def filled(system: System, tmp_path: Path) -> System:
    """A file of each dataset is loaded, from elsewhere and without Dagster, which is quick."""
    load(system, tmp_path / "vehicles.json", [{"vehicle_id": "V1", "total_mileage": 1}])
    logs = [vehicle_log(number, mileage=10, fuel_used=1) for number in range(1, 4)]
    load(system, tmp_path / "vehicle_logs.json", logs)
    load(system, tmp_path / "shipments.json", [shipment(1, **MEASURES)])
    return system


def load(system: System, path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text(json.dumps(records))
    found = RawFolder(system.settings.raw_dir).look_at(path)
    assert found is not None and system.settings.database_url is not None
    assert load_file(system.settings.database_url, found, load_options(system.settings)).is_loaded


def refresh(system: System) -> dg.ExecuteInProcessResult:
    (request,) = system.refresh_tick()
    return system.run(request, job=REFRESH_JOB.name)


class Sensor:
    """The check sensor, with its cursor."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._cursor: str | None = None

    def tick(self) -> list[dg.AssetCheckEvaluation]:
        """One look; what it finds is put where the daemon puts it."""
        data = self._system.evaluate("standing_troubles", self._cursor)
        self._cursor = data.cursor or self._cursor
        for event in data.asset_events:
            self._system.instance.report_runless_asset_event(event)
        return [event for event in data.asset_events if isinstance(event, dg.AssetCheckEvaluation)]


def test_all_checks_belong_to_assets_and_say_what_they_are() -> None:
    graph = build_definitions().resolve_asset_graph()

    of_forecasts = {key for key in graph.asset_check_keys if key.asset_key == forecasts_key("shipments")}
    assert {key.name for key in of_forecasts} == {"better_than_naive", "coverage", "fresh"}
    of_models = {key for key in graph.asset_check_keys if key.asset_key == model_key("shipments.delivery_time")}
    assert {key.name for key in of_models} == {"better_than_naive", "coverage", "drift", "fresh"}
    others = {key for key in graph.asset_check_keys if key.asset_key.path[0] == "models"} | {HEARTBEAT.key}
    assert graph.asset_check_keys - of_forecasts - others == {check_key(check) for check in CHECKS}
    for key in graph.asset_check_keys:
        assert key.asset_key in graph.get_all_asset_keys()
        assert graph.get_check_spec(key).description


@pytest.mark.slow
def test_every_check_runs_with_the_refresh_and_in_one_run_with_it(filled: System) -> None:
    result = refresh(filled)

    assert result.success
    evaluations = all_shown(filled)
    assert [name for name, evaluation in evaluations.items() if evaluation is None or not evaluation.passed] == []
    assert {evaluation.check_name for evaluation in result.get_asset_check_evaluations()} == {
        check.name for check in CHECKS
    }
    steps = [event.step_key for event in result.all_events if event.is_step_success]
    assert steps[0] == "refresh_analytics", "the figures are waited for"
    balance = evaluations["raw.vehicle_logs balance_per_file"]
    assert balance is not None
    assert balance.metadata["records_read"] == dg.IntMetadataValue(3)
    assert "3 records read" in (balance.description or "")


@pytest.mark.slow
def test_a_load_does_not_touch_what_the_checks_show(filled: System) -> None:
    refresh(filled)
    filled.drop("shipments/2.json", [shipment(2, **MEASURES)])
    filled.settle()

    assert all(evaluation and evaluation.passed for evaluation in all_shown(filled).values())


@pytest.mark.slow
def test_checks_see_the_figures_after_the_refresh_that_they_run_with(filled: System, tmp_path: Path) -> None:
    refresh(filled)
    load(filled, tmp_path / "shipments-2.json", [shipment(number, log_id="unknown") for number in range(2, 9)])

    assert refresh(filled).success

    found = shown(filled, "analytics/daily_routes", "unassigned_shipments")
    assert found is not None
    assert (found.passed, found.severity) == (False, AssetCheckSeverity.WARN)
    assert found.metadata["unassigned_shipments"] == dg.IntMetadataValue(7)


@pytest.mark.slow
def test_wrong_figures_are_an_error_that_does_not_stop_the_refresh(filled: System, tmp_path: Path) -> None:
    refresh(filled)
    with connect(filled.settings.database_url or "") as connection:
        connection.execute("UPDATE analytics.daily_vehicles SET trips = trips + 1")
    load(filled, tmp_path / "shipments-2.json", [shipment(2, log_id="unknown")])

    assert refresh(filled).success

    found = shown(filled, "analytics/daily_vehicles", "aggregates_match_raw")
    assert found is not None
    assert (found.passed, found.severity) == (False, AssetCheckSeverity.ERROR)
    assert "2024-03-05" in (found.description or "")


@pytest.mark.slow
def test_the_raw_tables_are_checked_though_the_refresh_fails(filled: System, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(analytics, "refresh", fail)

    assert not refresh(filled).success

    found = shown(filled, "raw/shipments", "rows_present")
    assert found is not None and found.passed
    assert shown(filled, "analytics/daily_routes", "aggregates_match_raw") is None


@pytest.mark.slow
def test_checks_that_cannot_run_do_not_delay_the_next_refresh(filled: System, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(asset_checks, "run_checks", fail)
        assert not refresh(filled).success
    filled.drop("vehicles/late.json", [{"vehicle_id": "V9", "total_mileage": 2}])
    filled.settle()

    assert len(filled.refresh_tick()) == 1


@pytest.mark.slow
def test_a_refresh_that_failed_is_asked_for_again_after_a_pause(
    filled: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(analytics, "refresh", fail)
        assert not refresh(filled).success
    assert filled.refresh_tick() == []

    monkeypatch.setattr(stale_analytics, "PAUSE_AFTER_FAILURE_SECONDS", 0)
    assert len(filled.refresh_tick()) == 1


@pytest.mark.slow
def test_all_days_are_compared_on_request(filled: System) -> None:
    refresh(filled)
    with connect(filled.settings.database_url or "") as connection:
        connection.execute("DELETE FROM raw.shipments")

    result = filled.run(dg.RunRequest(), job=CHECK_JOB.name)

    assert result.success
    assert len(result.get_asset_check_evaluations()) == len(CHECKS)
    figures = shown(filled, "analytics/daily_routes", "aggregates_match_raw")
    assert figures is not None and not figures.passed
    assert "every day" in (figures.description or "")
    balance = shown(filled, "raw/shipments", "balance_per_file")
    assert balance is not None and (balance.passed, balance.severity) == (False, AssetCheckSeverity.ERROR)
    assert "1 loaded by its account, 0 in raw.shipments" in (balance.description or "")


def test_a_single_check_can_be_executed(filled: System) -> None:
    job = build_definitions(filled.settings).resolve_implicit_global_asset_job_def()
    key = dg.AssetCheckKey(dg.AssetKey(["raw", "vehicles"]), "rows_present")

    result = job.get_subset(asset_check_selection={key}).execute_in_process(instance=filled.instance)

    assert [evaluation.asset_check_key for evaluation in result.get_asset_check_evaluations()] == [key]


@pytest.mark.slow
def test_a_file_that_failed_for_good_is_shown_without_a_refresh_and_so_is_its_mending(filled: System) -> None:
    refresh(filled)
    sensor = Sensor(filled)
    assert sensor.tick() == []

    filled.drop("shipments/bad.json", '[{"shipment_id": "S6", "orig')
    filled.settle()
    assert filled.refresh_tick() == []
    assert {evaluation.asset_key.to_user_string() for evaluation in sensor.tick()} == {"raw/shipments"}

    found = shown(filled, "raw/shipments", "no_failed_files")
    assert found is not None
    assert (found.passed, found.severity) == (False, AssetCheckSeverity.ERROR)
    assert "shipments/bad.json" in (found.description or "")
    assert sensor.tick() == [], "once is enough"
    assert filled.tick() == [], "and the file is not asked for again"

    filled.drop("shipments/bad.json", [shipment(6)])
    filled.settle()
    sensor.tick()
    found = shown(filled, "raw/shipments", "no_failed_files")
    assert found is not None and found.passed


def test_checks_that_a_run_planned_and_skipped_are_answered_by_the_sensor(filled: System) -> None:
    """As when a partition is materialised in the UI: Dagster plans the checks of its table, and skips them."""
    filled.drop("vehicles/2.json", [{"vehicle_id": "V2", "total_mileage": 2}])
    filled.tick()
    job = build_definitions(filled.settings).resolve_implicit_global_asset_job_def()
    vehicles = job.get_subset(asset_selection={dg.AssetKey(["raw", "vehicles"])})
    assert vehicles.execute_in_process(instance=filled.instance, partition_key="vehicles/2.json").success
    assert shown(filled, "raw/vehicles", "rows_present") is None

    sensor = Sensor(filled)
    answered = sensor.tick()

    assert {evaluation.asset_key.to_user_string() for evaluation in answered} == {"raw/vehicles"}
    found = shown(filled, "raw/vehicles", "rows_present")
    assert found is not None and found.passed
    assert sensor.tick() == []


@pytest.mark.slow
def test_rows_that_no_refresh_takes_in_are_shown(filled: System, tmp_path: Path) -> None:
    refresh(filled)
    sensor = Sensor(filled)
    load(filled, tmp_path / "vehicle_logs-2.json", [vehicle_log(9)])
    assert sensor.tick() == []
    with connect(filled.settings.database_url or "") as connection:
        connection.execute(
            "UPDATE ingest.batches SET committed_at = committed_at - interval '1 hour' WHERE refreshed_as IS NULL"
        )

    sensor.tick()
    found = shown(filled, "analytics/daily_vehicles", "all_taken_in")
    assert found is not None and (found.passed, found.severity) == (False, AssetCheckSeverity.WARN)

    refresh(filled)
    sensor.tick()
    found = shown(filled, "analytics/daily_vehicles", "all_taken_in")
    assert found is not None and found.passed


def test_a_refresh_shows_rows_columns_rates_and_a_link_to_the_figures(filled: System) -> None:
    refresh(filled)

    event = filled.instance.get_latest_materialization_event(dg.AssetKey(["analytics", "daily_vehicles"]))
    assert event is not None and event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["dagster/row_count"].value == 1
    columns = {column.name: column for column in metadata["dagster/column_schema"].value.columns}
    assert columns["mileage_sum"].type == "numeric" and "km" in (columns["mileage_sum"].description or "")
    assert not columns["day"].constraints.nullable
    assert metadata["rows_per_second"].value > 0
    assert str(metadata["figures"].value).endswith("/api/vehicles/metrics?start=2024-03-05&end=2024-03-05")


def test_rejects_are_a_table_with_count_field_reason_and_first_example(filled: System) -> None:
    good = [shipment(number) for number in (4, 5, 6)]
    filled.drop("shipments/2.json", [*good, shipment(7, weight=-1), shipment(8, weight=-2), {"shipment_id": "a|b`c"}])
    filled.settle()

    (record,) = filled.materialisations("shipments", "shipments/2.json")
    assert record.asset_materialization is not None
    metadata = record.asset_materialization.metadata
    assert metadata["rejected_percent"].value == 50.0
    header, _, first, second = str(metadata["rejects"].value).splitlines()
    assert header == "| records | field | reason | first | example |"
    assert first.startswith("| 2 | weight | weight must be more than 0 | 4 |")
    assert r"a\|b'c" in second


def test_every_asset_leads_to_the_api_and_to_its_sql(filled: System) -> None:
    graph = build_definitions(filled.settings).resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert str(node.metadata["api"].value).endswith(":8000/docs")
        if key.path[0] == "analytics" and key.path[1] in TABLES:
            assert "SELECT" in str(node.metadata["computed_by"].value)
            assert node.freshness_policy is not None
