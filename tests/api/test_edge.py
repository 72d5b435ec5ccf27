"""What every answer has: a request id, the time it took; and HEAD wherever there is GET."""

import re
from typing import Any

import pytest


@pytest.fixture(scope="module")
def shared(new_database: Any, serve: Any) -> Any:
    with new_database() as url, serve(url) as api:
        yield api


@pytest.mark.parametrize("path", ["/health", "/api/system/status", "/api/dashboard", "/nothing", "/docs"])
def test_a_request_id_of_the_client_comes_back(shared: Any, path: str) -> None:
    response = shared.request(path, headers={"X-Request-ID": "trace-01.a/b=c"})
    assert response.headers.get_list("x-request-id") == ["trace-01.a/b=c"]


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, 'a"b', "a;b", "<script>", "é".encode().decode("latin-1")])
def test_a_request_id_unfit_for_a_log_is_replaced(shared: Any, given: str) -> None:
    response = shared.client.get("/health", headers={"X-Request-ID": given.encode("latin-1")})
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])


def test_requests_without_an_id_get_different_ones(shared: Any) -> None:
    assert len({shared.request("/health").headers["x-request-id"] for _ in range(5)}) == 5


@pytest.mark.parametrize("path", ["/health", "/api/system/status", "/nothing"])
def test_every_answer_says_how_long_it_took(shared: Any, path: str) -> None:
    timing = re.fullmatch(r"app;dur=(\d+\.\d)", shared.request(path).headers["server-timing"])
    assert timing is not None
    assert 0 <= float(timing[1]) < 10_000


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/api/system/status", "/openapi.json", "/api/dashboard"])
def test_head_is_get_without_a_body(shared: Any, path: str) -> None:
    head, get = shared.request(path, "HEAD"), shared.request(path)
    assert head.content == b""
    assert head.status_code == get.status_code
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers["content-length"] == str(len(get.content))
