"""The fleet and one vehicle: every number is the API's, and the logs go on backwards as far as there are any."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow  # `test_shell` opens every page in the quick suite

FLEET = "Vehicles of the range"
LOGS = "Logs of the vehicle, newest first"


def figure(page: Page, label: str) -> Any:
    return page.locator("article.kpi", has=page.get_by_role("heading", name=label, exact=True))


def rows_of(page: Page, table: str) -> Any:
    return page.get_by_role("table", name=table).locator("tbody tr")


def last_days(dashboard: Any, days: int) -> dict[str, str]:
    end = date.fromisoformat(dashboard.get("/api/system/status")["last_day"])
    return {"start": str(end - timedelta(days=days - 1)), "end": str(end)}


@pytest.fixture
def busiest(dashboard: Any) -> str:
    """The vehicle with most trips of all time: its logs fill several pages."""
    vehicles = dashboard.get("/api/vehicles/metrics", start="1900-01-01", end="2100-12-31")
    return str(max(vehicles, key=lambda vehicle: vehicle["total_trips"])["vehicle_id"])


def test_the_table_holds_every_vehicle_of_the_range(dashboard: Any, open_page: Any) -> None:
    page = open_page("/vehicles")
    answer = dashboard.get("/api/vehicles/metrics", **last_days(dashboard, 30))
    rows = rows_of(page, FLEET)
    expect(rows).to_have_count(25)
    expect(rows.first).to_contain_text(answer[0]["vehicle_id"])
    expect(rows.first).to_contain_text(f"{answer[0]['total_revenue']:,.2f}")
    expect(page.get_by_text(f"1–25 of {len(answer)}")).to_be_visible()
    trips = sum(vehicle["total_trips"] for vehicle in answer)
    expect(figure(page, "Trips")).to_contain_text(f"{trips:,}")


def test_search_sort_and_pages_of_the_fleet_stand_in_the_address(dashboard: Any, open_page: Any) -> None:
    page = open_page("/vehicles")
    answer = dashboard.get("/api/vehicles/metrics", **last_days(dashboard, 30))
    rows = rows_of(page, FLEET)
    page.get_by_role("button", name="Trips", exact=True).click()
    most = max(vehicle["total_trips"] for vehicle in answer)
    expect(rows.first).to_contain_text(str(most))
    expect(page).to_have_url(re.compile("sort=total_trips"))
    page.get_by_role("button", name="Next page").click()
    expect(page).to_have_url(re.compile("page=2"))
    expect(rows).to_have_count(len(answer) - 25)
    page.reload()
    expect(rows).to_have_count(len(answer) - 25)
    wanted = answer[3]
    page.get_by_role("searchbox", name="Search vehicles").fill(wanted["vehicle_id"].lower())
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(wanted["name"])
    rows.get_by_role("link", name=wanted["vehicle_id"]).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(wanted["vehicle_id"])
    page.go_back()
    expect(rows).to_have_count(1)


def test_a_click_on_a_bar_opens_the_vehicle(dashboard: Any, open_page: Any) -> None:
    page = open_page("/vehicles")
    answer = dashboard.get("/api/vehicles/metrics", **last_days(dashboard, 30))
    known = [vehicle for vehicle in answer if vehicle["fuel_efficiency"] is not None]
    least = min(vehicle["fuel_efficiency"] for vehicle in known)
    page.locator("[data-drawn=vehicle_spread] canvas").wait_for()
    bars = page.locator("[data-drawn=least_efficient_vehicles] canvas")
    bars.click(position={"x": bars.bounding_box()["width"] / 2, "y": 15})
    title = page.get_by_role("heading", level=1)
    expect(title).not_to_have_text("Vehicles")
    (opened,) = [vehicle for vehicle in known if vehicle["vehicle_id"] == title.inner_text()]
    assert opened["fuel_efficiency"] == least


def test_a_vehicle_shows_the_figures_of_its_range(dashboard: Any, open_page: Any, busiest: str) -> None:
    page = open_page(f"/vehicles/{busiest}")
    answer = dashboard.get(f"/api/vehicles/{busiest}/details", **last_days(dashboard, 30))
    summary = answer["summary"]
    expect(figure(page, "Trips")).to_contain_text(f"{summary['total_trips']:,}")
    expect(figure(page, "Shipments")).to_contain_text(f"{summary['deliveries_completed']:,}")
    expect(figure(page, "Fuel efficiency")).to_contain_text(f"{summary['fuel_efficiency']:.2f}")
    expect(figure(page, "Fuel efficiency").locator("path.area")).to_have_count(1)  # one line: over the days it drove
    expect(page.get_by_text(f"{summary['lifetime_mileage']:,.2f} km")).to_be_visible()
    route = answer["top_routes"][0]
    first = rows_of(page, "The vehicle's most frequent routes").first
    expect(first).to_contain_text(f"{route['origin']} → {route['destination']}")
    page.locator("[data-drawn=vehicle_days] canvas").wait_for()
    page.get_by_role("group", name="Measure").get_by_role("button", name="Distance").click()
    expect(page.get_by_role("heading", name="Distance by day")).to_be_visible()
    expect(page).to_have_url(re.compile("measure=daily_mileage"))
    first.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{route['origin']} → {route['destination']}")


def test_logs_go_on_backwards_to_the_first_and_the_address_keeps_how_many(
    dashboard: Any, open_page: Any, busiest: str
) -> None:
    page = open_page(f"/vehicles/{busiest}")
    rows = rows_of(page, LOGS)
    expect(rows).to_have_count(25)
    button = page.get_by_role("button", name="Load older")
    button.press("Enter")
    expect(rows).to_have_count(50)
    expect(button).to_be_focused()
    expect(page).to_have_url(re.compile("logs=50"))
    page.reload()
    expect(rows).to_have_count(50)
    total = dashboard.get(f"/api/vehicles/{busiest}/details", start="1900-01-01", end="2100-12-31")["summary"]
    for _ in range(50, total["total_trips"], 25):
        before = rows.count()
        button.click()
        expect(rows).not_to_have_count(before)
    expect(page.get_by_text(f"All {total['total_trips']:,} shown")).to_be_focused()
    expect(rows).to_have_count(total["total_trips"])
    ids = rows.locator("th").all_inner_texts()
    assert len(set(ids)) == len(ids)


def test_a_log_leads_to_its_shipments_and_to_its_file(open_page: Any, busiest: str) -> None:
    page = open_page(f"/vehicles/{busiest}")
    log = rows_of(page, LOGS).first
    name = log.locator("th").inner_text()
    log.get_by_role("link", name="vehicle_logs").click()
    expect(page.get_by_role("dialog").get_by_role("heading", name="vehicle_logs.json")).to_be_visible()
    page.go_back()
    rows_of(page, LOGS).first.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Data")
    expect(page.locator(".chip")).to_contain_text(name)


def test_a_vehicle_nobody_knows_is_told_so(new_page: Any, dashboard: Any) -> None:
    page, watched = new_page(dashboard, "/vehicles/NOBODY")
    watched.expected = re.compile("404")
    expect(page.get_by_role("alert")).to_contain_text("Unknown vehicle")
    expect(page.get_by_role("heading", level=1)).to_have_text("NOBODY")
    page.get_by_role("link", name="Vehicles").first.click()
    expect(rows_of(page, FLEET).first).to_be_visible()


@pytest.mark.parametrize("name", ["%E0%A4%A", "V" * 200])
def test_whatever_is_typed_as_a_vehicle_is_answered_on_a_page(new_page: Any, dashboard: Any, name: str) -> None:
    page, watched = new_page(dashboard, f"/vehicles/{name}")
    watched.expected = re.compile("404")
    expect(page.get_by_role("alert")).to_contain_text("Unknown vehicle")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1366


def test_a_vehicle_fits_a_phone_and_can_be_read_by_everybody(open_page: Any, busiest: str) -> None:
    page = open_page(f"/vehicles/{busiest}", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page.locator("[data-drawn=vehicle_days] canvas").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours, reduced_motion="reduce")
        page.locator("[data-drawn=vehicle_days] canvas").wait_for()
        results = Axe().run(page)
        assert results.violations_count == 0, f"{colours}: {results.generate_report()}"
