"""Mails, by real SMTP servers: encrypted, refused, delayed, bounced; and what such a mail looks like."""

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from logistics_core.database_contract.notifications import EndpointChannel, Severity
from logistics_core.signed_ids import parse_signed_id
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.notifying.publishing import publish
from tests.notifying.events import declare, event, make_due, states
from tests.notifying.mail_server import NAME, PASSWORD, Mailbox, mail_server
from tests.sources.servers.certificates import Certificates, make_certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def _mailbox(certificates: Certificates) -> Iterator[Mailbox]:
    with mail_server("starttls", certificates.good, with_login=True) as mailbox:
        yield mailbox


@pytest.fixture
def mailbox(_mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    for each in _mailbox.lists:
        each.clear()
    return _mailbox


def mails(mailbox: Mailbox, ca_file: Path, *to: str, **changes: Any) -> Endpoint:
    server = {
        "server": "localhost", "port": mailbox.port, "security": "starttls", "username": NAME,
        "password": "env:MAIL_PASSWORD", "from": "Logistics <alerts@fleet.example.org>", "private": True,
        "caFile": str(ca_file), "bounces": "bounces@fleet.example.org",
        "unsubscribe": "mailto:alerts@fleet.example.org?subject=unsubscribe",
    } | changes.pop("mail", {})  # fmt: skip
    configuration = {"mail": server, "dashboard": "https://logistics.example.org"}
    recipients = to or ("desk@example.org",)
    return Endpoint("mails", EndpointChannel.EMAIL, configuration=configuration, recipients=recipients, **changes)


def test_a_mail_arrives_encrypted_with_text_and_html(
    connection: Connection, delivery: Delivery, mailbox: Mailbox, certificates: Certificates
) -> None:
    declare(connection, mails(mailbox, certificates.ca_file))
    publish(connection, event(severity=Severity.CRITICAL, title="Rejects <b>above</b> 5 % – Größe"))
    assert delivery.run_due() == 1
    assert states(connection) == ["sent"] and mailbox.is_encrypted == [True]
    (mail,) = mailbox.mails
    assert mail["Subject"] == "[Critical] Rejects <b>above</b> 5 % – Größe"
    assert mail["From"] == "Logistics <alerts@fleet.example.org>" and mail["To"] == "desk@example.org"
    assert mail["Auto-Submitted"] == "auto-generated"
    one_click, other = mail["List-Unsubscribe"].split(", ")
    assert other == "<mailto:alerts@fleet.example.org?subject=unsubscribe>"
    assert one_click.startswith("<https://logistics.example.org/unsubscribe/") and len(one_click) == 96
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text, html = (body_of(mail, kind) for kind in ("plain", "html"))
    assert "dataset   shipments\r\n" in text and "https://logistics.example.org/alerts?incident=17" in text
    assert "Rejects &lt;b&gt;above&lt;/b&gt; 5 % – Größe" in html and "<b>above" not in html
    assert f"Unsubscribe: {one_click[1:-1]}" in text and f'href="{one_click[1:-1]}"' in html


def test_mails_of_an_incident_are_one_thread_and_each_attempt_has_the_same_id(
    connection: Connection, delivery: Delivery, mailbox: Mailbox, certificates: Certificates
) -> None:
    declare(connection, mails(mailbox, certificates.ca_file))
    mailbox.to_contents = ["451 4.3.0 try again later"]
    publish(connection, event(thread="incident:17"))
    delivery.run_due()
    make_due(connection)
    delivery.run_due()
    publish(connection, event("alert.resolved", thread="incident:17"))
    delivery.run_due()
    publish(connection, event(thread="incident:18"))
    delivery.run_due()
    first, second, other = mailbox.mails
    assert first["References"] == second["References"] != other["References"]
    assert len({each["Message-ID"] for each in mailbox.mails}) == 3
    row = connection.execute("SELECT public_id FROM notify.messages ORDER BY message_id LIMIT 1").fetchone()
    assert row is not None and first["Message-ID"] == f"<{row[0].hex}@fleet.example.org>"
    assert mailbox.senders[0] == f"bounces+{first['X-Logistics-Bounce']}@fleet.example.org"
    named = parse_signed_id(first["X-Logistics-Bounce"])
    assert named is not None and named[0] == row[0]
    assert second["Subject"].startswith("[Resolved] ")


def test_each_recipient_has_a_message_of_its_own(
    connection: Connection, delivery: Delivery, mailbox: Mailbox, certificates: Certificates
) -> None:
    mailbox.to_recipients = {"gone@example.org": ["550 5.1.1 no such user"] * 5}
    declare(connection, mails(mailbox, certificates.ca_file, "desk@example.org", "gone@example.org"))
    assert publish(connection, event()) == 2
    delivery.run_due()
    assert states(connection) == ["sent", "bounced"]
    assert [each["To"] for each in mailbox.mails] == ["desk@example.org"]
    publish(connection, event())
    delivery.run_due()
    assert states(connection)[2:] == ["sent", "suppressed"]
    row = connection.execute("SELECT reason FROM notify.messages WHERE state = 'suppressed'").fetchone()
    assert row == ("The address gets no mail: 550 5.1.1 no such user",)


def test_greylisting_delays_a_mail_and_does_not_lose_it(
    connection: Connection, delivery: Delivery, mailbox: Mailbox, certificates: Certificates
) -> None:
    mailbox.to_recipients = {"desk@example.org": ["450 4.2.0 greylisted, try again", "450 4.2.0 greylisted"]}
    declare(connection, mails(mailbox, certificates.ca_file))
    publish(connection, event())
    for expected in ("waiting", "waiting", "sent"):
        delivery.run_due()
        assert states(connection) == [expected]
        make_due(connection)
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("552 5.2.3 too large", "dead"),
        ("554 5.7.1 spam", "dead"),
        ("451 4.7.1 later", "waiting"),
        ("452 4.2.2 full", "waiting"),
    ],
)
def test_what_a_server_says_of_the_content_decides(
    connection: Connection, delivery: Delivery, mailbox: Mailbox, certificates: Certificates, answer: str, state: str
) -> None:
    mailbox.to_contents = [answer]
    declare(connection, mails(mailbox, certificates.ca_file))
    publish(connection, event())
    delivery.run_due()
    assert states(connection) == [state]


def test_an_address_that_a_policy_refuses_bounces_but_is_not_suppressed(
    connection: Connection, delivery: Delivery, mailbox: Mailbox, certificates: Certificates
) -> None:
    mailbox.to_recipients = {"desk@example.org": ["550 5.7.1 relaying denied"]}
    declare(connection, mails(mailbox, certificates.ca_file))
    publish(connection, event())
    delivery.run_due()
    assert states(connection) == ["bounced"]
    assert connection.execute("SELECT count(*) FROM notify.suppressions").fetchone() == (0,)


def test_a_wrong_password_waits_for_a_right_one_and_is_not_stored(
    connection: Connection,
    delivery: Delivery,
    mailbox: Mailbox,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    declare(connection, mails(mailbox, certificates.ca_file))
    publish(connection, event())
    monkeypatch.setenv("MAIL_PASSWORD", "wr0ng-password")
    delivery.run_due()
    row = connection.execute(
        "SELECT state, detail FROM notify.messages JOIN notify.attempts USING (message_id)"
    ).fetchone()
    assert row is not None and row[0] == "waiting" and "wr0ng" not in row[1] and "name and password" in row[1]
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    make_due(connection)
    delivery.run_due()
    assert states(connection) == ["sent"]


def test_a_server_without_starttls_gets_neither_mail_nor_password(
    connection: Connection, delivery: Delivery, mailbox: Mailbox, certificates: Certificates
) -> None:
    with mail_server("none") as plain:
        declare(connection, mails(plain, certificates.ca_file))
        publish(connection, event())
        delivery.run_due()
        assert plain.mails == [] and states(connection) == ["waiting"]
        declare(connection, mails(plain, certificates.ca_file, mail={"security": "none", "username": None}))
        make_due(connection)
        delivery.run_due()
        assert len(plain.mails) == 1 and plain.is_encrypted == [False]


def test_tls_from_the_first_byte(
    connection: Connection, delivery: Delivery, mailbox: Mailbox, certificates: Certificates
) -> None:
    with mail_server("tls", certificates.good) as encrypted:
        declare(connection, mails(encrypted, certificates.ca_file, mail={"security": "tls", "username": None}))
        publish(connection, event())
        delivery.run_due()
        assert states(connection) == ["sent"] and len(encrypted.mails) == 1


@pytest.mark.parametrize("which", ["expired", "wrong host", "unknown authority"])
def test_a_certificate_that_nobody_should_trust_is_not_trusted(
    connection: Connection, delivery: Delivery, mailbox: Mailbox, certificates: Certificates, which: str
) -> None:
    with mail_server("starttls", certificates.bad[which]) as server:
        declare(connection, mails(server, certificates.ca_file, mail={"username": None}))
        publish(connection, event())
        delivery.run_due()
        assert states(connection) == ["waiting"] and server.mails == []


def test_a_server_of_this_machine_is_refused_unless_that_is_declared(
    connection: Connection, delivery: Delivery, mailbox: Mailbox, certificates: Certificates
) -> None:
    declare(connection, mails(mailbox, certificates.ca_file, mail={"private": False}))
    publish(connection, event())
    delivery.run_due()
    assert states(connection) == ["dead"] and mailbox.mails == []


@pytest.mark.parametrize("title", ["x\r\nBcc: all@example.org", "x\nX: y\n\nbody", "\x00\x1b[2J", "x\u2028y"])
def test_no_title_breaks_out_of_its_header(
    connection: Connection, delivery: Delivery, mailbox: Mailbox, certificates: Certificates, title: str
) -> None:
    declare(connection, mails(mailbox, certificates.ca_file))
    publish(connection, event(title=title, text=title, facts=((title, title),)))
    delivery.run_due()
    (mail,) = mailbox.mails
    assert mail["Bcc"] is None and mail["X"] is None
    assert len(mail["Subject"].splitlines()) == 1


# -- the chart of an incident ----------------------------------------------------------------------------------------

CHART = {
    "watch": {"kind": "metric", "dataset": "shipments", "metric": "revenue"}, "when": {"above": 1_000},
    "days": [{"day": f"2024-06-{day:02}", "value": None if day == 2 else 400.0 * day} for day in range(1, 4)],
}  # fmt: skip


def publish_incident(connection: Connection) -> int:
    """An incident of a metric, which is announced; its number."""
    row = connection.execute(
        "INSERT INTO alert.incidents (rule, rule_version, kind, labels, severity, title, summary, data_version) "
        "VALUES ('revenue', 1, 'condition', '{}', 'warning', 'Revenue', 'High', 1) RETURNING incident_id"
    ).fetchone()
    assert row is not None
    publish(connection, event(key=f"alert.firing:{row[0]}", thread=f"incident:{row[0]}", has_chart=True))
    return int(row[0])


def store_chart(connection: Connection, incident: int, chart: Any = CHART) -> None:
    connection.execute("UPDATE alert.incidents SET chart = %s WHERE incident_id = %s", (Jsonb(chart), incident))


def body_of(mail: EmailMessage, kind: str) -> str:
    """The text of a mail in a form, plain or html."""
    body = mail.get_body((kind,))
    assert isinstance(body, EmailMessage)
    text: str = body.get_content()
    return text


def pictures_in(mail: Any) -> list[bytes]:
    return [part.get_content() for part in mail.walk() if part.get_content_type() == "image/png"]


def test_a_mail_waits_a_moment_for_the_chart_of_its_incident_and_shows_it(
    connection: Connection, delivery: Delivery, mailbox: Mailbox, certificates: Certificates
) -> None:
    declare(
        connection, mails(mailbox, certificates.ca_file, "a@example.org", "b@example.org"),
        Endpoint("inbox", EndpointChannel.INBOX),
    )  # fmt: skip
    incident = publish_incident(connection)
    assert sorted(states(connection)) == ["delivered", "waiting", "waiting"], "nothing but mails waits"
    row = connection.execute(
        "SELECT max(due_at - published_at) < interval '4 seconds' FROM notify.messages WHERE awaits_chart"
    ).fetchone()
    assert row == (True,)
    store_chart(connection, incident)
    assert delivery.run_due() == 2
    for mail in mailbox.mails:
        (png,) = pictures_in(mail)
        assert png.startswith(b"\x89PNG") and len(png) > 2_000
        html = body_of(mail, "html")
        assert 'src="cid:chart" alt="Until 2024-06-03: 1,200. It fires above 1,000."' in html
        assert [part["Content-ID"] for part in mail.walk() if part.get_content_type() == "image/png"] == ["<chart>"]


def test_a_mail_whose_chart_does_not_come_goes_out_without(
    connection: Connection, delivery: Delivery, mailbox: Mailbox, certificates: Certificates
) -> None:
    declare(connection, mails(mailbox, certificates.ca_file))
    incident = publish_incident(connection)
    make_due(connection)
    assert delivery.run_due() == 1 and states(connection) == ["sent"]
    assert pictures_in(mailbox.mails[0]) == [] and "cid:" not in str(mailbox.mails[0])
    store_chart(connection, incident)
    assert delivery.run_due() == 0


@pytest.mark.parametrize("chart", [{"days": []}, {"days": [{"day": "2024-06-01", "value": 1}]}, CHART | {"days": None}])
def test_a_chart_that_shows_nothing_is_left_out(
    connection: Connection, delivery: Delivery, mailbox: Mailbox, certificates: Certificates, chart: Any
) -> None:
    declare(connection, mails(mailbox, certificates.ca_file))
    store_chart(connection, publish_incident(connection), chart)
    assert delivery.run_due() == 1 and pictures_in(mailbox.mails[0]) == []


def test_a_picture_that_cannot_be_drawn_keeps_no_mail(
    connection: Connection,
    delivery: Delivery,
    mailbox: Mailbox,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("logistics_pipeline.notifying.channels.pictures.LONGEST_SECONDS", 0.01)
    declare(connection, mails(mailbox, certificates.ca_file))
    store_chart(connection, publish_incident(connection), CHART | {"when": {"below": 7}})
    assert delivery.run_due() == 1 and states(connection) == ["sent"]
    assert pictures_in(mailbox.mails[0]) == []
