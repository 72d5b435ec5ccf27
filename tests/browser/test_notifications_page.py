"""Notifications: messages, endpoints, reports, addresses without mail; and the page on which recipients unsubscribe."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from logistics_core.database_contract.notifications import EndpointChannel
from logistics_core.editions import Edition, encode_edition
from logistics_core.settings import Settings
from logistics_core.signed_ids import signed_id
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.notifying.publishing import publish
from logistics_pipeline.notifying.template_previews import make_previews
from logistics_pipeline.reporting.declaration import Report
from logistics_pipeline.reporting.declaring import store_reports
from tests.browser.conftest import wait_until
from tests.notifying.events import declare, event, make_due
from tests.notifying.sink import Reply, serving

HOSTILE = "<img src=x onerror=alert(1)>"


def rows_of(page: Page, table: str) -> Any:
    return page.get_by_role("table", name=table, exact=True).locator("tbody tr:not(.detail)")


@pytest.fixture(scope="module")
def told(needs_chromium: None, new_dashboard: Callable[[], Any]) -> Any:
    """An installation with two messages that wait, and a report whose last edition was published."""
    made = new_dashboard()
    with connect(made.database_url) as connection:
        declare(connection, Endpoint("desk", EndpointChannel.EMAIL, recipients=("desk@example.org",)))
        publish(connection, event(title=HOSTILE))
        publish(connection, event("report.week.ready", title="The week"))
        store_reports(connection, [Report("week", "Monday meeting", "0 7 * * 1", ("desk",))])
        connection.execute(
            "INSERT INTO notify.editions (report_id, window_at, outcome, ended_at, content, event_id) "
            "SELECT report_id, %s, 'published', now(), %s, (SELECT max(event_id) FROM notify.events) "
            "FROM notify.reports",
            (datetime(2024, 6, 3, 5, tzinfo=UTC), encode_edition(Edition("<p>56 shipments</p>", "", [], []))),
        )
    made.start()
    return made


@pytest.mark.slow
def test_a_report_is_previewed_before_it_is_due(told: Any, new_page: Any) -> None:
    page, _ = new_page(told, "/notifications")
    edition = Edition("<p>57 shipments</p>", "", [], [])

    def preview(made: Callable[[Connection], Any]) -> Any:
        rows_of(page, "All reports").get_by_role("button", name="Preview week").click()
        form = page.get_by_role("dialog", name="Preview of week")
        expect(form).to_contain_text("A worker makes it")
        with connect(told.database_url) as connection:
            wait_until(lambda: made(connection).rowcount)
        return form

    form = preview(
        lambda connection: connection.execute(
            "UPDATE notify.previews SET state = 'done', title = 'This week', content = %s, finished_at = now()",
            (encode_edition(edition),),
        )
    )
    with page.expect_popup() as opened:
        form.get_by_role("link", name="Open the page").click()
    expect(opened.value.get_by_text("57 shipments")).to_be_visible()
    opened.value.close()
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    form.get_by_role("button", name="Close").click()
    form = preview(
        lambda connection: connection.execute(
            "UPDATE notify.previews SET state = 'failed', problem = 'There is no board.', finished_at = now() "
            "WHERE state = 'queued'"
        )
    )
    expect(form.get_by_role("alert")).to_have_text("It would not be sent now: There is no board.")


def test_messages_reports_and_addresses_are_seen_and_a_recipient_unsubscribes(told: Any, new_page: Any) -> None:
    page, _ = new_page(told, "/notifications")
    messages = rows_of(page, "Messages, newest first")
    expect(messages).to_have_count(2)
    expect(messages.last).to_contain_text(HOSTILE)
    expect(messages.last).to_contain_text("Waiting")
    expect(rows_of(page, "All endpoints")).to_contain_text("Active")
    expect(page.get_by_text("All addresses get their mails")).to_be_visible()
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()

    with page.expect_popup() as opened:
        rows_of(page, "All reports").get_by_role("link", name="Show it").click()
    expect(opened.value.get_by_text("56 shipments")).to_be_visible()
    expect(opened.value.get_by_role("heading", name="The week")).to_be_visible()
    opened.value.close()

    with connect(told.database_url) as connection:
        row = connection.execute(
            "SELECT public_id, notify.sign('unsubscribe', public_id) FROM notify.messages ORDER BY message_id LIMIT 1"
        ).fetchone()
    assert row is not None
    page.goto(f"{told.url}/unsubscribe/{signed_id(*row)}")
    expect(page.get_by_text("d…@example.org gets mails of desk about alert.*.")).to_be_visible()
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", name="Unsubscribed")).to_be_visible()

    page.goto(f"{told.url}/notifications?state=suppressed")
    expect(messages).to_have_count(1)
    expect(messages).to_contain_text("Not sent on purpose")
    expect(page.get_by_text("It has unsubscribed from alert.*.").first).to_be_visible()
    expect(rows_of(page, "What addresses do not get")).to_contain_text(re.compile("desk@example.org.*Unsubscribed"))


@pytest.mark.slow
def test_attempts_say_which_templates_they_were_made_with(
    needs_chromium: None, new_dashboard: Any, new_page: Any
) -> None:
    made = new_dashboard()
    with connect(made.database_url) as connection, serving() as sink, Delivery(made.database_url, Settings()) as sender:

        def declare_chat(title: str) -> None:
            chat = {"url": sink.url, "private": True, "titleTemplate": title}
            declare(connection, Endpoint("chat", EndpointChannel.SLACK, configuration=chat))

        declare_chat("Look: {{ event.title }}")
        publish(connection, event(title=HOSTILE))
        sink.replies.append(Reply(503, body=b"later"))
        sender.run_due()
        declare_chat("See: {{ event.title }}")
        make_due(connection)
        sender.run_due()
    made.start()
    page, _ = new_page(made, "/notifications")
    message = rows_of(page, "Messages, newest first")
    expect(message).to_contain_text("Version 2")
    message.get_by_role("button", name=f"Attempts to send {HOSTILE}: 2").click()
    form = page.get_by_role("dialog", name=HOSTILE)
    attempts = rows_of(form, "Attempts")
    expect(attempts.first).to_contain_text(re.compile("Failed for now.*Version 1.*503"))
    expect(attempts.last).to_contain_text(re.compile("Delivered.*Version 2.*200"))
    expect(form).to_contain_text("later")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.slow
def test_templates_of_an_endpoint_are_listed_and_taken_back(told: Any, new_page: Any) -> None:
    def declared(title: str) -> Endpoint:
        return Endpoint("chat", EndpointChannel.SLACK, configuration={"url": "env:NOWHERE", "titleTemplate": title})

    desk = Endpoint("desk", EndpointChannel.EMAIL, recipients=("desk@example.org",))
    with connect(told.database_url) as connection:
        declare(connection, desk, declared(HOSTILE))
        declare(connection, desk, declared("Look: {{ event.title }}"))
        for title in ("Chosen", "The newest"):
            publish(connection, event(title=title))
    page, _ = new_page(told, "/notifications")
    rows_of(page, "All endpoints").get_by_role("button", name="Templates of desk").click()
    form = page.get_by_role("dialog", name="Templates of desk")
    expect(form).to_contain_text("It has no templates")
    form.get_by_role("button", name="Close").click()
    rows_of(page, "All endpoints").get_by_role("button", name="Templates of chat").click()
    form = page.get_by_role("dialog", name="Templates of chat")
    expect(form.get_by_role("region", name="Version 2")).to_contain_text("In force")
    expect(form.get_by_role("region", name="Version 1")).to_contain_text(HOSTILE)
    expect(form.get_by_role("region", name="Version 1")).to_contain_text("Declared in notifications.yaml")
    compared = form.get_by_role("region", name="Difference")
    expect(compared.locator("del")).to_have_text(f"-   {HOSTILE}")
    expect(compared.locator("ins")).to_have_text("+   Look: {{ event.title }}")
    expect(compared.locator("span")).to_have_text("  titleTemplate:")
    compared.get_by_label("to").select_option("Version 1")
    expect(compared).to_contain_text("They are the same.")
    compared.get_by_label("From").select_option("Version 2")
    expect(compared.locator("ins")).to_have_text(f"+   {HOSTILE}")
    form.get_by_role("button", name="Preview version 2").click()
    shown = page.get_by_role("dialog", name="Preview of version 2")
    expect(shown).to_contain_text("A worker makes it")
    with connect(told.database_url) as connection:
        wait_until(lambda: make_previews(connection))
    expect(shown.get_by_role("heading", name="[Warning] Look: The newest")).to_be_visible()
    expect(shown).to_contain_text("would be told about the newest event. Nothing was sent.")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    shown.get_by_role("button", name="Close").click()
    events = form.get_by_role("combobox", name="Previews show")
    events.select_option(events.locator("option", has_text="Chosen").get_attribute("value"))
    form.get_by_role("button", name="Preview version 2").click()
    shown = page.get_by_role("dialog", name="Preview of version 2")
    with connect(told.database_url) as connection:
        wait_until(lambda: make_previews(connection))
    expect(shown.get_by_role("heading", name="[Warning] Look: Chosen")).to_be_visible()
    expect(shown).to_contain_text("would be told about the event of message")
    shown.get_by_role("button", name="Close").click()
    form.get_by_role("button", name="Go back to version 1").click()
    newest = form.get_by_role("region", name="Version 3")
    expect(newest).to_contain_text("Restored by anonymous from version 1")
    expect(newest).to_contain_text("In force")
    expect(form.get_by_role("region", name="Version 2")).to_contain_text("Declared")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
