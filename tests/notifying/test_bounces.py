"""Reports of mail servers about mails that they had accepted."""

from email.message import EmailMessage
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_core.database_contract.notifications import EndpointChannel
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.notifying import ledger
from logistics_pipeline.notifying.bounces import note_bounce, parse_bounce
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


def report(public_id: UUID, status: str = "5.1.1", action: str = "failed", *, by_address: bool = True) -> bytes:
    to = f"bounces+{public_id.hex}@fleet.example.org" if by_address else "bounces@fleet.example.org"
    returned = f"Message-ID: <{public_id.hex}@fleet.example.org>\nSubject: x"
    text = REPORT.format(to=to, action=action, status=status, kind="text/rfc822-headers", returned=returned)
    return text.encode()


@pytest.fixture
def sent(connection: Connection) -> UUID:
    declare(connection, Endpoint("mails", EndpointChannel.EMAIL, recipients=("desk@example.org",)))
    publish(connection, event())
    connection.execute("UPDATE notify.messages SET state = 'sent', due_at = NULL, ended_at = clock_timestamp()")
    row = connection.execute("SELECT public_id FROM notify.messages").fetchone()
    assert row is not None
    found: UUID = row[0]
    return found


@pytest.mark.parametrize("by_address", [True, False])
def test_a_mail_that_comes_back_ends_as_bounced_and_its_address_gets_no_more(
    connection: Connection, sent: UUID, by_address: bool
) -> None:
    found = parse_bounce(report(sent, by_address=by_address))
    assert found is not None and (found.public_id, found.status) == (sent, "5.1.1")
    assert note_bounce(connection, found) is not None and states(connection) == ["bounced"]
    assert note_bounce(connection, found) is None, "the same report again changes nothing"
    publish(connection, event())
    assert states(connection) == ["bounced", "suppressed"]
    assert ledger.balances(connection)[0].is_balanced


def test_a_full_mailbox_bounces_but_may_get_the_next_mail(connection: Connection, sent: UUID) -> None:
    found = parse_bounce(report(sent, "5.2.2"))
    assert found is not None
    note_bounce(connection, found)
    publish(connection, event())
    assert states(connection) == ["bounced", "waiting"]


def test_a_delay_is_no_end() -> None:
    assert parse_bounce(report(uuid4(), "4.4.1", "delayed")) is None


def test_nobody_can_have_an_address_suppressed_without_the_id_of_a_message(connection: Connection, sent: UUID) -> None:
    found = parse_bounce(report(uuid4()))
    assert found is not None and note_bounce(connection, found) is None
    assert states(connection) == ["sent"]
    assert connection.execute("SELECT count(*) FROM notify.suppressions").fetchone() == (0,)


def test_answers_of_people_are_no_reports() -> None:
    mail = EmailMessage()
    mail["To"] = f"bounces+{uuid4().hex}@fleet.example.org"
    mail.set_content("I am on holiday. Status: 5.1.1 Action: failed")
    assert parse_bounce(bytes(mail)) is None


@given(noise=st.binary(max_size=400), at=st.integers(0, 1_500))
def test_any_bytes_are_read_without_an_error(noise: bytes, at: int) -> None:
    text = report(uuid4())
    parse_bounce(text[:at] + noise + text[at:])
    parse_bounce(noise)
