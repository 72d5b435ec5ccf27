"""Explore: every choice is in the address, figures are those of the API, and each leads to its rows and their file."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.test_shell import settled


def answer_table(page: Page) -> Any:
    return page.get_by_role("region", name="Table").get_by_role("table")


def chosen(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


@pytest.mark.slow
def test_a_question_is_chosen_step_by_step_and_kept_in_the_address(dashboard: Any, open_page: Any) -> None:
    page = open_page("/explore")
    settled(page)
    page.get_by_role("group", name="Days").get_by_role("button", name="All").click()
    page.get_by_role("combobox", name="Add metric").select_option(label="Revenue")
    page.get_by_role("combobox", name="Add group by").select_option(label="Origin")
    page.get_by_role("combobox", name="Periods").select_option(label="By quarter")
    expect(page.get_by_role("heading", name="Shipments, Revenue by quarter and origin")).to_be_visible()
    assert chosen(page) == {
        "range": ["all"], "metrics": ["shipments,revenue"], "by": ["origin"], "grain": ["quarter"],
    }  # fmt: skip
    answer = dashboard.get("/api/metrics/shipments", metrics="shipments,revenue", by="origin", grain="quarter")
    first = answer["data"][0]
    row = answer_table(page).locator("tbody tr").first
    expect(row.locator("th")).to_have_text(["Q1 2024", first["origin"]])
    expect(row.locator("td").nth(0)).to_have_text(f"{first['shipments']:,}")
    expect(row.locator("td").nth(1)).to_have_text(f"{first['revenue']:,.2f}")
    address = page.url
    page.get_by_role("button", name="Remove metric Shipments").click()
    expect(page.get_by_role("heading", name="Revenue by quarter and origin", exact=True)).to_be_visible()
    page.go_back()
    expect(page).to_have_url(address)
    expect(row.locator("td").nth(0)).to_have_text(f"{first['shipments']:,}")
    page.go_forward()
    page.reload()
    expect(page.get_by_role("heading", name="Revenue by quarter and origin", exact=True)).to_be_visible()
    expect(row.locator("td").nth(0)).to_have_text(f"{first['revenue']:,.2f}")


CHARTS = {
    "": "metric_periods",
    "metrics=avg_delivery_time": "metric_lines",
    "by=origin&grain=week": "metric_stack",
    "by=origin&grain=week&metrics=avg_delivery_time": "metric_series",
    "by=origin": "metric_bars",
    "by=origin,destination": "metric_grid",
    "by=origin&grain=month&chart=heatmap&range=all": "metric_grid",
    "by=delivery_time&range=all": "metric_histogram",
    "by=origin&metrics=revenue,avg_delivery_time&chart=scatter": "metric_points",
}
TITLES = {"metric_points": ["Revenue", "Delivery time, h"], "metric_histogram": ["Delivery time"]}
"""Charts whose axes are named by what is asked."""
OPEN = "address => { history.pushState(null, '', address); dispatchEvent(new PopStateEvent('popstate')); }"


@pytest.mark.slow
def test_the_chart_fits_the_question(open_page: Any) -> None:
    page = open_page("/explore")
    settled(page)
    figure = page.locator("figure.chart")
    for query, name in CHARTS.items():
        page.evaluate(OPEN, f"/explore?{query}")
        expect(figure).to_have_attribute("data-drawn", name)
        settled(page)
        svg = figure.evaluate("figure => figure.chart.svg({ text: 'A chart' })")
        assert "Infinity" not in svg and "NaN" not in svg, query
        assert len(re.findall(r'aria-roledescription="(?:bar|rect mark|point|line mark|circle)"', svg)) > 0, query
        assert all(f">{title}<" in svg for title in TITLES.get(name, ())), query


@pytest.mark.slow
def test_a_single_figure_stands_in_large_print_with_its_change(dashboard: Any, open_page: Any) -> None:
    page = open_page("/explore?grain=none&metrics=shipments,revenue&compare=1&start=2024-06-01&end=2024-06-30")
    answer = dashboard.get(
        "/api/metrics/shipments", metrics="shipments", compare="previous", start="2024-06-01", end="2024-06-30"
    )
    card = page.locator("article.kpi").first
    expect(card.locator(".value")).to_have_text(f"{answer['data'][0]['shipments']:,}")
    expect(card.locator(".versus")).to_contain_text(f"from {answer['data'][0]['shipments_previous']:,}")
    card.get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"day_from=2024-06-01&day_to=2024-06-30"))
    page.get_by_text(f"of {answer['data'][0]['shipments']:,}").wait_for()


@pytest.mark.slow
def test_filters_are_added_and_taken_away(dashboard: Any, open_page: Any) -> None:
    page = open_page("/explore?by=destination&range=all")
    settled(page)
    page.get_by_role("combobox", name="Field").select_option(label="Origin")
    page.get_by_role("combobox", name="Condition").select_option(label="is one of")
    page.get_by_role("textbox", name="Value").fill("Hamburg; Köln")
    page.get_by_role("button", name="Add filter").press("Enter")
    page.get_by_role("combobox", name="Field").select_option(label="Cost")
    page.get_by_role("combobox", name="Condition").select_option(label="at least")
    page.get_by_role("textbox", name="Value").fill("400,5")
    page.get_by_role("button", name="Add filter").press("Enter")
    expect(page.get_by_role("button", name=re.compile("Remove filter"))).to_have_text(
        ["Origin is one of Hamburg, Köln", "Cost at least 400.50"]
    )
    filter = {"and": [{"origin": {"in": ["Hamburg", "Köln"]}}, {"cost": {"gte": 400.5}}]}
    assert json.loads(chosen(page)["filter"][0]) == filter
    answer = dashboard.get("/api/metrics/shipments", metrics="shipments", by="destination", filter=json.dumps(filter))
    assert len(answer["data"]) > 0
    expect(answer_table(page).locator("tbody th").first).to_have_text(answer["data"][0]["destination"])
    expect(answer_table(page).locator("tbody td").first).to_have_text(f"{answer['data'][0]['shipments']:,}")
    expect(page.get_by_text("From the records as they are now")).to_be_visible()
    page.get_by_role("button", name="Remove filter Cost at least 400.50").click()
    expect(page.get_by_text("From the pre-aggregate of data version")).to_be_visible()
    assert json.loads(chosen(page)["filter"][0]) == {"origin": {"in": ["Hamburg", "Köln"]}}


def test_a_figure_leads_to_its_rows_and_these_to_their_file(dashboard: Any, open_page: Any) -> None:
    page = open_page("/explore?by=origin&grain=month&range=all")
    settled(page)
    answer = dashboard.get("/api/metrics/shipments", metrics="shipments", by="origin", grain="month", limit=10_000)
    first = answer["data"][0]
    answer_table(page).get_by_role("link", name=f"Rows of Jan 2024, {first['origin']}").click()
    expect(page.locator(".chip")).to_have_count(3)
    rows = page.get_by_role("table", name="Rows: Shipments").locator("tbody tr")
    expect(rows).to_have_count(min(50, first["shipments"]))
    expect(page.get_by_text(f"of {first['shipments']:,}")).to_be_visible()
    rows.first.get_by_role("link", name=re.compile(r"shipments\.json, record")).click()
    expect(page).to_have_url(re.compile("/pipeline.*file="))


def test_a_mark_of_a_chart_leads_to_its_rows(open_page: Any) -> None:
    page = open_page("/explore?by=origin&range=all&metrics=shipments")
    settled(page)
    page.locator("figure.chart canvas").click(position={"x": 200, "y": 14})
    detail = page.locator(".selected-figure")
    expect(detail).to_contain_text("Shipments")
    shown = detail.locator("span").first.inner_text().removeprefix("Shipments ")
    detail.get_by_role("link", name="Show the rows").click()
    expect(
        page.get_by_text(f"of {'more than 10,000' if int(shown.replace(',', '')) > 10_000 else shown}")
    ).to_be_visible()


def test_what_rows_cannot_be_filtered_by_is_said(open_page: Any) -> None:
    page = open_page("/explore?by=log.mileage&range=all")
    settled(page)
    link = answer_table(page).get_by_role("link", name=re.compile("^Rows of")).first
    expect(link).to_have_attribute("title", re.compile("cannot be filtered by Distance"))


def test_approximations_and_what_has_no_day_are_marked(dashboard: Any, open_page: Any) -> None:
    page = open_page("/explore?range=all&grain=none&metrics=destinations,p90_delivery_time")
    settled(page)
    answer = dashboard.get("/api/metrics/shipments", metrics="destinations,p90_delivery_time")
    errors = {column["name"]: column["approximate_within"] for column in answer["columns"]}
    cards = page.locator("article.kpi .value")
    for place, error in enumerate(errors.values()):
        assert cards.nth(place).inner_text().startswith("≈") == (error is not None)
    expect(page.get_by_text(f"{answer['undated']} records without a day are in none of these figures.")).to_be_visible()
    page.get_by_text("Exact", exact=True).click()
    expect(page).to_have_url(re.compile("exact=1"))
    expect(page.locator("article.kpi .value").filter(has_text="≈")).to_have_count(0)


def test_the_answer_can_be_taken_along(dashboard: Any, open_page: Any) -> None:
    page = open_page("/explore?by=origin&range=all&metrics=revenue")
    settled(page)
    contents = {}
    for format in ("CSV", "NDJSON", "Parquet"):
        page.get_by_role("button", name="Download the answer").click()
        with page.expect_download() as download:
            page.get_by_role("link", name=format).click()
        contents[format] = download.value.path().read_bytes()
    expected = dashboard.get("/api/metrics/shipments", metrics="revenue", by="origin")["data"]
    assert contents["CSV"].decode().splitlines()[1] == f"{expected[0]['origin']},{expected[0]['revenue']:.2f}"
    assert [json.loads(line) for line in contents["NDJSON"].splitlines()] == expected
    assert contents["Parquet"].startswith(b"PAR1")


def test_a_question_that_makes_no_sense_is_refused_in_place(new_page: Any, dashboard: Any) -> None:
    page, watched = new_page(dashboard, "/explore?metrics=profit")
    watched.expected = re.compile("422")
    expect(page.get_by_role("alert").first).to_contain_text("metrics of shipments")
    page.get_by_role("button", name="Remove metric profit").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("heading", name="Shipments by day")).to_be_visible()


HOSTILE = (
    "dataset=__proto__",
    "dataset=constructor&metrics=toString",
    "dataset=..%2F..%2Fetc",
    "metrics=__proto__&by=constructor",
    "metrics=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
    "by=%27%3B--",
    "filter=%7B",
    "filter=%5B1%2C2%5D",
    "filter=null",
    "filter=%7B%22__proto__%22%3A%7B%22eq%22%3A1%7D%7D",
    "filter=%22x%22",
    "grain=century&chart=pie&show=all&order=-",
    "range=all&start=2024-13-99&end=x",
    "chart=constructor&by=origin",
    "compare=__proto__&show=constructor",
    "exact=maybe&metrics=,,,",
)
GO = "address => { history.pushState(null, '', address); dispatchEvent(new PopStateEvent('popstate')); }"


@pytest.mark.slow
def test_no_address_breaks_the_page(dashboard: Any, new_page: Any) -> None:
    page, watched = new_page(dashboard, "/explore")
    watched.expected = re.compile("Failed to load resource")
    settled(page)
    for address in HOSTILE:
        page.evaluate(
            "address => { history.pushState(null, '', address); dispatchEvent(new PopStateEvent('popstate')); }",
            f"/explore?{address}",
        )
        settled(page)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        assert page.locator("main img, main script").count() == 0, address
        assert "undefined" not in page.locator("main").inner_text(), address


def test_a_range_without_records_is_no_chart_of_nothing(open_page: Any) -> None:
    page = open_page("/explore?start=1999-01-01&end=1999-01-31&grain=none&by=origin")
    expect(page.get_by_text("No records like that in this range")).to_be_visible()
    expect(page.locator("figure.chart")).to_have_count(0)


def test_datasets_without_days_are_asked_without_a_range(dashboard: Any, open_page: Any) -> None:
    page = open_page("/explore?dataset=vehicles")
    expect(page.locator("article.kpi .value")).to_have_text("40")
    expect(page.get_by_role("group", name="Days")).to_have_count(0)
    page.get_by_role("combobox", name="Dataset").select_option(label="Vehicle logs")
    expect(page.get_by_role("heading", name="Trips by day")).to_be_visible()


@pytest.mark.slow
def test_everybody_can_use_it(open_page: Any) -> None:
    page = open_page("/explore?by=origin&grain=month&range=year", color_scheme="dark", reduced_motion="reduce")
    for query in (
        "by=origin&grain=month&compare=1&range=year",
        "grain=none&metrics=shipments,p90_delivery_time&compare=1",
    ):
        page.evaluate(OPEN, f"/explore?{query}")
        settled(page)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
