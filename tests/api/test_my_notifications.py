"""People have notifications of their own: preferences, an inbox and browsers that nobody else sees or changes."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import pytest

from logistics_core.database_contract.notifications import EndpointChannel, Severity
from logistics_core.row_access.rules import RowAccess
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.database.people import disable_person, enable_person, restrict_group, unrestrict_group
from logistics_pipeline.notifying import outbox
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.declaring.syncing import store_shared_settings
from logistics_pipeline.notifying.publishing import publish
from tests.api.conftest import Api, Serve
from tests.notifying.events import declare, event, make_due
from tests.people import Person, sign_in

BEYOND = {"api_published_at": "192.0.2.1", "api_rate": 0}
MINE = "/api/me/notifications"
INBOX = "/api/me/inbox"
BROWSERS = "/api/me/push-subscriptions"
PUSH_SERVICE = "https://updates.push.services.mozilla.com/wpush/v2/"
ONLY_INBOX = {"inbox": {"topics": ["*"], "severity": "info"}, "email": None, "push": None}
BOUNCED = "INSERT INTO notify.suppressions (recipient, reason) VALUES ('ada@example.org', '5.1.1 Unknown.')"
READERS = Settings(default_role="viewer")


@pytest.fixture(scope="module")
def served(new_database: Callable[[], AbstractContextManager[str]], serve: Serve) -> Iterator[tuple[Api, str]]:
    with new_database() as url, serve(url, **BEYOND, default_role="viewer") as api:
        yield api, url


@pytest.fixture
def connection(served: tuple[Api, str]) -> Iterator[Connection]:
    with connect(served[1]) as opened:
        yield opened
        opened.execute(
            "TRUNCATE notify.messages, notify.attempts, notify.bounces, notify.events, notify.editions CASCADE"
        )
        opened.execute("DELETE FROM notify.suppressions")
        opened.execute("DELETE FROM notify.digests")
        opened.execute("DELETE FROM notify.endpoints")
        opened.execute("DELETE FROM access.people")
        store_shared_settings(opened, {})


@pytest.fixture
def ada(served: tuple[Api, str], connection: Connection) -> Person:
    return Person(served[0], sign_in(connection, "ada", zone="Europe/Berlin")[1])


@pytest.fixture
def bob(served: tuple[Api, str], connection: Connection) -> Person:
    return Person(served[0], sign_in(connection, "bob", email="bob@example.org", groups="{depot}")[1])


def wanted(**changes: Any) -> dict[str, Any]:
    return {"time_zone": None, "quiet_hours": None, "channels": ONLY_INBOX} | changes


def change(person: Person, **changes: Any) -> Any:
    version = person.get(MINE)["version"]
    response = person.send("PUT", MINE, wanted(**changes), **{"If-Match": f'"{version}"'})
    assert response.status_code == 200, response.text
    return response.json()


def browser(name: str = "one", url: str = PUSH_SERVICE) -> dict[str, Any]:
    return {"endpoint": url + name, "keys": {"p256dh": "B" + "A" * 86, "auth": "a" * 22}, "name": "Firefox on Linux"}


def titles(person: Person, **query: Any) -> list[str]:
    return [each["title"] for each in person.get(INBOX, **query)["items"]]


def messages(connection: Connection) -> list[tuple[str, str, str, str | None]]:
    return connection.execute(
        "SELECT endpoint.channel, message.recipient, message.state, message.reason FROM notify.messages AS message "
        "JOIN notify.endpoints AS endpoint USING (endpoint_id) ORDER BY 1, 2"
    ).fetchall()


# -- without signing in ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", MINE), ("GET", INBOX), ("PUT", MINE), ("POST", f"{INBOX}/marks"), ("DELETE", f"{BROWSERS}/1")],
)
def test_on_one_machine_nobody_has_to_sign_in_and_the_answer_says_where_the_inbox_is(
    database_url: str, serve: Serve, method: str, path: str
) -> None:
    with serve(database_url) as local:
        response = local.client.request(method, path)
        assert response.status_code == 404 and "/api/notifications" in response.json()["detail"]


def test_a_session_is_needed_where_others_can_reach_the_api(served: tuple[Api, str]) -> None:
    assert served[0].client.get(MINE, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 401


# -- preferences -----------------------------------------------------------------------------------------------------


def test_whoever_signs_in_has_an_inbox_of_what_matters_and_gets_no_mail(
    ada: Person, bob: Person, connection: Connection
) -> None:
    mine = ada.get(MINE)
    assert mine["channels"] == {
        "inbox": {"topics": ["*"], "severity": "warning"}, "email": None,
        "push": {"topics": ["*"], "severity": "warning"},
    }  # fmt: skip
    assert (mine["usual_time_zone"], bob.get(MINE)["usual_time_zone"]) == ("Europe/Berlin", "UTC")
    publish(connection, event(severity=Severity.INFO, title="Nothing much"))
    assert publish(connection, event(title="Rejects")) == 2
    assert titles(ada) == titles(bob) == ["Rejects"]
    assert messages(connection) == [("inbox", "", "delivered", None)] * 2


def test_a_person_chooses_topics_severity_channels_quiet_hours_and_digests(ada: Person, connection: Connection) -> None:
    store_shared_settings(connection, {"mail": {"server": "mail.example.org", "from": "l@example.org"}})
    mail = {"topics": ["alert.*"], "severity": "critical", "digest": "daily", "digest_at": "07:30"}
    changed = change(
        ada, time_zone="America/New_York", quiet_hours={"from": "22:00", "until": "06:30"},
        channels={"inbox": None, "email": mail, "push": None},
    )  # fmt: skip
    assert changed["channels"] == {"inbox": None, "email": mail, "push": None} and changed["version"] == 2
    assert changed["email"] == {"address": "ada@example.org", "problem": None, "unsubscribed_topics": []}
    assert ada.get(MINE) == changed
    publish(connection, event("report.ready", Severity.CRITICAL))
    publish(connection, event(severity=Severity.WARNING))
    assert publish(connection, event(severity=Severity.CRITICAL)) == 1
    assert messages(connection) == [("email", "ada@example.org", "waiting", None)]
    (endpoint,) = connection.execute(
        "SELECT time_zone, quiet_from::text, quiet_until::text, digest, digest_at::text, per_hour "
        "FROM notify.endpoints WHERE removed_at IS NULL"
    ).fetchall()
    assert endpoint == ("America/New_York", "22:00:00", "06:30:00", "daily", "07:30:00", 20)


def test_messages_are_in_the_language_that_a_person_chooses_or_signs_in_with(
    ada: Person, connection: Connection
) -> None:
    def language() -> str:
        ((found,),) = connection.execute("SELECT language FROM notify.endpoints WHERE removed_at IS NULL").fetchall()
        return str(found)

    mine = ada.get(MINE)
    assert (mine["language"], mine["usual_language"], mine["languages"][0], language()) == (None, "en", "en", "en")
    connection.execute("UPDATE access.people SET locale = 'de-AT' WHERE subject = 'ada'")
    assert ada.get(MINE)["usual_language"] == "de" and language() == "de"
    assert change(ada, language="en")["language"] == "en" and language() == "en"
    assert change(ada)["language"] is None and language() == "de"
    connection.execute("UPDATE access.people SET locale = 'tlh' WHERE subject = 'ada'")
    assert ada.get(MINE)["usual_language"] == "en"


def test_a_version_of_the_api_without_languages_leaves_them_as_they_are(ada: Person, connection: Connection) -> None:
    change(ada, language="de")
    connection.execute(
        "SELECT notify.change_preferences(person_id, version, time_zone, quiet_from, quiet_until, channels) "
        "FROM notify.preferences"
    )
    mine = ada.get(MINE)
    assert (mine["version"], mine["language"]) == (3, "de")


@pytest.mark.parametrize(
    "changes",
    [
        {"time_zone": "Mars/Base"},
        {"language": "tlh"},
        {"language": "DE"},
        {"time_zone": "../../etc/passwd"},
        {"quiet_hours": {"from": "22:00", "until": "22:00"}},
        {"quiet_hours": {"from": "24:00", "until": "06:00"}},
        {"channels": {"inbox": None, "email": None}},
        {"channels": ONLY_INBOX | {"webhook": {"topics": ["*"], "severity": "info"}}},
        {"channels": ONLY_INBOX | {"inbox": {"topics": [], "severity": "info"}}},
        {"channels": ONLY_INBOX | {"inbox": {"topics": ["%"], "severity": "info"}}},
        {"channels": ONLY_INBOX | {"inbox": {"topics": ["*"], "severity": "urgent"}}},
        {"channels": ONLY_INBOX | {"inbox": {"topics": ["*"], "severity": "info", "digest": "daily"}}},
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_changes(
    served: tuple[Api, str], ada: Person, changes: dict[str, Any]
) -> None:
    before = ada.get(MINE)
    response = ada.send("PUT", MINE, wanted(**changes), **{"If-Match": '"1"'})
    assert response.status_code == 422, response.text
    served[0].check_problem(response)
    assert ada.get(MINE) == before


def test_a_change_of_what_has_changed_meanwhile_is_refused(ada: Person) -> None:
    assert ada.send("PUT", MINE, wanted()).status_code == 428
    change(ada)
    refused = ada.send("PUT", MINE, wanted(), **{"If-Match": '"1"'})
    assert (refused.status_code, refused.json()["version"]) == (409, 2)


def test_what_waits_for_a_channel_that_is_switched_off_ends_visibly(ada: Person, connection: Connection) -> None:
    store_shared_settings(connection, {"mail": {"server": "mail.example.org", "from": "l@example.org"}})
    mail = {"topics": ["*"], "severity": "info", "digest": "daily", "digest_at": "08:00"}
    change(ada, channels={"inbox": None, "email": mail, "push": None})
    publish(connection, event())
    assert sorted(state for _, _, state, _ in messages(connection)) == ["held", "waiting"]
    change(ada)
    assert {(state, reason) for _, _, state, reason in messages(connection)} == {
        ("suppressed", "The person has switched this off, or may not sign in any more.")
    }


def test_mails_follow_the_address_that_the_person_signs_in_with(ada: Person, connection: Connection) -> None:
    store_shared_settings(connection, {"mail": {"server": "mail.example.org", "from": "l@example.org"}})
    mail = {"topics": ["*"], "severity": "info"}
    change(ada, channels={"inbox": None, "email": mail, "push": None})
    publish(connection, event())
    sign_in(connection, "ada", email="countess@example.org")
    publish(connection, event())
    assert [each[1:3] for each in messages(connection)] == [
        ("ada@example.org", "suppressed"), ("countess@example.org", "waiting")
    ]  # fmt: skip
    sign_in(connection, "ada", email=None)
    assert ada.get(MINE)["email"]["problem"].startswith("Nobody vouches for")
    assert publish(connection, event()) == 0


def test_why_no_mail_comes_is_said(ada: Person, connection: Connection) -> None:
    assert "declares no server" in ada.get(MINE)["email"]["problem"]
    store_shared_settings(connection, {"mail": {"server": "mail.example.org", "from": "l@example.org"}})
    assert ada.get(MINE)["email"]["problem"] is None
    connection.execute(
        "INSERT INTO notify.suppressions (recipient, reason) VALUES ('ada@example.org', '5.1.1 Unknown.')"
    )
    assert "5.1.1 Unknown." in ada.get(MINE)["email"]["problem"]


def test_what_a_link_in_a_mail_has_ended_is_shown_and_taken_back(ada: Person, connection: Connection) -> None:
    store_shared_settings(connection, {"mail": {"server": "mail.example.org", "from": "l@example.org"}})
    change(ada, channels={"inbox": None, "email": {"topics": ["*"], "severity": "info"}, "push": None})
    publish(connection, event())
    connection.execute(
        "SELECT notify.unsubscribe(public_id, notify.sign('unsubscribe', public_id)) FROM notify.messages"
    )
    assert ada.get(MINE)["email"]["unsubscribed_topics"] == ["alert.*"]
    publish(connection, event())
    assert {state for _, _, state, _ in messages(connection)} == {"suppressed"}
    assert ada.send("POST", f"{MINE}/subscribe-again").json()["email"]["unsubscribed_topics"] == []
    publish(connection, event())
    assert "waiting" in {state for _, _, state, _ in messages(connection)}


# -- nobody sees what is another's -----------------------------------------------------------------------------------


def test_nobody_sees_or_changes_what_is_of_another_person(
    served: tuple[Api, str], ada: Person, bob: Person, connection: Connection
) -> None:
    change(ada, channels=ONLY_INBOX | {"email": {"topics": ["*"], "severity": "info"}})
    added = ada.send("POST", BROWSERS, browser()).json()
    publish(connection, event(title="For both"))
    assert ada.send("POST", f"{MINE}/test", {"channel": "inbox"}).json() == {"messages": 1}
    assert titles(ada) == ["This is a test", "For both"] and titles(bob) == ["For both"]

    (of_ada,) = [each for each in ada.get(INBOX)["items"] if each["title"] == "For both"]
    marked = bob.send("POST", f"{INBOX}/marks", {"message_ids": [of_ada["message_id"]], "is_read": True}).json()
    assert marked == {"marked": 0, "unread": 1} and ada.get(INBOX)["unread"] == 2
    assert bob.send("DELETE", f"{BROWSERS}/{added['subscription_id']}").status_code == 404
    assert bob.get(MINE)["push"]["subscriptions"] == []
    assert len(ada.get(MINE)["push"]["subscriptions"]) == 1

    shared = [bob.get(f"/api/notifications{path}") for path in ("", "/endpoints", "/suppressions")]
    feed = bob.send("GET", "/api/notifications/feed").text
    assert "ada" not in json.dumps(shared) and "This is a test" not in json.dumps(shared) + feed
    assert "For both" in feed, "it is no secret to whoever sees all rows"


def test_a_bounce_of_a_persons_address_is_no_matter_of_others_unless_it_is_declared(
    ada: Person, bob: Person, connection: Connection
) -> None:
    connection.execute(BOUNCED)
    assert bob.get("/api/notifications/suppressions") == {"suppressions": []}
    declare(connection, Endpoint("desk", EndpointChannel.EMAIL, recipients=("Ada@example.org",)))
    assert len(bob.get("/api/notifications/suppressions")["suppressions"]) == 1


def test_the_file_of_endpoints_leaves_those_of_people_alone(ada: Person, connection: Connection) -> None:
    declare(connection, Endpoint("desk", EndpointChannel.INBOX))
    declare(connection)
    assert publish(connection, event()) == 1 and len(titles(ada)) == 1


def test_who_may_see_some_rows_is_told_of_nothing_that_is_about_all(
    ada: Person, bob: Person, connection: Connection
) -> None:
    change(bob, channels=ONLY_INBOX | {"email": {"topics": ["*"], "severity": "info"}})
    publish(connection, event(title="Before", text="Munich has 17 late shipments."))
    assert titles(bob) == ["Before"]
    restrict_group(connection, "depot", RowAccess.of([("shipments", {"origin": ("Berlin",)})]))
    try:
        assert bob.get(INBOX) == {"next_cursor": None, "unread": 0, "items": []}
        assert "some rows only" in bob.get(MINE)["restriction"] and ada.get(MINE)["restriction"] is None
        assert bob.send("GET", "/api/notifications").status_code == 403
        assert publish(connection, event(title="After")) == 1, "Ada alone"
        assert outbox.claim(connection, uuid4(), 10) == [], "the mail of before is not sent any more"
        assert ("email", "bob@example.org", "suppressed") in [each[:3] for each in messages(connection)]
        assert bob.send("POST", f"{MINE}/test", {"channel": "inbox"}).status_code == 200
        assert titles(bob) == ["This is a test"], "it is for Bob alone, and about no rows"
    finally:
        unrestrict_group(connection, "depot")
    assert titles(ada) == ["After", "Before"]


def about(*rows: tuple[str, dict[str, str]]) -> list[dict[str, Any]]:
    return [{"dataset": dataset, "fields": fields} for dataset, fields in rows]


BERLIN = ("shipments", {"origin": "Berlin"})
MUNICH = ("shipments", {"origin": "Munich"})


def test_who_may_see_some_rows_is_told_of_what_is_about_these_rows_alone(
    ada: Person, bob: Person, connection: Connection
) -> None:
    restrict_group(connection, "depot", RowAccess.of([("shipments", {"origin": ("Berlin",)})]))
    try:
        change(bob, channels=ONLY_INBOX | {"email": {"topics": ["*"], "severity": "info"}})
        of_events = {
            "Berlin": about(BERLIN),
            "Munich": about(MUNICH),
            "Both": about(BERLIN, MUNICH),
            "Nobody knows": None,
            "Nothing": [],
            "A part": about(("shipments", {"origin": "Berlin", "status": "late"})),
            "All shipments": about(("shipments", {})),
            "Logs": about(("vehicle_logs", {"origin": "Berlin"})),
            "A vehicle": about(("shipments", {"origin": "Berlin", "log.vehicle_id": "V1"})),
        }
        for title, rows in of_events.items():
            publish(connection, event(title=title, about_rows=rows))
        assert titles(bob) == ["A part", "Berlin"] and len(titles(ada)) == 9
        claimed = outbox.claim(connection, uuid4(), 50)
        assert [each.events[0].title for each in claimed] == ["Berlin", "A part"]
        feed = bob.send("GET", "/api/notifications/feed").text
        assert "<title>Berlin</title>" in feed and "Munich" not in feed and "Both" not in feed
    finally:
        unrestrict_group(connection, "depot")


def test_a_grant_that_is_taken_away_holds_for_what_waits_and_what_was_told(bob: Person, connection: Connection) -> None:
    restrict_group(connection, "depot", RowAccess.of([("shipments", {"origin": ("Berlin", "Munich")})]))
    try:
        change(bob, channels=ONLY_INBOX | {"email": {"topics": ["*"], "severity": "info"}})
        publish(connection, event(title="Munich", about_rows=about(MUNICH)))
        assert titles(bob) == ["Munich"]
        restrict_group(connection, "depot", RowAccess.of([("shipments", {"origin": ("Berlin",)})]))
        assert titles(bob) == [] and outbox.claim(connection, uuid4(), 50) == []
    finally:
        unrestrict_group(connection, "depot")


def test_who_may_not_sign_in_any_more_is_told_of_nothing(ada: Person, bob: Person, connection: Connection) -> None:
    change(bob, channels=ONLY_INBOX | {"email": {"topics": ["*"], "severity": "info"}})
    publish(connection, event())
    disable_person(connection, "bob")
    assert publish(connection, event()) == 1
    assert outbox.claim(connection, uuid4(), 10) == []
    enable_person(connection, "bob")
    assert publish(connection, event()) == 3


def test_who_has_lost_every_role_gets_no_mail(ada: Person, connection: Connection) -> None:
    change(ada, channels=ONLY_INBOX | {"email": {"topics": ["*"], "severity": "info"}})
    publish(connection, event())
    make_due(connection)
    nobody = Settings(group_roles='{"admins": "admin"}').reading_groups
    assert outbox.claim(connection, uuid4(), 10, 60.0, nobody) == []
    assert any("has a role" in (reason or "") for *_, reason in messages(connection))
    publish(connection, event())
    assert len(outbox.claim(connection, uuid4(), 10, 60.0, READERS.reading_groups)) == 1


# -- the inbox -------------------------------------------------------------------------------------------------------


def test_messages_are_read_and_unread_again_one_by_one_or_all(ada: Person, bob: Person, connection: Connection) -> None:
    for number in range(5):
        publish(connection, event(title=f"Event {number}", thread="incident:17"))
    page = ada.get(INBOX, limit=2)
    assert page["unread"] == 5 and [each["title"] for each in page["items"]] == ["Event 4", "Event 3"]
    assert page["items"][0]["facts"][0] == {"name": "dataset", "value": "shipments"}
    rest = ada.get(INBOX, limit=3, cursor=page["next_cursor"])
    assert [each["title"] for each in rest["items"]] == ["Event 2", "Event 1", "Event 0"]
    newest, third = page["items"][0]["message_id"], rest["items"][0]["message_id"]

    def mark(**body: Any) -> Any:
        return ada.send("POST", f"{INBOX}/marks", body).json()

    assert mark(message_ids=[newest]) == {"marked": 1, "unread": 4}
    assert titles(ada, unread="true") == ["Event 3", "Event 2", "Event 1", "Event 0"]
    assert mark(up_to=third) == {"marked": 3, "unread": 1}
    assert mark(message_ids=[newest], is_read=False) == {"marked": 1, "unread": 2}
    assert mark() == {"marked": 0, "unread": 2}
    assert bob.get(INBOX)["unread"] == 5


def test_marks_of_what_is_no_number_are_refused(served: tuple[Api, str], ada: Person) -> None:
    for body in (
        {"message_ids": ["1"]},
        {"up_to": 1, "is_read": 0},
        {"message_ids": ["x"]},
        {"message_ids": [2**63]},
        {"up_to": 0},
        {"all": True},
        [],
        "x",
    ):
        response = ada.send("POST", f"{INBOX}/marks", body)
        assert response.status_code == 422, body
        served[0].check_problem(response)


# -- browsers --------------------------------------------------------------------------------------------------------


def test_browsers_are_added_once_shown_without_their_address_and_removed(ada: Person, connection: Connection) -> None:
    first = ada.send("POST", BROWSERS, browser())
    again = ada.send("POST", BROWSERS, browser() | {"expirationTime": None})
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    (shown,) = ada.get(MINE)["push"]["subscriptions"]
    assert shown["name"] == "Firefox on Linux" and "wpush" not in json.dumps(ada.get(MINE))
    assert publish(connection, event()) == 2
    assert ada.send("DELETE", f"{BROWSERS}/{shown['subscription_id']}").status_code == 204
    assert ada.get(MINE)["push"]["subscriptions"] == []
    assert ("push", "", "suppressed") in [each[:3] for each in messages(connection)]
    assert publish(connection, event()) == 1


def test_a_browser_shows_the_notifications_of_who_asked_last(ada: Person, bob: Person, connection: Connection) -> None:
    ada.send("POST", BROWSERS, browser())
    publish(connection, event())
    bob.send("POST", BROWSERS, browser())
    assert ada.get(MINE)["push"]["subscriptions"] == [] and len(bob.get(MINE)["push"]["subscriptions"]) == 1
    assert ("push", "", "suppressed") in [each[:3] for each in messages(connection)], "what waited was Ada's"


def test_twenty_browsers_are_enough(ada: Person) -> None:
    for number in range(20):
        assert ada.send("POST", BROWSERS, browser(str(number))).status_code == 201
    assert ada.send("POST", BROWSERS, browser("one more")).status_code == 422
    assert ada.send("POST", BROWSERS, browser("20")).status_code == 409


@pytest.mark.parametrize(
    "url",
    [
        "http://updates.push.services.mozilla.com/x", "https://127.0.0.1/x", "https://localhost:5432/", "file:///etc/x",
        "https://push.services.mozilla.com.evil.example/x", "https://evilpush.apple.com/x", "https://[::1]/x",
        "https://fcm.googleapis.com@evil.example/x", "https://user@fcm.googleapis.com/x", "env:SECRET", "", "https://x:y/",
        "https://169.254.169.254/latest/meta-data", "https://fcm.googleapis.com/\r\nX: y", "//fcm.googleapis.com/x",
        "https://fcm.googleapis.com\\@evil.example/x", "https://xn--fcm-.googleapis.com/x",
        "https://fcm.googleapis.com/" + "a" * 2_000,
    ],
)  # fmt: skip
def test_addresses_that_are_none_of_a_push_service_are_refused(served: tuple[Api, str], ada: Person, url: str) -> None:
    response = ada.send("POST", BROWSERS, browser("", url))
    assert response.status_code == 422, response.text
    served[0].check_problem(response)


def test_other_push_services_can_be_declared(ada: Person, connection: Connection) -> None:
    assert ada.send("POST", BROWSERS, browser("x", "https://push.example.org/")).status_code == 422
    store_shared_settings(connection, {"push": {"hosts": ["push.example.org"]}})
    assert ada.send("POST", BROWSERS, browser("x", "https://push.example.org/")).status_code == 201


def test_wrong_keys_of_a_browser_are_refused(ada: Person) -> None:
    for keys in (
        {},
        {"p256dh": "A" * 87},
        {"p256dh": "env:SECRET", "auth": "a" * 22},
        {"p256dh": "A" * 87, "auth": "!" * 22},
    ):
        assert ada.send("POST", BROWSERS, browser() | {"keys": keys}).status_code == 422


# -- tests, and who changed what -------------------------------------------------------------------------------------


def test_tests_reach_what_the_person_has_and_end_after_twenty(ada: Person) -> None:
    assert ada.send("POST", f"{MINE}/test", {"channel": "push"}).status_code == 409
    assert ada.send("POST", f"{MINE}/test", {"channel": "webhook"}).status_code == 422
    answers = [ada.send("POST", f"{MINE}/test", {"channel": "inbox"}).status_code for _ in range(21)]
    assert answers == [200] * 20 + [409]


def test_what_people_want_is_in_the_audit_log_and_no_address_of_a_browser(ada: Person, connection: Connection) -> None:
    row = connection.execute("SELECT coalesce(max(entry_id), 0) FROM access.audit").fetchone()
    assert row is not None
    change(ada)
    subscription = ada.send("POST", BROWSERS, browser()).json()["subscription_id"]
    ada.send("POST", f"{INBOX}/marks", {"up_to": 1})
    ada.send("DELETE", f"{BROWSERS}/{subscription}")
    found = connection.execute(
        "SELECT actor_kind, actor, object_kind, action, before::text || after::text FROM access.audit "
        "WHERE entry_id > %s ORDER BY entry_id",
        row,
    ).fetchall()
    assert [each[:4] for each in found] == [
        ("person", "ada@example.org", "preferences", "changed"),
        ("person", "ada@example.org", "push_subscription", "added"),
        ("person", "ada@example.org", "push_subscription", "deleted"),
    ]
    assert "wpush" not in str(found)
