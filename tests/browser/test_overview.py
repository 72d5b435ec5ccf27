"""The first page: its numbers are the API's, and a click on a chart filters the table."""

import base64
import re
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

CORNER = """async (png) => {
  const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const canvas = new OffscreenCanvas(1, 1).getContext("2d");
  canvas.drawImage(image, 0, 0);
  return [...canvas.getImageData(0, 0, 1, 1).data];
}"""
"""Red, green, blue and opacity of a picture's first pixel."""


def panel(page: Page, name: str) -> Any:
    return page.locator("section.panel", has=page.get_by_role("heading", name=name, exact=True))


def figure(page: Page, label: str) -> Any:
    return page.locator("article.kpi", has=page.get_by_role("heading", name=label, exact=True))


def last_days(dashboard: Any, days: int) -> dict[str, str]:
    end = date.fromisoformat(dashboard.get("/api/system/status")["last_day"])
    return {"start": str(end - timedelta(days=days - 1)), "end": str(end)}


DRAWN = "name => document.querySelector(`[data-drawn=${name}]`).chart.svg({ text: 'A chart', subtitle: 'Days' })"


def test_a_picture_has_the_legend_and_axes_are_in_the_language_of_the_browser(open_page: Any) -> None:
    page = open_page("/", locale="de-DE")
    page.locator("[data-drawn=daily_revenue] canvas").wait_for()
    svg = page.evaluate(DRAWN, "daily_revenue")
    for words in ("A chart", "Day", "7-day mean", "7. Dez", "28. Dez"):
        assert f">{words}" in svg, words
    assert ">Dec" not in svg


def test_requests_say_which_data_version_the_page_has_seen(dashboard: Any, open_page: Any) -> None:
    """So that no server of the API with an older replica answers them."""
    page = open_page("/?start=2024-06-03&end=2024-06-09")
    version = str(dashboard.get("/api/system/status")["data_version"])
    figure(page, "Shipments").locator(".value").wait_for()
    with page.expect_request(lambda request: "/api/" in request.url and "start=2024-06-10" in request.url) as asked:
        page.evaluate("history.pushState(null, '', '/?start=2024-06-10&end=2024-06-16')")
        page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    assert asked.value.headers["min-data-version"] == version


def test_a_card_leads_to_its_rows(dashboard: Any, open_page: Any) -> None:
    page = open_page("/?start=2024-06-03&end=2024-06-09")
    card = page.locator("article.kpi").filter(has=page.get_by_role("heading", name="Shipments"))
    shown = card.locator(".value").inner_text()
    card.get_by_role("link", name=shown).click()
    expect(page.locator(".chip")).to_have_text(["Day from Jun 3, 2024", "Day to Jun 9, 2024"])
    expect(page.get_by_text(f"of {shown}")).to_be_visible()


def test_the_key_figures_are_those_of_the_api(dashboard: Any, open_page: Any) -> None:
    page = open_page()
    answer = dashboard.get("/api/figures/summary", **last_days(dashboard, 30))
    now, trend = answer["current"], answer["trend"]
    expect(figure(page, "Shipments")).to_contain_text(f"{now['shipments']:,}")
    expect(figure(page, "Active vehicles")).to_contain_text(str(now["active_vehicles"]))
    expect(figure(page, "Delivery time")).to_contain_text(f"{now['avg_delivery_time']:.1f}")
    expect(figure(page, "Revenue per km")).to_contain_text(f"{now['revenue_per_km']:.2f}")
    expect(figure(page, "Fuel per 100 km")).to_contain_text(f"{now['fuel_per_100_km']:.1f}")
    expect(figure(page, "Shipments")).to_contain_text(f"{abs(trend['shipments']):.1f}%")
    direction = "up" if trend["shipments"] > 0 else "down"
    assert direction in figure(page, "Shipments").locator(".trend").inner_text()


def test_every_chart_is_drawn_and_says_what_it_shows(open_page: Any) -> None:
    page = open_page("/?compare=1")
    for name in ("daily_revenue", "daily_shipments", "route_matrix", "costliest_routes"):
        page.locator(f"[data-drawn={name}] canvas").wait_for()
    assert page.locator("figure.chart figcaption").count() == 4
    assert "lowest" in panel(page, "Delivery time by route").locator("figcaption").inner_text()
    expect(panel(page, "Revenue by day")).to_contain_text("Previous range")


def test_a_click_on_a_bar_filters_the_table_and_a_second_one_does_not(dashboard: Any, open_page: Any) -> None:
    page = open_page()
    routes = dashboard.get("/api/route/matrix", **last_days(dashboard, 30))["data"]
    first = max(routes, key=lambda route: route["revenue"])
    expect(page.get_by_role("table", name="Routes of the range").locator("tbody tr")).to_have_count(10)
    bars = page.locator("[data-drawn=costliest_routes] canvas")
    bars.click(position={"x": bars.bounding_box()["width"] - 150, "y": 15})
    rows = page.get_by_role("table", name="Routes of the range").locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(first["origin"])
    expect(rows).to_contain_text(f"{first['revenue']:,.2f}")
    expect(page).to_have_url(re.compile(re.escape("origin=")))
    page.go_back()
    expect(rows).to_have_count(10)


def test_a_click_on_a_cell_filters_by_its_route_and_the_chip_takes_it_away(open_page: Any) -> None:
    page = open_page("/?range=all")
    matrix = page.locator("[data-drawn=route_matrix] canvas")
    matrix.wait_for()
    box = matrix.bounding_box()
    matrix.click(position={"x": box["width"] - 60, "y": 200})
    rows = page.get_by_role("table", name="Routes of the range").locator("tbody tr")
    expect(rows).to_have_count(1)
    chips = page.locator(".chip")
    expect(chips).to_have_count(2)
    chips.last.click()
    expect(chips).to_have_count(1)
    expect(rows).not_to_have_count(1)


def test_the_matrix_switches_its_measure(open_page: Any) -> None:
    page = open_page()
    page.get_by_role("group", name="Measure").get_by_role("button", name="On time").click()
    expect(page.get_by_role("heading", name="On time by route")).to_be_visible()
    expect(page).to_have_url(re.compile(re.escape("measure=on_time_delivery_rate")))
    page.reload()
    expect(page.get_by_role("heading", name="On time by route")).to_be_visible()


@pytest.mark.slow
def test_another_range_changes_the_figures_and_the_back_button_brings_them_back(dashboard: Any, open_page: Any) -> None:
    page = open_page()
    thirty = dashboard.get("/api/figures/summary", **last_days(dashboard, 30))["current"]["shipments"]
    seven = dashboard.get("/api/figures/summary", **last_days(dashboard, 7))["current"]["shipments"]
    expect(figure(page, "Shipments")).to_contain_text(f"{thirty:,}")
    page.get_by_role("button", name="7 days", exact=True).click()
    expect(figure(page, "Shipments").locator(".value")).to_have_text(f"{seven:,}")
    expect(page).to_have_url(re.compile(re.escape("range=7d")))
    page.go_back()
    expect(figure(page, "Shipments").locator(".value")).to_have_text(f"{thirty:,}")


@pytest.mark.slow
def test_any_two_days_can_be_the_range(dashboard: Any, open_page: Any) -> None:
    page = open_page()
    days = last_days(dashboard, 12)
    page.get_by_role("button", name="Dates").click()
    page.get_by_label("First day").fill(days["start"])
    page.get_by_label("Last day").fill(days["end"])
    page.get_by_role("button", name="Show", exact=True).click()
    shipments = dashboard.get("/api/figures/summary", **days)["current"]["shipments"]
    expect(figure(page, "Shipments").locator(".value")).to_have_text(f"{shipments:,}")
    expect(page).to_have_url(re.compile(re.escape(f"range={days['start']}..{days['end']}")))


def test_a_panel_offers_its_data_as_address_csv_and_picture(dashboard: Any, open_page: Any) -> None:
    page = open_page()
    page.locator("[data-drawn=daily_shipments] canvas").wait_for()
    shown = panel(page, "Shipments by day")
    menu = shown.get_by_role("button", name="Data of this panel")
    menu.click()
    address = shown.get_by_role("link", name="Data: daily").get_attribute("href")
    assert address.startswith("/api/figures/daily?start=")
    with page.expect_download() as download:
        shown.get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "date,shipments"
    days = dashboard.get("/api/figures/daily", **last_days(dashboard, 30))["data"]
    assert sum(int(line.split(",")[1]) for line in lines[1:]) == sum(day["shipments"] for day in days)
    menu.click()
    with page.expect_download() as download:
        shown.get_by_role("button", name="PNG").click()
    assert page.evaluate(CORNER, arg=base64.b64encode(download.value.path().read_bytes()).decode()) == [255] * 4
    menu.click()
    with page.expect_download() as download:
        shown.get_by_role("button", name="SVG").click()
    assert ">Shipments by day<" in download.value.path().read_text()


def test_a_panel_opens_in_explore(dashboard: Any, open_page: Any) -> None:
    page = open_page("/?compare=1")
    page.locator("[data-drawn=daily_shipments] canvas").wait_for()
    shown = panel(page, "Shipments by day")
    shown.get_by_role("button", name="Data of this panel").click()
    shown.get_by_role("link", name="Open in Explore").click()
    expect(page).to_have_url(re.compile(r"/explore\?.*metrics=shipments&grain=day"))
    expect(page.get_by_role("heading", name="Explore", level=1)).to_be_visible()
    days = dashboard.get(
        "/api/metrics/shipments", metrics="shipments", grain="day", compare="previous", **last_days(dashboard, 30)
    )["data"]
    first = page.get_by_role("region", name="Table").locator("tbody tr").first
    expect(first.locator("td").first).to_have_text(f"{days[0]['shipments']:,}")


@pytest.mark.slow
def test_sorting_the_table_leaves_charts_and_place_as_they_are(open_page: Any) -> None:
    page = open_page()
    charts = page.locator("figure.chart[data-drawn] canvas")
    expect(charts).to_have_count(4)
    rows = page.get_by_role("table", name="Routes of the range").locator("tbody tr")
    expect(rows).to_have_count(10)
    page.evaluate("document.querySelectorAll('canvas').forEach((canvas) => (canvas.dataset.seen = '1'))")
    page.get_by_role("navigation", name="Pages of Routes of the range").scroll_into_view_if_needed()
    before = page.evaluate("[scrollY, document.documentElement.scrollHeight]")
    page.get_by_role("table", name="Routes of the range").get_by_role("button", name="Shipments").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Shipments")
    assert page.evaluate("[scrollY, document.documentElement.scrollHeight]") == before
    assert page.locator("canvas[data-seen]").count() == 4


def test_a_click_on_a_bar_keeps_the_charts_until_they_are_drawn_anew(open_page: Any) -> None:
    page = open_page()
    expect(page.locator("figure.chart[data-drawn] canvas")).to_have_count(4)
    page.evaluate(
        """() => {
          window.fewest = 4;
          new MutationObserver(() => {
            window.fewest = Math.min(window.fewest, document.querySelectorAll("figure.chart canvas").length);
          }).observe(document, { subtree: true, childList: true });
        }"""
    )
    bars = page.locator("[data-drawn=costliest_routes] canvas")
    bars.click(position={"x": bars.bounding_box()["width"] - 150, "y": 15})
    expect(page.locator(".chip")).to_have_count(2)
    expect(page.locator("figure.chart[data-drawn] canvas")).to_have_count(4)
    assert page.evaluate("window.fewest") == 4


def page_with_news(dashboard: Any, new_page: Any) -> tuple[Page, Any, list[str]]:
    """The first page, what is watched, and the list that takes what its stream of events is to say."""
    page, watched = new_page(dashboard, "about:blank")
    news: list[str] = []
    page.route(
        "**/api/events",  # a stream that ends is opened again: what it then begins with is the newest version
        lambda route: route.fulfill(content_type="text/event-stream", body=f"retry: 50\n{''.join(news)}\n"),
    )
    page.goto("/")
    expect(page.locator("figure.chart[data-drawn] canvas")).to_have_count(4)
    return page, watched, news


def test_news_that_cannot_be_fetched_leave_the_figures_that_are_there(dashboard: Any, new_page: Any) -> None:
    page, watched, news = page_with_news(dashboard, new_page)
    watched.expected = re.compile("ERR_FAILED")
    page.route("**/api/figures/**", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        news.append("event: data_version\ndata: 99\n")
    expect(page.locator("section.panel[aria-busy]")).to_have_count(0)
    expect(figure(page, "Shipments")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_news_redraw_only_what_has_changed_and_keep_the_focus(dashboard: Any, new_page: Any) -> None:
    page, _, news = page_with_news(dashboard, new_page)
    link = page.get_by_role("table", name="Routes of the range").locator("tbody tr").nth(2).get_by_role("link").last
    link.focus()
    focused = "document.activeElement.href"
    before = page.evaluate(focused)
    page.evaluate("document.querySelectorAll('canvas').forEach((canvas) => (canvas.dataset.seen = '1'))")
    matrix = dashboard.get("/api/route/matrix", **last_days(dashboard, 30))
    busiest = max(matrix["data"], key=lambda route: route["revenue"])
    busiest["revenue"] = 9_876_543.21
    page.route("**/api/route/matrix*", lambda route: route.fulfill(json=matrix))
    with page.expect_response("**/api/figures/daily*"):
        news.append("event: data_version\ndata: 99\n")
    rows = page.get_by_role("table", name="Routes of the range").locator("tbody tr")
    expect(rows.first).to_contain_text("9,876,543.21")
    assert page.evaluate(focused) == before
    expect(
        page.locator("[data-drawn=daily_revenue] canvas[data-seen], [data-drawn=daily_shipments] canvas[data-seen]")
    ).to_have_count(2)
    expect(page.locator("[data-drawn=costliest_routes] canvas:not([data-seen])")).to_have_count(1)


@pytest.mark.slow
def test_shipments_without_cost_are_not_said_to_be_none(dashboard: Any, new_page: Any) -> None:
    page, _ = new_page(dashboard, "about:blank")
    daily = dashboard.get("/api/figures/daily", **last_days(dashboard, 30))
    matrix = dashboard.get("/api/route/matrix", **last_days(dashboard, 30))
    for row in [*daily["data"], *matrix["data"]]:
        row["revenue"] = 0
    for row in matrix["data"]:
        row["shipments_with_cost"] = 0
    summary = dashboard.get("/api/figures/summary", **last_days(dashboard, 30))
    summary["current"] |= {"revenue": 0, "shipments_with_cost": 0}
    page.route("**/api/figures/summary*", lambda route: route.fulfill(json=summary))
    page.route("**/api/figures/daily*", lambda route: route.fulfill(json=daily))
    page.route("**/api/route/matrix*", lambda route: route.fulfill(json=matrix))
    page.goto("/")
    for name in ("Revenue by day", "Routes with the most revenue"):
        expect(panel(page, name)).to_contain_text("No shipment in this range has a cost")
    expect(figure(page, "Revenue").locator(".value")).to_have_text("not measured")
    expect(panel(page, "Routes").get_by_role("row").nth(1)).to_contain_text("not measured")
    page.goto("/costs")
    expect(panel(page, "Revenue by day")).to_contain_text("No shipment in this range has a cost")


@pytest.mark.slow
def test_absurd_figures_fit_their_cards(dashboard: Any, new_page: Any) -> None:
    page, _ = new_page(dashboard, "about:blank")
    summary = dashboard.get("/api/figures/summary", **last_days(dashboard, 30))
    summary["current"] |= dict.fromkeys(("avg_delivery_time", "revenue", "revenue_per_km", "fuel_per_100_km"), 123e22)
    page.route("**/api/figures/summary*", lambda route: route.fulfill(json=summary))
    page.goto("/")
    for name in ("Delivery time", "Revenue", "Revenue per km", "Fuel per 100 km"):
        value = figure(page, name).locator(".value")
        expect(value).to_contain_text("1.23E24")
        assert value.evaluate("each => each.scrollWidth <= each.clientWidth")


def test_the_first_day_there_can_be_is_a_range_like_others(open_page: Any) -> None:
    page = open_page("/?range=1900-01-01..1900-01-31&compare=1")
    for name in ("Revenue by day", "Shipments by day", "Routes with the most revenue"):
        expect(panel(page, name)).to_contain_text("No shipments in this range")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_comparing_is_offered_where_something_is_compared(open_page: Any) -> None:
    page = open_page("/?compare=1")
    expect(page.get_by_role("switch", name="Compare with previous")).to_be_checked()
    expect(page.get_by_text("compared with")).to_be_visible()
    page.get_by_role("link", name="Vehicles").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Vehicles")
    expect(page.get_by_role("switch", name="Compare with previous")).to_have_count(0)
    expect(page.get_by_text("compared with")).to_have_count(0)


@pytest.mark.slow
def test_the_way_back_leads_to_where_one_was(open_page: Any) -> None:
    page = open_page()
    link = page.get_by_role("table", name="Routes of the range").locator("tbody tr").last.get_by_role("link").first
    link.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    assert before > 0
    link.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("→")
    assert page.evaluate("scrollY") == 0
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.wait_for_function("(before) => Math.abs(scrollY - before) < 2", arg=before)
