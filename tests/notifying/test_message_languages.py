"""Messages in the language of who gets them: mails, chats and digests; programs get what they always got."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest

from logistics_core.database_contract.notifications import EndpointChannel, Severity
from logistics_core.languages.sentences import Sentence, joined
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.declaring.reading import parse_endpoints
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.notifying.publishing import Event, publish
from tests.notifying.events import declare, event, make_due, webhook
from tests.notifying.mail_server import Mailbox, mail_server
from tests.notifying.sink import Sink


def failed(**changes: Any) -> Event:
    return event(
        severity=Severity.CRITICAL,
        title=Sentence("{title}: {subject}", title=Sentence("A file has failed"), subject="shipments"),
        text=joined([Sentence("{file} has failed: {reason}", file="a.csv", reason="line 3\r\nBcc: x"), "Ask Ada."]),
        facts=((Sentence("Records read"), Sentence("{value}", value=12_345)),),
        occurred_at=datetime(2026, 11, 30, 7, 15, tzinfo=UTC), **changes,
    )  # fmt: skip


@pytest.fixture(scope="module")
def _mailbox() -> Iterator[Mailbox]:
    with mail_server("none") as mailbox:
        yield mailbox


@pytest.fixture
def mailbox(_mailbox: Mailbox) -> Mailbox:
    for each in _mailbox.lists:
        each.clear()
    return _mailbox


def mails(mailbox: Mailbox, language: str, name: str = "desk", **changes: Any) -> Endpoint:
    server = {"server": "127.0.0.1", "port": mailbox.port, "security": "none", "private": True, "from": "l@example.org"}
    configuration = {"mail": server, "dashboard": "https://logistics.example.org"}
    return Endpoint(
        name, EndpointChannel.EMAIL, recipients=(f"{name}@example.org",), language=language,
        time_zone="Europe/Berlin", configuration=configuration, **changes,
    )  # fmt: skip


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_mail_is_in_the_language_of_its_endpoint(
    connection: Connection, delivery: Delivery, mailbox: Mailbox
) -> None:
    declare(connection, mails(mailbox, "de", "berlin"), mails(mailbox, "en", "york"))
    publish(connection, failed())
    assert delivery.run_due() == 2
    german, english = sorted(mailbox.mails, key=lambda mail: str(mail["To"]))
    assert german["Subject"] == "[Kritisch] Eine Datei ist fehlgeschlagen: shipments"
    assert (german["Content-Language"], english["Content-Language"]) == ("de", "en")
    text, html = body(german, "plain"), body(german, "html")
    assert "a.csv ist fehlgeschlagen: line 3" in text and "Ask Ada." in text and german["Bcc"] is None
    assert "Gelesene Sätze  12.345" in text and "30.11.2026, 08:15 CET" in text and "Abbestellen: https://" in text
    assert '<html lang="de">' in html and ">Im Dashboard öffnen</a>" in html and ">Abbestellen</a>" in html
    assert english["Subject"] == "[Critical] A file has failed: shipments"
    assert "Records read  12,345" in body(english, "plain") and "30 Nov 2026 08:15 CET" in body(english, "plain")


def test_a_digest_counts_in_its_language(connection: Connection, delivery: Delivery, mailbox: Mailbox) -> None:
    declare(connection, mails(mailbox, "de", digest="15m"))
    for severity in (Severity.WARNING, Severity.WARNING, Severity.INFO):
        publish(connection, event(severity=severity))
    make_due(connection)
    assert delivery.run_due() == 1
    assert mailbox.mails[0]["Subject"] == "3 Ereignisse: 2 Warnungen, 1 Info"


def test_a_template_is_given_texts_in_the_language(
    connection: Connection, delivery: Delivery, mailbox: Mailbox
) -> None:
    endpoint = mails(mailbox, "de")
    templates = {"titleTemplate": "{{ event.state }} / {{ event.title }}"}
    declare(connection, Endpoint(**{**vars(endpoint), "configuration": {**endpoint.configuration, **templates}}))
    publish(connection, failed())
    delivery.run_due()
    assert mailbox.mails[0]["Subject"] == "[Kritisch] Kritisch / Eine Datei ist fehlgeschlagen: shipments"


def test_programs_get_english_whatever_people_read(connection: Connection, delivery: Delivery, sink: Sink) -> None:
    declare(connection, webhook(sink.url, language="de"))
    publish(connection, failed())
    delivery.run_due()
    data = sink.received[0].document["data"]
    assert data["title"] == "A file has failed: shipments"
    assert data["facts"] == [{"name": "Records read", "value": "12,345"}]


def test_an_event_of_before_and_texts_of_people_stay_as_they_are(
    connection: Connection, delivery: Delivery, mailbox: Mailbox
) -> None:
    declare(connection, mails(mailbox, "de"))
    publish(connection, event())
    delivery.run_due()
    assert mailbox.mails[0]["Subject"] == "[Warnung] Rejects of shipments above 5 %"


def test_a_language_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(PipelineError, match=r"language.*'tlh'. Expected: one of en, de"):
        parse_endpoints("endpoints: {desk: {channel: inbox, language: tlh}}", "notifications.yaml")
    (endpoint,) = parse_endpoints("endpoints: {desk: {channel: inbox, language: de}}", "notifications.yaml")
    assert endpoint.language == "de"
