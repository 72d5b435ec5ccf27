"""Recipients unsubscribe by signed links: with a button, with one click, and not by looking at them."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import pytest

from logistics_core.database_contract.notifications import EndpointChannel
from logistics_core.signed_ids import parse_signed_id, signed_id
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.notifying import ledger, outbox
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.publishing import publish
from tests.api.conftest import Api, Serve
from tests.notifying.events import declare, event, make_due, states

ONE_CLICK = {"content": "List-Unsubscribe=One-Click", "headers": {"content-type": "application/x-www-form-urlencoded"}}


@pytest.fixture(scope="module")
def url(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    with new_database() as made:
        yield made


@pytest.fixture(scope="module")
def api(url: str, serve: Serve) -> Iterator[Api]:
    with serve(url) as running:
        yield running


@pytest.fixture
def ledger_of(url: str) -> Iterator[Connection]:
    with connect(url) as connection:
        connection.execute(
            "TRUNCATE notify.events, notify.messages, notify.attempts, notify.suppressions, notify.digests CASCADE"
        )
        yield connection


def mails(name: str = "desk", **changes: Any) -> Endpoint:
    return Endpoint(name, EndpointChannel.EMAIL, recipients=("Desk@example.org",), **changes)


def link_of(connection: Connection, condition: str = "true") -> str:
    row = connection.execute(
        "SELECT public_id, notify.sign('unsubscribe', public_id) FROM notify.messages "
        f"WHERE {condition} ORDER BY message_id LIMIT 1".encode()
    ).fetchone()
    assert row is not None
    return f"/unsubscribe/{signed_id(*row)}"


def test_looking_at_a_link_changes_nothing_and_shows_a_button(api: Api, ledger_of: Connection) -> None:
    declare(ledger_of, mails())
    publish(ledger_of, event())
    link = link_of(ledger_of)
    for method in ("HEAD", "GET", "GET"):
        response = api.client.request(method, link, headers={"accept": "text/html"})
        assert response.status_code == 200
    assert '<form method="post">' in response.text and "D" not in re.findall(r"<p>(.*?) gets mails", response.text)[0]
    assert "d…@example.org" in response.text and "<code>alert.*</code>" in response.text
    assert response.headers["cache-control"] == "no-store" and response.headers["referrer-policy"] == "no-referrer"
    assert states(ledger_of) == ["waiting"] and ledger.list_suppressions(ledger_of) == []


def test_one_click_ends_what_waits_and_what_comes_for_this_endpoint_and_topic_alone(
    api: Api, ledger_of: Connection
) -> None:
    declare(ledger_of, mails(), mails("other"))
    publish(ledger_of, event())
    publish(ledger_of, event("report"))
    response = api.client.post(link_of(ledger_of), **ONE_CLICK)
    assert response.status_code == 200 and "Unsubscribed" in response.text
    publish(ledger_of, event("alert.resolved"))
    rows = ledger_of.execute(
        "SELECT topic, name, state, reason FROM notify.messages JOIN notify.endpoints USING (endpoint_id) "
        "JOIN notify.events USING (event_id) ORDER BY message_id"
    ).fetchall()
    reason = "The address gets no mail: It has unsubscribed from alert.*."
    assert rows == [
        ("alert.firing", "desk", "suppressed", reason), ("alert.firing", "other", "waiting", None),
        ("report", "desk", "waiting", None), ("report", "other", "waiting", None),
        ("alert.resolved", "desk", "suppressed", reason), ("alert.resolved", "other", "waiting", None),
    ]  # fmt: skip
    assert ledger.balances(ledger_of)[0].is_balanced
    (entry,) = api.get("/api/notifications/suppressions")["suppressions"]
    assert (entry["recipient"], entry["endpoint"], entry["topic"], entry["kind"]) == (
        "desk@example.org", "desk", "alert.*", "unsubscribed",
    )  # fmt: skip


def test_the_recipient_takes_it_back(api: Api, ledger_of: Connection) -> None:
    declare(ledger_of, mails())
    publish(ledger_of, event())
    link = link_of(ledger_of)
    for _ in range(2):
        assert "Subscribe again" in api.client.post(link, data={"action": "unsubscribe"}).text
    response = api.client.post(link, data={"action": "subscribe"})
    assert ">Unsubscribe</button>" in response.text
    publish(ledger_of, event())
    assert states(ledger_of) == ["suppressed", "waiting"]


def test_a_digest_is_left_out_and_so_is_what_waits_in_one(api: Api, ledger_of: Connection) -> None:
    declare(ledger_of, mails(digest="daily"))
    publish(ledger_of, event())
    publish(ledger_of, event("report"))
    page = api.client.get(link_of(ledger_of, "event_id IS NULL"), headers={"accept": "text/html"}).text
    assert "<code>alert.*</code>, <code>report</code>" in page
    api.client.post(link_of(ledger_of, "event_id IS NULL"), **ONE_CLICK)
    assert states(ledger_of) == ["waiting", "suppressed", "suppressed"]
    make_due(ledger_of)
    assert outbox.claim(ledger_of, uuid4(), 10) == [] and set(states(ledger_of)) == {"suppressed"}
    assert ledger_of.execute("SELECT count(*) FROM notify.attempts").fetchone() == (0,)
    assert ledger.balances(ledger_of)[0].is_balanced


def test_what_was_claimed_when_somebody_unsubscribed_is_not_sent_again(api: Api, ledger_of: Connection) -> None:
    declare(ledger_of, mails())
    publish(ledger_of, event())
    assert len(outbox.claim(ledger_of, uuid4(), 10)) == 1
    api.client.post(link_of(ledger_of), **ONE_CLICK)
    assert states(ledger_of) == ["waiting"], "it is being sent at this moment"
    ledger_of.execute("UPDATE notify.messages SET locked_until = clock_timestamp() - interval '1 second'")
    assert outbox.claim(ledger_of, uuid4(), 10) == [] and states(ledger_of) == ["suppressed"]


def test_links_cannot_be_guessed_and_say_nothing(api: Api, ledger_of: Connection) -> None:
    declare(ledger_of, mails())
    publish(ledger_of, event())
    named = parse_signed_id(link_of(ledger_of).removeprefix("/unsubscribe/"))
    assert named is not None
    wrong = [
        "x", "a" * 52, signed_id(named[0], bytes(16)), signed_id(uuid4(), named[1]), signed_id(named[0], named[1][:8]),
        signed_id(named[0], named[1][:15]),
    ]  # fmt: skip
    row = ledger_of.execute("SELECT notify.sign('bounce', %s)", (named[0],)).fetchone()
    assert row is not None
    wrong.append(signed_id(named[0], row[0]))
    for token in wrong:
        for response in (
            api.client.get(f"/unsubscribe/{token}"),
            api.client.post(f"/unsubscribe/{token}", **ONE_CLICK),
        ):
            assert response.status_code == 404 and "This link is not valid" in response.text
            assert "example.org" not in response.text
    assert states(ledger_of) == ["waiting"]


def test_the_role_of_the_api_neither_reads_the_key_nor_signs(url: str, ledger_of: Connection) -> None:
    row = ledger_of.execute(
        "SELECT has_table_privilege('logistics_reader', 'notify.signing_keys', 'SELECT'), "
        "has_function_privilege('logistics_reader', 'notify.sign(text, uuid)', 'EXECUTE'), "
        "has_function_privilege('logistics_reader', 'notify.is_signed(text, uuid, bytea)', 'EXECUTE')"
    ).fetchone()
    assert row == (False, False, False)


def test_links_are_rate_limited_although_they_need_no_key(url: str, serve: Serve, ledger_of: Connection) -> None:
    with serve(url) as running:
        statuses = [running.client.get("/unsubscribe/x").status_code for _ in range(60)]
    assert 429 in statuses and statuses[:50] == [404] * 50
