"""Hostile and odd requests to every path at once, generated from the OpenAPI: refused by name, or answered as ever.

What one subject alone can get wrong stands in that subject's tests (`test_uploads`, `test_access`, `test_errors`).
"""

import asyncio
import gzip
import json
import re
import socket
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import brotli
import httpx2
import psycopg
import pytest

from logistics_api.errors import MEDIA_TYPE
from logistics_core import zstd
from tests.api.world import BOARD_ID, load_world

EVENTS = "/api/events"
SPAN = {"start": "2024-01-01", "end": "2024-03-31"}
KEYS = {
    "vehicle_id": "V-001",
    "log_id": "LOG-000001",
    "shipment_id": "SHP-000001",
    "file_id": "1",
    "format": "ndjson",
    "dataset": "shipments",
    "board_id": BOARD_ID,
    "source": "fleet",
    "pull_id": "1",
    "entity": "vehicles",
    "key": "TRUCK-07",
    "payment": "P-1",
    "incident_id": "1",
    "silence_id": "1",
    "window_id": "1",
    "name": "revenue_fell",
    "endpoint": "desk",
    "trial_id": BOARD_ID,
    "model": "shipments.delivery_time",
    "version": "1",
    "job_id": BOARD_ID,
}
OF_PEOPLE = "/api/me/"
"""Paths that only answer people who have signed in: their own tests do."""
MADE_BY_REQUESTS = ("{upload_id}", "{request_id}", "{proposal_id}", "{edition_id}", "{preview_id}")
"""Of what these name there is nothing until somebody asks for it, or time passes: their own tests do."""
MAY_BE_EMPTY = {"/api/ingestion/files/{file_id}/rejects.ndjson"}
"""Answers with one line per record: none, if there are no records."""
REQUIRED = {
    **SPAN, "origin": "Aachen", "destination": "Aachen", "metrics": "shipments.revenue", "dataset": "shipments",
    "since": "2026-03-01",
}  # fmt: skip
INJECTIONS = [
    "'; DROP TABLE raw.shipments; --",
    "' OR '1'='1",
    "\\'; SELECT pg_sleep(10); --",
    "%(limit)s %s %% {0} $1 :name",
    '"; DELETE FROM ingest.files; /*',
    "1) UNION SELECT version()--",
    "$$;ROLLBACK;$$",
]
CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": zstd.decompress,
    "identity": lambda body: body,
}


@dataclass(frozen=True)
class Operation:
    """A GET of the OpenAPI, with a question that is answered."""

    path: str
    template: str
    query: dict[str, str]
    parameters: list[dict[str, Any]]


@pytest.fixture(scope="module")
def url(new_database: Callable[[], AbstractContextManager[str]], tmp_path_factory: Any) -> Iterator[str]:
    with new_database() as url:
        load_world(url, tmp_path_factory.mktemp("world") / "data" / "raw")
        yield url


@pytest.fixture(scope="module")
def shared(url: str, serve: Any) -> Iterator[Any]:
    with serve(url, api_rate=0) as api:
        yield api


@pytest.fixture(scope="module")
def document(shared: Any) -> Any:
    return shared.get("/openapi.json")


@pytest.fixture(scope="module")
def operations(document: Any) -> list[Operation]:
    """Every GET that ends, and for which there is something to find."""
    found = []
    for template, item in document["paths"].items():
        if "get" not in item or template == EVENTS or template.startswith(OF_PEOPLE):
            continue
        if any(name in template for name in MADE_BY_REQUESTS):
            continue
        path = re.sub("{([^}]+)}", lambda name: KEYS[name[1]], template)
        parameters = item["get"].get("parameters", [])
        query = {
            each["name"]: REQUIRED[each["name"]] for each in parameters if each["in"] == "query" and each["required"]
        }
        found.append(Operation(path, template, query, parameters))
    assert len(found) >= 30
    return found


def test_every_path_has_a_question_that_is_answered(shared: Any, operations: list[Operation]) -> None:
    for each in operations:
        response = shared.client.get(each.path, params=each.query)
        assert response.status_code == 200, (each.path, response.text)
        assert response.content or each.template in MAY_BE_EMPTY


def test_head_is_get_without_the_body_on_every_path(shared: Any, operations: list[Operation]) -> None:
    for each in operations:
        got = shared.client.get(each.path, params=each.query)
        head = shared.client.head(each.path, params=each.query)
        assert (head.status_code, head.content) == (200, b""), each.path
        names = {"server-timing", "x-request-id", "date", "content-length", "transfer-encoding"}
        assert dict(head.headers).keys() - names == dict(got.headers).keys() - names, each.path
        assert head.headers["content-type"] == got.headers["content-type"]


def test_an_unknown_parameter_is_refused_by_name_everywhere(shared: Any, operations: list[Operation]) -> None:
    for each in operations:
        if not each.path.startswith("/api/"):
            continue  # probes and Prometheus may be told to add what they like
        for name in ("nothing", "Start", "start ", "__proto__"):
            response = shared.request(each.path, **each.query, **{name: "1"})
            assert response.status_code == 422, (each.path, name)
            assert [error["parameter"] for error in response.json()["errors"]] == [name], each.path


def test_other_methods_are_refused_with_those_that_are_possible(shared: Any, document: Any) -> None:
    for template, item in document["paths"].items():
        path = re.sub("{([^}]+)}", lambda name: KEYS.get(name[1], "x"), template)
        possible = {method.upper() for method in item} | ({"HEAD"} if "get" in item else set())
        for method in {"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "GET"} - possible:
            response = shared.request(path, method)
            assert response.status_code == 405, (method, path)
            assert set(response.headers["allow"].split(", ")) == possible, (method, path)


@pytest.mark.parametrize("injection", INJECTIONS)
def test_sql_in_any_text_is_text(shared: Any, operations: list[Operation], injection: str) -> None:
    before = shared.get("/api/ingestion/stats")["datasets"]
    for each in operations:
        for parameter in each.parameters:
            if parameter["in"] == "path":
                path, query = each.template.replace(f"{{{parameter['name']}}}", quote(injection, safe="")), each.query
            else:
                path, query = each.path, each.query | {parameter["name"]: injection}
            response = shared.client.get(re.sub("{([^}]+)}", lambda name: KEYS[name[1]], path), params=query)
            assert response.status_code in (200, 404, 422), (path, query, response.text)
            if response.status_code == 200 and response.headers["content-type"] == "application/json":
                assert "PostgreSQL" not in response.text
    assert shared.get("/api/ingestion/stats")["datasets"] == before


def test_texts_longer_than_they_may_be_are_refused_by_name(shared: Any, operations: list[Operation]) -> None:
    for each in operations:
        for parameter in each.parameters:
            if parameter["in"] == "query" and parameter["schema"].get("maxLength"):
                long = "x" * (parameter["schema"]["maxLength"] + 1)
                response = shared.request(each.path, **each.query | {parameter["name"]: long})
                assert response.status_code == 422, (each.path, parameter["name"])
                assert [error["parameter"] for error in response.json()["errors"]] == [parameter["name"]]


@pytest.mark.parametrize("length", [256, 4_000, 30_000])
def test_an_id_longer_than_there_can_be_leads_nowhere(shared: Any, length: int) -> None:
    for path in ("/api/vehicles", "/api/vehicle-logs", "/api/shipments"):
        assert shared.request(f"{path}/{'x' * length}").status_code == 422
    assert shared.request("/api/ingestion/files/" + "9" * length).status_code == 422
    assert shared.request("/api/ingestion/uploads/" + "x" * length).status_code == 404


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /api/dashboard?start=" + b"2" * 200_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Much: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-Many: a\r\n" * 20_000 + b"\r\n",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: a\r\n b\r\nX-Folded: yes\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: a\nSet-Cookie: evil=1\r\n\r\n",
        b"GET /health\x00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET http://elsewhere.example/health HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["query", "header", "headers", "folded", "line feed", "nul", "absolute", "tls", "smuggling"],
)
def test_what_is_hardly_http_breaks_nothing(shared: Any, request_bytes: bytes) -> None:
    answer = sent_raw(shared, request_bytes, hangs_up=True)
    assert b"\r\nset-cookie:" not in answer.lower()
    assert not answer or int(answer.split(b" ", 2)[1]) < 500
    assert shared.request("/health").status_code == 200


@pytest.mark.parametrize("request_id", ["a\r\nSet-Cookie: x=1", "a%0d%0aSet-Cookie: x=1", "\x7f", "a\tb", "é" * 20])
def test_no_request_id_breaks_out_of_its_header(shared: Any, request_id: str) -> None:
    request = f"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: {request_id}\r\nConnection: close\r\n\r\n"
    answer = sent_raw(shared, request.encode()).decode("latin-1")
    assert "\r\nset-cookie:" not in answer.lower()
    assert re.search(r"x-request-id: [A-Za-z0-9._~+/=:-]+\r\n", answer) or answer.startswith("HTTP/1.1 400")


@pytest.mark.parametrize("prefix", ["/assets", "/static-offline-docs", "/docs", "/api/exports", "/data", "/routes"])
@pytest.mark.parametrize(
    "steps",
    [
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/%252e%252e%252fetc%252fpasswd",
        "/..%5c..%5c..%5cetc%5cpasswd",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/..%c0%af..%c0%afetc/passwd",
        "/....//....//etc/passwd",
        "/../pyproject.toml%00.js",
        "/../../app.py",
    ],
)
def test_no_path_leads_out_of_the_served_files(shared: Any, prefix: str, steps: str) -> None:
    request = f"GET {prefix}{steps} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    answer = sent_raw(shared, request.encode())
    assert b"root:" not in answer and b"[project]" not in answer and b"def create_app" not in answer
    status = int(answer.split(b" ", 2)[1])
    assert status in (200, 400, 404, 422)
    if status == 200:  # addresses of pages are all the same page
        assert b"content-type: text/html" in answer.lower()


@pytest.mark.parametrize("path", ["/api/route/matrix", "/api/shipments", "/api/exports/shipments.ndjson"])
@pytest.mark.parametrize(
    ("accepted", "codings"),
    [
        ("gzip", {"gzip", "identity"}),
        ("br", {"br", "identity"}),
        ("zstd", {"zstd", "identity"}),
        ("gzip;q=0.1, br;q=0.9", {"br", "gzip", "identity"}),
        ("gzip;q=0, br;q=0, zstd;q=0", {"identity"}),
        ("identity;q=1, *;q=0", {"identity"}),
        ("GZIP;Q=0.5", {"gzip", "identity"}),
        ("*", {"gzip", "br", "zstd", "identity"}),
        ("deflate, compress, nonsense;q=x", {"identity"}),
        (";;;,,,q=;gzip;;q", {"gzip", "identity"}),
        ("", {"identity"}),
    ],
)
def test_a_body_comes_in_a_coding_that_was_accepted(shared: Any, path: str, accepted: str, codings: set[str]) -> None:
    query = SPAN if path == "/api/route/matrix" else {}
    plain = read_raw(shared, path, query, "identity")
    answer = read_raw(shared, path, query, accepted)
    coding = answer.headers.get("content-encoding", "identity")
    assert coding in codings
    assert comparable(CODINGS[coding](answer.content)) == comparable(plain.content)


@pytest.mark.parametrize("value", ["bytes=0-10", "bytes=999999999-", "bytes=-1", "bytes=5-1", "lines=1-2", "nonsense"])
def test_a_range_is_no_reason_to_send_less_or_to_fail(shared: Any, value: str) -> None:
    for path, query in (("/api/route/matrix", SPAN), ("/api/shipments", {}), ("/api/exports/shipments.csv", {})):
        response = shared.client.get(path, params=query, headers={"Range": value, "If-Range": '"x"'})
        assert response.status_code == 200
        assert "content-range" not in response.headers
        assert comparable(response.content) == comparable(shared.client.get(path, params=query).content)


def test_a_name_is_compared_as_it_was_delivered_and_never_normalised(shared: Any) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Zürich") for form in ("NFC", "NFD"))
    assert shared.get("/api/shipments", origin=composed)["data"]
    assert shared.get("/api/shipments", origin=decomposed)["data"] == []
    assert (
        shared.get("/api/route/details", origin=composed, destination="Aachen", **SPAN)["summary"]["origin"] == composed
    )
    shared.refused(404, "/api/route/details", origin=decomposed, destination="Aachen", **SPAN)


@pytest.mark.parametrize("text", ["%ff", "%ed%a0%80", "%00", "%c0%80", "%f5%80%80%80"])
def test_bytes_that_are_no_text_are_refused_or_found_nowhere(shared: Any, text: str) -> None:
    for path in (f"/api/vehicles/{text}", f"/api/shipments?origin={text}", f"/api/ingestion/files?path_prefix={text}"):
        assert shared.client.get(path).status_code in (200, 404, 422), path


@pytest.mark.parametrize("name", ["a\r\nb.json", "a\r\nLocation: x.json", 'a";x=".json', "a\nb.json"])
def test_no_file_name_breaks_out_of_a_header(shared: Any, name: str) -> None:
    response = shared.client.post(
        "/api/ingestion/uploads", params={"dataset": "shipments", "filename": name}, content=b"[]"
    )
    assert response.status_code in (202, 422)
    assert "\r" not in response.headers.get("location", "") and "x" not in response.headers


def test_two_hundred_questions_at_once_over_two_connections_are_answered_or_told_to_come_back(
    serve: Any, url: str, operations: list[Operation], wait_until: Callable[..., None]
) -> None:
    with serve(url, api_rate=0) as api:
        answers = asyncio.run(ask_at_once(str(api.client.base_url), operations, 200))
        assert len(answers) == 200
        for each, response in answers:
            assert response.status_code in (200, 503), (each.path, response.text)
            if response.status_code == 503:
                assert response.headers["content-type"] == MEDIA_TYPE
                assert 1 <= int(response.headers["retry-after"]) <= 60
        assert sum(response.status_code == 200 for _, response in answers) >= 50
        for each in operations:
            assert api.client.get(each.path, params=each.query).status_code == 200, each.path
        with psycopg.connect(url, autocommit=True) as connection:
            left_open = (
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
            )
            wait_until(lambda: connection.execute(left_open).fetchone() == (0,))


async def ask_at_once(
    base_url: str, operations: list[Operation], count: int
) -> list[tuple[Operation, httpx2.Response]]:
    """Asks all of them at the same moment; none may take longer than the client waits."""
    limits = httpx2.Limits(max_connections=count)
    async with httpx2.AsyncClient(base_url=base_url, limits=limits, timeout=30, trust_env=False) as client:
        asked = [operations[number % len(operations)] for number in range(count)]
        answers = await asyncio.gather(*(client.get(each.path, params={**each.query}) for each in asked))
    return list(zip(asked, answers, strict=True))


def sent_raw(api: Any, request: bytes, *, hangs_up: bool = False) -> bytes:
    """What comes back on a connection of its own until it is closed.

    A request that may be incomplete needs a client that hangs up; answers to others would then get lost if they were
    slower than the news of that.
    """
    address = api.client.base_url
    received = bytearray()
    with socket.create_connection((address.host, address.port), timeout=60) as connection, suppress(ConnectionError):
        connection.sendall(request)
        if hangs_up:
            connection.shutdown(socket.SHUT_WR)
        while block := connection.recv(1 << 16):
            received += block
    return bytes(received)


def read_raw(api: Any, path: str, query: dict[str, str], accepted: str) -> httpx2.Response:
    """An answer whose body is as it was sent."""
    with api.client.stream("GET", path, params=query, headers={"Accept-Encoding": accepted}) as response:
        assert response.status_code == 200
        response._content = b"".join(response.iter_raw())
    return response  # type: ignore[no-any-return]


def comparable(body: bytes) -> Any:
    """Lines in any order: exports promise none."""
    return sorted(body.splitlines()) if b"\n" in body else json.loads(body)
