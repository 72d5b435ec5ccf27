"""What every answer has: a request id, the time it took; HEAD wherever there is GET; and cached figures.

`tests/unit/test_middleware.py` has the rules of the cache one by one; here it is the whole API over a real database.
"""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import psycopg
import pytest

from logistics_api.app import create_app
from logistics_core.database_contract.channels import Channel
from logistics_core.settings import Settings

SPAN = {"start": "2024-01-01", "end": "2024-12-31"}
FIGURES = ("/api/dashboard", "/api/shipments/analytics", "/api/vehicles/metrics")


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
    timing = re.fullmatch(r"app;dur=(\d+\.\d)(?:, .*)?", shared.request(path).headers["server-timing"])
    assert timing is not None
    assert 0 <= float(timing[1]) < 10_000


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/api/system/status", "/openapi.json", "/api/dashboard"])
def test_head_is_get_without_a_body(shared: Any, path: str) -> None:
    plain = {"Accept-Encoding": "identity"}
    head, get = shared.request(path, "HEAD", plain), shared.request(path, headers=plain)
    assert head.content == b""
    assert head.status_code == get.status_code
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers["content-length"] == str(len(get.content))


def publish(url: str) -> int:
    """A refresh that changes no figure, as far as the API can tell. Returns the new version."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "UPDATE analytics.status SET data_version = data_version + 1, last_calculated_at = now() "
            "RETURNING data_version"
        ).fetchone()
        assert row is not None
        connection.execute("SELECT pg_notify(%s, %s)", (Channel.DATA_VERSION, str(row[0])))
    return int(row[0])


def uses(response: httpx2.Response) -> str | None:
    found = re.search(r"cache;desc=(\w+)", response.headers["server-timing"])
    return found[1] if found else None


@pytest.mark.parametrize("path", FIGURES)
def test_a_figure_is_computed_once_until_there_is_a_new_version(
    api: Any, database_url: str, path: str, wait_until: Callable[..., None]
) -> None:
    first, second = api.request(path, **SPAN), api.request(path, **SPAN)
    assert (uses(first), uses(second)) == ("miss", "hit")
    assert "db;dur=" in first.headers["server-timing"] and "db;dur=" not in second.headers["server-timing"]
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
    assert first.headers["data-version"] == "0"
    version = publish(database_url)
    wait_until(lambda: api.request(path, **SPAN).headers["data-version"] == str(version))
    condition = {"If-None-Match": first.headers["etag"]}
    assert api.client.get(path, params=SPAN, headers=condition).status_code == 304  # computed anew, and the same


def test_the_first_fresh_answer_follows_a_refresh_at_once(
    api: Any, database_url: str, wait_until: Callable[..., None]
) -> None:
    """It is told, not looked for: by looking every 2 seconds alone this would take 20 on average."""
    api.request("/api/dashboard", **SPAN)
    freshness = api.app.state.database.freshness
    for _ in range(20):
        version = publish(database_url)
        wait_until(lambda known=version: freshness.published.data_version == known, 1.9)
        assert api.request("/api/dashboard", **SPAN).headers["data-version"] == str(version)


def test_a_refresh_that_nobody_told_of_is_noticed(api: Any, database_url: str, wait_until: Callable[..., None]) -> None:
    """As behind a pooler, where LISTEN hears nothing."""
    api.request("/api/dashboard", **SPAN)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE analytics.status SET data_version = 7")
    wait_until(lambda: api.request("/api/dashboard", **SPAN).headers["data-version"] == "7")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE analytics.status SET data_version = 3")  # restored from a backup
    wait_until(lambda: api.request("/api/dashboard", **SPAN).headers["data-version"] == "3")


@pytest.mark.parametrize(
    "query", [{"start": "2024-01-01"}, {**SPAN, "page": "1"}, {**SPAN, "nonsense": "1"}, {**SPAN, "start": "x"}]
)
def test_what_is_refused_is_not_kept(api: Any, query: dict[str, str]) -> None:
    for number in range(3):
        api.refused(422, "/api/dashboard", **query, **{f"unknown{number}": "1"})
    api.refused(404, "/api/nothing")
    assert len(api.app.state.cache) == 0


def test_a_dozen_clients_cost_the_database_one_question(
    api: Any, database_url: str, wait_until: Callable[..., None]
) -> None:
    with ThreadPoolExecutor(12) as clients:
        with psycopg.connect(database_url) as connection:
            connection.execute("LOCK TABLE analytics.days")
            asked = [clients.submit(api.request, "/api/dashboard", **SPAN) for _ in range(12)]
            wait_until(lambda: api.app.state.database._inside == 1)
        answers = [future.result() for future in asked]
    assert {answer.status_code for answer in answers} == {200}
    assert [uses(answer) for answer in answers].count("miss") == 1


def test_the_applications_of_one_process_share_nothing(new_database: Any, serve: Any) -> None:
    with new_database() as one, new_database() as other, serve(one) as first, serve(other) as second:
        first.request("/api/dashboard", **SPAN)
        assert uses(second.request("/api/dashboard", **SPAN)) == "miss"


def test_an_application_can_be_started_again(database_url: str) -> None:
    app = create_app(Settings(api_database_url=None, database_url=database_url))

    async def start_and_ask() -> int:
        async with app.router.lifespan_context(app):
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return (await client.get("/api/dashboard", params=SPAN)).status_code

    assert [asyncio.run(start_and_ask()) for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("path", ["/ready", "/health"])
def test_the_state_of_things_is_never_kept(shared: Any, path: str) -> None:
    response = shared.request(path)
    assert uses(response) is None
    assert "etag" not in response.headers


def test_the_status_is_kept_for_outages_alone(shared: Any) -> None:
    for _ in range(2):
        response = shared.request("/api/system/status")
        assert uses(response) == "miss"
        assert response.headers["cache-control"] == "no-store"


def test_pages_of_other_origins_read_nothing_unless_they_may(shared: Any) -> None:
    response = shared.request("/health", headers={"Origin": "https://other.example"})
    assert "access-control-allow-origin" not in response.headers


def test_pages_of_allowed_origins_read_kept_answers_each_with_its_own_header(database_url: str) -> None:
    origins = ["https://a.example", "https://b.example:8443"]
    settings = Settings(api_database_url=None, database_url=database_url, cors_origins=",".join(origins))
    app = create_app(settings)

    async def ask() -> None:
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as client,
        ):
            for origin in [*origins, *origins, "https://c.example", None]:
                headers = {"Origin": origin} if origin else {}
                response = await client.get("/api/dashboard", params=SPAN, headers=headers)
                allowed = response.headers.get_list("access-control-allow-origin")
                assert allowed == ([origin] if origin in origins else [])
                assert {"Origin", "Accept-Encoding"} <= set(re.split(", *", response.headers["vary"]))
            preflight = await client.options(
                "/api/dashboard",
                headers={
                    "Origin": origins[0],
                    "Access-Control-Request-Method": "GET",
                    "Access-Control-Request-Headers": "x-api-key",
                },
            )
            assert preflight.status_code == 200
            assert preflight.headers["access-control-allow-origin"] == origins[0]
            foreign = {"Origin": "https://c.example", "Access-Control-Request-Method": "GET", "X-Request-ID": "mine"}
            refused = await client.options("/api/dashboard", headers=foreign)
            assert refused.status_code == 400
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.headers["x-request-id"] == refused.json()["request_id"] == "mine"
            assert refused.headers["vary"].startswith("Origin") and "access-control-allow-origin" not in refused.headers
            counted = (await client.get("/metrics")).text
            for status in (200, 400):
                name = f'method="OPTIONS",route="/api/dashboard",status="{status}"'
                assert f"logistics_http_requests_total{{{name}}} 1.0" in counted

    asyncio.run(ask())


@pytest.mark.parametrize(
    "origins", ["example.org", "https://a.example/path", "https://a.example, https://b.example", ""]
)
def test_origins_that_are_none_are_refused(origins: str) -> None:
    with pytest.raises(ValueError, match="such as https"):
        Settings(cors_origins=origins)
