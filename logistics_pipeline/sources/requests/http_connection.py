"""HTTP/1.1 with the parser of Node.js (llhttp, by httptools), which costs a tenth of h11.

Where a connection leads and how long it may wait is the business of the network below, see `addresses`. Errors are
those of httpcore2, which sends what goes through a proxy. Memory: what one read brings.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext
from threading import Lock
from time import monotonic
from typing import NamedTuple, Protocol
from urllib.parse import SplitResult

import httpcore2
from httpcore2 import NetworkBackend, NetworkStream
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

Headers = Sequence[tuple[bytes, bytes]]

_KEPT_SECONDS = 30.0
"""A connection that was not used for so long is not used again."""
_READ_BYTES = 1 << 16
_MOST_BYTES_BESIDE_BODIES = 100 << 10
"""Of a head, of trailers, and of what else a server may send that is no body: llhttp itself sets no limit."""
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[^\0\r\n]*")
_TARGET = re.compile(r"[\x21-\x7e]+")


class Timeouts(NamedTuple):
    """How long each wait may take, in seconds; the deadline of the request ends all of them."""

    connect: float
    read: float


class Incoming(Protocol):
    """A response whose body is still arriving."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Headers: ...

    def __iter__(self) -> Iterator[bytes]: ...


class _Origin(NamedTuple):
    is_tls: bool
    host: str
    port: int


def _origin(url: SplitResult) -> _Origin:
    is_tls = url.scheme == "https"
    return _Origin(is_tls, url.hostname or "", url.port or (443 if is_tls else 80))


@dataclass
class Connections:
    """The connections to servers, each for one request at a time; several threads may use them."""

    ssl_context: SSLContext
    backend: NetworkBackend
    _idle: list["_Connection"] = field(default_factory=list)
    """The one used last stands last."""
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def stream(
        self, method: str, url: SplitResult, headers: Headers, content: bytes | None, timeouts: Timeouts
    ) -> Iterator[Incoming]:
        """Sends a request; the response can be read while the block runs.

        Raises:
            httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError: there is no response.
        """
        message = _message(method, url, headers, content)
        connection = self._connection(_origin(url), timeouts)
        is_reusable = False
        try:
            connection.send(message, timeouts)
            incoming = _Incoming(connection.stream, timeouts.read)
            incoming.read_head()
            yield incoming
            is_reusable = incoming.leaves_reusable
        finally:
            if is_reusable:
                connection.expires_at = monotonic() + _KEPT_SECONDS
                with self._lock:
                    self._idle.append(connection)
            else:
                connection.stream.close()

    def _connection(self, origin: _Origin, timeouts: Timeouts) -> "_Connection":
        with self._lock:
            ended = [each for each in self._idle if each.has_ended]
            for each in ended:
                self._idle.remove(each)
            fitting = next((each for each in reversed(self._idle) if each.origin == origin), None)
            if fitting is not None:
                self._idle.remove(fitting)
        for each in ended:
            each.stream.close()
        return fitting or _Connection(origin, self._connect(origin, timeouts))

    def _connect(self, origin: _Origin, timeouts: Timeouts) -> NetworkStream:
        stream = self.backend.connect_tcp(origin.host, origin.port, timeouts.connect)
        return stream.start_tls(self.ssl_context, origin.host, timeouts.connect) if origin.is_tls else stream

    def close(self) -> None:
        """Closes those that no request has."""
        with self._lock:
            idle, self._idle = self._idle, []
        for each in idle:
            each.stream.close()


@dataclass(eq=False)
class _Connection:
    origin: _Origin
    stream: NetworkStream
    expires_at: float = float("inf")

    @property
    def has_ended(self) -> bool:
        """Whether it has waited for too long, or the server has ended it: nothing else makes an idle one readable."""
        return monotonic() > self.expires_at or bool(self.stream.get_extra_info("is_readable"))

    def send(self, message: bytes, timeouts: Timeouts) -> None:
        with suppress(httpcore2.WriteError):  # the server may have answered before it had read all
            self.stream.write(message, timeouts.read)


@dataclass
class ProxiedConnections:
    """The same through a proxy, all by httpcore2."""

    pool: httpcore2.ConnectionPool

    @contextmanager
    def stream(
        self, method: str, url: SplitResult, headers: Headers, content: bytes | None, timeouts: Timeouts
    ) -> Iterator[Incoming]:
        """See `Connections`."""
        waits = {"connect": timeouts.connect, "read": timeouts.read, "write": timeouts.read, "pool": None}
        with self.pool.stream(
            method, url.geturl(), headers=headers, content=content, extensions={"timeout": waits}
        ) as response:
            yield _Proxied(response.status, response.headers, response.iter_stream())

    def close(self) -> None:
        """Closes all."""
        self.pool.close()


class _Proxied(NamedTuple):
    status: int
    headers: Headers
    body: Iterator[bytes]

    def __iter__(self) -> Iterator[bytes]:  # type: ignore[override]
        return self.body


class _Incoming:
    """A response while it arrives: what the parser calls, and the stream of the body."""

    def __init__(self, stream: NetworkStream, timeout: float) -> None:
        self._stream = stream
        self._timeout = timeout
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)  # as h11; older devices leave it out
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._has_head = False
        self._is_complete = False
        self._keeps_alive = False
        self._is_over = False
        self._is_followed = False
        """Whether something came after the end of the response."""
        self._beside_bodies = 0

    # -- called by the parser ----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._is_complete and self.status >= 200:
            self._is_followed = True
        else:  # the response after an informational one
            self.headers, self._has_head, self._is_complete = [], False, False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:  # afterwards they are trailers
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if not self._is_followed:
            self.status = self._parser.get_status_code()
            self._keeps_alive = self._parser.should_keep_alive()
            self._has_head = True

    def on_body(self, body: bytes) -> None:
        if not self._is_followed:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        self._is_complete = True

    # -- reading -----------------------------------------------------------------------------------------------------

    def read_head(self) -> None:
        """Reads until the head of the final response is there."""
        while not self._has_head or self.status < 200:
            self._read()
            if self._is_over and not (self._has_head and self.status >= 200):
                raise httpcore2.RemoteProtocolError("Server disconnected without sending a response.")
        coding = _values(self.headers).get(b"transfer-encoding", b"chunked").strip().lower()
        if coding != b"chunked":
            raise httpcore2.RemoteProtocolError(f"the transfer encoding {coding[:40]!r} is unknown")

    def __iter__(self) -> Iterator[bytes]:
        while True:
            pieces, self._pieces = self._pieces, []
            yield from pieces
            if self._is_complete or self._is_over:
                return
            self._read()

    def _read(self) -> None:
        data = self._stream.read(_READ_BYTES, self._timeout)
        if not data:
            self._end()
            return
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            raise httpcore2.RemoteProtocolError("the server wants to speak another protocol") from None
        except HttpParserError as error:
            if not (self._is_complete and self.status >= 200):
                raise httpcore2.RemoteProtocolError(str(error)) from None
            self._is_followed = True
        self._beside_bodies = 0 if self._pieces else self._beside_bodies + len(data)
        if self._beside_bodies > _MOST_BYTES_BESIDE_BODIES and not self._is_complete:
            raise httpcore2.RemoteProtocolError("the head of the response is too large")

    def _end(self) -> None:
        """The server has closed the connection, which ends a body whose length was not told."""
        self._is_over = True
        names = _values(self.headers)
        if self._has_head and (b"content-length" in names or b"transfer-encoding" in names):
            raise httpcore2.RemoteProtocolError(
                "peer closed connection without sending complete message body (incomplete read)"
            )

    @property
    def leaves_reusable(self) -> bool:
        """Whether the connection can take another request: all was read, and nothing more is there."""
        return self._is_complete and self._keeps_alive and not self._is_followed and not self._is_over


def _values(headers: Headers) -> Mapping[bytes, bytes]:
    return {name.lower(): value for name, value in headers}


def _message(method: str, url: SplitResult, headers: Headers, content: bytes | None) -> bytes:
    """A request as it is sent.

    Raises:
        LocalProtocolError: a value would break out of its line.
    """
    target = f"{url.path or '/'}{'?' if url.query else ''}{url.query}"
    if not _TARGET.fullmatch(target):
        raise httpcore2.LocalProtocolError("the address holds characters that no address has")
    lines = [b"%b %b HTTP/1.1" % (method.encode(), target.encode())]
    for name, value in headers:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise httpcore2.LocalProtocolError(f"the header {name.decode('latin-1')!r} holds characters it must not")
        lines.append(b"%b: %b" % (name, value))
    if content is not None:
        lines.append(b"Content-Length: %d" % len(content))
    return b"\r\n".join((*lines, b"", content or b""))
