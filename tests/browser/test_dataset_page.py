"""The page of one dataset: its contract, what its columns hold, its quality and its files."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.fourth_dataset import CONTRACT, drivers

pytestmark = pytest.mark.slow  # `test_shell` opens every page in the quick suite

NewPage = Callable[..., tuple[Page, Any]]


@pytest.fixture(scope="module")
def site(new_dashboard: Callable[[], Any]) -> Iterator[Any]:
    """An installation with a dataset of its own, two files of it and one record that is rejected."""
    dashboard = new_dashboard()
    (dashboard.data_dir / "contracts").mkdir(parents=True)
    named = CONTRACT.replace("title: Depot,", "title: Depot, aliases: [Standort],")
    (dashboard.data_dir / "contracts" / "drivers.yaml").write_text(named)
    dashboard.command("migrate")
    folder = dashboard.raw_dir / "drivers"
    folder.mkdir()
    records = drivers(60)
    (folder / "a.json").write_text(json.dumps(records[:30]))
    (folder / "b.json").write_text(json.dumps([*records[30:], records[0] | {"driver_id": "X", "number": -1}]))
    dashboard.command("load", dashboard.raw_dir)
    dashboard.start()
    yield dashboard
    dashboard.stop()


def row_of(page: Page, column: str) -> Any:
    rows = page.get_by_role("table", name="Columns of the dataset").locator("tbody tr")
    return rows.filter(has=page.locator("th", has_text=column))


def test_it_is_reached_from_its_rows_and_leads_back(site: Any, new_page: NewPage) -> None:
    page, _ = new_page(site, "/data?dataset=drivers")
    page.get_by_role("link", name="About this dataset").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.url}/data/drivers")
    expect(page.locator("h1")).to_have_text("Drivers")
    expect(page.get_by_role("link", name="Data", exact=True).first).to_have_attribute("aria-current", "page")
    expect(page.get_by_text("People who drive: one record per person.")).to_be_visible()
    page.get_by_role("link", name="Its rows").click()
    expect(page.get_by_role("table", name="Rows: Drivers")).to_be_visible()


def test_columns_say_what_the_api_says(site: Any, new_page: NewPage) -> None:
    page, _ = new_page(site, "/data/drivers")
    found = site.get("/api/datasets/drivers/profile")
    expect(page.get_by_text("From all 60 records of 2 files.")).to_be_visible()
    expect(page.get_by_role("table", name="Columns of the dataset").locator("tbody tr")).to_have_count(
        len(found["fields"])
    )
    points = row_of(page, "Points").locator("td")
    expect(points).to_have_text(
        ["number", "measure", "–", "100%", "5", "0 – 4", "", "0 × 121 × 122 × 122 more3 × 124 × 12"]
    )
    expect(row_of(page, "Points").get_by_role("img")).to_have_attribute(
        "aria-label", re.compile(r"^Distribution from 0 to 4: most, \d+%, in part \d+ of 12$")
    )
    expect(row_of(page, "Depot")).to_contain_text("In files also: Standort")
    expect(row_of(page, "Depot")).to_contain_text("3 – 6 characters")
    expect(row_of(page, "Driver").first).to_contain_text("key")
    expect(row_of(page, "Hired on")).to_contain_text("Mar 1, 2024 – Mar 9, 2024")
    expect(row_of(page, "Distance")).to_contain_text("66.7%")
    expect(row_of(page, "Filters").locator("td").nth(3)).to_have_text("0.0%")
    page.get_by_role("button", name="Data of this panel: Columns").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 1 + len(found["fields"])


def test_quality_and_files_are_those_of_the_dataset_and_open(site: Any, new_page: NewPage) -> None:
    page, _ = new_page(site, "/data/drivers")
    expect(page.get_by_role("heading", name="Quality of Drivers")).to_be_visible()
    files = page.get_by_role("table", name="Files, newest first").locator("tbody tr")
    expect(files).to_have_count(2)
    files.get_by_role("link", name="drivers/b.json").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="drivers/b.json")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page).to_have_url(f"{site.url}/data/drivers")


def test_a_dataset_without_files_and_one_that_does_not_exist(site: Any, new_page: NewPage) -> None:
    page, _ = new_page(site, "/data/vehicles")
    expect(page.get_by_text("Nothing was loaded yet: only the contract is known.")).to_be_visible()
    page, watched = new_page(site, "/data/lorries")
    watched.expected = re.compile("404")
    expect(page.get_by_role("alert")).to_contain_text("There is no dataset 'lorries'")


@pytest.mark.parametrize(("size", "theme"), [((1280, 800), "light"), ((360, 740), "dark")])
def test_it_is_accessible_and_fits_a_phone(site: Any, new_page: NewPage, size: tuple[int, int], theme: str) -> None:
    viewport = {"width": size[0], "height": size[1]}
    page, _ = new_page(site, "/data/drivers", viewport=viewport, color_scheme=theme)
    expect(row_of(page, "Points")).to_be_visible()
    expect(page.get_by_role("table", name="Files, newest first")).to_be_visible()
    found = Axe().run(page)
    assert not found.response["violations"], found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
