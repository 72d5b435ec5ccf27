"""One contract file in the data folder and nothing else: the Data page shows its rows, and uploads know its name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from logistics_core.catalogue import Catalogue
from tests.fourth_dataset import add_contract, drivers

pytestmark = pytest.mark.slow  # `test_shell` opens every page in the quick suite

NAMES = [
    "drivers.json",
    "Drivers 2024.csv",
    "drivers-2024.ndjson.gz",
    "driversold.json",
    "driver.json",
    "drivers2.json",
    "drivers_2.json",
    "DRIVERS,corrected.csv",
    "driversé.json",
    "driversß.json",
    "drivers٣.json",
    "ſhipments.json",
    "shipments",
    "shipments~1.json",
    "my shipments.json",
    "vehicle_logs.json",
    "vehicle-logs.json",
    "vehicle logs.json",
    "Vehicle Logs-may.json",
    "vehicle--logs.json",
    "vehicle_logsx.json",
    "vehicle_log.json",
    "vehicles_logs.json",
    "vehicles.JSON",
    "VEHİCLES.json",
    "vehicles\u00a0x.json",
    "-vehicles.json",
    "other.json",
    "…",
]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return add_contract(tmp_path_factory.mktemp("contract"))


@pytest.fixture(scope="module")
def with_drivers(new_dashboard: Callable[[], Any]) -> Any:
    """An installation into which drivers were loaded."""
    made = new_dashboard()
    add_contract(made.data_dir)
    made.command("migrate")
    (made.raw_dir / "drivers.json").write_text(json.dumps(drivers(60)))
    made.command("load", made.raw_dir)
    made.start()
    return made


def rows_of(page: Page) -> Any:
    return page.get_by_role("table", name="Rows: Drivers").locator("tbody tr")


def test_its_rows_are_shown_filtered_sorted_and_exported(with_drivers: Any, new_page: Any) -> None:
    page, _ = new_page(with_drivers, "/data")
    page.get_by_role("group", name="Dataset").get_by_role("button", name="Drivers").click()
    expected = with_drivers.get("/api/drivers", limit=50)["data"]
    expect(rows_of(page).locator("th")).to_have_text([row["driver_id"] for row in expected])
    headings = page.get_by_role("table", name="Rows: Drivers").locator("thead th")
    expect(headings).to_have_text(
        ["Driver", "Depot", "Notes", "Hired on", "Points", "Distance, km", "First vehicle", "Chosen on", "Filters",
         "Vehicle", "Came from"]
    )  # fmt: skip
    sorts = page.get_by_role("combobox", name="Sort by")
    expect(sorts.locator("option")).to_have_text(
        ["Newest first", "Oldest first", "Driver ↑", "Driver ↓", "Depot ↑", "Depot ↓", "Points ↑", "Points ↓",
         "Distance ↑", "Distance ↓", "Chosen on ↑", "Chosen on ↓"]
    )  # fmt: skip
    sorts.select_option(label="Depot ↓")
    expect(rows_of(page).first).to_contain_text("Zug")
    page.get_by_role("combobox", name="Column").select_option(label="Distance, km")
    page.get_by_role("combobox", name="How").select_option(label="at least")
    page.get_by_role("textbox", name="Value").fill("60")
    page.get_by_role("button", name="Add filter").click()
    expect(page.locator(".chip")).to_have_text("Distance, km at least 60")
    filtered = with_drivers.get("/api/drivers", sort="-from", document_from=60)["data"]
    expect(rows_of(page).locator("th")).to_have_text([row["driver_id"] for row in filtered])
    page.get_by_role("button", name="Export all rows that pass the filters").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert len(download.value.path().read_text().splitlines()) == 1 + len(filtered)
    link = rows_of(page).first.get_by_role("link", name=filtered[0]["vehicle_id"])
    expect(link).to_have_attribute("href", f"/vehicles/{filtered[0]['vehicle_id']}")


def test_its_files_are_listed_under_its_title(with_drivers: Any, new_page: Any) -> None:
    page, _ = new_page(with_drivers, "/pipeline")
    page.get_by_role("combobox", name="Dataset", exact=True).select_option(label="Drivers")
    expect(page.get_by_role("table", name="Files").locator("tbody tr")).to_contain_text(["drivers.json"])


def test_the_dataset_of_a_file_is_guessed_as_the_pipeline_does(
    with_drivers: Any, new_page: Any, catalogue: Catalogue, tmp_path: Path
) -> None:
    page, _ = new_page(with_drivers, "/pipeline")
    page.locator("#upload-files").set_input_files(
        [{"name": name, "mimeType": "application/octet-stream", "buffer": b"[]"} for name in NAMES]
    )
    entries = page.locator(".transfer")
    expect(entries).to_have_count(len(NAMES))
    guessed = [entry.locator("select").input_value() for entry in entries.all()]
    assert dict(zip(NAMES, guessed, strict=True)) == {name: catalogue.dataset_of_path(name) or "" for name in NAMES}
    assert {*guessed} == {"", *catalogue}
