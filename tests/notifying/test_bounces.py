"""Reports of mail servers about mails that they had accepted."""

import mailbox
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_core.database_contract.notifications import EndpointChannel
from logistics_core.signed_ids import parse_signed_id, signed_id
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.notifying import ledger
from logistics_pipeline.notifying.bounces import Noted, note_bounce, parse_bounce, read_mailbox
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.publishing import publish
from tests.notifying.events import declare, event, states

# As Postfix writes it.
REPORT = """\
Return-Path: <>
From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
Arrival-Date: Mon,  3 Jun 2024 08:15:00 +0000 (UTC)

Final-Recipient: rfc822; desk@example.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} <desk@example.org>: Recipient address
    rejected: User unknown

--B
Content-Type: {kind}

{returned}

--B--
"""


def report(token: str, status: str = "5.1.1", action: str = "failed", *, by_address: bool = True) -> bytes:
    to = f"bounces+{token.upper()}@fleet.example.org" if by_address else "bounces@fleet.example.org"
    returned = f"Message-ID: <{uuid4().hex}@fleet.example.org>\nX-Logistics-Bounce: {token}\nSubject: x"
    text = REPORT.format(to=to, action=action, status=status, kind="text/rfc822-headers", returned=returned)
    return text.encode()


def unsigned() -> str:
    return signed_id(uuid4(), bytes(8))


@pytest.fixture
def sent(connection: Connection) -> str:
    """What the report about a message that was sent names it by."""
    declare(connection, Endpoint("mails", EndpointChannel.EMAIL, recipients=("Desk@example.org",)))
    return send_another(connection)


def send_another(connection: Connection) -> str:
    publish(connection, event())
    row = connection.execute(
        "UPDATE notify.messages SET state = 'sent', due_at = NULL, ended_at = clock_timestamp() "
        "WHERE state = 'waiting' RETURNING public_id, notify.sign('bounce', public_id)"
    ).fetchone()
    assert row is not None
    return signed_id(row[0], row[1][:8])


def note(connection: Connection, content: bytes) -> Noted | None:
    found = parse_bounce(content)
    assert found is not None
    return note_bounce(connection, found)


@pytest.mark.parametrize("by_address", [True, False])
def test_a_mail_that_comes_back_ends_as_bounced_and_its_address_gets_no_more(
    connection: Connection, sent: str, by_address: bool
) -> None:
    noted = note(connection, report(sent, by_address=by_address))
    assert noted is not None and noted.is_suppressed and states(connection) == ["bounced"]
    assert note(connection, report(sent, by_address=by_address)) is None, "the same report again changes nothing"
    publish(connection, event())
    assert states(connection) == ["bounced", "suppressed"]
    assert ledger.balances(connection)[0].is_balanced
    (entry,) = ledger.list_suppressions(connection)
    assert (entry["recipient"], entry["kind"], entry["topic"]) == ("desk@example.org", "bounced", None)
    assert ledger.lift_suppressions(connection, "DESK@example.org") == 1
    publish(connection, event())
    assert states(connection)[-1] == "waiting"


@pytest.mark.parametrize("status", ["5.2.2", "4.4.7", "5.7.1"])
def test_what_may_pass_suppresses_an_address_the_second_time_within_a_day(
    connection: Connection, sent: str, status: str
) -> None:
    first = note(connection, report(sent, status))
    assert first is not None and not first.is_suppressed
    second = note(connection, report(send_another(connection), status))
    assert second is not None and second.is_suppressed
    publish(connection, event())
    assert states(connection) == ["bounced", "bounced", "suppressed"]


def test_what_may_pass_is_forgiven_after_a_day(connection: Connection, sent: str) -> None:
    note(connection, report(sent, "5.2.2"))
    connection.execute("UPDATE notify.bounces SET noted_at = noted_at - interval '25 hours'")
    noted = note(connection, report(send_another(connection), "5.2.2"))
    assert noted is not None and not noted.is_suppressed


def test_a_delay_is_no_end() -> None:
    assert parse_bounce(report(unsigned(), "4.4.1", "delayed")) is None


@pytest.mark.parametrize("code", [bytes(8), bytes(16)])
def test_nobody_can_have_an_address_suppressed_who_knows_only_the_id(
    connection: Connection, sent: str, code: bytes
) -> None:
    named = parse_signed_id(sent)
    assert named is not None
    found = parse_bounce(report(signed_id(named[0], bytes(8))))
    assert found is not None
    assert note_bounce(connection, replace(found, code=code)) is None
    assert note_bounce(connection, replace(found, code=b"")) is None
    assert states(connection) == ["sent"] and ledger.list_suppressions(connection) == []


def test_answers_of_people_are_no_reports() -> None:
    mail = EmailMessage()
    mail["To"] = f"bounces+{unsigned()}@fleet.example.org"
    mail.set_content("I am on holiday. Status: 5.1.1 Action: failed")
    assert parse_bounce(bytes(mail)) is None


@pytest.mark.parametrize("kind", [mailbox.Maildir, mailbox.mbox])
def test_the_reports_of_a_mailbox_are_read_and_stay_there(
    connection: Connection, sent: str, tmp_path: Path, kind: type[mailbox.Mailbox[mailbox.Message]]
) -> None:
    opened = kind(str(tmp_path / "bounces"))
    opened.add(b"Subject: hello\n\nno report")
    opened.add(report(sent))
    opened.close()
    for _ in range(2):
        mails = list(read_mailbox(tmp_path / "bounces"))
        assert len(mails) == 2
    found = [each for each in map(parse_bounce, mails) if each is not None]
    assert [each.status for each in found] == ["5.1.1"] and note_bounce(connection, found[0]) is not None


def test_what_is_no_mailbox_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no mailbox"):
        list(read_mailbox(tmp_path / "missing"))


@given(noise=st.binary(max_size=400), at=st.integers(0, 1_500))
def test_any_bytes_are_read_without_an_error(noise: bytes, at: int) -> None:
    text = report(unsigned())
    parse_bounce(text[:at] + noise + text[at:])
    parse_bounce(noise)
