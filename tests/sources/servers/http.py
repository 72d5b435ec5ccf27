"""A real HTTP/1.1 server in a thread, whose every byte a test decides on. It knows nothing of APIs."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

LISTEN_QUEUE = 256


@dataclass(frozen=True)
class Request:
    """What a client asked, and as the how-manieth (from 0)."""

    number: int
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    base_url: str

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    def number_of(self, parameter: str, default: int) -> int:
        return int(self.query.get(parameter, default))


class Wire:
    """The connection as a response is sent: a response may send less, more or other than it declares."""

    def __init__(self, handler: BaseHTTPRequestHandler, closing: threading.Event) -> None:
        self._handler = handler
        self._closing = closing

    def head(self, response: "Response", length: int | None) -> None:
        """Status line and headers; a length of None declares none, so that the end of the connection is the end."""
        self._handler.send_response_only(response.status)
        headers = {"Date": format_datetime(datetime.now(UTC), usegmt=True)} | dict(response.headers)
        for name, value in headers.items():
            self._handler.send_header(name, value)
        if length is None:
            self._handler.close_connection = True
        else:
            self._handler.send_header("Content-Length", str(length))
        self._handler.end_headers()

    def body(self, data: bytes) -> None:
        self._handler.wfile.write(data)

    def cut(self) -> None:
        """Closes the connection, whatever was promised."""
        self._handler.close_connection = True

    def wait(self, seconds: float) -> bool:
        """Waits; True if the server is being closed meanwhile."""
        return self._closing.wait(seconds)


def send_whole(wire: Wire, response: "Response") -> None:
    wire.head(response, len(response.body))
    wire.body(response.body)


@dataclass(frozen=True)
class Response:
    """An answer, and how it goes over the wire."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    send: Callable[[Wire, "Response"], None] = send_whole

    def with_headers(self, **headers: str) -> "Response":
        """With more headers: underscores in the names stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **named})


Handle = Callable[[Request], Response]


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(content, separators=(",", ":")).encode()
    return Response(status, body, {"Content-Type": "application/json", **(headers or {})})


ChooseContext = Callable[[int], ssl.SSLContext | None]
"""The certificate that a connection is shown, by its number; None: it ends in mid-handshake."""


class _Listener(ThreadingHTTPServer):
    request_queue_size = LISTEN_QUEUE
    daemon_threads = True
    block_on_close = False
    choose: ChooseContext | None = None
    _connections = 0

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        if self.choose is None:
            return connection, address
        context = self.choose(self._connections)
        self._connections += 1
        if context is None:
            connection.close()
            raise OSError("closed in mid-handshake")
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or was killed, is no news."""


class ApiServer:
    """Serves `handle` on a port of this machine until it is closed; `requests` is what was asked."""

    def __init__(self, handle: Handle, tls: ChooseContext | None = None) -> None:
        self.requests: list[Request] = []
        self.errors: list[Exception] = []
        self._handle = handle
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._listener = _Listener(("127.0.0.1", 0), self._handler_class())
        self._scheme = "https" if tls else "http"
        self._listener.choose = tls
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.server_address[1])

    @property
    def url(self) -> str:
        host = "localhost" if self._scheme == "https" else "127.0.0.1"
        return f"{self._scheme}://{host}:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._closing.set()
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answers one request; an error of the test's own handler is kept for the test, and answered with a 599."""
        request = self._read(handler)
        try:
            response = self._handle(request)
        except Exception as error:  # noqa: BLE001 - a thread's edge: tests look at `errors`
            self.errors.append(error)
            response = Response(599, repr(error).encode(), {"Content-Type": "text/plain"})
        with suppress(OSError):  # the client went away
            response.send(Wire(handler, self._closing), response)

    def _read(self, handler: BaseHTTPRequestHandler) -> Request:
        address = urlsplit(handler.path)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = handler.rfile.read(int(headers.get("content-length", "0")))
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        with self._lock:
            number = len(self.requests)
            request = Request(number, handler.command, address.path, query, headers, body, self.url)
            self.requests.append(request)
        return request

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30
            wbufsize: ClassVar[int] = 0
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                server.answer(self)

            do_POST = do_GET
            do_HEAD = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet: tests look at `requests`."""

        return Handler


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {seconds} s in vain for {what}")
        time.sleep(0.005)
