"""Models in Dagster: brought up to date when records have changed, once, and checked."""

import dagster as dg
import pytest

from logistics_core.settings import Settings
from logistics_pipeline.orchestration.definitions import build_definitions
from tests.orchestration.conftest import System, shipment, vehicle_log

NAMES = ["models/shipments.delivery_time", "models/shipments.cost", "models/vehicle_logs.fuel"]


def test_each_model_is_an_asset_with_its_checks() -> None:
    graph = build_definitions(Settings()).resolve_asset_graph()
    checks = {
        name: {key.name for key in graph.asset_check_keys if key.asset_key == dg.AssetKey(name.split("/"))}
        for name in NAMES
    }
    assert checks == {
        NAMES[0]: {"better_than_naive", "coverage", "drift", "fresh"},
        NAMES[1]: {"finds_injected", "fresh"},
        NAMES[2]: {"finds_injected", "fresh"},
    }


@pytest.mark.slow
def test_a_refresh_leads_to_models_once(system: System) -> None:
    assert system.evaluate("stale_models").run_requests == []
    system.drop("vehicle_logs.json", [vehicle_log(n, trip_date=f"2024-03-{n:02}") for n in range(1, 29)])
    records = [
        shipment(n, cost=10 + n % 7, weight=1 + n % 3, delivery_time=20 + n % 11, log_id=f"L{n % 28 + 1}")
        for n in range(200)
    ]
    system.drop("shipments.json", records)
    system.settle()
    system.run(dg.RunRequest(), job="refresh_analytics_job")

    (request,) = system.evaluate("stale_models").run_requests or []
    assert [key.to_user_string() for key in request.asset_selection or []] == [NAMES[2], *NAMES[:2]]
    result = system.run(request, job="models_job")

    assert result.success
    made = {
        event.asset_key.to_user_string(): event.step_materialization_data.materialization.metadata
        for event in result.all_events
        if event.is_step_materialization and event.asset_key is not None
    }
    assert made[NAMES[0]]["version"].value == "1"
    assert made[NAMES[2]]["version"].value == "none"  # 28 trips are too few to learn from
    passed = {
        (each.asset_key.to_user_string(), each.check_name): each.passed for each in result.get_asset_check_evaluations()
    }
    assert passed[NAMES[0], "fresh"]
    assert {name for name, _ in passed} == set(NAMES)
    assert system.evaluate("stale_models").run_requests == []
