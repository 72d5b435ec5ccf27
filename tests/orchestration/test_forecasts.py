"""Forecasts in Dagster: requested when figures have settled, made once, checked."""

import dagster as dg
import pytest

from logistics_core.settings import Settings
from logistics_pipeline.orchestration.definitions import build_definitions
from tests.orchestration.conftest import System, shipment, vehicle_log


def test_forecasts_are_assets_below_the_pre_aggregates() -> None:
    graph = build_definitions(Settings()).resolve_asset_graph()
    asset = graph.get(dg.AssetKey(["forecasts", "shipments"]))
    assert [key.to_user_string() for key in asset.parent_keys] == ["analytics/rollups"]
    checks = {key.name for key in graph.asset_check_keys if key.asset_key == asset.key}
    assert checks == {"better_than_naive", "coverage", "fresh"}


@pytest.mark.slow
def test_a_refresh_leads_to_forecasts_once(system: System) -> None:
    assert system.evaluate("stale_forecasts").run_requests == []
    system.drop("vehicle_logs.json", [vehicle_log(n, trip_date=f"2024-03-{n:02}") for n in range(1, 29)])
    system.drop("shipments.json", [shipment(n, cost=n, weight=1, log_id=f"L{n % 28 + 1}") for n in range(100)])
    system.settle()
    assert system.evaluate("stale_forecasts").run_requests == []  # not before the figures are refreshed
    system.run(dg.RunRequest(), job="refresh_analytics_job")

    (request,) = system.evaluate("stale_forecasts").run_requests or []
    assert [key.to_user_string() for key in request.asset_selection or []] == ["forecasts/shipments"]
    result = system.run(request, job="forecast_job")

    assert result.success
    (made,) = [event for event in result.all_events if event.is_step_materialization]
    assert made.step_materialization_data.materialization.metadata["series"].value == 4 * 3
    passed = {
        each.check_name: each.passed
        for each in result.get_asset_check_evaluations()
        if each.asset_key == made.asset_key
    }
    assert set(passed) == {"better_than_naive", "coverage", "fresh"} and passed["fresh"]
    assert system.evaluate("stale_forecasts").run_requests == []
