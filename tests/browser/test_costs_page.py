"""Costs: the figures of the API, by day or week, and the way from a costly route to its page."""

import json
import re
from datetime import date, timedelta
from typing import Any

from playwright.sync_api import Page, expect


def figure(page: Page, label: str) -> Any:
    return page.locator("article.kpi", has=page.get_by_role("heading", name=label, exact=True))


def last_days(dashboard: Any, days: int) -> dict[str, str]:
    end = date.fromisoformat(dashboard.get("/api/system/status")["last_day"])
    return {"start": str(end - timedelta(days=days - 1)), "end": str(end)}


def test_the_cards_show_costs_and_their_growth(dashboard: Any, open_page: Any) -> None:
    page = open_page("/costs?range=90d")
    answer = dashboard.get("/api/costs/overview", **last_days(dashboard, 90))
    expect(figure(page, "Revenue per shipment")).to_contain_text(f"{answer['avg_cost_per_shipment']:,.2f}")
    expect(figure(page, "Revenue per shipment")).to_contain_text(f"from {answer['prev_avg_cost']:,.2f}")
    expect(figure(page, "Revenue per km")).to_contain_text(f"{answer['revenue_per_km']:.2f}")
    expect(figure(page, "Revenue per kg")).to_contain_text(f"{answer['cost_per_kg']:.2f}")
    expect(figure(page, "Shipments")).to_contain_text(f"{answer['total_shipments']:,}")
    expect(figure(page, "Revenue").locator(".trend")).to_contain_text(f"{abs(answer['cost_growth_percentage'])}%")


def test_a_bar_and_a_link_lead_to_the_routes_page(dashboard: Any, open_page: Any) -> None:
    page = open_page("/costs?range=all")
    status = dashboard.get("/api/system/status")
    answer = dashboard.get("/api/costs/overview", start=status["first_day"], end=status["last_day"])
    first = answer["top_cost_routes"][0]
    name = f"{first['origin']} → {first['destination']}"
    bars = page.locator("[data-drawn=costliest_routes] canvas")
    bars.click(position={"x": bars.bounding_box()["width"] - 150, "y": 12})
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    assert "range=all" in page.url
    page.go_back()
    table = page.get_by_role("table", name="Routes with the most revenue")
    expect(table.locator("tbody tr")).to_have_count(5)
    table.get_by_role("link", name=name).press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_revenue_can_be_seen_by_week(dashboard: Any, open_page: Any) -> None:
    page = open_page("/costs")
    page.locator("[data-drawn=daily_revenue] canvas").wait_for()
    page.get_by_role("group", name="By").get_by_role("button", name="Week").click()
    page.locator("[data-drawn=weekly_revenue] canvas").wait_for()
    expect(page.get_by_role("heading", name="Revenue by week")).to_be_visible()
    assert "by=week" in page.url
    panel = page.locator("section.panel", has=page.get_by_role("heading", name="Revenue by week"))
    panel.get_by_role("button", name="Data of this panel").click()
    with page.expect_download() as download:
        panel.get_by_role("button", name="CSV").click()
    head, *weeks = download.value.path().read_text().splitlines()
    assert head == "start,end,days,revenue"
    days = dashboard.get("/api/figures/daily", **last_days(dashboard, 30))["data"]
    assert abs(sum(float(week.split(",")[3]) for week in weeks) - sum(day["revenue"] for day in days)) < 0.01
    assert sum(int(week.split(",")[2]) for week in weeks) == 30
    page.go_back()
    page.locator("[data-drawn=daily_revenue] canvas").wait_for()


def test_comparing_draws_the_range_before(open_page: Any) -> None:
    page = open_page("/costs")
    page.get_by_role("switch", name="Compare with previous").check()
    panel = page.locator("section.panel", has=page.get_by_role("heading", name="Revenue by day"))
    expect(panel.locator(".legend")).to_contain_text("Previous range")


def test_routes_by_cost_can_be_searched_and_sorted(open_page: Any) -> None:
    page = open_page("/costs?range=all")
    rows = page.get_by_role("table", name="Routes by revenue").locator("tbody tr")
    expect(rows).to_have_count(10)
    page.get_by_role("searchbox", name="Search routes").fill("Hamburg")
    expect(page).to_have_url(re.compile("search=Hamburg"))
    expect(rows.first).to_contain_text("Hamburg")
    page.get_by_role("button", name="Revenue per shipment").click()
    expect(page).to_have_url(re.compile("sort=avg_cost"))


def test_a_panel_that_fails_says_why_and_can_be_asked_again(new_page: Any, dashboard: Any) -> None:
    problem = {"title": "Too much at once", "status": 503, "detail": "Every connection is taken.", "request_id": "abc"}
    page, watched = new_page(dashboard, "/data")
    watched.expected = re.compile("503")
    page.route(
        "**/api/costs/overview*",
        lambda route: route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem)),
    )
    page.get_by_role("link", name="Costs").click()
    panel = page.locator("section.panel", has=page.get_by_role("heading", name="Routes with the most revenue"))
    expect(panel.get_by_role("alert")).to_contain_text("Every connection is taken.")
    expect(panel.get_by_role("alert")).to_contain_text("request abc")
    page.locator("[data-drawn=daily_revenue] canvas").wait_for()
    page.unroute("**/api/costs/overview*")
    panel.get_by_role("button", name="Try again").click()
    expect(panel.get_by_role("table")).to_be_visible()


def test_a_panel_that_needs_a_key_asks_for_it(new_page: Any, dashboard: Any) -> None:
    problem = {"title": "A key is needed", "status": 401, "detail": "This key has expired."}
    page, watched = new_page(dashboard, "about:blank")
    watched.expected = re.compile("401")
    page.route("**/api/costs/overview*", lambda route: route.fulfill(status=401, json=problem))
    page.goto("/costs")
    page.get_by_role("alert").first.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
