"""HTTP/1.1 against a server that sends any bytes: what is a response, what is none, and which connections are kept."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpcore2
import pytest

from logistics_pipeline.sources.requests.addresses import Deadline, GuardedBackend
from logistics_pipeline.sources.requests.http_connection import Connections, Timeouts

TIMEOUTS = Timeouts(5, 5)
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"
ENDS = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"


@dataclass
class Server:
    """Answers each request with the next of its responses; None: closes the connection in place of an answer."""

    responses: list[bytes | None]
    closes: bool = False
    """Whether it closes a connection after each response."""
    piece: int = 1 << 20
    """Bytes that are sent at a time."""
    requests: list[bytes] = field(default_factory=list)
    accepted: int = 0
    url: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def served(self) -> Iterator["Server"]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/a?b=c"
            accepting = threading.Thread(target=self._accept, args=(listener,), daemon=True)
            accepting.start()
            yield self
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()  # before the listener is closed, and its number belongs to another socket

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.accepted += 1
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while request := connection.recv(65_536):
                self.requests.append(request)
                response = self.responses.pop(0)
                if response is None:
                    break
                for begin in range(0, len(response), self.piece):
                    connection.sendall(response[begin : begin + self.piece])
                if self.closes:
                    connection.shutdown(socket.SHUT_RDWR)
                    break
        self.ended.set()


@contextmanager
def connections() -> Iterator[Connections]:
    deadline = Deadline()
    deadline.start(20)
    found = Connections(ssl.create_default_context(), GuardedBackend(deadline, private=True))
    try:
        yield found
    finally:
        found.close()


def ask(made: Connections, url: str, **headers: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    sent = [(b"Host", b"here"), *((name.encode(), value.encode()) for name, value in headers.items())]
    with made.stream("GET", urlsplit(url), sent, None, TIMEOUTS) as response:
        return response.status, list(response.headers), b"".join(response)


RESPONSES = {
    "length": GOOD,
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ngo\r\n2;a=b\r\nod\r\n0\r\nTrailer: x\r\n\r\n",
    "until it closes": ENDS + b"good",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\ngood",
    "without a reason": b"HTTP/1.1 200\r\nContent-Length: 4\r\n\r\ngood",
    "after an informational one": b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + GOOD,
    "lines that end with LF": GOOD.replace(b"\r\n", b"\n"),
    "nothing": b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
    "a refusal": b"HTTP/1.1 429 Too Many\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nwait",
}


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
def test_responses_are_those_that_httpcore2_reads(response: bytes, piece: int) -> None:
    with Server([response, response], closes=True, piece=piece).served() as server, connections() as made:
        found = ask(made, server.url)
        with httpcore2.ConnectionPool() as pool:
            expected = pool.request("GET", server.url)
    assert found == (expected.status, expected.headers, expected.content)


@pytest.mark.parametrize(
    "response",
    [
        None,
        b"SSH-2.0-OpenSSH_9.6\r\n",
        GOOD[:20],
        GOOD[:-1],
        ENDS.replace(b"X: y", b"Transfer-Encoding: chunked") + b"4\r\ngood\r\n",
        ENDS.replace(b"X: y", b"Transfer-Encoding: gzip, chunked") + b"4\r\ngood\r\n0\r\n\r\n",
        ENDS.replace(b"X: y", b"Transfer-Encoding: chunked\r\nContent-Length: 4") + b"4\r\ngood\r\n0\r\n\r\n",
        ENDS.replace(b"X: y", b"Content-Length: 4\r\nContent-Length: 5") + b"good",
        ENDS.replace(b"X: y", b"Content-Length: -4") + b"good",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        ENDS.replace(b"y", b"y" * 200_000) + b"good",
        b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" * 6_000 + GOOD,
        ENDS.replace(b"X: y", b"Transfer-Encoding: chunked") + b"0\r\n" + b"A: b\r\n" * 60_000 + b"\r\n",
    ],
    ids=[
        "nothing", "another protocol", "half a head", "half a body", "chunks without an end", "an unknown encoding",
        "two lengths by two headers", "two lengths", "a negative length", "an upgrade", "a head without end",
        "hints without end", "trailers without end",
    ],
)  # fmt: skip
def test_what_is_no_response_is_an_error_and_ends_the_connection(response: bytes | None) -> None:
    with Server([response, GOOD], closes=True).served() as server, connections() as made:
        with pytest.raises(httpcore2.RemoteProtocolError):
            ask(made, server.url)
        assert ask(made, server.url)[2] == b"good"
    assert server.accepted == 2


def test_a_connection_serves_one_request_after_the_other() -> None:
    with Server([RESPONSES["chunks"], RESPONSES["nothing"], GOOD]).served() as server, connections() as made:
        assert [ask(made, server.url)[2] for _ in range(3)] == [b"good", b"", b"good"]
    assert server.accepted == 1
    assert server.requests[0] == b"GET /a?b=c HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.mark.parametrize(
    "first",
    [
        GOOD + GOOD.replace(b"good", b"evil"),
        GOOD + b"rest",
        GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + GOOD.replace(b"good", b"evil"),
        GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
    ],
    ids=["a response too many", "bytes too many", "more after the end", "the end"],
)
def test_a_response_that_was_not_asked_for_answers_no_request(first: bytes) -> None:
    with Server([first, GOOD]).served() as server, connections() as made:
        assert [ask(made, server.url)[2] for _ in range(2)] == [b"good", b"good"]
    assert server.accepted == 2


def test_a_response_that_was_not_read_to_its_end_ends_the_connection() -> None:
    with Server([GOOD[:-2], GOOD]).served() as server, connections() as made:
        with made.stream("GET", urlsplit(server.url), [], None, TIMEOUTS) as response:
            assert response.status == 200
        assert ask(made, server.url)[2] == b"good"
    assert server.accepted == 2


def test_a_connection_that_the_server_has_closed_meanwhile_is_not_used() -> None:
    with Server([GOOD, GOOD], closes=True).served() as server, connections() as made:
        ask(made, server.url)
        assert server.ended.wait(5)
        assert ask(made, server.url)[2] == b"good"
    assert server.accepted == 2


def test_a_body_is_sent_with_its_length() -> None:
    with (
        Server([GOOD]).served() as server,
        connections() as made,
        made.stream("POST", urlsplit(server.url), [(b"Host", b"here")], b"{}", TIMEOUTS) as response,
    ):
        assert b"".join(response) == b"good"
    assert b"".join(server.requests) == b"POST /a?b=c HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [("/a b", "A", "b"), ("/ä", "A", "b"), ("/", "A", "b\r\nEvil: c"), ("/", "A\r\nEvil", "b"), ("/", "A:", "b")],
)
def test_no_value_breaks_out_of_its_line(path: str, name: str, value: str) -> None:
    with Server([GOOD]).served() as server, connections() as made, pytest.raises(httpcore2.LocalProtocolError):
        ask(made, server.url.partition("/a?")[0] + path, **{name: value})
    assert server.requests == []
