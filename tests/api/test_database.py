"""What stands between the API and PostgreSQL: it only reads, takes in what it can serve, and waits for nothing long."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from logistics_api.app import make_database
from logistics_api.database.connection import MARGIN_SECONDS, Connection
from logistics_api.database.conninfo import read_only
from logistics_api.database.limits import Limits
from logistics_api.database.pool import Database
from logistics_api.errors import ConfigurationError, Problem
from logistics_core.database_contract.roles import OPERATOR, READER
from logistics_core.postgres.sessions import run
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import with_database
from logistics_pipeline.migrations import reader_url

SPAN = {"start": "2024-01-01", "end": "2024-12-31"}


def own_connection(url: str) -> psycopg.Connection[Any]:
    """A connection exactly as the API makes them."""
    return opened(make_database(Settings(api_database_url=None, database_url=url)))


def opened(database: Database) -> psycopg.Connection[Any]:
    connection = psycopg.connect(database.read_only.conninfo, autocommit=True)
    run(connection, database.read_only.session.start(connection.info.backend_pid))
    return connection


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO raw.vehicles VALUES ('V1', NULL, NULL, 1, 1)",
        "UPDATE analytics.status SET data_version = 0",
        "DELETE FROM ingest.files",
        "CREATE TABLE public.mine ()",
        "TRUNCATE raw.shipments",
    ],
)
def test_its_own_connections_cannot_write(database_url: str, statement: str) -> None:
    with own_connection(database_url) as connection, pytest.raises(errors.ReadOnlySqlTransaction):
        connection.execute(statement)


def test_they_lack_the_right_to_write_as_well(database_url: str) -> None:
    with own_connection(database_url) as connection:
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("UPDATE analytics.status SET data_version = 0")


async def _write(database: Database, call: str) -> Any:
    async with database:
        return await database.write(call, {})


def operate(settings: Settings, call: str) -> Any:
    """What the operator of an API with these settings gets from a call."""
    return asyncio.run(_write(make_database(settings), call))


@pytest.mark.parametrize("as_reader", [False, True], ids=["the pipeline's URL", "a reader's URL"])
def test_the_operator_changes_something_in_sessions_of_its_own(database_url: str, as_reader: bool) -> None:
    url = reader_url(database_url) if as_reader else database_url
    settings = Settings(api_database_url=url if as_reader else None, database_url=url)
    query = "SELECT current_user, current_setting('application_name'), current_setting('transaction_read_only'), "
    query += "current_setting('statement_timeout'), current_setting('DateStyle')"
    assert operate(settings, query) == (OPERATOR, "logistics api operator", "off", "5s", "ISO, YMD")


def test_a_login_that_may_not_become_the_operator_reads_and_is_told_why_it_cannot_change_anything(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that was set up before there was an operator."""
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP ROLE IF EXISTS api_of_old")
        connection.execute("CREATE ROLE api_of_old LOGIN IN ROLE logistics_reader")
    settings = Settings(api_database_url=database_url.replace("postgres@", "api_of_old@"), database_url=None)
    with opened(make_database(settings)) as connection:
        assert connection.execute("SELECT data_version FROM analytics.status").fetchone() == (0,)
    call = "SELECT boards.delete_board(gen_random_uuid(), 1)"
    with pytest.raises(Problem) as refusal:
        operate(settings, call)
    assert (refusal.value.status, refusal.value.kind) == (503, "changes-unavailable")
    assert "Run `logistics migrate`" in refusal.value.detail
    assert 'permission denied to set role "logistics_operator"' in caplog.text
    own = Settings(**{**settings.model_dump(), "api_operator_database_url": database_url})
    assert operate(own, call) == (None,)


def test_options_of_the_url_are_kept(database_url: str) -> None:
    with own_connection(reader_url(database_url)) as connection:
        query = (
            "SELECT current_user, current_setting('application_name'), current_setting('default_transaction_read_only')"
        )
        assert connection.execute(query).fetchone() == (READER, "logistics api", "on")


def test_the_url_may_set_limits_but_not_allow_writing() -> None:
    options = "-c search_path=a\\ b -c statement_timeout=100 -c default_transaction_read_only=off -c work_mem=8MB"
    url = "postgresql://me:secret@db.example:6543/fleet?connect_timeout=9&options=" + quote(options)
    made = read_only(url, None, Limits(statement_seconds=2.5))
    parameters = conninfo_to_dict(made.conninfo)
    assert parameters["host"] == "db.example" and parameters["password"] == "secret"
    assert int(parameters["connect_timeout"]) == 9
    assert parameters["options"] == "-cwork_mem=8MB"
    settings = made.session.settings
    assert (settings["search_path"], settings["statement_timeout"]) == ("a b", "100")
    assert (settings["default_transaction_read_only"], settings["DateStyle"]) == ("on", "ISO, YMD")


@pytest.mark.parametrize("limit, timeout", [("100", 5.0 + MARGIN_SECONDS), ("9s", 9.0 + MARGIN_SECONDS), ("0", None)])
def test_an_answer_is_waited_for_longer_than_the_server_may_take(
    database_url: str, limit: str, timeout: float | None
) -> None:
    async def ask() -> float | None:
        url = make_conninfo(database_url, options=f"-c statement_timeout={limit}")
        async with Database(url) as database, database.connection() as connection:
            assert isinstance(connection, Connection)
            return connection.response_timeout_seconds

    assert asyncio.run(ask()) == timeout


def test_a_login_of_its_own_is_used_as_it_is(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP ROLE IF EXISTS api_login")
        connection.execute("CREATE ROLE api_login LOGIN IN ROLE logistics_reader")
    own = database_url.replace("postgres@", "api_login@")
    settings = Settings(api_database_url=own, database_url="postgresql://nobody@127.0.0.1:1/nothing")
    with opened(make_database(settings)) as connection:
        row = connection.execute("SELECT current_user, data_version FROM analytics.status").fetchone()
    assert row == ("api_login", 0)


@pytest.mark.parametrize("url", ["", "mysql:/x", "postgresql://host:port:5/x?a", "not a url"])
def test_a_url_that_is_none_is_told_without_its_password(url: str) -> None:
    if url == "":
        with pytest.raises(ConfigurationError, match="LOGISTICS_API_DATABASE_URL or LOGISTICS_DATABASE_URL"):
            make_database(Settings(api_database_url=None, database_url=None))
        return
    with pytest.raises(ConfigurationError, match="must look like postgresql://") as refusal:
        Database(url + "secret")
    assert "secret" not in str(refusal.value)


def test_a_statement_that_takes_too_long_is_a_504(database_url: str, serve: Any) -> None:
    with serve(database_url, Limits(statement_seconds=2)) as api, psycopg.connect(database_url) as connection:
        connection.execute("LOCK TABLE analytics.days")
        began = time.monotonic()
        problem = api.refused(504, "/api/dashboard", **SPAN)
        assert time.monotonic() - began >= 2
        assert problem["type"] == "urn:logistics:problem:statement-timeout"
        assert "2 seconds" in problem["detail"]
        connection.rollback()
        api.get("/api/dashboard", **SPAN)


def test_more_requests_than_places_are_refused_at_once_and_the_others_answered(
    database_url: str, serve: Any, wait_until: Callable[..., None]
) -> None:
    limits = Limits(connections=1, waiting=1, wait_seconds=60, statement_seconds=60)
    with serve(database_url, limits) as api, ThreadPoolExecutor(2) as clients:
        with psycopg.connect(database_url) as connection:
            connection.execute("LOCK TABLE analytics.days")
            # Two different questions: the same one is asked once, whoever waits for the answer.
            admitted = [clients.submit(api.request, "/api/dashboard", **SPAN, periods_back=n) for n in (1, 2)]
            wait_until(lambda: api.app.state.database._inside == 2)
            began = time.monotonic()
            problem = api.refused(503, "/api/dashboard", **SPAN, periods_back=3)
            assert time.monotonic() - began < 10  # it did not wait its turn, which would take 60
            assert problem["type"] == "urn:logistics:problem:database-busy"
            assert api.get("/health") == {"status": "ok"}
        assert [future.result().status_code for future in admitted] == [200, 200]
        api.get("/ready")


def test_a_request_waits_for_a_connection_no_longer_than_it_may_and_leaves_nothing_behind(
    database_url: str, serve: Any, wait_until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """psycopg_pool's own `max_waiting` would count the requests that gave up, and refuse every later one."""
    limits = Limits(connections=1, waiting=2, wait_seconds=60, statement_seconds=60)
    with serve(database_url, limits) as api, ThreadPoolExecutor(1) as clients:
        pool = api.app.state.database._pool
        with psycopg.connect(database_url) as connection:
            connection.execute("LOCK TABLE analytics.days")
            admitted = clients.submit(api.request, "/api/dashboard", **SPAN)
            wait_until(lambda: pool.get_stats()["pool_available"] == 0)
            with monkeypatch.context() as patch:
                patch.setattr(pool, "timeout", 0.1)
                for _ in range(6):
                    assert api.refused(503, "/ready")["type"] == "urn:logistics:problem:database-busy"
        assert admitted.result().status_code == 200
        for _ in range(6):
            api.get("/ready")


def test_it_opens_again_after_it_was_closed(database_url: str) -> None:
    async def use(database: Database) -> list[int]:
        found = []
        for _ in range(2):
            async with database:
                found.append(await database.fetch_value("SELECT %(n)s::int", {"n": 7}))
        return found

    assert asyncio.run(use(Database(database_url))) == [7, 7]


def test_connections_are_given_back_when_the_api_stops(database_url: str, serve: Any, server_url: str) -> None:
    name = conninfo_to_dict(database_url)["dbname"]
    with serve(database_url) as api:
        api.get("/ready")
    with psycopg.connect(with_database(server_url, "postgres"), autocommit=True) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = 'logistics api'"
        deadline = time.monotonic() + 60
        while connection.execute(query, [name]).fetchone() != (0,):
            assert time.monotonic() < deadline
            time.sleep(0.02)
