"""The dashboard of somebody who may see some rows only: the pages that answer from these rows, and no others."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.test_shell import settled


@pytest.mark.slow
def test_pages_of_all_rows_are_not_offered_and_say_so(
    dashboard: Any, new_page: Callable[..., tuple[Page, Any]]
) -> None:
    origin = dashboard.get("/api/shipments", limit=1)["data"][0]["origin"]
    key = json.loads(
        dashboard.command("keys", "create", "depot", "--json", "--only", f'shipments: origin = "{origin}"')
    )
    page, watched = new_page(dashboard, "/explore", viewport={"width": 390, "height": 844})
    watched.expected = re.compile("403")
    assert page.request.post("/api/session", data={"key": key["key"]}).ok
    page.goto("/")
    expect(page.get_by_role("heading", name="This page shows all rows", level=1)).to_be_visible()
    expect(page.locator(".nav a:visible")).to_have_text(["Explore", "Boards", "Alerts", "Data"])
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("link", name="Open Explore").click()
    expect(page.get_by_label("Dataset").locator("option")).to_have_text(["Shipments"])
    settled(page)
    page.goto("/data?dataset=shipments")
    rows = page.locator("tbody tr")
    expect(rows.first).to_contain_text(origin)
    assert set(rows.locator("td:nth-child(2)").all_inner_texts()) == {origin}
    expect(page.get_by_role("group", name="Dataset").get_by_role("button")).to_have_text(["Shipments"])
    expect(page.get_by_role("link", name="About this dataset")).to_be_hidden()
    page.goto("/alerts")
    expect(page.get_by_role("heading", name="Alerts", level=1)).to_be_visible()
    settled(page)
    assert Axe().run(page).response["violations"] == []
    page.goto("/data/shipments")
    expect(page.get_by_role("heading", name="This page shows all rows", level=1)).to_be_visible()
    dashboard.command("keys", "revoke", "depot")
