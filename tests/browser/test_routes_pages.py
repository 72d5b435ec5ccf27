"""The lists of routes, and the page of one route."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow  # `test_shell` opens every page in the quick suite

LISTS = {
    "volume": ("/api/shipments/routes", "total_trips", "desc", "Routes: Volume and revenue"),
    "reliability": ("/api/route/reliability", "reliability_score", "desc", "Routes: Reliability"),
    "value": ("/api/route/cost-value", "value_score", "desc", "Routes: Revenue and value"),
    "optimization": ("/api/route/optimization", "optimization_recommendation", "asc", "Routes: What to improve"),
}


def all_days(dashboard: Any) -> dict[str, str]:
    status = dashboard.get("/api/system/status")
    return {"start": status["first_day"], "end": status["last_day"]}


def rows_of(page: Any, caption: str) -> Any:
    return page.get_by_role("table", name=caption).locator("tbody tr")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_shows_the_rows_of_the_api_in_their_order(dashboard: Any, open_page: Any, name: str) -> None:
    path, sort, order, caption = LISTS[name]
    answer = dashboard.get(path, **all_days(dashboard), sort_by=sort, sort_order=order)
    page = open_page(f"/routes?range=all&list={name}")
    rows = rows_of(page, caption)
    expect(rows).to_have_count(len(answer["data"]))
    for row, route in zip(rows.all(), answer["data"], strict=True):
        assert row.inner_text().split("\t")[:2] == [route["origin"], route["destination"]]
    expect(page.locator(".pager")).to_contain_text(f"of {answer['total']:,}")


def test_sort_search_and_pages_are_in_the_address_and_survive_reload_and_back(dashboard: Any, open_page: Any) -> None:
    page = open_page("/routes?range=all")
    rows = rows_of(page, "Routes: Volume and revenue")
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
    expect(page.locator("main .badge").first).to_have_text("Low Value")
    page.get_by_role("button", name="Recommendations").click()
    expect(page).to_have_url(re.compile("list=optimization"))
    first = rows_of(page, "Routes: What to improve").first
    expect(first.locator(".badge")).not_to_have_text("Normal")
    page.get_by_role("button", name="Recommendation", exact=True).click()
    expect(first.locator(".badge")).to_have_text("Normal")


def test_a_route_has_a_page_of_its_own(dashboard: Any, open_page: Any) -> None:
    page = open_page("/routes?range=all")
    first = rows_of(page, "Routes: Volume and revenue").first
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
    vehicles = rows_of(page, "Vehicles with the most days on this route")
    assert [row.inner_text().split("\t")[0] for row in vehicles.all()] == [
        vehicle["vehicle_id"] for vehicle in answer["top_vehicles"]
    ]
    assert page.url.endswith(f"/routes/{quote(origin)}/{quote(destination)}?range=all")


def test_a_route_nobody_took_says_so(new_page: Any, dashboard: Any) -> None:
    page, watched = new_page(dashboard, "/routes/A%2FB/Nowhere")
    watched.expected = re.compile("404")
    expect(page.get_by_role("heading", level=1)).to_have_text("A/B → Nowhere")
    expect(page.get_by_role("alert")).to_contain_text("Unknown route")


def test_the_csv_of_a_list_has_all_its_rows(dashboard: Any, open_page: Any) -> None:
    page = open_page("/routes?range=all&search=b")
    answer = dashboard.get("/api/shipments/routes", **all_days(dashboard), search="b", page_size=1000)
    assert answer["total"] > 10
    expect(page.locator(".pager")).to_contain_text(f"of {answer['total']:,}")
    page.get_by_role("button", name="Data of this panel: Volume and revenue").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    lines = download.value.path().read_text().splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [
        [route["origin"], route["destination"]] for route in answer["data"]
    ]


def test_a_page_behind_the_last_one_is_the_last_one(dashboard: Any, open_page: Any) -> None:
    total = dashboard.get("/api/shipments/routes", **all_days(dashboard))["total"]
    page = open_page("/routes?range=all&page=99")
    expect(page.locator(".pager")).to_contain_text(f"–{total} of {total}")
    expect(page).to_have_url(re.compile(f"page={-(-total // 10)}$"))


def test_going_back_takes_the_search_field_along(open_page: Any) -> None:
    page = open_page("/routes?range=all")
    page.get_by_role("button", name="Origin").click()
    field = page.get_by_role("searchbox", name="Search routes")
    field.fill("berl")
    expect(page).to_have_url(re.compile("search=berl"))
    page.evaluate("history.back()")
    expect(field).to_have_value("")
    expect(field).to_be_focused()


def test_a_name_of_any_length_leaves_the_other_columns_in_sight(dashboard: Any, new_page: Any) -> None:
    page, _ = new_page(dashboard, "about:blank")
    answer = dashboard.get("/api/shipments/routes", **all_days(dashboard))
    answer["data"][0] |= {"origin": "A long way " * 20, "destination": "B" * 200}
    page.route("**/api/shipments/routes*", lambda route: route.fulfill(json=answer))
    page.goto("/routes?range=all")
    row = rows_of(page, "Routes: Volume and revenue").first
    expect(row.locator("td").first).to_have_attribute("title", "B" * 200)
    expect(row.locator("td").nth(1)).to_be_in_viewport(ratio=1)


def test_a_recommendation_shows_the_number_it_rests_on(dashboard: Any, new_page: Any) -> None:
    page, _ = new_page(dashboard, "about:blank")
    answer = dashboard.get("/api/route/optimization", start="2024-01-01", end="2024-12-31")
    first, second, *_ = answer["data"]
    first["optimization_recommendation"] = "High delivery time - Consider route optimization"
    first["recommendation_basis"] = {"measure": "avg_delivery_time", "value": 52.4, "threshold": 44.12}
    second["optimization_recommendation"] = "High cost per weight - Review pricing strategy"
    second["recommendation_basis"] = {"measure": "revenue_per_kg", "value": 7.384, "threshold": 6.1}
    page.route("**/api/route/optimization*", lambda route: route.fulfill(json=answer))
    page.goto("/routes?list=optimization")
    rows = page.get_by_role("table", name="Routes: What to improve").locator("tbody tr")
    expect(rows.nth(0)).to_contain_text("Delivery time 52.4 h, above 44.1 h")
    expect(rows.nth(1)).to_contain_text("Revenue per kg 7.38, above 6.10")
