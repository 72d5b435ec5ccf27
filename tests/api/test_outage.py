"""A database that is away: the API starts without it, refuses at once while it is gone, and recovers by itself."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest

from logistics_api.database import connection, watcher
from logistics_api.database.limits import Limits
from logistics_pipeline.database.connections import with_database
from logistics_pipeline.local.embedded_postgres import EmbeddedPostgres
from logistics_pipeline.migrations import migrate
from tests.temporary_folders import temporary_folder

PATIENT = Limits(wait_seconds=60)
"""A request that waited for the pool would show: the guard answers at once, on a busy machine too."""

AT_ONCE_SECONDS = 10


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server of the module's own, to be stopped and started.

    Not in pytest's own temporary folder: other sessions on the machine close it to the server's user.
    """
    with temporary_folder("logistics-tests-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        migrate(server.acquire())
        server.release()
        yield server


@pytest.fixture
def url(server: EmbeddedPostgres) -> Iterator[str]:
    """The server's URL; it runs when the test begins, and is stopped by `release` and started by `acquire`."""
    yield server.acquire()
    server.release()


def refuses_quickly(api: Any, seconds: float) -> None:
    """Asks over and over: every answer is a 503, and at once."""
    slowest = 0.0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        began = time.monotonic()
        problem = api.refused(503, "/ready")
        slowest = max(slowest, time.monotonic() - began)
        assert problem["type"] == "urn:logistics:problem:database-unavailable"
    assert slowest < AT_ONCE_SECONDS
    assert api.get("/health") == {"status": "ok"}


def is_ready(api: Any) -> bool:
    response = api.request("/ready")
    assert response.status_code in (200, 503)
    return bool(response.status_code == 200)


def changes_something(api: Any) -> int:
    """Makes a board, over the connections of the operator; returns the status."""
    response = api.client.post("/api/boards", json={"title": "Fleet", "description": "", "panels": []})
    return int(response.status_code)


@pytest.mark.slow
def test_it_starts_without_a_database_and_finds_it_later(
    server: EmbeddedPostgres, url: str, serve: Any, wait_until: Callable[..., None]
) -> None:
    server.release()
    began = time.monotonic()
    with serve(url, PATIENT) as api:
        assert time.monotonic() - began < AT_ONCE_SECONDS
        refuses_quickly(api, 2.0)  # long enough for the pool to give up
        server.acquire()
        wait_until(lambda: api.app.state.database.freshness.reachable, 30)
        assert all(is_ready(api) for _ in range(20))


@pytest.mark.slow
def test_it_recovers_when_the_database_restarts_between_requests(
    server: EmbeddedPostgres, url: str, serve: Any, wait_until: Callable[..., None]
) -> None:
    with serve(url, PATIENT) as api:
        for _ in range(2):
            assert is_ready(api) and changes_something(api) == 201
            server.release()
            wait_until(lambda: not is_ready(api), 30)
            refuses_quickly(api, 1.5)
            assert changes_something(api) == 503
            server.acquire()
            wait_until(lambda: api.app.state.database.freshness.reachable, 30)
            assert changes_something(api) == 201  # from the first on: no connection of before is left
            assert all(is_ready(api) for _ in range(20))


def test_a_connection_cut_under_a_request_is_a_503_and_the_next_request_is_served(
    url: str, serve: Any, wait_until: Callable[..., None]
) -> None:
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'logistics api'"
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'logistics api'"
    )
    with serve(url) as api, ThreadPoolExecutor(1) as clients, psycopg.connect(url) as lock:
        lock.execute("LOCK TABLE ingest.files")  # which the watcher does not read
        asked = clients.submit(api.request, "/api/system/status")
        with psycopg.connect(with_database(url, "postgres"), autocommit=True) as admin:
            wait_until(lambda: admin.execute(waiting).fetchone() == (1,))
            admin.execute(cut)
        assert asked.result().status_code == 503
        lock.rollback()
        wait_until(lambda: is_ready(api), 30)
        assert api.request("/api/system/status").status_code == 200


def test_a_database_that_does_not_exist_yet_says_what_to_run_and_is_found_when_it_does(
    url: str, serve: Any, wait_until: Callable[..., None]
) -> None:
    later = with_database(url, "later")
    with serve(later) as api:
        assert "logistics migrate" in api.refused(503, "/ready")["detail"]
        migrate(later)
        wait_until(lambda: is_ready(api), 30)


SPAN = {"start": "2024-01-01", "end": "2024-12-31"}


def test_figures_that_are_kept_are_answered_during_an_outage_and_marked(
    server: EmbeddedPostgres, url: str, serve: Any, wait_until: Callable[..., None]
) -> None:
    with serve(url, PATIENT) as api:
        fresh = api.request("/api/dashboard", **SPAN)
        assert "warning" not in fresh.headers
        server.release()
        wait_until(lambda: not is_ready(api), 30)
        stale = api.request("/api/dashboard", **SPAN)
        assert stale.status_code == 200
        assert stale.content == fresh.content
        assert stale.headers["warning"] == '110 - "Response is Stale"'
        assert int(stale.headers["age"]) >= 0
        assert stale.headers["data-version"] == fresh.headers["data-version"]
        api.refused(503, "/api/dashboard", **SPAN, periods_back=2)  # was never asked for
        server.acquire()
        wait_until(lambda: api.app.state.database.freshness.reachable, 30)
        assert "warning" not in api.request("/api/dashboard", **SPAN).headers


def test_the_state_that_was_answered_before_is_answered_during_an_outage_and_marked(
    server: EmbeddedPostgres, url: str, serve: Any, wait_until: Callable[..., None]
) -> None:
    with serve(url, PATIENT) as api:
        assert "warning" not in api.request("/api/system/status").headers
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE analytics.status SET unassigned_shipments = unassigned_shipments + 1")
        fresh = api.request("/api/system/status")  # of the same data version: but not from the cache
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT unassigned_shipments, data_version FROM analytics.status").fetchone()
        assert row == (fresh.json()["unassigned_shipments"], int(fresh.headers["data-version"]))
        server.release()
        wait_until(lambda: not is_ready(api), 30)
        stale = api.request("/api/system/status")
        assert stale.json() == fresh.json()
        assert stale.headers["warning"] == '110 - "Response is Stale"'
        assert stale.headers["cache-control"] == "no-store"
        server.acquire()
        wait_until(lambda: api.app.state.database.freshness.reachable, 30)
        assert "warning" not in api.request("/api/system/status").headers


def test_a_stream_tells_when_the_database_goes_and_when_it_is_back(
    server: EmbeddedPostgres, url: str, serve: Any
) -> None:
    with serve(url, PATIENT) as api, api.client.stream("GET", "/api/events") as response:
        lines = response.iter_lines()
        server.release()
        assert next(line for line in lines if line.startswith("event: database"))
        assert next(lines) == "data: unavailable"
        server.acquire()
        assert next(line for line in lines if line.startswith("event: database"))
        assert next(lines) == "data: available"


def test_a_refresh_during_an_outage_of_the_watcher_alone_is_noticed(
    url: str, serve: Any, wait_until: Callable[..., None]
) -> None:
    """Only its connection is cut; what was published before it listens again must not be missed."""
    with serve(url) as api:
        database = api.app.state.database
        for _ in range(3):
            before = api.request("/api/dashboard", **SPAN).headers["data-version"]
            with psycopg.connect(url) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'logistics api' "
                    "AND datname = current_database()"
                )
                connection.execute("UPDATE analytics.status SET data_version = data_version + 1")
            wait_until(lambda: database.freshness.reachable, 30)
            wait_until(lambda known=before: api.request("/api/dashboard", **SPAN).headers["data-version"] != known)


@contextmanager
def frozen(server: EmbeddedPostgres) -> Iterator[None]:
    """The server takes connections and answers nothing, like one whose host hangs."""
    postmaster = psutil.Process(int((server.folder / "postmaster.pid").read_text().split()[0]))
    postmaster.suspend()
    processes = [postmaster, *postmaster.children(recursive=True)]
    try:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


@pytest.mark.slow
def test_a_server_that_hangs_is_away_until_it_goes_on(
    server: EmbeddedPostgres, url: str, serve: Any, wait_until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(watcher, "HEARTBEAT_SECONDS", 2.0)
    monkeypatch.setattr(connection, "MARGIN_SECONDS", 0.5)
    with serve(url, Limits(connections=2, statement_seconds=1)) as api, ThreadPoolExecutor(1) as clients:

        def ask() -> Any:
            return api.request("/api/dashboard", **SPAN)

        wait_until(lambda: "cache;desc=hit" in ask().headers.get("server-timing", ""))
        with frozen(server):
            under_way = clients.submit(api.request, "/api/system/status")
            wait_until(lambda: "warning" in ask().headers)
            assert int(ask().headers["age"]) >= 0
            assert under_way.result(60).status_code == 503
            assert api.refused(503, "/ready")["type"] == "urn:logistics:problem:database-unavailable"
        wait_until(lambda: api.request("/ready").status_code == 200)
        wait_until(lambda: "warning" not in ask().headers)


@pytest.mark.slow
def test_it_recovers_at_once_from_an_outage_that_the_pool_does_not_survive(
    server: EmbeddedPostgres, url: str, serve: Any, wait_until: Callable[..., None]
) -> None:
    """35 seconds: beyond the pool's patience, with requests coming in all the time."""
    with serve(url, PATIENT) as api:
        assert api.request("/api/dashboard", **SPAN).status_code == 200
        server.release()
        wait_until(lambda: not is_ready(api), 30)
        refuses_quickly(api, 35)
        server.acquire()
        back = time.monotonic()
        wait_until(lambda: is_ready(api), 30)
        assert time.monotonic() - back < AT_ONCE_SECONDS
        assert all(is_ready(api) for _ in range(20))
