"""Forecasts: the band joined to what was, which method and how wrong, the series of a level, accuracy over time."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from logistics_api.dashboard.files import FOLDER
from logistics_api.dashboard.modules import join
from logistics_pipeline.forecasting.refitting import refit
from tests.forecast_records import FIRST, RIDES, as_csv, rides

DAYS = 84


@pytest.fixture(scope="module")
def forecast(needs_chromium: None, new_dashboard: Callable[[], Any]) -> Any:
    """An installation with twelve weeks of rides, forecast two weeks before their end and at their end."""
    made = new_dashboard()
    contracts = made.data_dir / "contracts"
    contracts.mkdir()
    (contracts / "rides.yaml").write_text(RIDES)
    made.command("migrate")
    (made.raw_dir / "rides.csv").write_bytes(as_csv(rides(DAYS)))
    made.command("load", made.raw_dir)
    made.command("refresh")
    for days in (DAYS - 14, DAYS):
        refit(made.database_url, "rides", most_series=100, today=FIRST + timedelta(days))
    made.start()
    return made


def rows_of(page: Page, table: str) -> Any:
    return page.get_by_role("table", name=table).locator("tbody tr")


OF_FARES = "/forecasts?forecast=rides.fares.day"


@pytest.mark.slow
def test_a_forecast_says_how_it_was_made_and_how_wrong_it_is(forecast: Any, new_page: Any) -> None:
    page, _ = new_page(forecast, OF_FARES)
    page.locator("[data-drawn=forecast] canvas").wait_for()
    (series,) = forecast.get("/api/forecasts/rides", metric="fares")["data"]
    panel = page.get_by_role("region", name="Fares: Total", exact=True)
    expect(panel).to_contain_text(f"Method: {series['method']} ({series['reason']}).")
    tracked = series["tracked"]
    expect(panel).to_contain_text(
        f"Off by {100 * tracked['error']:.1f}% on average in the last six weeks; "
        f"repeating last week: {100 * tracked['naive_error']:.1f}%."
    )
    expect(panel).to_contain_text(f"The 90 % band held {100 * tracked['coverage_90']:.0f}% of what came true.")
    panel.get_by_text("All values", exact=True).click()
    expect(rows_of(page, "Forecast of Fares, Total")).to_have_count(14)
    over_time = rows_of(page, "Accuracy over time")
    expect(over_time).to_have_count(2)
    expect(over_time.first).to_contain_text("Mar 18, 2024 – Mar 24, 2024")
    expect(rows_of(page, "Accuracy by periods ahead")).to_contain_text(["1 day", "2 to 7 days", "8 to 14 days"])


@pytest.mark.slow
def test_a_series_of_a_level_is_chosen_by_keyboard_and_is_in_the_address(forecast: Any, new_page: Any) -> None:
    page, _ = new_page(forecast, OF_FARES)
    page.get_by_role("combobox", name="Level").select_option(label="By depot")
    listed = rows_of(page, "Forecasts of Fares")
    expect(listed).to_have_count(3)
    (nowhere,) = [each for each in range(3) if "(no value)" in listed.nth(each).inner_text()]
    listed.nth(nowhere).get_by_role("button").press("Enter")
    expect(page.get_by_role("region", name="Fares: (no value)", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("series="))
    page.reload()
    expect(page.get_by_role("region", name="Fares: (no value)", exact=True)).to_contain_text("Method:")
    expect(page.get_by_role("region", name="How right: (no value)")).to_be_visible()


@pytest.mark.slow
def test_a_new_fit_is_shown_by_itself(forecast: Any, new_page: Any) -> None:
    page, _ = new_page(forecast, "/forecasts?forecast=rides.drivers.day.depot")
    page.locator("[data-drawn=forecast] canvas").wait_for()
    with page.expect_response(lambda answer: "/api/forecasts/rides" in answer.url and "filter=" in answer.url) as asked:
        (*_, newest) = refit(forecast.database_url, "rides", most_series=100, today=FIRST + timedelta(DAYS))
    assert asked.value.status == 200
    assert newest.run_id - 1 <= asked.value.json()["run"]["run_id"] <= newest.run_id


@pytest.mark.slow
def test_before_the_first_fit_the_page_says_what_is_missing(forecast: Any, new_page: Any) -> None:
    page, _ = new_page(forecast, "/forecasts")
    expect(page.get_by_text("No forecast has been made yet.")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1366), ("dark", 390)])
def test_the_page_is_accessible_and_fits_any_width(forecast: Any, new_page: Any, scheme: str, width: int) -> None:
    page, _ = new_page(
        forecast, f"{OF_FARES}&by=depot,line", color_scheme=scheme, viewport={"width": width, "height": 900}
    )
    page.locator("[data-drawn=forecast] canvas").wait_for()
    expect(rows_of(page, "Accuracy over time")).to_have_count(2)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_the_chart_shows_the_past_that_was_forecast_from(forecast: Any, new_page: Any) -> None:
    """Periods without records: 0 in a sum, nothing in a mean, which has no value either where all cells are empty."""
    modules = {path.relative_to(FOLDER).as_posix(): path.read_text() for path in FOLDER.rglob("*.js")}
    entry = 'import { chartRows } from "./forecasts.js";\nwindow.chartRows = chartRows;\n'
    page, _ = new_page(forecast, "/forecasts")
    page.evaluate(f"() => {{{join(modules | {'entry.js': entry}, 'entry.js')}}}")

    def drawn(described: dict[str, Any]) -> list[list[Any]]:
        answer = {
            "grain": "day",
            "probabilities": [],
            "metric": "x",
            "unit": None,
            "run": {"last_period": "2024-01-05"},
        }
        rows = [{"period": "2024-01-01", "x": 3}, {"period": "2024-01-02", "x": None}, {"period": "2024-01-04", "x": 5}]
        found = page.evaluate(
            "([answer, rows, described]) => chartRows(answer, { points: [], past: [] }, { data: rows }, described)",
            [answer, rows, described],
        )
        return [[row["begins"][-2:], row["actual"]] for row in found if "actual" in row]

    assert drawn({"adds_up": True}) == [["01", 3], ["02", 0], ["03", 0], ["04", 5], ["05", 0]]
    assert drawn({"adds_up": False, "aggregate": "avg"}) == [["01", 3], ["04", 5]]


@pytest.mark.slow
def test_an_address_of_a_series_that_is_not_listed_shows_no_other_one(forecast: Any, new_page: Any) -> None:
    page, _ = new_page(forecast, f"{OF_FARES}&by=depot&series=%7B%22depot%22%3A%22East%22%7D")
    panel = page.get_by_role("region", name="Fares: East", exact=True)
    expect(panel).to_contain_text("There is no forecast of this series")
    page.goto(f"{forecast.url}{OF_FARES}&by=depot&series=%7Bnothing")
    expect(page.get_by_role("region", name=re.compile("^Fares: "))).to_contain_text("Method:")
