"""Costs: the figures of the API, by day or week, and the way from a costly route to its page."""

import csv
import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow  # `test_shell` opens every page in the quick suite


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
    expect(page).to_have_url(re.compile(re.escape("range=all")))
    page.go_back()
    table = page.get_by_role("table", name="Routes with the most revenue")
    expect(table.locator("tbody tr")).to_have_count(5)
    table.get_by_role("link", name=name).press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_revenue_can_be_seen_by_week(dashboard: Any, open_page: Any) -> None:
    page = open_page("/costs")
    page.locator("[data-drawn=daily_revenue] canvas").wait_for()
    page.get_by_role("combobox", name="Periods").select_option(label="By week")
    expect(page.locator("[data-drawn=periods] canvas")).to_have_count(2)
    expect(page.get_by_role("heading", name="Revenue by week")).to_be_visible()
    expect(page).to_have_url(re.compile(re.escape("grain=week")))
    panel = page.locator("section.panel", has=page.get_by_role("heading", name="Revenue by week"))
    panel.get_by_role("button", name="Data of this panel").click()
    with page.expect_download() as download:
        panel.get_by_role("button", name="CSV").click()
    head, *weeks = download.value.path().read_text().splitlines()
    assert head == "start,end,days,partial,revenue"
    days = dashboard.get("/api/figures/daily", **last_days(dashboard, 30))["data"]
    assert abs(sum(float(week.split(",")[4]) for week in weeks) - sum(day["revenue"] for day in days)) < 0.01
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
    page.get_by_role("button", name="Revenue per shipment", exact=True).click()
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


def shown(page: Page, heading: str) -> list[dict[str, str]]:
    """The rows of a panel, by its CSV."""
    panel = page.locator("section.panel", has=page.get_by_role("heading", name=heading, exact=True))
    panel.locator("[data-drawn]").wait_for()
    panel.get_by_role("button", name="Data of this panel").click()
    with page.expect_download() as download:
        panel.get_by_role("button", name="CSV").click()
    return list(csv.DictReader(download.value.path().read_text().splitlines()))


def test_a_rate_over_7_days_and_over_a_week_is_a_ratio_of_sums(new_page: Any, dashboard: Any) -> None:
    """One long trip at a low rate beside short ones at a high rate: a mean of the daily rates would be far off."""
    page, _ = new_page(dashboard, "about:blank")
    end = date.fromisoformat(dashboard.get("/api/system/status")["last_day"])
    days = [end - timedelta(number) for number in range(13)][::-1]
    km = [1000 if number % 7 == 3 else 10 for number in range(13)]
    rows = [
        {
            "date": str(day), "shipments": 1, "revenue": 100, "revenue_per_km": round(100 / miles, 2),
            "cost_with_mileage": 100, "mileage_with_cost": miles,
        }
        for day, miles in zip(days, km, strict=True)
    ]  # fmt: skip
    page.route("**/api/figures/daily*", lambda route: route.fulfill(json={"data": rows}))
    page.goto(f"/costs?range={days[6]}..{end}")
    found = shown(page, "Revenue per km by day")
    assert [row["date"] for row in found] == [str(day) for day in days[6:]]
    for number, row in enumerate(found, start=6):
        assert float(row["mean"]) == pytest.approx(700 / sum(km[number - 6 : number + 1]))


def test_a_previous_week_is_a_ratio_of_sums_too(dashboard: Any, open_page: Any) -> None:
    end = date.fromisoformat(dashboard.get("/api/system/status")["last_day"])
    start = end - timedelta(29)
    page = open_page(f"/costs?range={start}..{end}&grain=week&compare=weekday")
    first = shown(page, "Revenue per km by week")[0]
    before = [date.fromisoformat(first[name]) - timedelta(35) for name in ("start", "end")]
    days = dashboard.get("/api/figures/daily", start=before[0], end=before[1])["data"]
    expected = sum(row["cost_with_mileage"] for row in days) / sum(row["mileage_with_cost"] for row in days)
    assert float(first["previous"]) == pytest.approx(expected)
    (week, *_) = dashboard.get("/api/figures/series", start=start, end=end, grain="week")["data"]
    assert float(first["rate"]) == week["revenue_per_km"]


@pytest.mark.parametrize("length", [92, 93, 731, 732])
def test_periods_follow_the_length_of_the_range_as_in_the_api(dashboard: Any, open_page: Any, length: int) -> None:
    end = date.fromisoformat(dashboard.get("/api/system/status")["last_day"])
    start = end - timedelta(length - 1)
    grain = dashboard.get("/api/figures/series", start=start, end=end)["grain"]
    page = open_page(f"/costs?range={start}..{end}")
    expect(page.get_by_role("heading", name=f"Revenue by {grain}", exact=True)).to_be_visible()
    expect(page.get_by_role("combobox", name="Periods")).to_have_value("auto")


def test_partial_weeks_and_months_are_marked(dashboard: Any, open_page: Any) -> None:
    end = date.fromisoformat(dashboard.get("/api/system/status")["last_day"]) - timedelta(40)
    monday = end - timedelta(end.weekday() + 14)
    page = open_page(f"/costs?range={monday + timedelta(2)}..{monday + timedelta(13)}&grain=week")
    assert [(row["days"], row["partial"]) for row in shown(page, "Revenue by week")] == [("5", "true"), ("7", "false")]
    panel = page.locator("section.panel", has=page.get_by_role("heading", name="Revenue by week"))
    expect(panel.locator(".legend")).to_contain_text("Partial week")
    page.goto(f"/costs?range={monday}..{monday + timedelta(13)}&grain=week")
    assert {row["partial"] for row in shown(page, "Revenue by week")} == {"false"}
    expect(panel.locator(".legend")).not_to_contain_text("Partial week")
    page.goto("/costs?range=2024-01-10..2024-03-31&grain=month")
    expect(panel).to_have_count(0)
    assert [row["partial"] for row in shown(page, "Revenue by month")] == ["true", "false", "false"]


def test_weekdays_are_compared_with_those_of_a_range_that_begins_on_the_same(dashboard: Any, open_page: Any) -> None:
    end = date.fromisoformat(dashboard.get("/api/system/status")["last_day"])
    span = {"start": end - timedelta(29), "end": end}
    page = open_page("/costs?grain=weekday&compare=1")
    page.get_by_role("combobox", name="Earlier range").select_option(label="Same weekdays")
    expect(page).to_have_url(re.compile(re.escape("compare=weekday")))
    rows = shown(page, "Revenue by weekday")
    series = dashboard.get("/api/figures/series", **span, grain="weekday")["data"]
    assert [float(row["revenue"]) for row in rows] == pytest.approx([row["revenue"] / row["days"] for row in series])
    earlier = {name: day - timedelta(35) for name, day in span.items()}
    before = dashboard.get("/api/figures/series", **earlier, grain="weekday")["data"]
    assert [float(row["previous"]) for row in rows] == pytest.approx([row["revenue"] / row["days"] for row in before])
    costs = dashboard.get("/api/costs/overview", **earlier)
    expect(figure(page, "Revenue per shipment")).to_contain_text(f"from {costs['avg_cost_per_shipment']:,.2f}")
    summary = dashboard.get("/api/figures/summary", **span, compare="weekday")
    expect(figure(page, "Revenue per km")).to_contain_text(f"{abs(summary['trend']['revenue_per_km']):.1f}%")
