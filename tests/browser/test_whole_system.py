"""The page on the whole system: an upload is found by the sensor, loaded by Dagster, and changes the figures."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.conftest import PATIENCE, Installation, wait_for
from tests.ports import free_port

LOAD_SECONDS = 300


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", free_port(), free_port())
    process = made.start("up")
    try:
        wait_for(lambda: made.get("/ready")["status"] == "ready", 120, "the API is ready")
        wait_for(lambda: made.graphql("{version}")["version"], 120, "Dagster is up")
        page = httpx2.get(f"http://127.0.0.1:{made.api_port}/", trust_env=False, verify=False).text
        (vega,) = re.findall(r"/(assets/[^\"]+/vega\.js)", page)  # made now, not while two pages wait for it
        httpx2.get(
            f"http://127.0.0.1:{made.api_port}/{vega}", trust_env=False, verify=False, timeout=120
        ).raise_for_status()
        yield made
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60 * PATIENCE)


def upload(page: Page, *paths: Path) -> None:
    page.locator("#upload-files").set_input_files([str(path) for path in paths])
    page.get_by_role("button", name="Upload").click()


def file_of(folder: Path, name: str, records: list[dict[str, Any]]) -> Path:
    path = folder / name
    path.write_text(json.dumps(records))
    return path


@pytest.mark.slow
def test_an_upload_goes_through_the_sensor_and_dagster_into_the_figures_without_a_reload(
    system: Installation, new_page: Any, tmp_path: Path
) -> None:
    place = SimpleNamespace(url=f"http://127.0.0.1:{system.api_port}")
    overview, _ = new_page(place, "/")
    expect(overview.get_by_role("heading", level=1)).to_have_text("Welcome")
    page, _ = new_page(place, "/pipeline")
    log = {"log_id": "L-1", "vehicle_id": "V-1", "trip_date": "2024-03-01", "mileage": 100.5, "fuel_used": 30}
    shipment = {
        "shipment_id": "S-1", "origin": "Kiel", "destination": "Ulm", "weight": 10, "cost": 25.5, "delivery_time": 20,
        "log_id": "L-1",
    }  # fmt: skip
    upload(page, file_of(tmp_path, "vehicle_logs-1.json", [log]), file_of(tmp_path, "shipments-1.json", [shipment]))
    entry = page.get_by_role("list", name="Uploads").get_by_role("listitem").filter(has_text="shipments-1.json")
    expect(entry).to_contain_text("1 read = 1 loaded", timeout=LOAD_SECONDS * 1000)
    expect(overview.get_by_role("heading", level=1)).to_have_text("Overview", timeout=LOAD_SECONDS * 1000)
    expect(overview.locator("article.kpi .value").first).to_have_text("1", timeout=LOAD_SECONDS * 1000)
    entry.get_by_role("button", name="Details").click()
    run = page.get_by_role("dialog").get_by_role("link", name="Dagster run").get_attribute("href")
    assert run is not None
    found = system.graphql(
        "query ($id: ID!) { runOrError(runId: $id) { ... on Run { runId } } }", id=run.rpartition("/")[2]
    )
    assert found["runOrError"]["runId"] == run.rpartition("/")[2]
    dagster = page.context.new_page()
    partition = page.get_by_role("dialog").get_by_role("link", name="Dagster partition").get_attribute("href")
    dagster.goto(str(partition))
    expect(dagster.get_by_text("shipments/shipments-1.json").first).to_be_visible(timeout=60_000)
