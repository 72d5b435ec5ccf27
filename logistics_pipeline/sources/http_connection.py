"""HTTP/1.1 on one connection, with the parser of Node.js (llhttp, by httptools): a tenth of the cost of h11.

It takes the place of httpcore2's own connection within httpcore2's pool; where a connection leads and how long it may
wait is the business of `addresses`. Requests through a proxy go by httpcore2 alone. Memory: what one read brings.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from ssl import SSLContext
from threading import Lock
from time import monotonic
from typing import Any

import httpcore2
from httpcore2 import ConnectionInterface, ConnectionNotAvailable, NetworkBackend, NetworkStream, Origin
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

_READ_BYTES = 1 << 16
_MOST_BYTES_BESIDE_BODIES = 100 << 10
"""Of a head, of trailers, and of what else a server may send that is no body: llhttp itself sets no limit."""
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[^\0\r\n]*")
_TARGET = re.compile(rb"[\x21-\x7e]+")


class FastPool(httpcore2.ConnectionPool):
    """httpcore2's pool with connections of this module, as long as no proxy stands between."""

    def __init__(self, ssl_context: SSLContext, backend: NetworkBackend, **options: Any) -> None:
        super().__init__(ssl_context=ssl_context, network_backend=backend, **options)
        self._make = None if options.get("proxy") else (ssl_context, backend, options.get("keepalive_expiry"))

    def create_connection(self, origin: Origin) -> ConnectionInterface:
        """A connection that is made with its first request."""
        return super().create_connection(origin) if self._make is None else HttpConnection(origin, *self._make)


class HttpConnection(ConnectionInterface):
    """One connection to a server, for one request at a time."""

    def __init__(
        self, origin: Origin, ssl_context: SSLContext, backend: NetworkBackend, keep_seconds: float | None
    ) -> None:
        self._origin = origin
        self._ssl_context = ssl_context
        self._backend = backend
        self._keep_seconds = float("inf") if keep_seconds is None else keep_seconds
        self._stream: NetworkStream | None = None
        self._lock = Lock()
        self._is_busy = False
        self._is_closed = False
        self._expires_at = float("inf")

    def handle_request(self, request: httpcore2.Request) -> httpcore2.Response:
        """Sends a request and reads the head of the response; the body is read while the stream is.

        Raises:
            ConnectionNotAvailable: another request has it.
        """
        with self._lock:
            if self._is_busy or self._is_closed:
                raise ConnectionNotAvailable
            self._is_busy = True
        try:
            head = _head_of(request)
            timeouts = request.extensions.get("timeout", {})
            if self._stream is None:
                self._stream = self._connect(timeouts.get("connect"))
            self._send(request, head, timeouts.get("write"))
            incoming = _Incoming(self, self._stream, timeouts.get("read"))
            incoming.read_head()
        except BaseException:
            self.close()
            raise
        return httpcore2.Response(incoming.status, headers=incoming.headers, content=incoming)

    def _connect(self, timeout: float | None) -> NetworkStream:
        host = self._origin.host.decode("ascii")
        stream = self._backend.connect_tcp(host, self._origin.port, timeout)
        if self._origin.scheme != b"https":
            return stream
        self._ssl_context.set_alpn_protocols(["http/1.1"])
        return stream.start_tls(self._ssl_context, host, timeout)

    def _send(self, request: httpcore2.Request, head: bytes, timeout: float | None) -> None:
        assert self._stream is not None
        assert isinstance(request.stream, Iterable)
        try:
            self._stream.write(b"".join((head, *request.stream)), timeout)
        except httpcore2.WriteError:
            pass  # the server may have answered before it had read all

    def release(self, *, is_reusable: bool) -> None:
        """Ends a response: the next request may come, unless the connection is of no more use."""
        if not is_reusable:
            self.close()
            return
        self._expires_at = monotonic() + self._keep_seconds
        self._is_busy = False

    def close(self) -> None:
        """Closes it for good."""
        self._is_closed = True
        if self._stream is not None:
            self._stream.close()

    def can_handle_request(self, origin: Origin) -> bool:
        """Whether it leads to that server."""
        return origin == self._origin

    def is_connected(self) -> bool:
        """Whether it stands; also while it is being made."""
        return not self._is_closed and (self._is_busy or self._stream is not None)

    def is_available(self) -> bool:
        """Whether it may be given another request."""
        return self.is_idle()

    def is_idle(self) -> bool:
        """Whether it stands and has nothing to do."""
        return not self._is_closed and not self._is_busy and self._stream is not None

    def has_expired(self) -> bool:
        """Whether it has waited for too long, or the server has ended it: nothing else makes an idle one readable."""
        if not self.is_idle() or self._stream is None:
            return False
        return monotonic() > self._expires_at or bool(self._stream.get_extra_info("is_readable"))

    def can_multiplex(self) -> bool:
        """Never."""
        return False

    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._is_closed

    def info(self) -> str:
        """Where it leads, and its state."""
        state = "CLOSED" if self._is_closed else "ACTIVE" if self._is_busy else "NEW" if not self._stream else "IDLE"
        return f"{str(self._origin)!r}, HTTP/1.1, {state}"


class _Incoming:
    """A response while it arrives: what the parser calls, and the stream of the body."""

    def __init__(self, connection: HttpConnection, stream: NetworkStream, timeout: float | None) -> None:
        self._connection = connection
        self._stream = stream
        self._timeout = timeout
        self._begin()
        self._is_over = False
        self._is_followed = False
        """Whether something came after the end of the response."""
        self._is_closed = False
        self._beside_bodies = 0

    def _begin(self) -> None:
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)  # as h11; older devices leave it out
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._has_head = False
        self._is_complete = False
        self._keeps_alive = False

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

    def close(self) -> None:
        """Gives the connection back. One whose response was not read to its end is of no more use."""
        if not self._is_closed:
            self._is_closed = True
            is_reusable = self._is_complete and self._keeps_alive and not self._is_followed and not self._is_over
            self._connection.release(is_reusable=is_reusable)


def _values(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    return {name.lower(): value for name, value in headers}


def _head_of(request: httpcore2.Request) -> bytes:
    """The first lines of a request.

    Raises:
        LocalProtocolError: a value would break out of its line.
    """
    if not _TARGET.fullmatch(request.url.target):
        raise httpcore2.LocalProtocolError("the address holds characters that no address has")
    lines = [b"%b %b HTTP/1.1" % (request.method, request.url.target)]
    for name, value in request.headers:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise httpcore2.LocalProtocolError(f"the header {name.decode('latin-1')!r} holds characters it must not")
        lines.append(b"%b: %b" % (name, value))
    return b"\r\n".join((*lines, b"", b""))
