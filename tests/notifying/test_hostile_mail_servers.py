"""Mail servers that fail at each step in each way: the attempt ends in time, in few bytes, and as it should."""

import socket
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psutil
import pytest

from logistics_core.database_contract.notifications import AttemptOutcome, EndpointChannel
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.notifying.channels import mail
from logistics_pipeline.notifying.channels.configuration import Configuration
from logistics_pipeline.notifying.channels.mail import mail_of, send_mail
from logistics_pipeline.notifying.outgoing import Outcome, Outgoing
from tests.notifying.events import event
from tests.notifying.hostile_peers import STEPS, Talk, close, for_ever, peer, reset, say, silence, smtp
from tests.sources.servers.certificates import make_certificates

HANGING, LONGEST_SECONDS = ("silence", "drip"), 2.0
"""What would never end ends after this, here."""
MOST_BYTES = 40 << 20
SENT, PASSING, REFUSED, BOUNCED = (
    AttemptOutcome.SENT,
    AttemptOutcome.PASSING,
    AttemptOutcome.REFUSED,
    AttemptOutcome.BOUNCED,
)


def message(recipient: str = "desk@example.org", **server: Any) -> Outgoing:
    settings = {"server": "localhost", "security": "none", "private": True, "from": "alerts@example.org"}
    return Outgoing(
        message_id=1, public_id=uuid4(), endpoint="mails", endpoint_id=1, channel=EndpointChannel.EMAIL,
        configuration={"mail": settings | server}, recipient=recipient, events=(event(),), is_digest=False,
        published_at=datetime(2024, 6, 3, tzinfo=UTC), number=1, tries=1,
    )  # fmt: skip


def send(port: int, recipient: str = "desk@example.org", **server: Any) -> Outcome:
    sent = message(recipient, port=port, **server)
    return send_mail(sent, Configuration(sent.configuration))


def cut_off(connection: socket.socket) -> None:
    connection.sendall(b"250 O")
    close(connection)


LINES = b"250-" + b"x" * 500 + b"\r\n"
WAYS: dict[str, Talk] = {
    "4xx": say(b"451 4.7.1 greylisted\r\n"),
    "5xx": say(b"554 5.7.1 no\r\n"),
    "close": close,
    "reset": reset,
    "silence": silence,
    "half an answer": cut_off,
    "drip": for_ever(b"250", b" ", 0.02),
    "flood of lines": for_ever(b"", LINES * 100),
    "line without an end": for_ever(b"250-", b"x" * (1 << 16)),
    "no SMTP": say(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "zero bytes": say(bytes(3_000) + b"\r\n"),
    "bytes that are no text": say(b"250 \xff\xfe\x80\r\n"),
}
OUTCOMES = {("MAIL", "5xx"): REFUSED, ("RCPT", "5xx"): BOUNCED, ("DATA", "5xx"): REFUSED, ("content", "5xx"): REFUSED}


def expected(step: str, way: str) -> AttemptOutcome:
    """Once the content is accepted, nothing that follows matters."""
    is_good_answer = way == "bytes that are no text" and step in ("EHLO", "MAIL", "RCPT", "content")
    return SENT if step == "QUIT" or is_good_answer else OUTCOMES.get((step, way), PASSING)


def attempt(step: str, way: str) -> float:
    """The seconds that an attempt takes, which ends as it should."""
    process = psutil.Process()
    with peer(smtp({step: WAYS[way]})) as port:
        before, began = process.memory_info().rss, time.monotonic()
        outcome = send(port)
        seconds, grown = time.monotonic() - began, process.memory_info().rss - before
    assert outcome.outcome is expected(step, way), outcome
    assert grown < MOST_BYTES
    assert outcome.detail.isprintable() and len(outcome.detail) < 700
    return seconds


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("way", [each for each in WAYS if each not in HANGING])
def test_an_attempt_ends_as_the_server_says(step: str, way: str) -> None:
    assert attempt(step, way) < 20


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("way", HANGING)
def test_an_attempt_ends_in_time(step: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "SESSION_SECONDS", LONGEST_SECONDS)
    assert attempt(step, way) < LONGEST_SECONDS + 5


def test_what_was_said_before_tls_is_no_answer_after_it(tmp_path: Any) -> None:
    """Whoever sits on the wire appends answers to that of STARTTLS; they must not count as the server's own."""
    certificates = make_certificates(tmp_path)
    contents: list[bytes] = []

    def start_tls(connection: socket.socket) -> None:
        connection.sendall(b"220 mx\r\n")
        connection.recv(100)
        connection.sendall(b"250-mx\r\n250 STARTTLS\r\n")
        connection.recv(100)
        connection.sendall(b"220 Go on\r\n250-injected\r\n250 SMTPUTF8\r\n")
        with certificates.good.wrap_socket(connection, server_side=True) as secured:
            smtp({"banner": say()}, contents)(secured)

    with peer(start_tls) as port:
        outcome = send(port, security="starttls", caFile=str(certificates.ca_file))
    assert outcome.outcome is SENT and len(contents) == 1
    assert b"SMTPUTF8" not in contents[0]


@pytest.mark.parametrize("capability", [b"", b"250-SMTPUTF8\r\n250-8BITMIME\r\n"])
def test_an_address_in_utf8_needs_a_server_that_takes_it(capability: bytes) -> None:
    contents: list[bytes] = []
    with peer(smtp({"EHLO": say(b"250-mx\r\n" + capability + b"250 OK\r\n")}, contents)) as port:
        outcome = send(port, "größe@example.org")
    if capability:
        assert outcome.outcome is SENT and "To: größe@example.org".encode() in contents[0]
    else:
        assert outcome.outcome is PASSING and "internationalized" in outcome.detail and contents == []


@pytest.mark.parametrize(
    "address",
    ["größe@b@example.org", "a@example.org\r\nBcc: b@example.org", "a@example.org\nRCPT TO:<b@example.org>",
     "a b@example.org", "a@", "@b", "", "a@b>\r\nDATA", "x\0@example.org", "a@example.org, b@example.org",
     "<a@example.org> <b@example.org>"],
)  # fmt: skip
def test_no_address_becomes_a_second_command_or_header(address: str) -> None:
    contents: list[bytes] = []
    recipients: list[bytes] = []

    def note_recipient(connection: socket.socket) -> None:
        recipients.append(b"one")
        connection.sendall(b"250 OK\r\n")

    with peer(smtp({"RCPT": note_recipient}, contents)) as port:
        try:
            send(port, address)
        except ConfigurationError as error:
            assert "is no address" in str(error)
    assert recipients == contents == []


@pytest.mark.parametrize("name", ["x\r\nBcc: all@example.org", "x\ny", "Größe, Ä \x07", '"quoted" <b@example.org>'])
def test_no_name_of_a_sender_breaks_out_of_its_header(name: str) -> None:
    try:
        mail_bytes = bytes(mail_of(message(**{"from": f"{name} <alerts@example.org>"})))
    except ConfigurationError:
        return
    head = mail_bytes.partition(b"\r\n\r\n")[0]
    assert b"\nBcc" not in head and head.count(b"\nFrom:") + head.startswith(b"From:") == 1
