"""Explore of a dataset that somebody has dropped: places, moments in another time zone, and values that are missing."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import yaml
from playwright.sync_api import expect

from tests.browser.test_explore_page import OPEN, answer_table
from tests.browser.test_shell import settled

pytestmark = pytest.mark.slow  # `test_shell` opens every page in the quick suite

CONTRACT = {
    "$schema": "https://datapackage.org/profiles/2.0/dataresource.json",
    "name": "stops",
    "path": "stops.json",
    "title": "Stops",
    "singular": "stop",
    "schema": {
        "primaryKey": ["stop_id"],
        "fields": [
            {"name": "stop_id", "type": "string", "role": "identifier", "constraints": {"required": True}},
            {"name": "stopped_at", "type": "datetime", "timeZone": True, "constraints": {"required": True}},
            {"name": "depot", "title": "Depot", "type": "string", "role": "dimension"},
            {"name": "lat", "title": "Latitude", "type": "number"},
            {"name": "lon", "title": "Longitude", "type": "number"},
            {"name": "minutes", "title": "Minutes", "type": "number", "role": "measure"},
        ],
    },
    "datedBy": {"field": "stopped_at", "timeZone": "Asia/Tokyo"},
}
DEPOTS = ["Aachen", None, "null", "Zug"]


@pytest.fixture(scope="module")
def stops(new_dashboard: Callable[[], Any]) -> Any:
    """An installation with one stop every hour for three days: those from 15:00 UTC are of the next day in Tokyo."""
    made = new_dashboard()
    folder = made.data_dir / "contracts"
    folder.mkdir(parents=True)
    (folder / "stops.yaml").write_text(yaml.safe_dump(CONTRACT, sort_keys=False))
    made.command("migrate")
    records = [
        {
            "stop_id": f"S{hour}",
            "stopped_at": f"2024-03-{5 + hour // 24:02}T{hour % 24:02}:00:00Z",
            "depot": DEPOTS[hour % 4],
            "lat": 50 + hour % 3,
            "lon": 6 + hour % 2,
            "minutes": hour + 0.5,
        }
        for hour in range(72)
    ]
    (made.raw_dir / "stops.json").write_text(json.dumps(records))
    log = {"log_id": "L1", "vehicle_id": "V1", "trip_date": "2024-11-20", "mileage": 5, "fuel_used": 1}
    (made.raw_dir / "vehicle_logs.json").write_text(json.dumps([log]))
    made.command("load", made.raw_dir)
    made.command("refresh")
    made.start()
    return made


def test_the_rows_of_a_day_are_those_of_its_time_zone(stops: Any, new_page: Callable[..., Any]) -> None:
    page, _ = new_page(stops, "/explore?dataset=stops&range=all&grain=day")
    settled(page)
    rows = answer_table(page).locator("tbody tr")
    expect(rows.locator("td").filter(has_text="Rows")).to_have_count(4)
    expect(rows.nth(0).locator("td").first).to_have_text("15")
    expect(rows.nth(1).locator("td").first).to_have_text("24")
    page.get_by_role("link", name="Rows of Mar 6, 2024").click()
    shown = page.get_by_role("table", name="Rows: Stops").locator("tbody th")
    expect(shown).to_have_count(24)
    assert set(shown.all_inner_texts()) == {f"S{hour}" for hour in range(15, 39)}


def test_a_missing_value_is_a_group_of_its_own_and_no_text(stops: Any, new_page: Callable[..., Any]) -> None:
    page, _ = new_page(stops, "/explore?dataset=stops&range=all&by=depot")
    settled(page)
    expect(answer_table(page).locator("tbody th")).to_have_text(["Aachen", "Zug", "null", "(no value)"])
    page.get_by_role("link", name="Rows of (no value)").click()
    expect(page.locator(".chip").last).to_have_text("Depot has no value")
    rows = page.get_by_role("table", name="Rows: Stops").locator("tbody")
    expect(rows.locator("tr")).to_have_count(18)
    expect(rows.get_by_text("null", exact=True)).to_have_count(0)
    page.get_by_role("button", name="No longer Depot has no value").click()
    expect(rows.locator("tr")).to_have_count(50)
    page.go_back()
    page.go_back()
    page.get_by_role("link", name="Rows of null", exact=True).click()
    expect(rows.locator("tr")).to_have_count(18)
    expect(rows.get_by_text("null", exact=True)).to_have_count(18)


def test_coordinates_are_drawn_as_a_map(stops: Any, new_page: Callable[..., Any]) -> None:
    page, _ = new_page(stops, "/explore?dataset=stops&range=all&by=lat,lon")
    settled(page)
    figure = page.locator("figure.chart")
    expect(figure).to_have_attribute("data-drawn", "metric_map")
    svg = figure.evaluate("figure => figure.chart.svg({ text: 'A map' })")
    assert svg.count('aria-roledescription="point"') == 6
    page.evaluate(
        OPEN, "/explore?dataset=stops&range=all&by=depot&filter=%7B%22depot%22%3A%7B%22isNull%22%3Atrue%7D%7D"
    )
    expect(page.get_by_role("button", name="Remove filter Depot has no value")).to_be_visible()
    expect(answer_table(page).locator("tbody th")).to_have_text(["(no value)"])


def test_rows_are_sorted_by_their_day(stops: Any, new_page: Callable[..., Any]) -> None:
    page, _ = new_page(stops, "/data?dataset=stops")
    settled(page)
    shown = page.get_by_role("table", name="Rows: Stops").locator("tbody th")
    expect(shown.first).to_have_text("S0")
    page.get_by_role("combobox", name="Sort by").select_option(label="Newest first")
    expect(shown.first).to_have_text("S71")


def test_ranges_of_a_board_count_back_from_the_newest_day_of_its_own_datasets(
    stops: Any, new_page: Callable[..., Any]
) -> None:
    panels = [{"title": "Stops", "question": {"dataset": "stops", "metrics": "records"}}]
    made = httpx2.post(f"{stops.url}/api/boards", json={"title": "Depots", "panels": panels}, trust_env=False).json()
    assert stops.get("/api/system/status")["last_day"] == "2024-11-20", "of a log, and eight months later"
    page, _ = new_page(stops, f"/boards/{made['board_id']}?range=7d")
    settled(page)
    expect(page.locator("article.kpi .value")).to_have_text("72")
    page.get_by_role("group", name="Range of days").get_by_role("button", name="All").click()
    expect(page.locator("article.kpi .value")).to_have_text("72")
    page.evaluate(OPEN, "/vehicles?range=7d")  # every other page counts from the logs
    expect(page.get_by_text("Nov 14").first).to_be_visible()
