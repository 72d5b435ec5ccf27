"""Changes: who changed what, and what it was before."""

import json
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def changed(needs_chromium: None, new_dashboard: Callable[[], Any]) -> Any:
    """An installation in which somebody has made a board and renamed it, and the worker has stored 60 rules."""
    made = new_dashboard()
    with psycopg.connect(made.database_url) as connection:
        actor = json.dumps({"kind": "process", "name": "logistics worker"})
        connection.execute("SELECT set_config('logistics.actor', %s, true)", (actor,))
        connection.execute(
            "INSERT INTO alert.rules (name, definition, origin) SELECT 'rule_' || n, '{}', 'file' "
            "FROM generate_series(1, 60) AS n"
        )
        actor = json.dumps({"kind": "person", "name": "ada@example.org", "person_id": 7})
        connection.execute("SELECT set_config('logistics.actor', %s, true)", (actor,))
        row = connection.execute("SELECT boards.add_board('Fleet', '', '[]', 'ada')").fetchone()
        assert row is not None
        connection.execute("SELECT boards.change_board(%s, 1, 'Fleet on Mondays', '', '[]', 'ada')", row)
    made.start()
    return made


@pytest.mark.slow
def test_changes_are_seen_filtered_and_followed_back(changed: Any, new_page: Any) -> None:
    page, _ = new_page(changed, "/")
    page.get_by_role("link", name="Changes").click()
    expect(page).to_have_url(re.compile("/changes$"))
    rows = page.get_by_role("table", name="Changes, newest first").locator("tbody tr")
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text("ada@example.org · Signed in")
    expect(rows.first).to_contain_text("board Fleet on Mondays")
    rows.first.get_by_text("title, version").click()
    expect(rows.first).to_contain_text("Fleet → Fleet on Mondays")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    page.get_by_role("button", name="Load older").press("Enter")
    expect(rows).to_have_count(62)

    page.get_by_role("combobox", name="What").select_option(label="Alert rules")
    expect(rows.first).to_contain_text("logistics worker · By itself")
    page.get_by_role("searchbox", name="Exact name or number").fill("rule_7")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("kind=alert_rule.*object=rule_7|object=rule_7.*kind=alert_rule"))
    with page.expect_download() as download:
        page.get_by_role("link", name="All of them (NDJSON)").click()
    (line,) = download.value.path().read_text().splitlines()
    assert json.loads(line)["object"] == "rule_7"
    page.get_by_role("searchbox", name="Exact name of who").fill("nobody")
    expect(page.get_by_text("No such change")).to_be_visible()
