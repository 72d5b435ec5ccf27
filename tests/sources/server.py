"""An API of a fleet, served over HTTP: every pagination over the same records, with faults that a test asks for."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

EPOCH = datetime(2024, 5, 1, 10, tzinfo=UTC)


@dataclass
class Asked:
    """A request that the server has got."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any

    def at(self, name: str, default: str = "") -> str:
        return self.query.get(name, default)


@dataclass
class Answer:
    """What the server answers; `raw` overrides the document."""

    document: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    cut_at: int | None = None
    """Bytes of the body after which the connection is closed."""
    drip: float = 0.0
    """Seconds between two bytes of the body."""
    drip_head: float = 0.0
    compress: bool = False

    def body(self) -> bytes:
        content = self.raw if self.raw is not None else json.dumps(self.document).encode()
        return gzip.compress(content) if self.compress and self.raw is None else content


Fault = Callable[[Asked], Answer | None]


class Fleet:
    """The API. `records` may change at any time; `now` is its clock."""

    def __init__(self, records: list[dict[str, Any]] | None = None) -> None:
        self.records: list[dict[str, Any]] = records if records is not None else [trip(n) for n in range(25)]
        self.now = EPOCH + timedelta(days=1)
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        """One for each of the next requests; None of it: the API itself answers."""
        self.tells_time = True
        self.tells_total = True
        self.before: Callable[[Asked], None] = lambda asked: None
        self.lock = threading.Lock()
        self.url = ""

    # -- data --------------------------------------------------------------------------------------------------------

    def chosen(self, asked: Asked) -> list[dict[str, Any]]:
        """Records after `since`, a bare `>` as many APIs have it, and before `until`."""
        since, until = asked.at("since"), asked.at("until")
        body = asked.body if isinstance(asked.body, dict) else {}
        since, until = since or str(body.get("since", "")), until or str(body.get("until", ""))
        return [
            record
            for record in list(self.records)
            if (not since or record["updated"] > since) and (not until or record["updated"] < until)
        ]

    def answer(self, asked: Asked) -> Answer:
        name = asked.path.strip("/").replace("/", "_").replace("v1_", "")
        parts = asked.path.strip("/").split("/")
        if len(parts) == 3 and parts[0] == "vehicles" and parts[2] == "trips":
            return self._offset(asked, [each for each in self.records if each["vehicle"] == parts[1]])
        handler: Callable[[Asked], Answer] | None = getattr(self, f"on_{name}", None)
        return Answer({"message": "no such path"}, 404) if handler is None else handler(asked)

    def on_all(self, asked: Asked) -> Answer:
        return Answer({"items": self.chosen(asked), "total": len(self.chosen(asked))})

    def on_vehicles(self, asked: Asked) -> Answer:
        names = sorted({record["vehicle"] for record in self.records})
        return Answer([{"id": name} for name in names])

    def on_offset(self, asked: Asked) -> Answer:
        return self._offset(asked, self.chosen(asked))

    def _offset(self, asked: Asked, records: list[dict[str, Any]]) -> Answer:
        offset, limit = int(asked.at("offset", "0")), int(asked.at("limit", "10"))
        return self._page_of(records, records[offset : offset + limit], {})

    def on_page(self, asked: Asked) -> Answer:
        page, limit = int(asked.at("page", "1")), int(asked.at("limit", "10"))
        records = self.chosen(asked)
        return self._page_of(records, records[(page - 1) * limit : page * limit], {"pages": -(-len(records) // limit)})

    def on_cursor(self, asked: Asked) -> Answer:
        """A cursor that stays right while records are added: the ID of the last one."""
        records = sorted(self.chosen(asked), key=lambda record: str(record["id"]))
        after = asked.at("cursor") or asked.headers.get("x-cursor", "")
        after = after or str((asked.body or {}).get("page", {}).get("after", ""))
        rest = [record for record in records if str(record["id"]) > after]
        limit = int(asked.at("limit", "10"))
        page = rest[:limit]
        more = page[-1]["id"] if len(rest) > limit else None
        return self._page_of(records, page, {"next": more}, {"X-Next": str(more)} if more else {})

    def on_keyset(self, asked: Asked) -> Answer:
        records = sorted(self.chosen(asked), key=lambda record: str(record["id"]))
        page = [each for each in records if str(each["id"]) > asked.at("after")][: int(asked.at("limit", "10"))]
        return self._page_of(records, page, {})

    def on_feed(self, asked: Asked) -> Answer:
        """A feed by version number: what was appended after it."""
        begin = int(asked.at("version", "0"))
        page = self.records[begin : begin + int(asked.at("limit", "10"))]
        return Answer({"items": page, "version": begin + len(page)})

    def on_link(self, asked: Asked) -> Answer:
        answer = self.on_cursor(asked)
        return self._linked(asked, answer, "/link")

    def on_nexturl(self, asked: Asked) -> Answer:
        answer = self.on_cursor(asked)
        more = answer.document["next"]
        secret = f"&api_key={asked.at('api_key')}" if asked.at("api_key") else ""
        window = f"&since={asked.at('since')}" if asked.at("since") else ""
        answer.document["next"] = f"{self.url}/nexturl?cursor={more}{secret}{window}" if more else None
        return answer

    def _linked(self, asked: Asked, answer: Answer, path: str) -> Answer:
        more = answer.document.pop("next")
        window = f"&since={asked.at('since')}" if asked.at("since") else ""
        if more:
            answer.headers["Link"] = f'<{self.url}/x>; rel="first", <{path}?cursor={more}{window}>; rel="next"'
        return answer

    def on_token(self, asked: Asked) -> Answer:
        return Answer({"access_token": f"token-{len(self.asked)}-abcdef", "expires_in": 3600, "token_type": "Bearer"})

    def _page_of(
        self, records: list[Any], page: list[Any], more: dict[str, Any], headers: dict[str, str] | None = None
    ) -> Answer:
        total = {"total": len(records)} if self.tells_total else {}
        return Answer({"items": page, **total, **more}, headers=headers or {})

    # -- serving -----------------------------------------------------------------------------------------------------

    def respond(self, asked: Asked) -> Answer:
        with self.lock:
            self.asked.append(asked)
            self.before(asked)
            found = self.faults.pop(0)(asked) if self.faults else None
            if found is not None:
                return found
        return self.answer(asked)

    @contextmanager
    def served(self, wrap: Callable[[Any], Any] | None = None, scheme: str = "http") -> Iterator["Fleet"]:
        """Serves the API at `url` while the block runs."""
        server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"fleet": self}))
        server.daemon_threads = True
        if wrap is not None:
            server.socket = wrap(server.socket)
        self.url = f"{scheme}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join(10)

    def requests_to(self, path: str) -> list[Asked]:
        return [each for each in self.asked if each.path == path]


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that a test or a client cuts are no news."""


def trip(number: int, **changes: Any) -> dict[str, Any]:
    """A record of the API."""
    return {
        "id": f"T{number:06}",
        "vehicle": f"V{number % 3}",
        "updated": stamp(EPOCH + timedelta(minutes=number)),
        "distance": 1000.5 + number,
        "state": "done",
    } | changes


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def once(answer: Answer) -> Fault:
    """A fault of one request."""
    return lambda asked: answer


class _Handler(BaseHTTPRequestHandler):
    fleet: Fleet
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._do()

    def do_POST(self) -> None:
        self._do()

    def _do(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        asked = Asked(
            self.command,
            parts.path,
            {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
            {name.lower(): value for name, value in self.headers.items()},
            _body(content, self.headers.get("Content-Type", "")),
        )
        self._send(self.fleet.respond(asked))

    def _send(self, answer: Answer) -> None:
        body = answer.body()
        head = f"HTTP/1.1 {answer.status} X\r\n"
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **answer.headers}
        if answer.status == 204:
            del headers["Content-Length"]
        if self.fleet.tells_time:
            headers.setdefault("Date", format_datetime(self.fleet.now, usegmt=True))
        if answer.compress:
            headers["Content-Encoding"] = "gzip"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value) + "\r\n"
        self._write(head.encode(), answer.drip_head)
        self._write(body[: answer.cut_at], answer.drip)
        if answer.cut_at is not None:
            self.close_connection = True
            self.connection.close()

    def _write(self, content: bytes, pause: float) -> None:
        if not pause:
            self.wfile.write(content)
            return
        for byte in content:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(pause)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Tests say themselves what went wrong."""


def _body(content: bytes, kind: str) -> Any:
    if not content:
        return None
    if "form" in kind:
        return {name: values[-1] for name, values in parse_qs(content.decode()).items()}
    return json.loads(content)
