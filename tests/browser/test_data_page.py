"""Rows of any dataset: filters and pages stand in the address, and what is filtered can be taken along."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow  # `test_shell` opens every page in the quick suite


def rows_of(page: Page, table: str = "Shipments") -> Any:
    return page.get_by_role("table", name=f"Rows: {table}").locator("tbody tr")


def add_filter(page: Page, column: str, how: str, value: str) -> None:
    page.get_by_role("combobox", name="Column").select_option(label=column)
    page.get_by_role("combobox", name="How").select_option(label=how)
    page.get_by_role("textbox", name="Value").fill(value)
    page.get_by_role("button", name="Add filter").press("Enter")


def test_rows_go_forward_and_back_page_by_page(dashboard: Any, open_page: Any) -> None:
    page = open_page("/data?size=25")
    answer = dashboard.get("/api/shipments", limit=75)
    expected = [row["shipment_id"] for row in answer["data"]]
    ids = rows_of(page).locator("th")
    expect(ids).to_have_text(expected[:25])
    page.get_by_role("button", name="Next page").click()
    expect(ids).to_have_text(expected[25:50])
    page.get_by_role("button", name="Next page").click()
    expect(ids).to_have_text(expected[50:])
    expect(page.get_by_text("51–75 of more than 10,000")).to_be_visible()
    page.get_by_role("button", name="Previous page").click()
    expect(ids).to_have_text(expected[25:50])
    page.reload()
    expect(ids).to_have_text(expected[25:50])
    page.go_back()
    expect(ids).to_have_text(expected[50:])
    page.get_by_role("button", name="First").click()
    expect(ids).to_have_text(expected[:25])
    expect(page.get_by_role("button", name="Previous page")).to_be_disabled()


def test_a_page_that_was_shared_shows_the_same_rows(open_page: Any) -> None:
    page = open_page("/data?size=25")
    page.get_by_role("button", name="Next page").click()
    expect(page).to_have_url(re.compile("cursor="))
    expect(page.get_by_text("26–50")).to_be_visible()
    shown = rows_of(page).locator("th").all_inner_texts()
    shared = open_page(page.url)
    expect(rows_of(shared).locator("th")).to_have_text(shown)
    expect(shared.get_by_role("button", name="Previous page")).to_be_disabled()


def test_filters_stand_in_the_address_and_can_be_taken_away(dashboard: Any, open_page: Any) -> None:
    page = open_page("/data")
    add_filter(page, "Origin", "begins with", "Ham")
    expect(page).to_have_url(re.compile("origin_prefix=Ham"))
    expect(rows_of(page).first).to_contain_text("Hamburg")
    add_filter(page, "Cost", "at least", "400")
    expected = dashboard.get("/api/shipments", origin_prefix="Ham", cost_from=400, limit=50)["data"]
    assert len(expected) > 0
    expect(rows_of(page).locator("th")).to_have_text([row["shipment_id"] for row in expected])
    chips = page.locator(".chip")
    expect(chips).to_have_text(["Origin begins with Ham", "Cost at least 400"])
    page.go_back()
    expect(chips).to_have_count(1)
    page.go_forward()
    expect(chips).to_have_count(2)
    page.get_by_role("button", name="No longer Cost at least 400").click()
    expect(chips).to_have_count(1)
    expect(page).not_to_have_url(re.compile(re.escape("cost_from")))


def test_what_is_no_number_is_refused_in_place(new_page: Any, dashboard: Any) -> None:
    page, watched = new_page(dashboard, "/data")
    watched.expected = re.compile("422")
    add_filter(page, "Weight, kg", "at most", "heavy")
    expect(page.get_by_role("alert")).to_contain_text("weight_to: a number such as 12.5")
    page.get_by_role("button", name="No longer Weight, kg at most heavy").click()
    expect(rows_of(page)).to_have_count(50)


@pytest.mark.parametrize(("written", "read"), [("1.234,5", "1234.5"), ("0,25", "0.25"), ("1,234", "1,234")])
def test_numbers_are_understood_as_people_write_them(new_page: Any, dashboard: Any, written: str, read: str) -> None:
    page, watched = new_page(dashboard, "/data")
    watched.expected = re.compile("422")
    add_filter(page, "Cost", "at least", written)
    expect(page.locator(".chip")).to_have_text(f"Cost at least {read}")


def test_logs_come_newest_first_and_can_be_sorted(dashboard: Any, open_page: Any) -> None:
    page = open_page("/data")
    page.get_by_role("group", name="Dataset").get_by_role("button", name="Vehicle logs").click()
    rows = rows_of(page, "Vehicle logs")
    newest = dashboard.get("/api/vehicle-logs", sort="-trip_date", limit=1)["data"][0]
    expect(rows.first).to_contain_text(newest["log_id"])
    page.get_by_role("combobox", name="Sort by").select_option(label="Oldest first")
    oldest = dashboard.get("/api/vehicle-logs", sort="trip_date", limit=1)["data"][0]
    expect(rows.first).to_contain_text(oldest["log_id"])
    expect(page).to_have_url(re.compile(re.escape("sort=trip_date")))
    add_filter(page, "Day", "on", oldest["trip_date"])
    expect(page).to_have_url(re.compile(f"trip_date={oldest['trip_date']}"))


def test_what_is_filtered_can_be_exported(dashboard: Any, open_page: Any) -> None:
    page = open_page("/data?origin=Hamburg&destination=Berlin")
    expect(rows_of(page).first).to_contain_text("Hamburg")
    page.get_by_role("button", name="Export all rows that pass the filters").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    head, *lines = download.value.path().read_text().splitlines()
    assert head.startswith("shipment_id,origin,destination")
    wanted = dashboard.get("/api/shipments", origin="Hamburg", destination="Berlin", limit=1000)["data"]
    assert {line.split(",")[0].strip('"') for line in lines} == {row["shipment_id"] for row in wanted}


def test_only_formats_that_the_server_can_write_are_offered(open_page: Any) -> None:
    page = open_page("/data")
    page.route("**/api", lambda route: route.fulfill(json={"export_formats": ["csv", "ndjson"]}))
    page.get_by_role("button", name="Export all rows that pass the filters").click()
    expect(page.get_by_role("link", name="Parquet")).to_have_count(0)
    expect(page.get_by_role("link", name="NDJSON")).to_be_visible()


def test_a_row_leads_to_the_file_it_came_from(open_page: Any) -> None:
    page = open_page("/data")
    rows_of(page).first.get_by_role("link", name="shipments.json, record").click()
    expect(page.get_by_role("dialog").get_by_role("heading", name="shipments.json")).to_be_visible()
    page.get_by_role("link", name="Its rows").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".chip")).to_contain_text("File number is")
    expect(rows_of(page)).to_have_count(50)


def test_shipments_can_be_read_by_day_and_vehicle(dashboard: Any, open_page: Any) -> None:
    """Which deliveries were late last week?"""
    newest = dashboard.get("/api/shipments", sort="-day", limit=1)["data"][0]
    page = open_page("/data")
    add_filter(page, "Vehicle", "is", newest["vehicle_id"])
    page.get_by_role("combobox", name="Sort by").select_option(value="-day")
    expected = dashboard.get("/api/shipments", sort="-day", vehicle_id=newest["vehicle_id"], limit=50)["data"]
    expect(rows_of(page).locator("th")).to_have_text([row["shipment_id"] for row in expected])
    expect(page.get_by_role("columnheader", name="Day")).to_be_visible()
    rows_of(page).first.get_by_role("link", name=newest["vehicle_id"], exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(newest["vehicle_id"])


def test_csv_can_be_had_for_excel(open_page: Any) -> None:
    page = open_page("/data?origin=Hamburg&destination=Berlin")
    expect(rows_of(page).first).to_contain_text("Hamburg")
    page.get_by_role("button", name="Export all rows that pass the filters").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="For Excel").click()
    content = download.value.path().read_bytes()
    assert content.startswith(b"\xef\xbb\xbfshipment_id,")
    assert content.count(b"Hamburg") > 0


def test_columns_explain_themselves_to_keyboard_and_touch(dashboard: Any, open_page: Any) -> None:
    fields = next(each for each in dashboard.get("/api/datasets")["datasets"] if each["name"] == "shipments")["fields"]
    page = open_page("/data", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    explained = page.get_by_role("group").filter(has_text="What the columns mean")
    summary = page.get_by_text("What the columns mean")
    expect(explained.locator("dd").first).to_be_hidden()
    summary.tap()
    for field in fields:
        expect(explained).to_contain_text(field["description"])
    expect(explained.locator("dd").first).to_be_visible()
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    page.goto("/routes?list=reliability")
    summary.focus()
    page.keyboard.press("Enter")
    expect(explained.get_by_text("sample standard deviation", exact=False).first).to_be_visible()
