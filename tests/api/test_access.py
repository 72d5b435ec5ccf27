"""Who may ask what: keys, scopes, requests without a key, names and pages that are not ours, and limits of rate."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from logistics_api.app import create_app
from logistics_api.errors import Problem
from logistics_api.http.auth.authentication import Authenticator
from logistics_api.http.auth.authorisation import authorise
from logistics_api.http.auth.rate_limits import MOST_ADDRESSES, AddressLimits, Bucket
from logistics_api.http.auth.scopes import required_scopes
from logistics_core.settings import Settings
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.api_keys import create_key, revoke_key
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.demo.walkthrough import Walkthrough
from logistics_pipeline.local.environment import Environment

BEYOND = {"api_published_at": "192.0.2.1"}
"""As if served beyond this machine: the tests' server listens at 127.0.0.1 all the same."""

PROTECTED = "/api/system/status"


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url) as opened:
        yield opened


@contextmanager
def noticed(api: Any, wait_until: Callable[..., None], key: str, is_known: bool = True) -> Iterator[None]:
    """What is done inside has been heard of by the running API when the block is left."""
    yield
    keyring = api.app.state.authenticator.keyring
    wait_until(lambda: (keyring.find(key.encode()) is not None) == is_known)


def status_of(api: Any, path: str = PROTECTED, method: str = "GET", **headers: str) -> int:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    response = api.client.request(method, path, headers=sent)
    if not response.is_success and method != "HEAD":
        api.check_problem(response)
    return int(response.status_code)


# Keys


def test_a_key_opens_what_its_scopes_say_and_the_refusal_names_the_one_that_is_missing(
    database_url: str, connection: Connection, serve: Any
) -> None:
    reader, _ = create_key(connection, "reader", ["read"])
    exporter, _ = create_key(connection, "exporter", ["export"])
    with serve(database_url, **BEYOND) as api:
        assert status_of(api, x_api_key=reader) == 200
        assert status_of(api, authorization=f"Bearer {reader}") == 200
        assert status_of(api, authorization=f"bearer  {reader}") == 200
        assert status_of(api, method="HEAD", x_api_key=exporter) == 403
        refused = api.client.get(PROTECTED, headers={"X-API-Key": exporter})
        assert refused.status_code == 403
        assert refused.json()["type"] == "urn:logistics:problem:missing-scope"
        assert refused.json()["detail"] == "The key 'exporter' lacks the scope 'read'; it has: export."
        assert 'scope="read"' in refused.headers["www-authenticate"]
        assert status_of(api, "/api/exports/none.csv", x_api_key=reader) == 403
        assert status_of(api, "/api/exports/none.csv", x_api_key=exporter) == 404
        assert status_of(api, "/api/ingestion/uploads", "POST", x_api_key=reader) == 403


def test_who_may_upload_may_follow_the_upload(database_url: str, connection: Connection, serve: Any) -> None:
    keys = {scope: create_key(connection, scope, [scope])[0] for scope in ("read", "export", "ingest")}
    with serve(database_url, **BEYOND) as api:
        found = {scope: status_of(api, "/api/ingestion/uploads/none", x_api_key=key) for scope, key in keys.items()}
        assert found == {"read": 404, "export": 403, "ingest": 404}
        assert status_of(api, "/api/ingestion/files", x_api_key=keys["ingest"]) == 403


def test_without_a_key_nothing_but_the_open_paths_answers_beyond_this_machine(database_url: str, serve: Any) -> None:
    with serve(database_url, **BEYOND) as api:
        for path in ("/health", "/ready", "/docs", "/openapi.json", "/"):
            assert api.client.get(path).status_code == 200, path
        for path in (PROTECTED, "/api/dashboard", "/metrics", "/api/nothing", "/api/exports/x.csv", "/api/events"):
            refused = api.client.get(path)
            assert refused.status_code == 401, path
            api.check_problem(refused)
            assert refused.headers["www-authenticate"].startswith("Bearer")
            assert "x-request-id" in refused.headers


def test_every_route_that_is_not_open_needs_a_scope(database_url: str) -> None:
    """A route that somebody adds is protected unless it is listed here."""
    app = create_app(Settings(api_database_url=None, database_url=database_url, **BEYOND))  # type: ignore[arg-type]
    open_paths = {
        path for path, operations in app.openapi()["paths"].items() for method in operations
        if not required_scopes(method.upper(), path, is_local=False)
    }  # fmt: skip
    assert open_paths == {"/health", "/ready", "/api/session", "/v2/health/live", "/v2/health/ready"}
    assert not required_scopes("OPTIONS", "/metrics", is_local=False), "a browser asks beforehand without a key"
    posts = {path for path, operations in app.openapi()["paths"].items() if operations.keys() - {"get", "head"}}
    decisions = {path for path in posts if path.startswith("/api/contracts/") and path != "/api/contracts/proposals"}
    assert len(decisions) == 6
    assert all(required_scopes("POST", path, is_local=False) == ("contracts",) for path in decisions)
    boards = {"/api/boards", "/api/boards/{board_id}"}
    assert all(required_scopes("PUT", path, is_local=False) == ("boards",) for path in boards)
    alerts = {path for path in posts if path.startswith("/api/alerts/")}
    assert all(required_scopes("POST", path, is_local=False) == ("alerts",) for path in alerts)
    questions = {path for path in posts if path.startswith("/v2/")}
    assert len(questions) == 2
    assert all(required_scopes("POST", path, is_local=False) == ("read",) for path in questions)
    own = {path for path in posts if path.startswith("/api/me/")}
    assert all(required_scopes("POST", path, is_local=False) == ("read",) for path in own)
    others = posts - open_paths - decisions - boards - questions - alerts - own
    assert all(required_scopes("POST", path, is_local=False) == ("ingest",) for path in others)


@pytest.mark.parametrize(
    "sent",
    ["", "lap_", "x", "lap_" + "0" * 49, "\u00e4".encode().decode("latin-1"), "' OR 1=1 --", "null", "x" * 5000],
)
def test_what_is_no_key_is_refused_wherever_it_stands(database_url: str, serve: Any, sent: str) -> None:
    """Also on this machine: who sends a key means to be somebody, and is told that it went wrong."""
    raw = sent.encode("latin-1")
    with serve(database_url) as api:
        assert api.client.get(PROTECTED, headers={b"X-API-Key": raw}).status_code == 401
        bearer = (b"Bearer " + raw).strip()
        assert api.client.get(PROTECTED, headers={b"Authorization": bearer}).status_code == 401
        if raw.strip():
            assert api.client.get(PROTECTED, headers={b"Cookie": b"logistics_key=" + raw}).status_code == 401
        problem = api.client.get(PROTECTED, headers={b"X-API-Key": raw}).json()
        assert problem["type"] == "urn:logistics:problem:unknown-key"
        assert len(sent) < 4 or sent not in str(problem)


def test_other_authorizations_and_cookies_are_not_taken_for_keys(database_url: str, serve: Any) -> None:
    with serve(database_url) as api:
        assert status_of(api, authorization="Basic dXNlcjpwYXNz") == 200
        assert status_of(api, cookie="theme=dark; logistics_keys=1; =; ;;") == 200


def test_a_key_is_known_by_its_digest_alone(connection: Connection) -> None:
    key, made = create_key(connection, "reader", ["read"])
    row = connection.execute("SELECT k::text, digest FROM access.keys AS k").fetchone()
    assert row is not None
    assert key not in row[0] and key[10:40] not in row[0]
    assert row[1] == sha256(key.encode()).digest()
    assert made.name == "reader"


def test_the_reader_can_see_keys_and_change_none(database_url: str, connection: Connection) -> None:
    connection.execute("SET ROLE logistics_reader")
    assert connection.execute("SELECT count(*) FROM access.keys").fetchone() == (0,)
    for statement in ("DELETE FROM access.keys", "UPDATE access.keys SET revoked_at = NULL"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


@pytest.mark.slow
def test_keys_made_and_revoked_take_effect_on_a_running_api(
    database_url: str, serve: Any, wait_until: Callable[..., None], tmp_path: Path
) -> None:
    command = Path(sys.executable).with_name("logistics")
    environment = {"LOGISTICS_DATABASE_URL": database_url, "LOGISTICS_DATA_DIR": str(tmp_path), "PATH": ""}

    def logistics(*arguments: str) -> str:
        done = subprocess.run(
            [command, "keys", *arguments], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    with serve(database_url, **BEYOND) as api:
        assert status_of(api) == 401
        key = logistics("create", "laptop")
        wait_until(lambda: status_of(api, x_api_key=key) == 200)
        logistics("revoke", "laptop")
        wait_until(lambda: status_of(api, x_api_key=key) == 401)


def test_a_key_stops_by_itself_when_it_expires(database_url: str, connection: Connection, serve: Any) -> None:
    key, _ = create_key(connection, "visitor", ["read"])
    with serve(database_url, **BEYOND) as api:
        assert status_of(api, x_api_key=key) == 200
        (principal,) = api.app.state.authenticator.keyring
        principal.expires_at = time.time() - 0.001
        assert status_of(api, x_api_key=key) == 401


def test_keys_that_were_known_stay_good_while_the_database_is_away(connection: Connection) -> None:
    key, _ = create_key(connection, "reader", ["read"])
    authenticator = Authenticator(Settings(**BEYOND))  # type: ignore[arg-type]

    async def load() -> None:
        async with await psycopg.AsyncConnection.connect(connection.info.dsn, autocommit=True) as reader:
            await authenticator.keyring.reload(reader)
        with pytest.raises(psycopg.Error):
            await authenticator.keyring.reload(reader)  # closed by now

    asyncio.run(load())
    assert authorise(authenticator, request(x_api_key=key)).name == "reader"


def test_before_the_keys_could_be_read_a_key_is_not_called_unknown() -> None:
    authenticator = Authenticator(Settings(**BEYOND))  # type: ignore[arg-type]
    with pytest.raises(Problem) as caught:
        authorise(authenticator, request(x_api_key="lap_1"))
    assert (caught.value.status, caught.value.kind) == (503, "keys-unavailable")
    with pytest.raises(Problem) as caught:
        authorise(authenticator, request())
    assert caught.value.status == 401


def test_a_database_of_an_older_version_has_no_keys_and_everything_else_goes_on(database_url: str, serve: Any) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("DROP SCHEMA access CASCADE")
    with serve(database_url) as api:
        assert status_of(api) == 200
        assert status_of(api, x_api_key="lap_1") == 401


def test_a_revoked_name_can_be_given_again_and_counts_its_rate_anew(connection: Connection) -> None:
    first, _ = create_key(connection, "laptop", ["read"])
    revoke_key(connection, "laptop")
    second, made = create_key(connection, "laptop", ["read"], requests_per_second=5)
    assert first != second
    assert (made.key_id, made.requests_per_second) == (2, 5)


# Without a key


def request(method: str = "GET", path: str = PROTECTED, client: str = "127.0.0.1", **headers: str) -> dict[str, Any]:
    sent = {"host": "127.0.0.1:8000"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "type": "http", "method": method, "path": path, "scheme": "http", "client": (client, 5000), "state": {},
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
    }  # fmt: skip


def outcome(authenticator: Authenticator, **of_request: Any) -> int | str:
    """The status of the refusal, or the name of who was admitted."""
    try:
        return authorise(authenticator, request(**of_request)).name
    except Problem as problem:
        return problem.status


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.53"])
def test_on_this_machine_everything_is_allowed_without_a_key(host: str) -> None:
    authenticator = Authenticator(Settings(api_host=host))
    assert authenticator.anonymous.scopes == {"read", "export", "ingest", "contracts", "boards", "alerts", "audit"}
    for ours in ("127.0.0.1", "127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000", "localhost."):
        assert outcome(authenticator, host=ours) == "anonymous", ours


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "logistics.example.org", ""])
def test_elsewhere_nothing_is_unless_it_was_asked_for(host: str) -> None:
    assert Authenticator(Settings(api_host=host)).anonymous.scopes == frozenset()
    asked = Authenticator(Settings(api_host=host, api_anonymous="read,export"))
    assert asked.anonymous.scopes == {"read", "export"}
    assert outcome(asked) == "anonymous"
    assert outcome(asked, path="/api/exports/x.csv") == "anonymous"
    assert outcome(asked, method="POST", path="/api/ingestion/uploads") == 401


def test_a_container_counts_as_where_its_port_is_published() -> None:
    assert Authenticator(Settings(api_host="0.0.0.0", api_published_at="127.0.0.1")).is_local
    assert not Authenticator(Settings(api_host="127.0.0.1", api_published_at="0.0.0.0")).is_local


def test_none_means_none_even_on_this_machine() -> None:
    authenticator = Authenticator(Settings(api_anonymous="none"))
    assert outcome(authenticator) == 401
    assert outcome(authenticator, path="/health") == "anonymous"
    assert outcome(authenticator, path="/metrics") == "anonymous"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "", "127.0.0.1@evil.example",
             "[::1].evil.example", "evil.example:127.0.0.1", "\xe9", "0", "2130706433"],
)  # fmt: skip
def test_a_foreign_name_that_points_to_this_machine_is_refused(host: str) -> None:
    authenticator = Authenticator(Settings())
    assert outcome(authenticator, host=host) == 403
    assert outcome(authenticator, host=host, path="/health") == "anonymous"


def test_names_that_are_listed_are_ours() -> None:
    authenticator = Authenticator(Settings(api_hosts="Logistics.example.org,192.0.2.1"))
    assert outcome(authenticator, host="logistics.EXAMPLE.org:8443") == "anonymous"
    assert outcome(authenticator, host="localhost") == "anonymous"
    assert outcome(authenticator, host="example.org") == 403
    beyond = Authenticator(Settings(api_host="0.0.0.0", api_anonymous="read", api_hosts="logistics.example.org"))
    assert outcome(beyond, host="logistics.example.org") == "anonymous"
    assert outcome(beyond, host="localhost") == 403


@pytest.mark.parametrize(
    "name", ["x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host", "x-proxy-secret", "via"]
)
def test_what_a_proxy_on_this_machine_passes_on_is_not_from_this_machine(name: str) -> None:
    passed_on: dict[str, Any] = {name: "192.0.2.9"}
    assert outcome(Authenticator(Settings()), **passed_on) == 401
    assert outcome(Authenticator(Settings(api_anonymous="read")), **passed_on) == "anonymous"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, "anonymous"),  # no browser
        ({"origin": "http://127.0.0.1:8000"}, "anonymous"),
        ({"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8000"}, "anonymous"),
        ({"sec-fetch-site": "none"}, "anonymous"),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:3000"}, 403),  # another program's page on this machine
        ({"origin": "https://127.0.0.1:8000"}, 403),
        ({"origin": ""}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": ""}, 403),
    ],
)
def test_only_our_own_pages_may_upload_on_behalf_of_whoever_sits_here(
    sent: dict[str, str], expected: int | str
) -> None:
    authenticator = Authenticator(Settings())
    assert outcome(authenticator, method="POST", path="/api/ingestion/uploads", **sent) == expected
    assert outcome(authenticator, method="GET", **sent) == "anonymous"  # what it answers only our own pages can read


def test_a_page_of_another_site_that_has_a_key_may_upload(connection: Connection) -> None:
    key, _ = create_key(connection, "partner", ["ingest"])
    authenticator = Authenticator(Settings())

    async def load() -> None:
        async with await psycopg.AsyncConnection.connect(connection.info.dsn, autocommit=True) as reader:
            await authenticator.keyring.reload(reader)

    asyncio.run(load())
    upload = {"method": "POST", "path": "/api/ingestion/uploads", "origin": "https://partner.example"}
    assert outcome(authenticator, **upload, x_api_key=key) == "partner"
    assert outcome(authenticator, **upload, cookie=f"logistics_key={key}") == 403


@pytest.mark.parametrize("path", ["/api/exports", "/api/exports/", "/api/exports/x.csv", "/api/exportsx"])
def test_whatever_begins_like_an_export_needs_its_scope(path: str) -> None:
    assert required_scopes("GET", path, is_local=True) == ("export",)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_whatever_could_change_something_needs_the_scope_of_ingestion(method: str) -> None:
    assert required_scopes(method, "/api/dashboard", is_local=True) == ("ingest",)


# Limits


def test_a_bucket_lets_a_burst_through_and_then_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("logistics_api.http.auth.rate_limits.monotonic", lambda: clock[0])
    bucket = Bucket(rate=4, burst=3)

    def admitted() -> int:
        count = 0
        try:
            while count < 100:
                bucket.take()
                count += 1
        except Problem as problem:
            assert problem.status == 429
            assert problem.headers is not None
            assert problem.headers["Retry-After"] == "1"
            assert problem.headers["RateLimit"] == '"requests";r=0;t=1'
            assert problem.headers["RateLimit-Policy"] == '"requests";q=3;w=1'
        return count

    assert admitted() == 3
    clock[0] += 0.5
    assert admitted() == 2
    clock[0] += 0.2
    assert admitted() == 0
    clock[0] += 3600
    assert admitted() == 3


def test_a_rate_of_zero_is_no_limit() -> None:
    bucket = Bucket(rate=0, burst=1)
    for _ in range(1000):
        bucket.take()


def test_addresses_are_counted_apart_and_only_so_many_are_remembered() -> None:
    limits = AddressLimits(rate=0.001, burst=1)
    limits.take("192.0.2.1")
    limits.take("192.0.2.2")
    with pytest.raises(Problem, match="Try again in"):
        limits.take("192.0.2.1")
    for number in range(MOST_ADDRESSES + 50):
        limits.take(f"198.51.{number // 256}.{number % 256}")
    assert len(limits) == MOST_ADDRESSES
    limits.take("192.0.2.1")  # forgotten


def test_one_network_of_ipv6_counts_as_one() -> None:
    limits = AddressLimits(rate=0.001, burst=1)
    limits.take("2001:db8:0:1::1")
    limits.take("2001:db8:0:2::1")
    with pytest.raises(Problem):
        limits.take("2001:db8:0:1:ffff:ffff:ffff:ffff")


def test_a_key_that_asks_too_often_is_told_when_to_come_back_and_others_are_not_held_up(
    database_url: str, connection: Connection, serve: Any
) -> None:
    hasty, _ = create_key(connection, "hasty", ["read"], requests_per_second=0.5)
    calm, _ = create_key(connection, "calm", ["read"])
    with serve(database_url, api_burst=3, **BEYOND) as api:
        statuses = [status_of(api, x_api_key=hasty) for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        refused = api.client.get(PROTECTED, headers={"X-API-Key": hasty})
        assert int(refused.headers["retry-after"]) in (1, 2)
        assert refused.headers["ratelimit"].startswith('"requests";r=0;t=')
        assert status_of(api, x_api_key=calm) == 200
        assert status_of(api, "/health", x_api_key=hasty) == 200


def test_guesses_at_keys_are_counted_by_address(database_url: str, serve: Any) -> None:
    with serve(database_url, api_rate=0.01, api_burst=3, **BEYOND) as api:
        statuses = [status_of(api, x_api_key=f"lap_{number}") for number in range(5)]
        assert statuses == [401, 401, 401, 429, 429]


def test_on_this_machine_nobody_is_slowed_down(database_url: str, serve: Any) -> None:
    with serve(database_url, api_rate=0.01, api_burst=1) as api:
        assert {status_of(api) for _ in range(20)} == {200}


def test_hostile_headers_are_answered_with_a_problem_and_nothing_breaks(database_url: str, serve: Any) -> None:
    many = [
        (b"X-API-Key", b"a"),
        (b"x-api-key", b"b"),
        (b"Authorization", b"Bearer"),
        (b"Cookie", b"=;=;logistics_key"),
    ]
    with serve(database_url, **BEYOND) as api:
        response = api.client.get(PROTECTED, headers=httpx2.Headers(many))
        assert response.status_code == 401
        api.check_problem(response)
        response = api.client.get(PROTECTED, headers=[(b"Cookie", b"logistics_key=" + b"\xff" * 300)])
        assert response.status_code == 401
        assert api.get("/health") == {"status": "ok"}


def test_the_demo_reads_its_figures_where_the_api_asks_for_keys(
    database_url: str, connection: Connection, serve: Any, store: Callable[..., None], tmp_path: Path
) -> None:
    store(
        database_url,
        vehicles=[("V1", "One", 1)],
        vehicle_logs=[("L1", "V1", "2024-02-03", 1, 1)],
        shipments=[("S1", "A", "B", 1, 1, 1, "L1")],
    )
    refresh(database_url)
    with serve(database_url, api_anonymous="none") as api:
        settings = Settings(data_dir=tmp_path, api_port=api.client.base_url.port)
        assert "2024-02-03" in Walkthrough(Environment(settings, database_url), print).headline()
    assert connection.execute("SELECT count(*) FROM access.keys WHERE revoked_at IS NULL").fetchone() == (0,)
