"""Behind a real PgBouncer: in session mode everything works, in transaction mode nothing begins."""

import os
from pathlib import Path

import psycopg
import pytest

from logistics_core.postgres import poolers
from logistics_core.postgres.sessions import SessionError
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import connect, parse_url
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.migrations import head_version, migrate
from tests.database.conftest import FolderUnderTest
from tests.database.forking import run_command
from tests.database.records import log
from tests.hostile_logins import hostile_login
from tests.pgbouncer import pgbouncer

DROPS_OPTIONS = "ignore_startup_parameters = options,extra_float_digits"


@pytest.mark.parametrize("mode", ["transaction", "statement"])
@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("more", [DROPS_OPTIONS, f"{DROPS_OPTIONS}\nserver_round_robin = 1"], ids=["lifo", "in turn"])
def test_a_pooler_in_transaction_mode_is_refused(database_url: str, mode: str, size: int, more: str) -> None:
    with pgbouncer(database_url, mode, size=size, more=more) as url:
        warm = [psycopg.connect(url, autocommit=True, prepare_threshold=None) for _ in range(size)]
        for connection in warm:  # as many server connections as there may be
            connection.pgconn.send_query(b"SELECT pg_sleep(0.3)")
        for connection in warm:
            connection.pgconn.get_result()
            connection.pgconn.get_result()
        with pytest.raises(ConfigurationError, match=r"pooler in transaction mode.*session mode"):
            connect(url)
        with pytest.raises(ConfigurationError, match="pooler in transaction mode"):
            migrate(url)
        for connection in warm:
            connection.close()
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SHOW datestyle").fetchone() == ("ISO, MDY",), "nothing was set for other clients"


def test_nothing_is_set_in_a_session_of_other_clients(database_url: str) -> None:
    with pgbouncer(database_url, "transaction", size=1, more=DROPS_OPTIONS) as url:
        with pytest.raises(ConfigurationError):
            connect(url)
        with psycopg.connect(url, autocommit=True) as other:
            assert other.execute("SHOW datestyle").fetchone() == ("ISO, MDY",)


@pytest.mark.parametrize("more", ["", DROPS_OPTIONS], ids=["refuses options", "drops options"])
def test_a_pooler_in_session_mode_serves_migrations_loads_and_refreshes(raw_folder: FolderUnderTest, more: str) -> None:
    with pgbouncer(raw_folder.url, "session", more=more) as url:
        assert migrate(url) == head_version()
        raw_folder.url = url
        assert raw_folder.drop_and_load("vehicle_logs.json", [log(1), log(2)]).file.records_loaded == 2
        assert refresh(url).rows["daily_vehicles"] > 0
        with connect(url) as connection:
            assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_a_pooler_in_session_mode_without_a_free_connection_is_not_taken_for_another_mode(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poolers, "ANSWER_SECONDS", 0.3)
    with pgbouncer(database_url, "session", size=1, more=DROPS_OPTIONS) as url, connect(url) as connection:
        assert connection.execute("SHOW datestyle").fetchone() == ("ISO, YMD",)


def test_a_pooler_in_session_mode_is_tried_once_per_process(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pgbouncer(database_url, "session") as url:
        connect(url).close()
        monkeypatch.setattr(poolers, "_Client", None)
        connect(url).close()


def test_the_server_itself_is_no_pooler(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poolers, "_Client", None)
    connect(database_url).close()
    with pytest.raises(TypeError):
        poolers.refuse_transaction_pooler(parse_url(database_url).conninfo())


def test_the_refusal_is_an_error_of_psycopg_for_the_apis_pools() -> None:
    assert issubclass(SessionError, psycopg.OperationalError)


@pytest.mark.slow
def test_a_missing_database_is_made_through_a_pooler_that_remembers_it_was_missing(database_url: str) -> None:
    missing = "made_through_a_pooler"
    with pgbouncer(database_url, "session", more="server_login_retry = 3") as url:
        migrate(url, dagster_url=parse_url(url).set(database=missing).url())
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {missing} WITH (FORCE)".encode())


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_migrating_prepares_dagsters_storage_through_a_pooler_too(
    server_url: str, database_url: str, mode: str, tmp_path: Path
) -> None:
    more = "" if mode == "session" else DROPS_OPTIONS
    dagster = f"{parse_url(database_url).database}_dagster"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {dagster} TEMPLATE template0 ENCODING 'UTF8'".encode())
    with hostile_login(database_url, statement_timeout="2s") as login, pgbouncer(server_url, mode, more=more) as url:
        user, database = parse_url(login).username, parse_url(database_url).database
        through = parse_url(url).set(username=user, database=database).url()
        environment = os.environ | {"LOGISTICS_DATABASE_URL": through, "LOGISTICS_DATA_DIR": str(tmp_path / "data")}
        done = run_command(["migrate"], environment, tmp_path)
        assert ("pooler in transaction mode" in done.stderr) == (mode == "transaction"), done.stderr
        assert done.returncode == (mode == "transaction")
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {dagster} WITH (FORCE)".encode())
