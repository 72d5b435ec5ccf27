"""Receivers of webhooks that fail in every way: each attempt ends in time, in few bytes, and with words."""

import gzip
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from logistics_core.database_contract.notifications import AttemptOutcome
from logistics_pipeline.notifying.channels import http
from logistics_pipeline.notifying.channels.configuration import Configuration
from logistics_pipeline.notifying.channels.http import HttpSender
from logistics_pipeline.notifying.outgoing import Outcome
from logistics_pipeline.notifying.retry_schedule import pause_after
from tests.notifying.hostile_peers import Talk, after_request, close, for_ever, peer, reset, say, silence
from tests.sources.servers.certificates import Certificates, make_certificates

LONGEST_SECONDS = 0.5
MOST_BYTES = 40 << 20
OK, CHUNKED = b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: chunked\r\n"
DELIVERED, PASSING, REFUSED, GONE = (
    AttemptOutcome.DELIVERED,
    AttemptOutcome.PASSING,
    AttemptOutcome.REFUSED,
    AttemptOutcome.GONE,
)


@pytest.fixture(scope="module")
def sender() -> Iterator[HttpSender]:
    """One that is impatient."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http, "LONGEST_SECONDS", LONGEST_SECONDS)
        opened = HttpSender()
        yield opened
        opened.close()


def post(sender: HttpSender, url: str, **configuration: Any) -> Outcome:
    return sender.post(url, {}, b"{}", Configuration({"private": True, **configuration}))


def answered(status: str, headers: bytes = b"", body: bytes = b"") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n%b\r\n%b" % (status.encode(), len(body), headers, body)


def late(connection: socket.socket) -> None:
    time.sleep(LONGEST_SECONDS * 1.4)
    connection.sendall(answered("200 OK"))


BOMB = gzip.compress(bytes(64 << 20))
WAYS: dict[str, tuple[Talk, AttemptOutcome]] = {
    "slow headers": (for_ever(OK, b"X", 0.02), PASSING),
    "endless headers": (for_ever(OK, b"X-More: " + b"x" * 8_000 + b"\r\n"), PASSING),
    "endless header line": (for_ever(OK + b"X-Long: ", b"x" * (1 << 16)), PASSING),
    "endless body": (for_ever(OK + b"\r\n", b"x" * (1 << 16)), DELIVERED),
    "endless chunks": (
        for_ever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n%b\r\n" % bytes(4096)),
        DELIVERED,
    ),
    "endless chunk extension": (for_ever(OK + CHUNKED + b"\r\n1;", b"x" * (1 << 16)), PASSING),
    "slow body": (for_ever(OK + b"Content-Length: 1000\r\n\r\n", b"x", 0.02), PASSING),
    "gzip bomb": (say(answered("200 OK", b"Content-Encoding: gzip\r\n", BOMB)), DELIVERED),
    "body that ends too soon": (say(OK + b"Content-Length: 100\r\n\r\nshort"), PASSING),
    "redirect to metadata": (say(answered("307 Moved", b"Location: http://169.254.169.254/latest\r\n")), REFUSED),
    "redirect to this machine": (say(answered("308 Moved", b"Location: http://localhost:22/\r\n")), REFUSED),
    "gone": (say(answered("410 Gone")), GONE),
    "200 after the time limit": (late, PASSING),
    "silence": (silence, PASSING),
    "end without a byte": (close, PASSING),
    "reset": (reset, PASSING),
    "informed for ever": (for_ever(b"", b"HTTP/1.1 102 Processing\r\n\r\n"), PASSING),
    "another protocol": (say(b"SSH-2.0-OpenSSH_9.9\r\n"), PASSING),
    "no status": (say(b"HTTP/1.1 abc OK\r\n\r\n"), PASSING),
    "long status": (say(b"HTTP/1.1 20000 OK\r\n\r\n"), PASSING),
    "negative length": (say(OK + b"Content-Length: -1\r\n\r\n"), PASSING),
    "two lengths": (say(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"), PASSING),
    "bytes of zero": (say(bytes(4_000)), PASSING),
    "status 599": (say(answered("599 ?", body=b"\xff\xfe\x00<script>\r\nX: y")), PASSING),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_attempt_ends_in_time_and_takes_little_memory(sender: HttpSender, way: str) -> None:
    talk, expected = WAYS[way]
    process = psutil.Process()
    with peer(after_request(talk)) as port:
        before, began = process.memory_info().rss, time.monotonic()
        outcome = post(sender, f"http://127.0.0.1:{port}/hook")
        seconds, grown = time.monotonic() - began, process.memory_info().rss - before
    assert outcome.outcome is expected, outcome
    assert seconds < LONGEST_SECONDS + 10
    assert grown < MOST_BYTES
    assert outcome.detail.isprintable() and len(outcome.detail) < 500


@pytest.mark.parametrize(
    "wanted",
    ["-5", "0", "nan", "inf", "-inf", "1e308", "9" * 400, "0x10", "5, 10", "soon", "", " ", "\xff", "12.5",
     "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "Wed, 99 Foo 2024 99:99:99 GMT"],
)  # fmt: skip
def test_whatever_retry_after_says_the_pause_is_a_second_to_a_day(sender: HttpSender, wanted: str) -> None:
    header = b"Retry-After: " + wanted.encode("latin-1") + b"\r\n"
    with peer(after_request(say(answered("429 Too Many Requests", header)))) as port:
        outcome = post(sender, f"http://127.0.0.1:{port}/hook")
    assert outcome.outcome is PASSING
    pause = pause_after(1, outcome.wanted_seconds)
    assert pause is not None and 1 <= pause.total_seconds() <= 1.2 * 86_400


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("which", ["expired", "wrong host", "unknown authority", "plain HTTP", "no handshake"])
def test_nothing_is_sent_to_a_receiver_that_cannot_prove_who_it_is(
    sender: HttpSender, certificates: Certificates, which: str
) -> None:
    received: list[bytes] = []

    def take(connection: socket.socket) -> None:
        received.append(connection.recv(1 << 16))
        connection.sendall(answered("200 OK"))

    talks: dict[str, tuple[Talk, ssl.SSLContext | None]] = {
        "plain HTTP": (say(answered("400 Bad Request")), None),
        "no handshake": (silence, None),
    }
    talk, context = talks.get(which) or (take, certificates.bad[which])
    with peer(talk, context) as port:
        began = time.monotonic()
        outcome = post(sender, f"https://localhost:{port}/hook", caFile=str(certificates.ca_file))
    assert outcome.outcome is PASSING and received == []
    assert time.monotonic() - began < LONGEST_SECONDS + 10
