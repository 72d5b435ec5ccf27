"""Boards: made from questions of Explore, drawn from one answer, changed, exported and imported."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.test_explore_page import OPEN
from tests.browser.test_shell import settled

PANELS: list[dict[str, Any]] = [
    {
        "title": "",
        "question": {"dataset": "shipments", "metrics": "shipments,revenue", "compare": "previous"},
        "width": "full",
    },
    {"title": "Revenue", "question": {"dataset": "shipments", "metrics": "revenue", "grain": "auto"}},
    {
        "title": "By origin",
        "question": {"dataset": "shipments", "metrics": "revenue", "grain": "auto", "by": "origin", "limit": 10_000},
    },
    {"title": "Matrix", "question": {"dataset": "shipments", "metrics": "shipments", "by": "origin,destination"}},
    {
        "title": "Vehicles",
        "question": {"dataset": "vehicle_logs", "metrics": "distance", "by": "vehicle_id", "limit": 5},
        "chart": "table",
    },
    {"title": "Fleet", "question": {"dataset": "vehicles", "metrics": "vehicle_count"}},
]


def send(dashboard: Any, method: str, path: str, body: Any, **headers: str) -> Any:
    response = httpx2.request(method, dashboard.url + path, json=body, headers=headers, trust_env=False)
    assert response.is_success, response.text
    return response.json()


@pytest.fixture
def board(dashboard: Any) -> dict[str, Any]:
    made: dict[str, Any] = send(dashboard, "POST", "/api/boards", {"title": "Test", "panels": PANELS})
    return made


def headings(page: Page) -> Any:
    return page.locator(".board-panels .panel h2")


@pytest.mark.slow
def test_all_charts_come_from_one_answer(dashboard: Any, board: dict[str, Any], open_page: Any) -> None:
    page = open_page("/pipeline")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(OPEN, f"/boards/{board['board_id']}")
    expect(page.get_by_role("heading", name="Test", level=1)).to_be_visible()
    expect(headings(page)).to_have_text(
        ["Shipments, Revenue", "Revenue", "By origin", "Matrix", "Vehicles", "Fleet"]
    )  # fmt: skip
    settled(page)
    drawn = page.locator("figure.chart").evaluate_all("figures => figures.map((figure) => figure.dataset.drawn)")
    assert drawn == ["metric_periods", "metric_stack", "metric_grid"]
    of_board = [url for url in asked if "/api/boards" in url or "/api/metrics" in url]
    # The days of its datasets come first, then what its panels show; the frame asks as well.
    assert [re.sub(r".*/api", "", url.split("?")[0]) for url in of_board] == [
        f"/boards/{board['board_id']}", "/metrics", "/metrics", f"/boards/{board['board_id']}/answers",
    ]  # fmt: skip
    days = dashboard.get("/api/system/status")
    answer = dashboard.get("/api/metrics/shipments", metrics="shipments", start="2025-12-01", end=days["last_day"])
    expect(page.locator("article.kpi .value").first).to_have_text(f"{answer['data'][0]['shipments']:,}")
    expect(page.locator("article.kpi .value").last).to_have_text("40")
    page.get_by_role("group", name="Range of days").get_by_role("button", name="All").click()
    everything = dashboard.get("/api/metrics/shipments", metrics="shipments")["data"][0]["shipments"]
    expect(page.locator("article.kpi .value").first).to_have_text(f"{everything:,}")


@pytest.mark.slow
def test_a_question_is_saved_to_a_new_board_and_to_one_that_there_is(dashboard: Any, open_page: Any) -> None:
    page = open_page("/explore?by=origin&metrics=revenue&range=all&chart=bars")
    settled(page)
    for number, name in enumerate(("", "Weekly review")):
        page.get_by_role("button", name="Save to a board").click()
        dialog = page.get_by_role("dialog")
        if number:
            dialog.get_by_role("combobox", name="Board").select_option(label=name)
            dialog.get_by_role("textbox", name="Title of the panel").fill("Again")
        else:
            dialog.get_by_role("textbox", name="Title of the board").fill("Weekly review")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_have_count(0)
    page.get_by_role("link", name="Open Weekly review").click()
    expect(headings(page)).to_have_text(["Revenue by origin", "Again"])
    settled(page)
    page.get_by_role("button", name="Data of this panel: Again").click()
    page.get_by_role("link", name="Open in Explore").click()
    expect(page).to_have_url(
        re.compile(r"/explore\?range=all&dataset=shipments&metrics=revenue&by=origin&grain=none&chart=bars")
    )
    expect(page.get_by_role("heading", name="Revenue by origin")).to_be_visible()


@pytest.mark.slow
def test_panels_are_moved_and_removed(board: dict[str, Any], open_page: Any, dashboard: Any) -> None:
    page = open_page(f"/boards/{board['board_id']}")
    settled(page)
    for panel, action in (("Revenue", "Move down"), ("Matrix", "Remove from this board"), ("Fleet", "Make wide")):
        page.get_by_role("button", name=f"Data of this panel: {panel}", exact=True).click()
        with page.expect_response(lambda answer: answer.request.method == "PUT" and answer.ok):
            page.get_by_role("button", name=action).click()
        settled(page)
    expect(headings(page)).to_have_text(["Shipments, Revenue", "By origin", "Revenue", "Vehicles", "Fleet"])
    found = dashboard.get(f"/api/boards/{board['board_id']}")
    assert (found["version"], found["panels"][-1]["width"]) == (4, "full")


def test_nobody_overwrites_what_somebody_else_has_changed(
    board: dict[str, Any], dashboard: Any, new_page: Callable[..., Any]
) -> None:
    page, watched = new_page(dashboard, f"/boards/{board['board_id']}")
    settled(page)
    watched.expected = re.compile("409")
    send(
        dashboard,
        "PUT",
        f"/api/boards/{board['board_id']}",
        {"title": "Theirs", "panels": PANELS[:2]},
        **{"If-Match": '"1"'},
    )
    page.get_by_role("button", name="Data of this panel: Revenue", exact=True).click()
    page.get_by_role("button", name="Remove from this board").click()
    expect(page.get_by_text("Somebody else has changed this board")).to_be_visible()
    expect(page.get_by_role("heading", name="Theirs", level=1)).to_be_visible()
    expect(headings(page)).to_have_text(["Shipments, Revenue", "Revenue"])


def test_boards_are_made_edited_exported_imported_and_deleted(dashboard: Any, open_page: Any) -> None:
    page = open_page("/boards")
    page.get_by_role("button", name="New board").click()
    page.get_by_role("textbox", name="Title").fill("Empty")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Empty", level=1)).to_be_visible()
    expect(page.get_by_text("This board has no panels yet")).to_be_visible()
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="Title").fill("Renamed")
    page.get_by_role("textbox", name="Description").fill("For <b>everybody</b>")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Renamed", level=1)).to_be_visible()
    expect(page.get_by_text("For <b>everybody</b>")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    document = json.loads(download.value.path().read_text())
    assert document == {"title": "Renamed", "description": "For <b>everybody</b>", "panels": []}
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Boards", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="Renamed")).to_have_count(0)
    content = json.dumps(document | {"title": "Imported"}).encode()
    page.locator('input[type="file"]').set_input_files(
        [{"name": "x.json", "mimeType": "application/json", "buffer": content}]
    )
    expect(page.get_by_role("heading", name="Imported", level=1)).to_be_visible()


def test_a_board_that_does_not_exist_is_said_to_be_missing(dashboard: Any, new_page: Callable[..., Any]) -> None:
    page, watched = new_page(dashboard, "/boards/0d2b2c5e-6f2d-4b6e-9a43-3a1f3a0f3f52")
    watched.expected = re.compile("404")
    expect(page.get_by_role("alert")).to_contain_text("Unknown board")


def test_everybody_can_use_a_board(board: dict[str, Any], open_page: Any) -> None:
    page = open_page(f"/boards/{board['board_id']}", color_scheme="dark", reduced_motion="reduce")
    settled(page)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.set_viewport_size({"width": 390, "height": 844})
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate(OPEN, "/boards")
    expect(page.get_by_role("table", name="All boards")).to_be_visible()
    assert Axe().run(page).violations_count == 0
