"""Web push: a browser, and nobody between, reads what it is sent; one that has gone ends visibly."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from http_ece import ECEException

from logistics_core.database_contract.notifications import Severity
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.files.definition_files import DefinitionError
from logistics_pipeline.notifying.channels.push_encryption import MOST_BYTES, encrypt
from logistics_pipeline.notifying.channels.vapid import make_key, public_key
from logistics_pipeline.notifying.declaring.reading import parse_endpoints
from logistics_pipeline.notifying.declaring.syncing import store_shared_settings, sync_endpoints
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.notifying.publishing import publish
from logistics_pipeline.notifying.push_keys import keep_push_key
from tests.notifying.browsers import Browser, decoded, vapid_claims
from tests.notifying.events import event, make_due, states
from tests.notifying.sink import Reply, Sink
from tests.people import sign_in

LOCAL = {"push": {"hosts": ["127.0.0.1"], "private": True}, "mail": {"from": "Logistics <alerts@example.org>"}}


@pytest.fixture
def delivery(database_url: str) -> Iterator[Delivery]:
    with Delivery(database_url, Settings(default_role="viewer")) as opened:
        yield opened


@pytest.fixture
def ada(connection: Connection) -> int:
    store_shared_settings(connection, LOCAL)
    keep_push_key(connection)
    return sign_in(connection)[0]


@pytest.fixture
def browser(connection: Connection, ada: int, sink: Sink) -> Browser:
    sink.usual = Reply(201)
    made = Browser(f"{sink.url}/push/one")
    made.add(connection, ada)
    return made


def rows(connection: Connection, channel: str = "push") -> list[tuple[str, str | None]]:
    return connection.execute(
        "SELECT state, reason FROM notify.messages WHERE channel = %s ORDER BY message_id", (channel,)
    ).fetchall()


def test_a_message_is_read_by_its_browser_alone_and_signed(
    connection: Connection, delivery: Delivery, sink: Sink, browser: Browser
) -> None:
    publish(connection, event(severity=Severity.CRITICAL, thread="incident:17", title="Größe: 5 €", text="x" * 9_000))
    assert delivery.run_due() == 1
    (received,) = sink.received
    note = browser.read(received)
    assert note["title"] == "[Critical] Größe: 5 €" and note["text"].endswith("x...") and note["urgent"]
    assert (note["path"], note["tag"]) == ("/alerts?incident=17", "incident:17")
    assert len(received.body) <= 4_096 and b"Critical" not in received.body
    assert received.headers["ttl"] == "86400" and received.headers["urgency"] == "high"
    assert len(received.headers["topic"]) == 32
    key, claims = vapid_claims(received)
    assert connection.execute("SELECT public_key FROM notify.push_keys").fetchone() == (key,)
    assert claims["aud"] == sink.url and claims["sub"] == "mailto:alerts@example.org"
    assert 0 < claims["exp"] - time.time() <= 24 * 3600
    assert rows(connection) == [("sent", None)], "the service has it; the browser has not said anything"
    with pytest.raises(ECEException):
        Browser(browser.url).read(received)


def test_each_browser_of_a_person_is_told_and_the_ones_of_others_are_not(
    connection: Connection, delivery: Delivery, sink: Sink, browser: Browser, ada: int
) -> None:
    second = Browser(f"{sink.url}/push/two")
    second.add(connection, ada)
    other = Browser(f"{sink.url}/push/bob")
    other.add(connection, sign_in(connection, "bob")[0])
    connection.execute("UPDATE notify.preferences SET channels = channels - 'push' WHERE person_id <> %s", (ada,))
    publish(connection, event())
    delivery.run_due()
    assert sorted(each.path for each in sink.received) == ["/push/one", "/push/two"]
    for each in sink.received:
        mine = browser if each.path == "/push/one" else second
        assert mine.read(each)["title"] == "[Warning] Rejects of shipments above 5 %"


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_has_gone_ends_and_its_person_alone_is_told(
    connection: Connection, delivery: Delivery, sink: Sink, browser: Browser, status: int
) -> None:
    sign_in(connection, "bob")
    sink.usual = Reply(status)
    publish(connection, event())
    publish(connection, event(severity=Severity.CRITICAL))
    delivery.run_due()
    assert {state for state, _ in rows(connection)} == {"dead"}
    told = connection.execute(
        "SELECT event.title, event.text, person.subject FROM notify.messages "
        "JOIN notify.events AS event USING (event_id) JOIN notify.endpoints AS endpoint USING (endpoint_id) "
        "JOIN access.people AS person ON person.person_id = endpoint.person_id WHERE topic = 'notifications.disabled'"
    ).fetchall()
    assert told == [(
        "Notifications have ended: Firefox on Linux",
        f"The receiver wants no more messages ({status}). To get them there again, switch them on under My "
        "notifications.", "ada",
    )]  # fmt: skip
    sink.received.clear()
    publish(connection, event())
    delivery.run_due()
    assert sink.received == []


def test_a_browser_that_is_added_again_is_told_again(
    connection: Connection, delivery: Delivery, sink: Sink, browser: Browser, ada: int
) -> None:
    sink.replies = [Reply(410)]
    publish(connection, event())
    delivery.run_due()
    browser.add(connection, ada)
    publish(connection, event(title="Again"))
    delivery.run_due()
    assert browser.read(sink.received[-1])["title"] == "[Warning] Again"


def test_a_service_that_is_busy_is_tried_again_when_it_says(
    connection: Connection, delivery: Delivery, sink: Sink, browser: Browser
) -> None:
    sink.replies = [Reply(429, {"Retry-After": "120"})]
    publish(connection, event())
    delivery.run_due()
    assert [state for state, _ in rows(connection)] == ["waiting"]
    make_due(connection)
    delivery.run_due()
    assert rows(connection) == [("sent", None)]
    assert browser.read(sink.received[0])["id"] == browser.read(sink.received[1])["id"]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({}, "push service is none that is known"),
        ({"hosts": ["push.example.org"]}, "push service is none that is known"),
        ({"hosts": ["127.0.0.1"]}, "begins with http://"),
    ],
)
def test_nothing_is_sent_to_what_is_not_allowed_by_now(
    connection: Connection, delivery: Delivery, sink: Sink, browser: Browser, declared: dict[str, Any], said: str
) -> None:
    store_shared_settings(connection, {"push": declared})
    publish(connection, event())
    delivery.run_due()
    (state, reason), *_ = rows(connection)
    assert state == "dead" and said in (reason or "") and sink.received == []


def test_a_name_that_leads_to_this_machine_is_refused(
    connection: Connection, delivery: Delivery, sink: Sink, ada: int
) -> None:
    store_shared_settings(connection, {"push": {"hosts": ["localhost"]}})
    Browser(f"https://localhost:{sink.url.rpartition(':')[2]}/x").add(connection, ada)
    publish(connection, event())
    delivery.run_due()
    (state, reason), *_ = rows(connection)
    assert state == "dead" and "localhost" in (reason or "") and sink.received == []


def test_keys_that_are_none_end_the_message_and_nothing_else(
    connection: Connection, delivery: Delivery, sink: Sink, browser: Browser, ada: int
) -> None:
    broken = Browser(f"{sink.url}/push/broken")
    broken.keys = {"p256dh": "B" + "A" * 86, "auth": "a" * 22}
    broken.add(connection, ada)
    publish(connection, event())
    delivery.run_due()
    assert sorted(state for state, _ in rows(connection)) == ["dead", "sent"]


def test_a_digest_names_its_events(connection: Connection, delivery: Delivery, sink: Sink, browser: Browser) -> None:
    connection.execute("UPDATE notify.endpoints SET per_hour = 1")
    for number in range(4):
        publish(connection, event(title=f"Event {number}"))
    make_due(connection)
    delivery.run_due()
    note = next(note for each in sink.received if "events" in (note := browser.read(each))["title"])
    assert note["title"] == "3 events: 3 warning" and note["path"] == "/my-notifications"
    assert note["text"].splitlines() == [f"Warning: Event {number}" for number in (1, 2, 3)]
    assert states(connection).count("sent") == 5


# -- the key ---------------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_another_one_can_be_declared(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def known() -> Any:
        return connection.execute("SELECT public_key, private_key FROM notify.push_keys").fetchone()

    assert keep_push_key(connection) == ["A key for web push was made."]
    made = known()
    assert keep_push_key(connection) == [] and known() == made and public_key(made[1]) == made[0]
    declared = make_key()
    monkeypatch.setenv("VAPID_OF_TESTS", declared)
    (tmp_path / "notifications.yaml").write_text("push: {key: 'env:VAPID_OF_TESTS', contact: 'mailto:a@example.org'}")
    sync_endpoints(connection, tmp_path / "notifications.yaml")
    assert len(keep_push_key(connection)) == 1 and keep_push_key(connection) == []
    assert known() == (public_key(declared), None)
    (tmp_path / "notifications.yaml").unlink()
    sync_endpoints(connection, tmp_path / "notifications.yaml")
    assert keep_push_key(connection) == ["A key for web push was made."] and known() != made


def test_a_key_may_be_pem_and_what_is_none_is_refused() -> None:
    def pem(key: Any) -> str:
        content: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return content.decode()

    assert len(decoded(public_key(pem(ec.generate_private_key(ec.SECP256R1()))))) == 65
    for wrong in ("", "x", "A" * 10, pem(ec.generate_private_key(ec.SECP384R1())), "-----BEGIN NOTHING-----", "A" * 43):
        with pytest.raises(ConfigurationError, match=r"VAPID|P-256"):
            public_key(wrong)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("push: {key: secret}", "push.key"),
        ("push: {contact: 'ops'}", "push.contact"),
        ("push: {hosts: ['https://x']}", "push.hosts"),
        ("push: {keys: x}", "keys"),
        ("endpoints: {desk: {channel: push}}", "people switch it on under My notifications"),
    ],
)
def test_wrong_declarations_are_refused(text: str, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        parse_endpoints(text, "notifications.yaml")


def test_encryption_gives_the_example_of_the_standard() -> None:
    """RFC 8291, section 5."""
    number = decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
    body = encrypt(
        b"When I grow up, I want to be a watermelon",
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "BTBZMqHH6r4Tts7J_aSIgg",
        salt=decoded("DGv6ra1nlYgDCS1FRnbzlw"),
        own_key=ec.derive_private_key(int.from_bytes(number), ec.SECP256R1()),
    )
    assert body == decoded(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    with pytest.raises(ValueError, match="3,993"):
        encrypt(b"x" * (MOST_BYTES + 1), "", "")
