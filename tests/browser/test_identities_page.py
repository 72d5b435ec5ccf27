"""External ids: what may be the same, ids without a link, why two are one, and figures by the master key."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.identities import CONTRACTS, link, payment, position, truck

RECORDS = {
    "fleet": [truck(n) for n in range(4)],
    "fuel": [payment(n, n % 6, n % 9) for n in range(60)],
    "positions": [position(n % 2, n, label=f"whale blue {n % 2}") for n in range(8)],
    "fleet_links": [link(0, 0, note="from the leasing papers"), link(5, 0)],
}


@pytest.fixture(scope="module")
def fleet(needs_chromium: None, new_dashboard: Callable[[], Any]) -> Any:
    """An installation with a fleet whose payments name plates, and whose positions name devices."""
    made = new_dashboard()
    contracts = made.data_dir / "contracts"
    contracts.mkdir()
    for name, text in CONTRACTS.items():
        (contracts / f"{name}.yaml").write_text(text)
    made.command("migrate")
    for name, records in RECORDS.items():
        (made.raw_dir / f"{name}.json").write_text(json.dumps(records))
    made.command("load", made.raw_dir)
    made.command("refresh")
    made.start()
    return made


def rows_of(page: Page, table: str) -> Any:
    return page.get_by_role("table", name=table, exact=True).locator("tbody tr:not(.detail)")


@pytest.mark.slow
def test_a_proposal_is_accepted_with_a_reason_and_shows_why_two_are_one(fleet: Any, new_page: Any) -> None:
    page, _ = new_page(fleet, "/identities")
    expect(page.get_by_role("link", name="External ids", exact=True)).to_have_attribute("aria-current", "page")
    waiting = rows_of(page, "Proposals")
    expect(waiting.filter(has_text="W-1231")).to_contain_text("letters and digits are the same")
    before = waiting.count()
    page.get_by_role("button", name="Accept: fuelco W-1231 is TRUCK-01").click()
    page.get_by_label("Reason, for those who ask later").fill("Seen in the yard.")
    page.get_by_role("dialog").get_by_role("button", name="Accept").click()
    expect(waiting).to_have_count(before - 1)
    expect(rows_of(page, "Links").first).to_contain_text("After the next refresh")

    fleet.command("refresh")
    page.goto("/identities/fleet/TRUCK-01")
    ids = rows_of(page, "Ids that stand for it")
    expect(ids).to_contain_text(["Seen in the yard. fuelco W-1231: the plate is 'W-1231'"])
    expect(rows_of(page, "Attributes").filter(has_text="plate")).to_contain_text("W-1231 (fuelco)")


@pytest.mark.slow
def test_an_id_is_linked_by_hand_and_the_link_is_undone(fleet: Any, new_page: Any) -> None:
    page, watched = new_page(fleet, "/identities")
    watched.expected = re.compile("status of 422")
    unlinked = rows_of(page, "Ids without a link")
    expect(unlinked.filter(has_text="W-1234")).to_contain_text("10")
    page.get_by_role("button", name="Link fuelco W-1234").click()
    page.get_by_label("Key of the record of fleet").fill("fuelco:X")
    page.get_by_role("dialog").get_by_role("button", name="Link", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("begins like the name of an unlinked id")
    page.get_by_label("Key of the record of fleet").fill("TRUCK-03")
    page.get_by_role("dialog").get_by_role("button", name="Link", exact=True).click()
    expect(unlinked.filter(has_text="W-1234")).to_have_count(0)

    fleet.command("refresh")
    page.goto("/identities/fleet/TRUCK-03")
    page.get_by_role("button", name="Undo the link of fuelco W-1234").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo the link").click()
    expect(page.get_by_text("No id of another system is linked with it")).to_be_visible()
    page.goto("/identities")
    expect(rows_of(page, "Links").first).to_contain_text("itself")
    expect(rows_of(page, "Ids without a link").filter(has_text="W-1234")).to_be_visible()


@pytest.mark.slow
def test_explore_groups_by_the_master_key_and_an_attribute_of_the_master(fleet: Any, new_page: Any) -> None:
    page, _ = new_page(fleet, "/explore?dataset=fuel&metrics=spent&by=truck&grain=none")
    expect(page.get_by_role("rowheader", name="TRUCK-00")).to_be_visible()
    page.goto("/explore?dataset=fuel&metrics=spent&by=truck.kind&grain=none")
    expect(page.get_by_role("rowheader", name="artic")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/identities", "/identities/fleet", "/identities/fleet/TRUCK-00"])
def test_the_pages_are_accessible(fleet: Any, new_page: Any, path: str) -> None:
    page, _ = new_page(fleet, path)
    page.locator("main table").first.wait_for()
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.slow
def test_without_external_ids_the_page_says_how_to_have_some(dashboard: Any, new_page: Any) -> None:
    page, _ = new_page(dashboard, "/identities")
    expect(page.get_by_text("No contract declares external ids yet")).to_be_visible()
    expect(page.get_by_label("External ids in a contract")).to_contain_text("entity: vehicles")
