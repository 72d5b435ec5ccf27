"""The versions of a row: the page *Data* shows which file brought each and what it changed, where they are kept."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = pytest.mark.slow  # `test_shell` opens every page in the quick suite


@pytest.fixture(scope="module")
def with_history(new_dashboard: Callable[[], Any]) -> Any:
    """An installation that keeps the history of vehicles, and not that of logs."""
    made = new_dashboard()
    made.command("history", "keep", "vehicles")
    for number, name in enumerate(("Actros", "Actros 2", "Actros 2")):
        path = made.raw_dir / "vehicles" / f"{number}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps([{"vehicle_id": "V/1", "name": name, "total_mileage": 1_000.5 + 500 * number}]))
        made.command("load", path)
    (made.raw_dir / "vehicle_logs.json").write_text(
        json.dumps([{"log_id": "L1", "vehicle_id": "V/1", "trip_date": "2024-05-01"}])
    )
    made.command("load", made.raw_dir)
    made.start()
    return made


def test_a_row_shows_its_versions_with_what_each_changed(with_history: Any, new_page: Any) -> None:
    page, _ = new_page(with_history, "/data?dataset=vehicles")
    page.get_by_role("button", name="Versions").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Vehicles: V/1")).to_be_visible()
    rows = dialog.get_by_role("table", name="Versions, the newest first").locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("1,500.50 → 2,000.50")
    expect(rows.nth(0)).to_contain_text("vehicles/2.json, record 1")
    expect(rows.nth(1)).to_contain_text("Actros → Actros 2")
    expect(rows.nth(2)).to_contain_text("The first version that is known")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_rows_of_a_dataset_that_keeps_no_history_have_no_versions(with_history: Any, new_page: Any) -> None:
    page, _ = new_page(with_history, "/data?dataset=vehicle_logs")
    expect(page.get_by_role("table", name="Rows: Vehicle logs").locator("tbody tr")).to_have_count(1)
    expect(page.get_by_role("button", name="Versions")).to_have_count(0)
