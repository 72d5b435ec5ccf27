"""A person signs in with an identity provider, sees who they are, and signs out, in a real browser."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from logistics_pipeline.database.connections import connect
from logistics_pipeline.database.people import disable_person, end_sessions_of
from tests.browser.conftest import wait_until
from tests.identity_provider import run_real_provider

REFUSED = re.compile("Failed to load resource.*(401|403|404)")
STYLES = "https://cdn.jsdelivr.net/"
"""Of the pages of the identity provider; not asked."""
PEOPLE = (
    {"sub": "ada", "name": "Ada Lovelace", "groups": ["dispatch"]},
    {"sub": "eve", "name": "Eve", "groups": ["visitors"]},
)


@pytest.fixture(scope="module")
def closed(new_dashboard: Callable[[], Any]) -> Iterator[Any]:
    """An installation that others can reach, with an identity provider."""
    with run_real_provider(*PEOPLE) as issuer:
        made = new_dashboard()
        made.load(shipments=300, logs=200, vehicles=5)
        made.issuer = issuer
        made.variables = {
            "LOGISTICS_API_PUBLISHED_AT": "192.0.2.1",
            "LOGISTICS_OIDC_ISSUER": issuer,
            "LOGISTICS_OIDC_CLIENT_ID": "logistics",
            "LOGISTICS_OIDC_CLIENT_SECRET": "env:SECRET_OF_TESTS",
            "LOGISTICS_GROUP_ROLES": '{"dispatch": "operator"}',
            "LOGISTICS_OIDC_SIGNED_OUT_URL": f"{made.url}/signed-out",
            "SECRET_OF_TESTS": "anything",
        }
        made.start()
        yield made


@pytest.fixture
def visit(closed: Any, new_page: Any) -> Iterator[Callable[..., Page]]:
    """Opens a page on it, where the identity provider is the one other machine that may be asked."""
    watches = []

    def visit(path: str = "/", **options: Any) -> Page:
        page, watched = new_page(closed, path, **options)
        watched.base = "http://127.0.0.1:"
        watched.expected = REFUSED
        watches.append(watched)
        page.route(f"{STYLES}**", lambda route: route.fulfill(body="", content_type="text/css"))
        return page

    yield visit
    for watched in watches:
        watched.outside[:] = [url for url in watched.outside if not url.startswith(STYLES)]


def sign_in(page: Page, who: str) -> None:
    page.get_by_role("alert").get_by_role("link", name="Sign in").click()
    expect(page).to_have_url(re.compile("/oauth2/authorize"))
    page.get_by_role("button", name=who).click()


@pytest.mark.slow
def test_a_person_signs_in_comes_back_to_the_page_they_wanted_and_signs_out(
    visit: Callable[..., Page], closed: Any
) -> None:
    page = visit("/routes?range=30d")
    sign_in(page, "ada")
    expect(page).to_have_url(re.compile(r"/routes\?range=30d$"))
    expect(page.get_by_role("heading", name="Routes", level=1)).to_be_visible()
    expect(page.locator(".account")).to_contain_text("Ada Lovelace · operator")
    assert page.evaluate("document.cookie") == "", "no script sees the session"
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/oauth2/end_session"))
    assert page.request.get(f"{closed.url}/api/session").json()["is_anonymous"], "the session here has ended before"
    page.get_by_role("button", name="End session").click()
    expect(page).to_have_url(re.compile("/signed-out$"))
    expect(page.get_by_role("heading", name="Signed out")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("link", name="Sign in")).to_be_visible()
    page.get_by_role("navigation", name="Dashboard").get_by_role("link", name="Costs").click()
    expect(page.get_by_role("alert").get_by_role("link", name="Sign in")).to_be_visible()


@pytest.mark.slow
def test_a_session_that_is_ended_says_so_and_a_disabled_person_cannot_come_back(
    visit: Callable[..., Page], closed: Any
) -> None:
    page = visit("/costs")
    sign_in(page, "ada")
    expect(page.locator(".account")).to_contain_text("Ada Lovelace")
    with connect(closed.database_url) as connection:
        assert end_sessions_of(connection, "ada") == ("Ada Lovelace", 1)
        wait_until(lambda: page.request.get("/api/session").status == 401)
        page.reload()
        expect(page.get_by_role("alert").first).to_contain_text("Session ended")
        disable_person(connection, "ada")
        sign_in(page, "ada")
        expect(page).to_have_url(re.compile(r"/signed-out\?problem=disabled$"))
        expect(page.get_by_role("main")).to_contain_text("An administrator has disabled your account here.")
        connection.execute("UPDATE access.people SET disabled_at = NULL")


@pytest.mark.slow
def test_a_person_without_a_role_is_told_what_to_do(visit: Callable[..., Page]) -> None:
    page = visit("/")
    sign_in(page, "eve")
    expect(page.get_by_role("heading", name="No role yet")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("You are signed in as Eve")
    expect(page.get_by_role("alert")).to_contain_text("Your groups are: visitors.")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/signed-out", "/signed-out?problem=unavailable"])
@pytest.mark.parametrize("width", [1366, 390])
def test_pages_about_signing_in_keep_the_rules_of_accessibility(
    visit: Callable[..., Page], path: str, width: int
) -> None:
    page = visit(path, viewport={"width": width, "height": 844}, reduced_motion="reduce")
    expect(page.get_by_role("main").get_by_role("link", name="Sign in")).to_be_visible()
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours)
        page.wait_for_function("(colours) => document.documentElement.dataset.theme === colours", arg=colours)
        results = Axe().run(page)
        assert results.violations_count == 0, f"{colours}: {results.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
