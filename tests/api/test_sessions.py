"""The API's sessions: the same for every login and environment, behind a pooler, and replaced when they were closed."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from logistics_api.app import make_database
from logistics_api.database import watcher
from logistics_api.database.conninfo import read_only
from logistics_api.database.limits import Limits
from logistics_core.database_contract.roles import READER
from logistics_core.settings import Settings
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.migrations import reader_url
from tests.hostile_logins import hostile_environment, hostile_login
from tests.pgbouncer import pgbouncer

SPAN = {"start": "2024-01-01", "end": "2024-12-31"}
LOGS = [["L1", "V1", "2024-06-02", 10, 1], ["L2", "V1", "2024-02-29", 20.5, 2], ["L3", "Ü2", "2024-12-31", 20.5, 2]]
SHIPMENTS = [["Ü1", "Köln", "Łódź", 1, 2, 3, "L1"]]


@pytest.fixture
def filled(database_url: str, store: Any) -> str:
    store(database_url, vehicle_logs=LOGS, shipments=SHIPMENTS)
    refresh(database_url, full=True)
    return database_url


@pytest.fixture(params=["login", "environment"])
def hostile(request: pytest.FixtureRequest, filled: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "environment":
        hostile_environment(monkeypatch)
        yield filled
    else:
        with hostile_login(filled) as url:
            yield url


def session_of(api: Any) -> tuple[Any, ...]:
    """What the API's own connections say about themselves."""
    query = (
        "SELECT current_user, current_setting('transaction_read_only'), current_setting('statement_timeout'), "
        "current_setting('idle_session_timeout'), current_setting('DateStyle'), current_setting('client_encoding')"
    )

    async def ask() -> tuple[Any, ...]:
        database = make_database(api.app.state.settings)
        async with database:
            return await database.fetch_row(query)

    return asyncio.run(ask())


RIGHT = (READER, "on", "5s", "0", "ISO, YMD", "UTF8")


def test_figures_and_exports_are_the_same_for_every_login_and_environment(hostile: str, serve: Any) -> None:
    with serve(hostile) as api:
        assert session_of(api) == RIGHT
        text = api.client.get("/api/exports/vehicle-logs.csv").text
        assert [line.split(",")[2] for line in text.splitlines()[1:]] == ["2024-06-02", "2024-02-29", "2024-12-31"]
        assert '"Köln","Łódź"' in api.client.get("/api/exports/shipments.csv").text
        assert api.get("/api/dashboard", **SPAN)["active_vehicles"] == 2
        assert api.get("/api/shipments/Ü1")["origin"] == "Köln"


def test_a_pooler_in_transaction_mode_is_refused_in_the_log(
    filled: str, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    drops_options = "ignore_startup_parameters = options,extra_float_digits"
    with pgbouncer(filled, "transaction", size=1, more=drops_options) as url, serve(url) as api:
        assert api.refused(503, "/ready")["type"] == "urn:logistics:problem:database-unavailable"
        assert "pooler in transaction mode" in caplog.text


@pytest.mark.parametrize("more", ["", "ignore_startup_parameters = options"], ids=["refuses options", "drops options"])
def test_behind_a_pooler_in_session_mode_it_reads_as_the_reader_and_changes_as_the_operator(
    filled: str, serve: Any, more: str
) -> None:
    with pgbouncer(filled, "session", more=more) as url:
        for given in (url, reader_url(url)):
            with serve(given) as api:
                assert session_of(api) == RIGHT
                assert api.get("/api/dashboard", **SPAN)["active_vehicles"] == 2
                board = {"title": "Fleet", "description": "", "panels": []}
                assert api.client.post("/api/boards", json=board).status_code == 201


def test_idle_connections_outlive_a_limit_of_the_login(filled: str, serve: Any) -> None:
    with hostile_login(filled, idle_session_timeout="300ms") as url, serve(url, Limits(connections=4)) as api:
        api.get("/ready")
        time.sleep(1)
        assert [api.request(f"/api/shipments/S{n}").status_code for n in range(12)] == [404] * 12


@pytest.mark.slow
@pytest.mark.parametrize("spared", ["the watcher", "nothing"])
def test_connections_closed_by_an_administrator_are_replaced(
    filled: str, serve: Any, spared: str, wait_until: Callable[..., None]
) -> None:
    with serve(filled, Limits(connections=8)) as api:
        pool = api.app.state.database._pool
        wait_until(lambda: pool.get_stats()["pool_available"] == 8)
        for _ in range(2):
            terminate(filled, keep_watcher=spared == "the watcher")
            assert [api.request(f"/api/shipments/S{n}").status_code for n in range(12)] == [404] * 12
            time.sleep(watcher.STABLE_SECONDS)


def terminate(url: str, *, keep_watcher: bool) -> None:
    with psycopg.connect(url, autocommit=True) as admin:
        found = admin.execute(
            "SELECT pid, query LIKE '%%keys%%' OR query LIKE '%%analytics.status%%' FROM pg_stat_activity "
            "WHERE application_name = 'logistics api' AND datname = current_database()"
        ).fetchall()
        for pid, is_watcher in found:
            if not (keep_watcher and is_watcher):
                admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


def test_settings_are_set_before_the_role_is_changed() -> None:
    made = read_only(reader_url("postgresql://u@h/d"), None, Limits())
    assert list(made.session.settings)[-1] == "role"
    assert made.session.settings["role"] == READER


def test_the_settings_of_the_api_cover_those_of_a_hostile_login() -> None:
    made = make_database(Settings(api_database_url=None, database_url="postgresql://u@h/d")).read_only
    assert {"lock_timeout", "idle_session_timeout", "TimeZone", "row_security"} <= set(made.session.settings)
