"""A file of unknown shape, from the upload to the dataset: questions, columns, acceptance. The watch is a real one."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import wait_until
from tests.database.forking import start_command, stop

NewPage = Callable[..., tuple[Page, Any]]

FUEL = "Beleg;paid on;litres\n" + "".join(
    f"{number:04};{1 + number % 12:02}/{1 + number % 9:02}/2024;{number * 1.5:.2f}\n" for number in range(60)
)
"""Every date can be read with the day or with the month first."""


@pytest.fixture(scope="module")
def site(new_dashboard: Callable[[], Any]) -> Iterator[Any]:
    """An installation whose contracts are watched."""
    dashboard = new_dashboard()
    dashboard.start()
    watch = start_command(["contracts", "watch"], dashboard.environment, dashboard.data_dir / "watch.log")
    try:
        yield dashboard
    finally:
        stop(watch, 60)
        dashboard.stop()


def send(page: Page, name: str, content: str) -> None:
    page.locator("#import-file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content.encode()})
    page.get_by_role("heading", name="Proposal").wait_for()


def test_a_file_becomes_a_dataset(site: Any, new_page: NewPage) -> None:
    page, _ = new_page(site, "/pipeline")
    page.get_by_role("link", name="import it").click()
    send(page, "fuel.csv", FUEL)
    accept = page.get_by_role("button", name="Accept")
    expect(accept).to_be_disabled()
    expect(page.get_by_text("Answer the open questions first.")).to_be_visible()
    expect(page.get_by_text("semicolon", exact=True)).to_be_visible()
    first = page.get_by_role("table", name="The first 50 records").locator("tbody tr")
    expect(first).to_have_count(50)
    expect(first.first).to_contain_text("01/01/2024")

    question = page.get_by_role("group", name="paid_on")
    expect(question).to_contain_text("60 cells depend on it.")
    expect(question.locator("input:checked")).to_have_count(0)
    question.get_by_role("radio", name="Day first").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Save answers").click()
    expect(accept).to_be_enabled()

    page.get_by_role("textbox", name="Name of column paid on").fill("paid")
    page.get_by_role("textbox", name="Title of column litres").fill("Litres: net")
    page.get_by_role("textbox", name="Unit of column litres").fill("L")
    page.get_by_role("combobox", name="Role of column Beleg").select_option("identifier")
    page.get_by_role("button", name="Save columns").click()
    expect(page.get_by_text("The contract was edited, which has answered every question.")).to_be_visible()

    page.get_by_role("button", name="Try it").click()
    trial = page.locator("[data-part=trial]")
    expect(trial.get_by_role("heading", name="What a load would do")).to_be_visible()
    expect(trial.locator("dl")).to_contain_text("Accepted60")
    found = Axe().run(page)
    assert not found.response["violations"], found.generate_report()
    expect(accept).to_be_enabled()

    accept.click()
    expect(page.get_by_text("Version 1 of the contract of fuel was accepted")).to_be_visible()
    written = site.data_dir / "contracts" / "fuel.yaml"
    wait_until(written.exists)
    contract = yaml.safe_load(written.read_text())
    paid, litres = (
        next(each for each in contract["schema"]["fields"] if each["name"] == name) for name in ("paid", "litres")
    )
    assert (paid["type"], paid["format"], paid["aliases"]) == ("date", "%d/%m/%Y", ["paid on"])
    assert (litres["title"], litres["unit"]) == ("Litres: net", "L")

    expect(page.get_by_role("link", name="The dataset")).to_have_attribute("href", "/data/fuel")
    page.goto("about:blank")  # a page that is open would ask while the API starts again
    site.command("load", site.raw_dir)
    site.stop()
    site.start()
    page.goto("/data/fuel")
    expect(page.locator("h1")).to_contain_text("uel")
    row = page.get_by_role("table", name="Columns of the dataset").locator("tbody tr").filter(has_text="Litres: net")
    expect(row).to_contain_text("0 – 88.50")


@pytest.mark.slow
def test_a_proposal_waits_on_the_pages_that_lead_to_it_and_can_be_dismissed(site: Any, new_page: NewPage) -> None:
    page, _ = new_page(site, "/import")
    send(page, "tolls.csv", FUEL.replace("litres", "euros"))
    page.goto("/pipeline")
    expect(page.get_by_role("link", name="Import 1 proposal waits")).to_be_visible()
    waiting = page.get_by_role("table", name="Proposals that wait")
    expect(waiting).to_contain_text("1 question")
    waiting.get_by_role("link", name="tolls.csv").click()
    page.get_by_role("button", name="Dismiss").click()
    page.get_by_role("dialog").get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("Dismissed, ")).to_be_visible()
    expect(page.get_by_role("button", name="Accept")).to_have_count(0)
    page.goto("/import")
    expect(page.get_by_text("No proposal waits")).to_be_visible()
    expect(page.get_by_role("navigation", name="Dashboard").get_by_text("proposal waits")).to_be_hidden()


COUNTERS = "day,a,b,c\n" + "".join(
    f"2024-05-{day:02},{','.join(str(-999 if day % step == 0 else day * step) for step in (3, 4, 5))}\n"
    for day in range(1, 29)
)
"""In three columns, -999 is a number or means that there is none."""


@pytest.mark.slow
def test_one_answer_is_applied_to_all_questions_of_its_kind(site: Any, new_page: NewPage) -> None:
    page, _ = new_page(site, "/import")
    send(page, "counters.csv", COUNTERS)
    chosen = page.locator(".question input:checked")
    first = page.get_by_role("group", name="-999").first
    button = first.get_by_role("button", name="Apply to all 3 questions of this kind")
    button.click()
    expect(page.get_by_text("Choose an answer first")).to_be_visible()
    expect(chosen).to_have_count(0)
    first.get_by_role("radio").first.check()
    button.click()
    expect(chosen).to_have_count(3)
    page.get_by_role("button", name="Save answers").click()
    of_kind = page.locator(".question").filter(has_text="-999")
    expect(of_kind).to_have_count(3)
    expect(of_kind.get_by_text("open", exact=True)).to_have_count(0)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "theme"), [((1280, 800), "dark"), ((360, 740), "light")])
def test_both_pages_are_accessible_and_fit_a_phone(
    site: Any, new_page: NewPage, size: tuple[int, int], theme: str
) -> None:
    page, _ = new_page(site, "/import", viewport={"width": size[0], "height": size[1]}, color_scheme=theme)
    expect(page.get_by_role("heading", name="Files that belong to no dataset")).to_be_visible()
    for look in ("the list", "the proposal"):
        if look == "the proposal":
            send(page, f"parking{size[0]}.csv", FUEL.replace("litres", "hours"))
            expect(page.get_by_role("table", name="Columns of the proposal")).to_be_visible()
            expect(page.get_by_role("button", name="Try it")).to_be_disabled()
        found = Axe().run(page)
        assert not found.response["violations"], found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), look
