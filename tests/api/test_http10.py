"""Clients of HTTP/1.0 (old tools, probes, proxies by default) get content without the lengths of chunks."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from logistics_pipeline.analytics.refresh import refresh

ROWS = 20_000


@pytest.fixture(scope="module")
def shared(
    new_database: Callable[[], AbstractContextManager[str]], store: Callable[..., None], serve: Any
) -> Iterator[Any]:
    with new_database() as url:
        store(
            url, vehicles=[(f"V{n}", "a name", n) for n in range(ROWS)], vehicle_logs=[("L", "V1", "2024-01-01", 1, 1)]
        )
        refresh(url)
        with serve(url) as api:
            yield api


def connect(api: Any) -> socket.socket:
    url = api.client.base_url
    return socket.create_connection((url.host, url.port), timeout=30)


def ask(api: Any, path: str, method: str = "GET", *headers: str) -> tuple[list[str], bytes]:
    """Everything until the server closes the connection: status and headers, body."""
    lines = [f"{method} {path} HTTP/1.0", "Host: 127.0.0.1", *headers, "", ""]
    with connect(api) as client:
        client.sendall("\r\n".join(lines).encode())
        received = b""
        while part := client.recv(1 << 16):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return head.decode().lower().split("\r\n"), body


@pytest.mark.parametrize("name", ["vehicles.csv", "vehicles.ndjson", "vehicles.parquet", "vehicles.csv?vehicle_id=V7"])
def test_a_streamed_file_is_sent_as_it_is(shared: Any, name: str) -> None:
    head, body = ask(shared, f"/api/exports/{name}")
    assert head[0].endswith("200 ok")
    assert not [line for line in head if line.startswith(("transfer-encoding", "content-length"))]
    assert "connection: close" in head
    content = shared.client.get(f"/api/exports/{name}").content
    assert sorted(body.split(b"\n")) == sorted(content.split(b"\n")) if "parquet" not in name else body[-4:] == b"PAR1"


def test_a_newer_client_still_gets_chunks(shared: Any) -> None:
    response = shared.client.get("/api/exports/vehicles.csv")
    assert response.headers["transfer-encoding"] == "chunked"


def test_events_are_sent_as_they_are(shared: Any) -> None:
    with connect(shared) as client:
        client.sendall(b"GET /api/events HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        received = b""
        while b"data_version" not in received or not received.endswith(b"\n\n"):
            part = client.recv(1 << 16)
            assert part, received
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    assert body.split(b"\n")[0].split(b":")[0] in (b"", b"id", b"event", b"retry", b"data"), body


@pytest.mark.parametrize("path", ["/api/figures/daily?start=2024-01-01&end=2024-01-31", "/api/vehicles?limit=1000"])
def test_what_has_a_length_keeps_it(shared: Any, path: str) -> None:
    head, body = ask(shared, path, "GET", "Accept-Encoding: identity")
    assert f"content-length: {len(body)}" in head
    assert json.loads(body)["data"]


@pytest.mark.parametrize("path", ["/api/exports/vehicles.csv", "/api/events", "/api/vehicles"])
def test_head_has_no_body(shared: Any, path: str) -> None:
    head, body = ask(shared, path, "HEAD")
    assert head[0].endswith("200 ok")
    assert body == b""
    assert "transfer-encoding: chunked" not in head


def test_nothing_that_is_unmodified_has_a_body(shared: Any) -> None:
    path = "/api/figures/daily?start=2024-01-01&end=2024-01-31"
    tag = shared.request(path).headers["etag"]
    head, body = ask(shared, path, "GET", f"If-None-Match: {tag}")
    assert head[0].split()[1] == "304"
    assert body == b""
