"""The lists of routes, and the page of one route."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

LISTS = {
    "volume": ("/api/shipments/routes", "total_trips", "Routes: Volume and cost"),
    "reliability": ("/api/route/reliability", "reliability_score", "Routes: Reliability"),
    "value": ("/api/route/cost-value", "value_score", "Routes: Cost and value"),
    "optimization": ("/api/route/optimization", "cost_time_efficiency", "Routes: What to improve"),
}


def all_days(dashboard: Any) -> dict[str, str]:
    status = dashboard.get("/api/system/status")
    return {"start": status["first_day"], "end": status["last_day"]}


def rows_of(page: Any, caption: str) -> Any:
    return page.get_by_role("table", name=caption).locator("tbody tr")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_shows_the_rows_of_the_api_in_their_order(dashboard: Any, open_page: Any, name: str) -> None:
    path, sort, caption = LISTS[name]
    answer = dashboard.get(path, **all_days(dashboard), sort_by=sort, sort_order="desc")
    page = open_page(f"/routes?range=all&list={name}")
    rows = rows_of(page, caption)
    expect(rows).to_have_count(len(answer["data"]))
    for row, route in zip(rows.all(), answer["data"], strict=True):
        assert row.inner_text().split("\t")[:2] == [route["origin"], route["destination"]]
    expect(page.locator(".pager")).to_contain_text(f"of {answer['total']:,}")


def test_sort_search_and_pages_are_in_the_address_and_survive_reload_and_back(dashboard: Any, open_page: Any) -> None:
    page = open_page("/routes?range=all")
    rows = rows_of(page, "Routes: Volume and cost")
    page.get_by_role("button", name="Origin").click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Origin")
    page.get_by_role("button", name="Next page").click()
    expect(page.locator(".pager")).to_contain_text("11–20")
    expect(page.get_by_role("button", name="Next page")).to_be_focused()
    asked = all_days(dashboard) | {"sort_by": "origin", "sort_order": "asc", "page": 2}
    expected = dashboard.get("/api/shipments/routes", **asked)["data"][0]
    expect(rows.first).to_contain_text(f"{expected['total_cost']:,.2f}")
    page.reload()
    expect(rows.first).to_contain_text(f"{expected['total_cost']:,.2f}")
    page.get_by_role("searchbox", name="Search routes").fill("berl")
    found = dashboard.get("/api/shipments/routes", **all_days(dashboard), search="berl")["total"]
    expect(page.locator(".pager")).to_contain_text(f"of {found:,}")
    expect(page.get_by_role("searchbox", name="Search routes")).to_be_focused()
    page.get_by_role("searchbox", name="Search routes").fill("no such place")
    expect(page.locator(".message")).to_contain_text("Nothing matches")
    page.go_back()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Origin")


def test_recommendations_and_values_are_badges(open_page: Any) -> None:
    page = open_page("/routes?range=all&list=value")
    expect(page.locator(".badge").first).to_have_text("Low Value")
    page.get_by_role("button", name="Recommendations").click()
    expect(page.locator(".badge", has_text="Normal").first).to_be_visible()
    assert "list=optimization" in page.url


def test_a_route_has_a_page_of_its_own(dashboard: Any, open_page: Any) -> None:
    page = open_page("/routes?range=all")
    first = rows_of(page, "Routes: Volume and cost").first
    origin, destination = first.inner_text().split("\t")[:2]
    first.get_by_role("link", name=origin).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{origin} → {destination}")
    answer = dashboard.get("/api/route/details", **all_days(dashboard), origin=origin, destination=destination)
    summary = answer["summary"]
    expect(page.locator("article.kpi").first).to_contain_text(f"{summary['total_shipments']:,}")
    expect(page.locator(".facts")).to_contain_text(f"{summary['total_cost']:,.2f}")
    expect(page.locator(".facts")).to_contain_text(f"{summary['p95_delivery_time']:.1f} h")
    for name in ("route_times", "time_distribution"):
        page.locator(f"[data-drawn={name}] canvas").wait_for()
    vehicles = rows_of(page, "Vehicles that served the route on most days")
    assert [row.inner_text().split("\t")[0] for row in vehicles.all()] == [
        vehicle["vehicle_id"] for vehicle in answer["top_vehicles"]
    ]
    assert page.url.endswith(f"/routes/{quote(origin)}/{quote(destination)}?range=all")


def test_a_route_nobody_took_says_so(new_page: Any, dashboard: Any) -> None:
    page, watched = new_page(dashboard, "/routes/A%2FB/Nowhere")
    watched.expected = re.compile("404")
    expect(page.get_by_role("heading", level=1)).to_have_text("A/B → Nowhere")
    expect(page.get_by_role("alert").first).to_contain_text("Unknown route")
