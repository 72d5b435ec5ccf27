"""A web server of the tests' own, which can be told to behave as bad ones do."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote, urlsplit


@dataclass
class Web:
    """What the server has, and how it behaves."""

    files: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    """Content and modification time, by path from the root."""
    has_ranges: bool = True
    has_etags: bool = True
    obeys_conditions: bool = True
    fails: list[int] = field(default_factory=list)
    """Statuses of the next answers, in place of files."""
    cut_after: list[int] = field(default_factory=list)
    """Bytes after which the connection of the next answers breaks."""
    asked: list[str] = field(default_factory=list)
    authorization: str | None = None
    """The header that every request must have."""
    redirects: dict[str, str] = field(default_factory=dict)
    on_read: list[object] = field(default_factory=list)
    """Called before the next parts of files are sent."""
    url: str = ""

    def put(self, path: str, content: bytes, modified: float = 1_700_000_000) -> None:
        self.files[path] = (content, modified)

    @property
    def bytes_asked(self) -> int:
        return sum(int(line.rsplit(" ", 1)[1]) for line in self.asked if line.startswith("GET"))


class _Handler(BaseHTTPRequestHandler):
    web: Web
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path, errors="surrogateescape")
        if self.web.authorization is not None and self.headers.get("Authorization") != self.web.authorization:
            self._short(401)
        elif path in self.web.redirects:
            self._short(302, {"Location": self.web.redirects[path]})
        elif path.endswith("/"):
            self._list(path, with_body=with_body)
        elif self.web.fails:
            self._short(self.web.fails.pop(0))
        else:
            self._file(path, with_body=with_body)

    def _short(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _list(self, path: str, *, with_body: bool) -> None:
        rows, seen = ['<a href="../">../</a>', '<a href="?C=N;O=D">Name</a>'], set()
        for name, (content, modified) in self.web.files.items():
            if not name.startswith(path):
                continue
            first, is_folder, _ = name[len(path) :].partition("/")
            entry = first + is_folder
            if entry in seen:
                continue
            seen.add(entry)
            text = "-" if is_folder else f"{formatdate(modified)} {len(content)}"
            rows.append(f'<a href="{quote(entry, errors="surrogateescape")}">{first[:9]}</a> {text}')
        body = f"<html><pre>{'<br>'.join(rows)}</pre></html>".encode(errors="surrogateescape")
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _file(self, path: str, *, with_body: bool) -> None:
        if with_body and self.web.on_read:
            self.web.on_read.pop(0)()  # type: ignore[operator]
        if path not in self.web.files:
            self._short(404)
            return
        content, modified = self.web.files[path]
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        if self.web.obeys_conditions and self._is_refused(etag, modified):
            self._short(412)
            return
        start, end, status = 0, len(content), 200
        asked = self.headers.get("Range")
        if asked and self.web.has_ranges:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end, status = int(first), min(len(content), int(last) + 1), 206
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        self.send_header("Content-Length", str(end - start))
        self.send_header("Last-Modified", formatdate(modified, usegmt=True))
        if self.web.has_etags:
            self.send_header("ETag", etag)
        self.end_headers()
        if with_body:
            self._send(content[start:end], path)
        self.web.asked.append(f"{self.command} {path} {end - start if with_body else 0}")

    def _is_refused(self, etag: str, modified: float) -> bool:
        match, since = self.headers.get("If-Match"), self.headers.get("If-Unmodified-Since")
        if match is not None:
            return self.web.has_etags and match != etag
        return since is not None and modified > parsedate_to_datetime(since).timestamp()

    def _send(self, body: bytes, path: str) -> None:
        if self.web.cut_after:
            self.wfile.write(body[: self.web.cut_after.pop(0)])
            self.wfile.flush()
            self.connection.close()
            self.close_connection = True
        else:
            self.wfile.write(body)


@contextmanager
def serving() -> Iterator[Web]:
    """Runs a server."""
    web = Web()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"web": web}))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that goes away is no news
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    web.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
