"""Sources: what is pulled, what is wrong, pulls with their pages, and the button that requests a pull."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.source_pulls import DEPOT, FLEET, add_page, add_pull, complete_pull, define

BROKEN = "kind: rest\nbaseUrl: https://api.example.com\nresorces: []\n"
ERROR = "GET https://api.example.com/v1/vehicles: the server answered 503: maintenance."
ADVICE = "Run the pull again later; it goes on at this page."


def rows_of(page: Page, table: str) -> Any:
    return page.get_by_role("table", name=table).locator("tbody tr:not(.detail)")


@pytest.fixture(scope="module")
def pulled(needs_chromium: None, new_dashboard: Callable[[], Any]) -> Any:
    """An installation with a source that was pulled, one of files, and a definition that is wrong; no Dagster."""
    made = new_dashboard()
    define(made.database_url, made.data_dir / "sources", fleet=FLEET, depot=DEPOT, broken=BROKEN)
    now = datetime.now(UTC)
    with psycopg.connect(made.database_url, autocommit=True) as connection:
        for _ in range(24):
            add_pull(connection, "trips", "unchanged", requests=1)
        done = complete_pull(connection, "vehicle_logs/fleet/trips/0000000025.ndjson.zst", warnings=["Pages shifted."])
        connection.execute(
            "INSERT INTO ingest.files (dataset, path, size_bytes, modified_ns, state, records_read, records_loaded, "
            "records_superseded, records_rejected) SELECT dataset, path, 1, 1, 'loaded', 249, 240, 5, 4 "
            "FROM source.pulls WHERE pull_id = %s",
            (done,),
        )
        failed = add_pull(
            connection, "vehicles", "failed", pages=1, records=100, requests=6, retries=4, error=ERROR, advice=ADVICE,
            error_kind="server", run_id="7d1f5a2c",
        )  # fmt: skip
        add_page(connection, failed, 1)
        add_pull(connection, "orders", "paused", paused_until=now + timedelta(hours=1))
        connection.execute(
            "INSERT INTO source.due VALUES ('fleet', 'trips', %s), ('fleet', 'vehicles', %s)",
            (now + timedelta(minutes=12), now + timedelta(minutes=5)),
        )
    made.start()
    return made


def test_the_page_says_how_each_source_is_doing(pulled: Any, new_page: Any) -> None:
    page, _ = new_page(pulled, "/sources")
    rows = rows_of(page, "Resources of Fleet management")
    expect(rows).to_have_count(3)
    vehicles, trips, orders = (rows.nth(place) for place in range(3))
    expect(trips).to_contain_text("Up to date")
    expect(trips).to_contain_text("Warning")
    expect(trips).to_contain_text("in 12 minutes")
    expect(vehicles).to_contain_text("Failed")
    expect(vehicles).to_contain_text("1: server")
    expect(orders).to_contain_text("Paused")
    expect(orders).to_contain_text("On request")
    table = page.get_by_role("table", name="Resources of Fleet management")
    expect(table.locator("tr.detail").first).to_contain_text(f"{ERROR} {ADVICE}")
    expect(page.get_by_role("region", name="broken")).to_contain_text("resorces")
    expect(page.get_by_role("region", name="broken")).to_contain_text("Not in force")
    expect(page.get_by_role("region", name="Files of the depot")).to_contain_text("looks for new ones by itself")
    expect(page.get_by_role("link", name="Sources", exact=True)).to_have_attribute("aria-current", "page")


@pytest.mark.slow
def test_without_a_source_the_page_says_how_to_have_one(new_dashboard: Callable[[], Any], new_page: Any) -> None:
    made = new_dashboard()
    made.start()
    page, _ = new_page(made, "/sources")
    expect(page.get_by_text("There are no sources yet")).to_be_visible()
    expect(page.get_by_text("logistics sources add URL")).to_be_visible()
    assert Axe().run(page).violations_count == 0
    define(made.database_url, made.data_dir / "sources", fleet=FLEET)
    expect(rows_of(page, "Resources of Fleet management")).to_have_count(3)


@pytest.mark.slow
def test_pulls_are_filtered_and_opened_with_their_pages(pulled: Any, new_page: Any) -> None:
    page, _ = new_page(pulled, "/sources")
    page.get_by_role("link", name="Fleet management").press("Enter")
    pulls = rows_of(page, "Pulls, newest first")
    expect(pulls).to_have_count(20)
    page.get_by_role("button", name="Load older").click()
    expect(pulls).to_have_count(27)
    page.get_by_role("combobox", name="State").select_option(label="Complete")
    expect(pulls).to_have_count(1)
    expect(page).to_have_url(re.compile("state=complete"))
    numbers = pulls.first.locator("td.number")
    expect(numbers).to_contain_text(["3", "250", "249", "1", "4, 1 again", "21 kB", "3.25 s"])

    page.get_by_role("link", name="25", exact=True).press("Enter")
    drawer = page.get_by_role("dialog", name="Pull 25")
    expect(drawer.get_by_label("Balanced", exact=True)).to_contain_text("250")
    expect(drawer.get_by_label("What became of its file")).to_contain_text("240")
    expect(drawer).to_contain_text("Pages shifted.")
    expect(rows_of(page, "Records that were not mapped, by reason")).to_contain_text(["trip_id is missing"])
    expect(rows_of(page, "Pages in the order in which they were fetched")).to_have_count(3)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    drawer.get_by_role("button", name="Close").press("Enter")
    expect(drawer).to_have_count(0)
    expect(page.get_by_role("link", name="25", exact=True)).to_be_focused()
    expect(page.get_by_label("Definition", exact=True)).to_contain_text("env:FLEET_TOKEN")


@pytest.mark.slow
def test_a_pull_is_requested_by_keyboard_and_says_what_came_of_it(pulled: Any, new_page: Any) -> None:
    page, _ = new_page(pulled, "/sources/fleet")
    row = rows_of(page, "Resources of Fleet management").filter(has_text="orders")
    row.get_by_role("button", name="Pull now: orders").press("Enter")
    expect(row.get_by_role("button", name="Requested: orders")).to_be_disabled()
    expect(page.get_by_text("Waits for Dagster").first).to_be_visible()
    with psycopg.connect(pulled.database_url) as connection:
        connection.execute("UPDATE source.requests SET done_at = now(), outcome = 'The run 7 pulls fleet, orders.'")
    expect(page.get_by_text("The run 7 pulls fleet, orders.")).to_be_visible()
    expect(row.get_by_role("button", name="Pull now: orders")).to_be_enabled()
    with psycopg.connect(pulled.database_url) as connection:
        add_pull(connection, "orders", "running")
    expect(row).to_contain_text("Interrupted"), "no process has it"


@pytest.mark.slow
def test_who_may_only_read_sees_no_button(new_dashboard: Callable[[], Any], new_page: Any) -> None:
    made = new_dashboard()
    define(made.database_url, made.data_dir / "sources", fleet=FLEET)
    made.variables = {"LOGISTICS_API_ANONYMOUS": "read"}
    made.start()
    page, _ = new_page(made, "/sources")
    expect(rows_of(page, "Resources of Fleet management")).to_have_count(3)
    expect(page.get_by_role("button", name=re.compile("Pull now"))).to_have_count(0)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/sources", "/sources/fleet"])
@pytest.mark.parametrize(("scheme", "width"), [("light", 1366), ("dark", 390)])
def test_the_pages_are_accessible_and_fit_any_width(
    pulled: Any, new_page: Any, path: str, scheme: str, width: int
) -> None:
    page, _ = new_page(pulled, path, color_scheme=scheme, viewport={"width": width, "height": 900})
    expect(rows_of(page, "Resources of Fleet management")).to_have_count(3)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_an_unknown_source_says_so(pulled: Any, new_page: Any) -> None:
    page, watched = new_page(pulled, "/sources/ships")
    watched.expected = re.compile("404")
    expect(page.get_by_role("alert")).to_contain_text("There is no source ships")
