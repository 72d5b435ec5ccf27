"""What the first screen says about the data: where it lies, what waits, and how much was rejected."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_shell import settled

pytestmark = pytest.mark.slow  # `test_shell` opens every page in the quick suite


def log(number: int, day: str, **fields: Any) -> dict[str, Any]:
    return {"log_id": f"L-{number}", "vehicle_id": "V-1", "trip_date": day, "mileage": 100, "fuel_used": 30} | fields


def shipment(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "shipment_id": f"S-{number}", "origin": "Kiel", "destination": "Ulm", "weight": 10, "cost": 25.5,
        "delivery_time": 20, "log_id": f"L-{number}",
    } | fields  # fmt: skip


@pytest.fixture
def bring(new_dashboard: Callable[[], Any], dashboard: Any) -> Callable[..., Any]:
    """bring(vehicle_logs=[…], …): a served installation into which these records were loaded."""

    def bring(into: Any = None, **records: list[dict[str, Any]]) -> Any:
        made = into or new_dashboard()
        for dataset, rows in records.items():
            number = len(list(made.raw_dir.iterdir()))
            (made.raw_dir / f"{dataset}-{number}.json").write_text(json.dumps(rows))
        made.command("load", made.raw_dir)
        made.command("refresh")
        if into is None:
            made.start()
        return made

    return bring


def strip(page: Page) -> Any:
    return page.get_by_role("list", name="About the data")


def first_figure(page: Page) -> Any:
    return page.locator("article.kpi .value").first


def test_shipments_without_logs_are_counted_instead_of_no_figures(bring: Any, new_page: Any) -> None:
    page, _ = new_page(bring(shipments=[shipment(number) for number in range(1_234)]))
    note = page.get_by_role("status").filter(has_text="wait for vehicle_logs")
    expect(note).to_contain_text("1,234 shipments wait for vehicle_logs")
    expect(page.get_by_role("heading", name="Next: the vehicle logs")).to_be_visible()
    expect(page.get_by_text("No figures yet")).to_have_count(0)


def test_some_that_wait_are_said_beside_the_figures_of_the_others(bring: Any, new_page: Any) -> None:
    system = bring(vehicle_logs=[log(1, "2024-03-01")], shipments=[shipment(1), shipment(2)])
    page, _ = new_page(system)
    expect(strip(page)).to_contain_text("1 shipment waits for vehicle_logs and is in no figure by day")
    expect(first_figure(page)).to_have_text("1")
    bring(system, vehicle_logs=[log(2, "2024-03-01")])
    expect(first_figure(page)).to_have_text("2")
    expect(strip(page)).not_to_contain_text("log")


def test_the_first_screen_opens_where_the_shipments_are(bring: Any, new_page: Any) -> None:
    """The newest logs have no shipments: a range that ended with them would be empty."""
    old = [log(number, f"2023-05-{number + 1:02}") for number in range(20)]
    new = [log(number, f"2024-06-{number - 90:02}") for number in range(100, 110)]
    system = bring(vehicle_logs=old + new, shipments=[shipment(number) for number in range(20)])
    page, _ = new_page(system)
    expect(first_figure(page)).to_have_text("20")
    expect(page.locator(".subtitle").first).to_contain_text("Apr 21 – May 20, 2023")
    expect(strip(page)).to_contain_text("The newest shipments are of May 20, 2023: ranges end there")
    page.goto("/?range=2024-06-01..2024-06-30")
    expect(first_figure(page)).to_have_text("0")  # what was asked for is shown


def test_the_age_of_the_newest_day_is_said(bring: Any, new_page: Any) -> None:
    for days, words in ((0, None), (400, "13 months ago")):
        day = datetime.now().astimezone().date() - timedelta(days)
        page, _ = new_page(bring(vehicle_logs=[log(1, str(day))], shipments=[shipment(1)]))
        expect(strip(page)).to_contain_text(
            f"Newest day {day:%b} {day.day}, {day.year}" + (f", {words}" if words else "")
        )
        if words is None:
            expect(strip(page)).not_to_contain_text("ago")


def test_a_large_share_of_rejects_is_said_wherever_the_rest_is_shown(bring: Any, new_page: Any) -> None:
    logs = [log(number, "2024-03-01", mileage="far" if number % 5 < 2 else 100) for number in range(50)]
    shipments = [shipment(number) for number in range(500)]
    page, _ = new_page(bring(vehicle_logs=logs, shipments=[*shipments, shipment(500, cost=-1)]))
    settled(page)
    rejected = strip(page).get_by_role("listitem").filter(has_text="rejected")
    expect(rejected).to_have_text("21 of 551 records rejected (3.81%)")
    expect(rejected).to_have_class("warn")
    rejected.get_by_role("link").click()
    row = page.get_by_role("table", name="Files, newest first").locator("tbody tr")
    expect(row.filter(has_text="vehicle_logs")).to_contain_text("40.0% rejected")
    expect(row.filter(has_text="shipments")).not_to_contain_text("% rejected")
    page.goto("/data?dataset=vehicle_logs")
    note = page.get_by_role("status").filter(has_text="were rejected")
    expect(note).to_contain_text("20 of 50 records of this dataset were rejected (40.0%)")
    page.goto("/data?dataset=shipments")
    settled(page)
    expect(note).to_have_count(0)


def test_a_long_error_has_a_line_of_its_own_on_a_phone(bring: Any, new_page: Any) -> None:
    system = bring(vehicle_logs=[log(1, "2024-03-01")], shipments=[shipment(1)])
    error = "The required fields shipment_id, origin, destination and weight are missing. " * 60
    with psycopg.connect(system.database_url) as connection:
        connection.execute("UPDATE ingest.files SET error = %s WHERE path LIKE 'shipments%%'", (error,))
    page, _ = new_page(system, "/pipeline", viewport={"width": 390, "height": 844})
    settled(page)
    problem = page.locator("tr.detail .problem")
    expect(problem).to_contain_text("The required fields")
    box = problem.bounding_box()
    assert box is not None and box["height"] <= 160 and box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.documentElement.scrollHeight") < 5_000


def test_what_nobody_measured_is_not_0(bring: Any, new_page: Any) -> None:
    system = bring(vehicle_logs=[log(1, "2024-03-01", mileage=None, fuel_used=None)], shipments=[shipment(1)])
    page, _ = new_page(system, "/vehicles")
    settled(page)
    for label in ("Distance", "Fuel"):
        card = page.locator("article.kpi").filter(has=page.get_by_role("heading", name=label, exact=True))
        expect(card.locator(".value")).to_have_text("not measured")
    expect(page.get_by_role("table", name="Vehicles of the range").locator("tbody tr").first).not_to_contain_text(
        "0 km"
    )
    page.goto("/vehicles/V-1")
    settled(page)
    expect(page.get_by_role("region", name="Key figures")).to_contain_text("not measured")


def test_rejects_of_a_load_that_changes_no_figures_are_said_at_once(bring: Any, new_page: Any) -> None:
    rows = [log(number, "2024-03-01") for number in range(30)]
    system = bring(vehicle_logs=rows, shipments=[shipment(number) for number in range(30)])
    page, _ = new_page(system)
    settled(page)
    expect(strip(page)).not_to_contain_text("rejected")
    (system.raw_dir / "vehicle_logs-late.json").write_text(json.dumps([*rows, log(31, "never"), log(32, "never")]))
    system.command("load", system.raw_dir)
    expect(strip(page)).to_contain_text("2 of 92 records rejected")


def test_the_dataset_that_shipments_wait_for_is_that_of_the_api(dashboard: Any, new_page: Any) -> None:
    page, _ = new_page(dashboard, "about:blank")
    status = dashboard.get("/api/system/status") | {"unassigned_shipments": 6_170, "awaited_dataset": "tachographs"}
    page.route("**/api/system/status", lambda route: route.fulfill(json=status))
    page.goto("/")
    expect(strip(page)).to_contain_text("6,170 shipments wait for tachographs and are in no figure by day")
    status |= {"first_day": None, "last_day": None}
    page.reload()
    expect(page.get_by_role("status").filter(has_text="wait for tachographs")).to_be_visible()


def test_days_of_the_future_are_said_and_lead_to_their_rows(bring: Any, new_page: Any) -> None:
    """A GPS clock that began again: no preset range ends there, and the reader is told."""
    logs = [log(1, "2024-03-01"), log(2, "2080-01-05"), log(3, "2080-01-06")]
    page, _ = new_page(bring(vehicle_logs=logs, shipments=[shipment(1), shipment(2)]))
    settled(page)
    note = strip(page).get_by_role("listitem").filter(has_text="in the future")
    expect(note).to_have_text("2 days lie in the future and are in no preset range")
    expect(note).to_have_class("warn")
    expect(first_figure(page)).to_have_text("1")
    note.get_by_role("link").click()
    expect(page.get_by_role("table", name="Rows: Vehicle logs").locator("tbody th")).to_have_text(["L-3", "L-2"])


def test_days_of_the_future_are_said_as_the_api_counts_them(dashboard: Any, new_page: Any) -> None:
    page, _ = new_page(dashboard, "about:blank")
    status = dashboard.get("/api/system/status")
    page.route("**/api/system/status", lambda route: route.fulfill(json=status))
    for days, words in ((0, None), (1, "1 day lies in the future and is in no preset range")):
        status["future_days"] = {"count": days, "newest": "2080-01-06" if days else None}
        page.goto("/?range=7d")
        settled(page)
        if words:
            expect(strip(page)).to_contain_text(words)
        else:
            expect(strip(page)).not_to_contain_text("future")


def test_a_warning_is_what_the_api_says_it_is(bring: Any, new_page: Any) -> None:
    """With a threshold of 5 %, 3 % of rejects are no warning; with the default they are."""
    shipments = [shipment(number, cost=-1 if number < 3 else 20) for number in range(100)]
    logs = [log(number, "2024-03-01") for number in range(100)]
    system = bring(vehicle_logs=logs, shipments=shipments)
    page, _ = new_page(system)
    rejected = strip(page).get_by_role("listitem").filter(has_text="3 of 200 records rejected")
    expect(rejected).to_have_class("warn")
    expect(strip(page)).to_contain_text("1 file has a warning")
    page.close()
    system.stop()
    system.variables["LOGISTICS_WARN_REJECTS"] = "5%"
    system.start()
    page, _ = new_page(system)
    expect(rejected_in(page)).to_be_visible()
    expect(rejected_in(page)).not_to_have_class("warn")
    expect(strip(page)).not_to_contain_text("warning")
    page.goto("/data?dataset=shipments")
    settled(page)
    expect(page.get_by_role("status").filter(has_text="were rejected")).to_have_count(0)
    page.goto("/pipeline")
    settled(page)
    expect(page.get_by_role("table", name="Files, newest first")).not_to_contain_text("% rejected")


def rejected_in(page: Page) -> Any:
    return strip(page).get_by_role("listitem").filter(has_text="3 of 200 records rejected")


def test_what_nobody_measured_is_not_0_on_any_page(bring: Any, new_page: Any) -> None:
    """Neither cost nor delivery time, distance or fuel: only that something was carried is known."""
    logs = [log(number, "2024-03-01", mileage=None, fuel_used=None) for number in range(6)]
    bare = [shipment(number, cost=None, delivery_time=None) for number in range(6)]
    page, _ = new_page(bring(vehicle_logs=logs, shipments=bare))
    cards = {
        "/": ["Delivery time", "Revenue per km", "Fuel per 100 km"],
        "/costs": ["Revenue", "Revenue per km"],
        "/routes/Kiel/Ulm": ["Revenue", "Delivery time"],
    }
    for path, labels in cards.items():
        page.goto(path)
        settled(page)
        for label in labels:
            card = page.locator("article.kpi").filter(has=page.get_by_role("heading", name=label, exact=True))
            expect(card.locator(".value")).to_have_text("not measured")
    for path, table in (("/routes", "Routes: Volume and revenue"), ("/costs", "Routes by revenue")):
        page.goto(path)
        row = page.get_by_role("table", name=table).locator("tbody tr").first
        expect(row).to_contain_text("Kiel")
        expect(row).not_to_contain_text("0.00")


def test_a_target_of_ones_own_stands_beside_the_contracts(bring: Any, new_page: Any, new_dashboard: Any) -> None:
    system = new_dashboard()
    system.variables["LOGISTICS_ON_TIME_HOURS"] = "24"
    bring(
        system,
        vehicle_logs=[log(number, "2024-03-01") for number in range(8)],
        shipments=[shipment(number, delivery_time=20 if number < 6 else 30) for number in range(8)],
    )
    system.start()
    page, _ = new_page(system, "/routes?list=reliability")
    row = page.get_by_role("table", name="Routes: Reliability").locator("tbody tr").first
    expect(page.get_by_role("columnheader", name="Within 24.0 h")).to_be_visible()
    expect(row).to_contain_text("75.0%")
    page.goto("/routes/Kiel/Ulm")
    card = page.locator("article.kpi").filter(has=page.get_by_role("heading", name="Within 24.0 h", exact=True))
    expect(card.locator(".value")).to_have_text("75.0%")
    page.goto("/?measure=on_target_rate")
    expect(page.get_by_role("heading", name="Within 24.0 h by route")).to_be_visible()
    expect(page.get_by_role("table", name="Routes of the range").locator("tbody tr").first).to_contain_text("75.0%")
