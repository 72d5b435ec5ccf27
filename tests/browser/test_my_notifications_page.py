"""My notifications: a person's inbox and choices, and a service worker that shows what is pushed, in a real browser."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from logistics_core.database_contract.notifications import Severity
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.notifying.declaring.syncing import store_shared_settings
from logistics_pipeline.notifying.publishing import publish
from logistics_pipeline.notifying.push_keys import keep_push_key
from tests.browser.conftest import wait_until
from tests.notifying.events import event
from tests.people import sign_in

HOSTILE = "<img src=x onerror=alert(1)>"
PUSH_ADDRESS = "https://fcm.googleapis.com/fcm/send/of-the-test"
BROWSER_WITH_A_PUSH_SERVICE = f"""
let subscription = null;
const keys = {{ p256dh: "B".repeat(87), auth: "a".repeat(22) }};
const json = {{ endpoint: "{PUSH_ADDRESS}", keys, expirationTime: null }};
const made = {{ ...json, toJSON: () => json, unsubscribe: async () => ((subscription = null), true) }};
PushManager.prototype.getSubscription = async () => subscription;
PushManager.prototype.subscribe = async ({{ applicationServerKey: key, userVisibleOnly: isShown }}) => {{
  if (key.length !== 87 || !isShown) throw new Error("not asked as it should be");
  return (subscription = made);
}};
"""
"""Headless Chromium has no push service, so a test is one. All else is real."""


SHOWN = """
navigator.serviceWorker.ready
  .then((registration) => registration.getNotifications())
  .then((all) => all.map(({ title, body, data }) => [title, body, data.path]))
"""


def messages(page: Page) -> Any:
    return page.get_by_role("table", name="Messages in your inbox").locator("tbody tr:not(.detail)")


@pytest.fixture(scope="module")
def installed(needs_chromium: None, new_dashboard: Callable[[], Any]) -> Any:
    """An installation that others can reach, with a mail server and a key for web push."""
    made = new_dashboard()
    made.variables = {"LOGISTICS_API_PUBLISHED_AT": "192.0.2.1", "LOGISTICS_DEFAULT_ROLE": "viewer"}
    with connect(made.database_url) as connection:
        store_shared_settings(connection, {"mail": {"server": "mail.example.org", "from": "l@example.org"}})
        keep_push_key(connection)
    made.start()
    return made


@pytest.fixture
def connection(installed: Any) -> Iterator[Connection]:
    with connect(installed.database_url) as opened:
        yield opened


@pytest.fixture
def visit(installed: Any, new_page: Any, connection: Connection) -> Callable[..., Page]:
    """Opens My notifications as a person whom nobody else is."""

    def visit(subject: str, **options: Any) -> Page:
        _, token = sign_in(connection, subject, email=f"{subject}@example.org", zone="Europe/Berlin")
        page, watched = new_page(installed, "/health", **options)
        watched.expected = re.compile("Failed to load resource.*(401|404|409)")
        page.context.add_cookies([{"name": "logistics_session", "value": token, "url": f"{installed.url}/api"}])
        page.add_init_script(BROWSER_WITH_A_PUSH_SERVICE)
        publish(connection, event(title=HOSTILE, text="612 of 8,204 records"))
        publish(connection, event(severity=Severity.CRITICAL, title="Figures are behind", path="/pipeline"))
        page.goto(f"{installed.url}/my-notifications")
        return page

    return visit


def test_a_person_reads_their_inbox(visit: Callable[..., Page]) -> None:
    page = visit("reader")
    expect(messages(page)).to_have_count(2)
    expect(messages(page).last).to_contain_text(HOSTILE)
    account = page.locator(".account")
    expect(account.get_by_text("2 unread messages")).to_be_visible()
    messages(page).last.get_by_role("button", name="Mark as read").click()
    expect(messages(page).last.get_by_role("button", name="Unread again")).to_be_visible()
    expect(account.get_by_text("1 unread message", exact=True)).to_be_visible()
    page.get_by_label("Unread only").check()
    expect(messages(page)).to_have_count(1)
    messages(page).get_by_role("link", name="Figures are behind").click()
    expect(page).to_have_url(re.compile("/pipeline$"))
    expect(account.locator(".badge")).to_be_hidden()
    account.get_by_role("link", name="Reader").click()
    expect(page.get_by_role("heading", name="My notifications", level=1)).to_be_visible()
    page.get_by_label("Unread only").check()
    expect(page.get_by_text("Everything is read")).to_be_visible()


@pytest.mark.slow
def test_a_person_chooses_what_they_are_told_where_and_when(visit: Callable[..., Page], connection: Connection) -> None:
    page = visit("chooser")
    mail = page.get_by_role("group", name="E-mail", exact=True)
    mail.get_by_role("switch").check()
    mail.get_by_label("What matters").select_option("Critical only")
    mail.get_by_label("How often").select_option("Daily")
    mail.get_by_label("At", exact=True).fill("07:15")
    mail.get_by_label("Add about").select_option("Alerts")
    mail.get_by_role("button", name="Remove about Everything").click()
    quiet = page.get_by_role("group", name="Quiet hours")
    quiet.get_by_role("switch").check()
    quiet.get_by_label("Until").fill("06:45")
    expect(quiet.get_by_label("Time zone").locator("option:checked")).to_have_text("As where I sign in: Europe/Berlin")
    quiet.get_by_label("Time zone").select_option("America/New_York")
    language = page.get_by_role("group", name="Language").get_by_label("Language")
    expect(language.locator("option:checked")).to_have_text("As where I sign in: English")
    language.select_option("German")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    (row,) = connection.execute(
        "SELECT time_zone, quiet_from::text, quiet_until::text, channels, language FROM notify.preferences "
        "JOIN access.people USING (person_id) WHERE subject = 'chooser'"
    ).fetchall()
    assert row[:3] == ("America/New_York", "22:00:00", "06:45:00")
    assert row[4] == "de"
    assert row[3]["email"] == {"topics": ["alert.*"], "severity": "critical", "digest": "daily", "digest_at": "07:15"}
    page.reload()
    expect(mail.get_by_label("At", exact=True)).to_have_value("07:15")
    page.get_by_role("group", name="Inbox", exact=False).get_by_role("button", name="Send a test").click()
    expect(messages(page).first).to_contain_text("This is a test")
    for width in (390, 1366):
        page.set_viewport_size({"width": width, "height": 844})
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_change_elsewhere_is_not_overwritten(visit: Callable[..., Page], connection: Connection) -> None:
    page = visit("two-windows")
    page.get_by_role("group", name="Quiet hours").get_by_role("switch").check()
    connection.execute(
        "UPDATE notify.preferences SET version = version + 1 WHERE person_id = "
        "(SELECT person_id FROM access.people WHERE subject = 'two-windows')"
    )
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").filter(has_text="Load the page again")).to_be_visible()


def test_a_browser_is_added_shows_what_is_pushed_and_forgets_it_all_at_sign_out(
    visit: Callable[..., Page], connection: Connection, installed: Any
) -> None:
    page = visit("walker", permissions=["notifications"])
    page.get_by_role("button", name="Add this browser").click()
    browsers = page.get_by_role("table", name="Your browsers").locator("tbody tr:not(.detail)")
    expect(browsers).to_contain_text("(this one)")
    expect(browsers).to_contain_text("Active")

    note = {"title": f"[Critical] {HOSTILE}", "text": "Größe", "path": "/alerts?incident=17", "tag": "incident:17"}
    deliver(page, json.dumps(note))
    deliver(page, "no JSON")
    wait_until(lambda: len(page.evaluate(SHOWN)) == 2)
    assert sorted(page.evaluate(SHOWN)) == [
        ["Logistics Analytics", "", None], [f"[Critical] {HOSTILE}", "Größe", "/alerts?incident=17"]
    ]  # fmt: skip
    (worker,) = page.context.service_workers
    addresses = {
        "/alerts?incident=17": "/alerts?incident=17", "//evil.example/": "/evil.example/", "/../../x": "/x",
        "https://evil.example/": None, "javascript:alert(1)": None, None: None,
    }  # fmt: skip
    for path, address in addresses.items():
        found = worker.evaluate("(path) => addressOf(path)", path)
        assert found == f"{installed.url}{address or '/my-notifications'}", path

    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/signed-out$"))
    assert connection.execute("SELECT count(*) FROM notify.push_subscriptions").fetchone() == (0,)


def deliver(page: Page, data: str) -> None:
    """Does what a push service makes the browser do."""
    session = page.context.new_cdp_session(page)
    found: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: found.extend(each["registrationId"] for each in told["registrations"]),
    )
    session.send("ServiceWorker.enable")
    wait_until(lambda: page.evaluate("1") and found)
    origin = page.evaluate("location.origin")
    session.send("ServiceWorker.deliverPushMessage", {"origin": origin, "registrationId": found[0], "data": data})
    session.detach()


@pytest.mark.slow
def test_on_one_machine_the_page_says_that_nothing_is_missing(
    needs_chromium: None, new_dashboard: Callable[[], Any], new_page: Any
) -> None:
    made = new_dashboard()
    made.start()
    page, _ = new_page(made, "/my-notifications")
    expect(page.get_by_text("Nobody has signed in")).to_be_visible()
    expect(page.get_by_text("Here nobody has to sign in")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Open Notifications").click()
    expect(page).to_have_url(re.compile("/notifications$"))
