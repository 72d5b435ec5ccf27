"""The quality on the Pipeline page: what the API says, readable by everyone."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.fourth_dataset import CONTRACT, drivers

pytestmark = pytest.mark.slow  # `test_shell` opens every page in the quick suite

FILES = "Quality of the latest files of Drivers, newest first"


@pytest.fixture(scope="module")
def site(new_dashboard: Callable[[], Any]) -> Iterator[Any]:
    """An installation with a dataset of its own, three files of it and a floor that they do not reach."""
    dashboard = new_dashboard()
    (dashboard.data_dir / "contracts").mkdir(parents=True)
    (dashboard.data_dir / "contracts" / "drivers.yaml").write_text(CONTRACT + "expect: {quality: 0.995}\n")
    dashboard.command("migrate")
    folder = dashboard.raw_dir / "drivers"
    folder.mkdir()
    for number in range(3):
        records = [each | {"driver_id": f"{number}-{each['driver_id']}", "vehicle_id": None} for each in drivers(9)]
        records[0] |= {"number": -number}
        (folder / f"{number}.json").write_text(json.dumps(records))
    dashboard.command("load", dashboard.raw_dir)
    dashboard.start()
    yield dashboard
    dashboard.stop()


def rows_of(page: Page, table: str) -> Any:
    return page.get_by_role("table", name=table).locator("tbody tr")


def test_the_page_says_what_the_api_says(site: Any, new_page: Callable[..., tuple[Page, Any]]) -> None:
    page, _ = new_page(site, "/pipeline")
    rows = rows_of(page, "Quality by dataset, definition q1")
    expect(rows).to_have_count(1)  # nothing of the others was loaded
    (found,) = [each for each in site.get("/api/quality")["datasets"] if each["score"] is not None]
    expect(rows).to_contain_text("below 99.50%")
    expect(rows).to_contain_text(f"{100 * found['score']:.2f}%")
    cells = rows.first.locator("td").all_inner_texts()
    assert cells[1:7] == ["100%", "100%", "100%", "100%", "–", "92.59%"], "nothing was expected to arrive in time"
    assert cells[7] == "Points is out of bounds: 2 of 27"
    expect(page.get_by_role("heading", name="Quality of Drivers")).to_be_hidden()


def test_a_dataset_opens_and_closes_by_keyboard_and_leads_to_its_files(
    site: Any, new_page: Callable[..., tuple[Page, Any]]
) -> None:
    page, _ = new_page(site, "/pipeline")
    link = page.get_by_role("table", name="Quality by dataset").get_by_role("link", name="Drivers")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Quality of Drivers")).to_be_visible()
    expect(rows_of(page, "Rules that failed for Drivers, the worst first")).to_have_count(1)
    expect(page.get_by_text("The latest 3 files, from the oldest to the newest: lowest")).to_be_visible()
    expect(rows_of(page, FILES)).to_have_count(3)
    assert page.url.endswith("?quality=drivers")
    page.get_by_role("table", name=FILES).get_by_role("link", name="drivers/2.json").click()
    expect(page.get_by_role("dialog").get_by_text("drivers/2.json").first).to_be_visible()
    page.keyboard.press("Escape")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Quality of Drivers")).to_be_hidden()


@pytest.mark.parametrize("size", [(1280, 800), (360, 740)])
def test_it_is_accessible_and_fits_a_phone(
    site: Any, new_page: Callable[..., tuple[Page, Any]], size: tuple[int, int]
) -> None:
    viewport = {"width": size[0], "height": size[1]}
    page, _ = new_page(site, "/pipeline?quality=drivers", viewport=viewport)
    expect(rows_of(page, FILES)).to_have_count(3)
    found = Axe().run(page)
    assert not found.response["violations"], found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
