"""No message reaches an address that it must not: names, encodings of addresses, rebinding, redirects."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from logistics_core.database_contract.notifications import AttemptOutcome, EndpointChannel
from logistics_pipeline.notifying.channels.configuration import Configuration
from logistics_pipeline.notifying.channels.http import HttpSender, Unsendable, checked_address
from tests.notifying.sink import Reply, Sink, serving

INNER = [
    "127.0.0.1", "127.1", "127.0.1", "0x7f000001", "2130706433", "0177.0.0.1", "0x7f.0.0.1", "localhost", "LOCALHOST.",
    "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::]", "0.0.0.0", "0",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "10.0.0.1", "172.16.0.1", "192.168.1.1", "[fd00::1]", "[fc00::1]",
    "100.64.0.1", "198.18.0.1", "192.0.0.1", "240.0.0.1", "255.255.255.255", "[fe80::1]", "[::127.0.0.1]",
]  # fmt: skip
NEVER = ["169.254.169.254", "[::ffff:169.254.169.254]", "0xa9fea9fe", "2852039166", "[fe80::a9fe:a9fe]",
         "224.0.0.1", "[ff02::1]", "0.0.0.0", "[::]", "[64:ff9b::a9fe:a9fe]"]  # fmt: skip


@pytest.fixture
def http() -> Iterator[HttpSender]:
    sender = HttpSender()
    yield sender
    sender.close()


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every address that a connection is opened to."""
    found: list[Any] = []
    create = socket.create_connection

    def record(address: Any, *args: Any, **kwargs: Any) -> socket.socket:
        found.append(address)
        return create(address, *args, **kwargs)

    monkeypatch.setattr(socket, "create_connection", record)
    return found


@pytest.mark.parametrize("host", [*INNER, *NEVER])
def test_no_spelling_of_an_inner_address_gets_a_connection(http: HttpSender, connected: list[Any], host: str) -> None:
    for scheme in ("https", "http"):
        outcome = http.post(f"{scheme}://{host}:8443/x", {}, b"{}", Configuration({}))
        assert outcome.outcome in (AttemptOutcome.REFUSED, AttemptOutcome.PASSING)
    assert connected == []


@pytest.mark.parametrize("host", NEVER)
def test_some_addresses_are_refused_even_where_private_ones_are_allowed(
    http: HttpSender, connected: list[Any], host: str
) -> None:
    http.post(f"http://{host}:8080/x", {}, b"{}", Configuration({"private": True}))
    assert connected == []


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "gopher://example.org/", "ftp://example.org/", "https://user:pass@example.org/", "//x", "",
     "https://", "https://example.org:22/", "https://example.org:25/", "https://example.org:99999/", "javascript:1",
     "https://exämple.org/", "http://example.org/", "https://[::1/"],
)  # fmt: skip
def test_addresses_that_no_receiver_has_are_refused(url: str) -> None:
    with pytest.raises(Unsendable):
        checked_address(url, is_private=False)


def test_a_name_that_leads_elsewhere_a_moment_later_changes_nothing(
    http: HttpSender, connected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = ["93.184.216.34", "127.0.0.1"]
    asked: list[str] = []

    def look_up(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        asked.append(host)
        address = answers.pop(0) if host == "rebinding.example" else host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", lambda address, *_, **__: _refuse(connected, address))
    http.post("https://rebinding.example/x", {}, b"{}", Configuration({}))
    assert asked.count("rebinding.example") == 1
    assert [address[0] for address in connected] == ["93.184.216.34"]


def _refuse(connected: list[Any], address: Any) -> socket.socket:
    connected.append(address)
    raise ConnectionRefusedError(111, "Connection refused")


def test_a_name_with_one_good_and_one_inner_address_leads_to_the_good_one_alone(
    http: HttpSender, connected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in ("10.0.0.7", "93.184.216.34")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    monkeypatch.setattr(socket, "create_connection", lambda address, *_, **__: _refuse(connected, address))
    http.post("https://both.example/x", {}, b"{}", Configuration({}))
    assert [address[0] for address in connected] == ["93.184.216.34"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(http: HttpSender, sink: Sink, status: int) -> None:
    with serving() as other:
        sink.usual = Reply(status, {"Location": f"{other.url}/inner"})
        outcome = http.post(sink.url, {}, b"{}", Configuration({"private": True}))
        assert outcome.outcome is AttemptOutcome.REFUSED and other.received == []


@pytest.mark.parametrize("value", ["x\r\nX-Injected: 1", "x\nY: 2", "x\0y"])
def test_no_header_breaks_out_of_its_line(http: HttpSender, sink: Sink, value: str) -> None:
    outcome = http.post(sink.url, {"X-Tag": value}, b"{}", Configuration({"private": True}))
    assert outcome.outcome is not AttemptOutcome.DELIVERED and sink.received == []


def test_channels_are_all_known() -> None:
    from logistics_pipeline.notifying.channels.sending import Channels

    assert set(Channels()._senders) == set(EndpointChannel)
