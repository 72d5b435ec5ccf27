"""Alerts: what is open, what people do about it, the rules, and silences."""

import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from logistics_core.catalogue import built_in_catalogue
from logistics_pipeline.alerting.evaluating import evaluate
from logistics_pipeline.alerting.rules_in_force import rules_in_force, sync_rules
from logistics_pipeline.database.connections import connect


def rows_of(page: Page, table: str) -> Any:
    return page.get_by_role("table", name=table, exact=True).locator("tbody tr:not(.detail)")


def evaluate_all(url: str) -> None:
    with connect(url) as connection:
        for rule in rules_in_force(connection).rules.values():
            evaluate(connection, built_in_catalogue(), rule, lambda *_: None)


def set_state(url: str, path: str, state: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE ingest.files SET state = %s WHERE path = %s", (state, path))


@pytest.fixture(scope="module")
def alerted(needs_chromium: None, new_dashboard: Callable[[], Any]) -> Any:
    """An installation with two failed files and a rule that cannot be used; no worker."""
    made = new_dashboard()
    folder = made.data_dir / "alerts"
    folder.mkdir()
    (folder / "few_rows.yaml").write_text("title: Few rows\nwatch: {kind: metric}\n")
    with connect(made.database_url) as connection:
        sync_rules(connection, folder)
        for name in ("a", "b"):
            connection.execute(
                "INSERT INTO ingest.files (path, version, state, dataset, size_bytes, modified_ns, error) "
                "VALUES (%s, 1, 'failed', 'shipments', 1, 1, 'no JSON')",
                (f"shipments/{name}.json",),
            )
    evaluate_all(made.database_url)
    made.start()
    return made


def test_what_is_open_is_seen_looked_after_and_over(alerted: Any, new_page: Any) -> None:
    page, _ = new_page(alerted, "/alerts")
    incidents = rows_of(page, "Incidents, newest first")
    expect(incidents).to_have_count(2)
    expect(incidents.first).to_contain_text("A file has failed: shipments, shipments/")
    expect(page.get_by_role("link", name="Alerts")).to_contain_text("2 incidents are open")
    expect(page.get_by_text("No worker has evaluated these rules yet.")).to_be_visible()
    expect(rows_of(page, "All rules").filter(has_text="file_failed")).to_contain_text("Critical")
    expect(page.get_by_text("which needs `dataset` and `metric`")).to_be_visible()
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()

    page.get_by_role("button", name=re.compile("a.json")).press("Enter")
    expect(page).to_have_url(re.compile("incident=2"))
    timeline = rows_of(page, "Timeline")
    expect(timeline).to_have_count(2)
    expect(page.get_by_role("link", name="Show it")).to_have_attribute("href", re.compile("/pipeline\\?file="))
    page.get_by_role("button", name="Acknowledge").click()
    expect(timeline).to_have_count(3)
    expect(incidents.filter(has_text="a.json")).to_contain_text("anonymous looks after it")
    page.get_by_role("button", name="Comment").click()
    page.get_by_role("textbox", name="Comment").fill("the carrier was told")
    page.get_by_role("dialog").get_by_role("button", name="Comment").click()
    expect(timeline.last).to_contain_text("the carrier was told")
    page.get_by_role("button", name="Assign").click()
    page.get_by_role("textbox", name="Name").fill("Ada")
    page.get_by_role("dialog").get_by_role("button", name="Assign").click()
    expect(incidents.filter(has_text="a.json")).to_contain_text("Ada")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()

    set_state(alerted.database_url, "shipments/a.json", "loaded")
    evaluate_all(alerted.database_url)
    expect(incidents).to_have_count(1)
    expect(page.get_by_role("link", name="Alerts")).to_contain_text("1 incident is open")
    page.get_by_role("combobox", name="State").select_option(label="All")
    expect(incidents).to_have_count(2)
    expect(incidents.filter(has_text="a.json")).to_contain_text("Over")


@pytest.mark.slow
def test_an_incident_is_silenced_and_the_silence_ended(alerted: Any, new_page: Any) -> None:
    page, _ = new_page(alerted, "/alerts?incident=1")
    page.get_by_role("button", name="Silence", exact=True).click()
    page.get_by_role("combobox", name="For").select_option(label="1 day")
    page.get_by_role("textbox", name="Why").fill("the export is being mended")
    page.get_by_role("dialog").get_by_role("button", name="Silence").click()
    silences = rows_of(page, "Silences in force")
    expect(silences).to_contain_text(["file_failed, shipments, shipments/b.json"])
    expect(silences).to_contain_text(["the export is being mended"])
    silences.first.get_by_role("button", name="End").click()
    expect(page.get_by_text("No silence is in force")).to_be_visible()
    page.get_by_role("button", name="New window").click()
    form = page.get_by_role("dialog", name="Maintenance window")
    form.get_by_role("combobox", name="Days").select_option(label="Sunday")
    form.get_by_label("From").fill("01:30")
    form.get_by_role("textbox", name="Time zone").fill("Europe/Berlin")
    form.get_by_role("textbox", name="Why").fill("backups")
    form.get_by_role("button", name="Make it").click()
    windows = rows_of(page, "Maintenance windows")
    expect(windows).to_contain_text(["Sunday, 01:30 to 04:00 (Europe/Berlin)"])
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    windows.first.get_by_role("button", name="End").click()
    expect(page.get_by_text("No silence is in force")).to_be_visible()


@pytest.mark.slow
def test_a_narrow_page_has_no_sideways_scrolling(alerted: Any, new_page: Any) -> None:
    page, _ = new_page(alerted, "/alerts?incident=1")
    page.set_viewport_size({"width": 390, "height": 800})
    expect(rows_of(page, "Timeline")).not_to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
