"""Rules on the page Alerts: made, tried, changed, switched off and removed, without a file and without SQL."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from psycopg.types.json import Jsonb

from logistics_core.alert_rules.reading import rule_of_document
from logistics_core.catalogue import built_in_catalogue
from logistics_pipeline.alerting.charting import draw_charts
from logistics_pipeline.alerting.evaluating import evaluate
from logistics_pipeline.alerting.observing.highest_values import keep_highest
from logistics_pipeline.alerting.observing.model import Observation, Words
from logistics_pipeline.alerting.rules_in_force import rules_in_force, sync_rules
from logistics_pipeline.alerting.trials import serve_next_trial
from logistics_pipeline.database.connections import connect
from tests.browser.conftest import wait_until
from tests.browser.test_alerts_page import rows_of


@pytest.fixture(scope="module")
def ruled(needs_chromium: None, new_dashboard: Callable[[], Any]) -> Any:
    """An installation with records, and a rule in a file; the tests serve its trials."""
    made = new_dashboard()
    made.load(shipments=3_000, logs=2_500, vehicles=20)
    folder = made.data_dir / "alerts"
    folder.mkdir()
    (folder / "of_a_file.yaml").write_text("title: Of a file\nwatch: {kind: refresh_failed}\n")
    with connect(made.database_url) as connection:
        sync_rules(connection, folder)
    made.start()
    return made


def serve_trials(made: Any) -> None:
    with connect(made.database_url) as connection:
        wait_until(lambda: serve_next_trial(connection))


@pytest.mark.slow
def test_a_rule_is_made_tried_changed_and_removed(ruled: Any, new_page: Any) -> None:
    page, watched = new_page(ruled, "/alerts")
    page.get_by_role("button", name="New rule").click()
    form = page.get_by_role("dialog", name="New rule")
    form.get_by_role("textbox", name="Title").fill("Few shipments of an origin!")
    expect(form.get_by_role("textbox", name="Name")).to_have_value("few_shipments_of_an_origin")
    form.get_by_role("combobox", name="Dataset").select_option("shipments")
    form.get_by_role("combobox", name="Metric").select_option("shipments")
    form.get_by_role("combobox", name="Add for each").select_option("origin")
    form.get_by_role("spinbutton", name="Below", exact=True).fill("1")
    form.get_by_role("spinbutton", name="All right again above").fill("0")
    watched.expected = re.compile("422")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("clearAbove must be at least `below`")
    form.get_by_role("spinbutton", name="All right again above").fill("")
    form.get_by_role("combobox", name="Days to try").select_option("30")
    form.get_by_role("button", name="Try", exact=True).click()
    serve_trials(ruled)
    expect(
        form.get_by_role("status").filter(
            has_text=re.compile(r"it would have fired \d+ times?, for \d+ of \d+ subjects\.")
        )
    ).to_be_visible()
    expect(form.locator("figure svg, figure canvas").first).to_be_visible()
    expect(rows_of(page, "When it would have fired").first).to_contain_text("was 0 in")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    form.get_by_role("button", name="Save").click()
    row = rows_of(page, "All rules").filter(has_text="few_shipments_of_an_origin")
    expect(row).to_contain_text("anonymous")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()

    row.get_by_role("button", name="Change").click()
    form = page.get_by_role("dialog", name="Change few_shipments_of_an_origin")
    expect(form.get_by_role("button", name="Remove for each Origin")).to_be_visible()
    expect(form.get_by_role("spinbutton", name="Below", exact=True)).to_have_value("1")
    form.get_by_role("combobox", name="Severity").select_option("critical")
    form.get_by_role("combobox", name="At which hours").select_option("At some hours")
    form.get_by_role("combobox", name="Days", exact=True).select_option("Saturday and Sunday")
    form.get_by_label("From").fill("22:00")
    form.get_by_label("Time zone").fill("Europe")
    form.get_by_role("combobox", name="Add together by").select_option("origin")
    form.get_by_role("combobox", name="Add not while one of these is open").select_option("figures_behind")
    expect(form.get_by_role("button", name="Remove not while one of these is open Figures are behind")).to_be_visible()
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("active.timeZone is 'Europe', which is no time zone")
    form.get_by_label("Time zone").fill("Europe/Berlin")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    form.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Critical")
    row.get_by_role("button", name="Switch off").click()
    expect(row).to_contain_text("Switched off")
    found = ruled.get("/api/alerts/rules/few_shipments_of_an_origin")
    assert found["definition"] == {
        "title": "Few shipments of an origin!",
        "watch": {"kind": "metric", "dataset": "shipments", "metric": "shipments", "by": ["origin"]},
        "when": {"below": 1},
        "severity": "critical",
        "active": {"days": ["sat", "sun"], "from": "22:00", "to": "18:00", "timeZone": "Europe/Berlin"},
        "groupBy": ["origin"],
        "inhibitedBy": ["figures_behind"],
        "enabled": False,
    }
    row.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)


@pytest.mark.slow
def test_a_trial_says_of_how_many_days_nothing_is_known(ruled: Any, new_page: Any) -> None:
    watch = rule_of_document({"title": "Behind", "watch": {"kind": "figures_behind"}}, "behind").watch
    midnight = datetime.combine(datetime.now(UTC).date(), time(), UTC)
    with connect(ruled.database_url) as connection:
        for days, value in ((6, 4_000.0), (5, 0.0), (1, 100.0)):
            found = Observation({}, value, Words("Behind for a while"))
            keep_highest(connection, watch, [found], midnight - timedelta(days=days) + timedelta(hours=12))
    page, _ = new_page(ruled, "/alerts")
    rows_of(page, "All rules").filter(has_text="figures_behind").get_by_role("button", name="Change").click()
    form = page.get_by_role("dialog", name="Change figures_behind")
    form.get_by_role("button", name="Try", exact=True).click()
    serve_trials(ruled)
    expect(form.get_by_text("it would have fired 1 time.", exact=False).first).to_be_visible()
    expect(form.get_by_text("Of 3 of these days nothing is known: no rule has looked.")).to_be_visible()
    expect(rows_of(page, "When it would have fired")).to_contain_text("Behind for a while")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.slow
def test_a_rule_of_a_file_is_shown_and_a_built_in_one_is_switched_off_and_restored(ruled: Any, new_page: Any) -> None:
    page, _ = new_page(ruled, "/alerts")
    page.get_by_role("button", name="Look at of_a_file").click()
    form = page.get_by_role("dialog", name="Rule of_a_file")
    expect(form).to_contain_text("alerts/of_a_file.yaml")
    expect(form.get_by_role("textbox", name="Title")).to_be_disabled()
    expect(form.get_by_role("button", name="Save")).to_have_count(0)
    form.get_by_role("button", name="Close").click()
    row = rows_of(page, "All rules").filter(has_text="volume_outside_forecast")
    row.get_by_role("button", name="Change").click()
    form = page.get_by_role("dialog", name="Change volume_outside_forecast")
    expect(form).to_contain_text("It keeps what else it says: unknown.")
    form.get_by_role("switch", name="Switched on").uncheck()
    form.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Switched off")
    found = ruled.get("/api/alerts/rules/volume_outside_forecast")
    assert found["versions"][0]["definition"] == found["versions"][1]["definition"] | {"enabled": False}
    row.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row).to_contain_text("Built in")


@pytest.mark.slow
def test_an_incident_shows_its_values_and_leads_to_its_rows(ruled: Any, new_page: Any) -> None:
    definition = {
        "title": "Many shipments",
        "watch": {"kind": "metric", "dataset": "shipments", "metric": "shipments", "by": ["origin"], "over": 7},
        "when": {"above": 1},
    }
    with connect(ruled.database_url) as connection:
        connection.execute("SELECT alert.add_rule('many', %s, 'Ada')", (Jsonb(definition),))
        rules = rules_in_force(connection).rules
        evaluate(connection, built_in_catalogue(), rules["many"], lambda *_: None)
        assert draw_charts(connection, built_in_catalogue(), rules) > 1
        row = connection.execute(
            "SELECT incident_id, labels ->> 'origin', value FROM alert.incidents WHERE rule = 'many' LIMIT 1"
        ).fetchone()
        assert row is not None
        incident_id, origin, value = row
    page, _ = new_page(ruled, f"/alerts?incident={incident_id}")
    chart = page.get_by_role("figure").filter(has_text=re.compile(f"and {value:.0f} last"))
    expect(chart).to_be_visible()
    expect(chart.locator("svg, canvas").first).to_be_visible()
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    page.get_by_role("link", name="Its rows").click()
    expect(page).to_have_url(re.compile("/data\\?dataset=shipments.*origin="))
    expect(page.locator("main table tbody tr").filter(has_text=origin)).to_have_count(int(value))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_form_fits_a_narrow_page(ruled: Any, new_page: Any, scheme: str) -> None:
    page, _ = new_page(ruled, "/alerts", viewport={"width": 390, "height": 800}, color_scheme=scheme)
    page.get_by_role("button", name="New rule").click()
    form = page.get_by_role("dialog", name="New rule")
    form.get_by_role("combobox", name="Add for each").select_option("origin")
    form.get_by_role("button", name="Try", exact=True).click()
    serve_trials(ruled)
    expect(form.get_by_role("status").filter(has_text="it would have fired")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert form.evaluate("(dialog) => dialog.scrollWidth - dialog.clientWidth") <= 0
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
