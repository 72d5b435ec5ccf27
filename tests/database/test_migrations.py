"""Migrating makes what is missing, changes nothing that is there, and says in a sentence what it may not do."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import psycopg
import pytest
import sqlalchemy

from logistics_core.database_contract.locks import REFRESH_LOCK
from logistics_core.database_contract.roles import OPERATOR, READER
from logistics_pipeline import migrations
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.analytics.tables import TABLES
from logistics_pipeline.database.connections import (
    Connection,
    advisory_lock,
    connect,
    parse_url,
    url_text,
    with_database,
    with_driver,
)
from logistics_pipeline.errors import ConfigurationError, TransientError
from logistics_pipeline.migrations import ApiLogins, head_version, migrate, reader_url
from tests.database.conftest import FolderUnderTest
from tests.database.forking import forkserver
from tests.database.records import log, shipment

_numbers = count()


@pytest.fixture
def new_names(server_url: str) -> Iterator[list[str]]:
    """Two names of databases that do not exist; gone again afterwards."""
    number = next(_numbers)
    names = [f"fresh_{number}_a", f"fresh_{number}_b"]
    yield names
    with psycopg.connect(server_url, autocommit=True) as connection:
        for name in names:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


@pytest.fixture
def login(server_url: str) -> Iterator[str]:
    """A login that may connect and nothing else."""
    name = f"nobody_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'".encode())
        yield name
        connection.execute(f"DROP ROLE {name}".encode())


def as_user(url: str, user: str, password: str = "secret") -> str:
    return url_text(parse_url(url).set(username=user, password=password))


def schema(url: str) -> list[tuple[object, ...]]:
    """Every column, constraint and index."""
    with connect(url) as connection:
        return connection.execute(
            "SELECT table_schema, table_name, column_name, data_type, is_nullable FROM information_schema.columns "
            "WHERE table_schema IN ('ingest', 'raw', 'analytics') "
            "UNION ALL SELECT schemaname, tablename, indexname, indexdef, '' FROM pg_indexes "
            "WHERE schemaname IN ('ingest', 'raw', 'analytics') ORDER BY 1, 2, 3"
        ).fetchall()


def test_migrating_creates_the_database_and_doing_it_again_changes_nothing(
    server_url: str, new_names: list[str]
) -> None:
    url = with_database(server_url, new_names[0])

    assert migrate(url) == head_version()
    made = schema(url)
    assert migrate(url) == head_version()

    assert schema(url) == made
    assert {table for _, table, *_ in made} >= {"files", "batches", "rejects", "shipments", "daily_routes", "status"}


def test_migrating_again_keeps_what_is_loaded_and_refreshed(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(1)])
    refresh(raw_folder.url)

    migrate(raw_folder.url)

    assert connection.execute("SELECT count(*) FROM raw.vehicle_logs").fetchone() == (1,)
    assert connection.execute("SELECT data_version, full_refresh_due FROM analytics.status").fetchone() == (1, False)


def test_many_may_migrate_at_once(server_url: str, new_names: list[str]) -> None:
    urls = [with_database(server_url, new_names[number % 2]) for number in range(6)]

    with ProcessPoolExecutor(6, mp_context=forkserver()) as pool:
        versions = list(pool.map(migrate, urls))

    assert versions == [head_version()] * 6
    assert schema(urls[0]) == schema(urls[1])


def test_a_changed_definition_makes_its_table_anew_and_a_full_refresh_due(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(1), log(2)])
    refresh(raw_folder.url)
    connection.execute("UPDATE analytics.definitions SET checksum = 'of an older text' WHERE name = 'daily_vehicles'")
    connection.execute("ALTER TABLE analytics.daily_vehicles DROP COLUMN trips")

    migrate(raw_folder.url)

    assert connection.execute("SELECT count(trips) FROM analytics.daily_vehicles").fetchone() == (0,)
    assert refresh(raw_folder.url).full
    assert connection.execute("SELECT sum(trips) FROM analytics.daily_vehicles").fetchone() == (2,)
    with connect(reader_url(raw_folder.url)) as reader:
        assert reader.execute("SELECT count(*) FROM analytics.daily_vehicles").fetchone() == (2,)


def test_figures_that_are_only_computed_in_another_way_stay_until_they_are(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    """An API of either version answers them meanwhile."""
    raw_folder.drop_and_load("vehicle_logs.json", [log(1), log(2)])
    refresh(raw_folder.url)
    connection.execute(
        "UPDATE analytics.definitions SET checksum = overlay(checksum PLACING 'other' FROM length(checksum) - 4) "
        "WHERE name = 'vehicle_numbers'"
    )

    migrate(raw_folder.url)

    assert connection.execute("SELECT sum(trips) FROM analytics.daily_vehicles").fetchone() == (2,)
    assert connection.execute("SELECT count(*) FROM analytics.days").fetchone() != (0,)
    assert refresh(raw_folder.url).full
    migrate(raw_folder.url)
    assert connection.execute("SELECT full_refresh_due FROM analytics.status").fetchone() == (False,)


def test_a_refresh_under_way_ends_before_it_is_noted_that_figures_have_changed(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    """It would fail at its end, as both write to one row."""
    refresh(raw_folder.url)
    connection.execute("UPDATE analytics.definitions SET checksum = 'of an older text' WHERE name = 'days'")
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (%s)"
    (database,) = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone() or ()
    migrating = threading.Thread(target=migrate, args=[raw_folder.url])
    with connect(raw_folder.url) as other, advisory_lock(other, REFRESH_LOCK):
        migrating.start()
        while connection.execute(waiting.encode(), (database,)).fetchone() != (1,):
            assert migrating.is_alive(), "it has not waited"
        assert connection.execute("SELECT full_refresh_due FROM analytics.status").fetchone() == (False,)
    migrating.join()
    assert connection.execute("SELECT full_refresh_due FROM analytics.status").fetchone() == (True,)


def test_a_table_made_anew_takes_with_it_those_that_hold_its_numbers(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(1), log(2)])
    raw_folder.drop_and_load("shipments.json", [shipment(1), shipment(2)])
    refresh(raw_folder.url)
    connection.execute("UPDATE analytics.definitions SET checksum = 'of an older text' WHERE name = 'vehicle_numbers'")

    migrate(raw_folder.url)

    def rows(table: str) -> int:
        row = connection.execute(f"SELECT count(*) FROM analytics.{table}".encode()).fetchone()
        assert row is not None
        return int(row[0])

    assert {table: rows(table) > 0 for table in TABLES} == {
        "daily_vehicles": True,
        "vehicle_numbers": False,
        "daily_routes": False,
        "routes": False,
        "days": False,
    }
    assert refresh(raw_folder.url).full
    assert all(rows(table) for table in TABLES)
    with connect(reader_url(raw_folder.url)) as reader:
        for table in TABLES:
            reader.execute(f"SELECT count(*) FROM analytics.{table}".encode())


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO raw.vehicles VALUES ('v1', 'x', 1, 1, 1)",
        "DELETE FROM ingest.files",
        "UPDATE analytics.status SET data_version = 99",
        "TRUNCATE raw.shipments",
        "DROP TABLE raw.shipments",
        "CREATE TABLE raw.mine (a int)",
        "CREATE TABLE public.mine (a int)",
    ],
)
def test_a_reader_can_change_nothing_even_outside_a_read_only_transaction(statement: str, database_url: str) -> None:
    with connect(reader_url(database_url)) as reader:
        assert reader.execute("SELECT count(*) FROM raw.shipments").fetchone() == (0,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            reader.execute(statement.encode())
        reader.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(statement.encode())


def test_the_login_of_the_api_is_made_from_its_url_and_follows_its_password(
    server_url: str, new_names: list[str]
) -> None:
    url = with_database(server_url, new_names[0])
    for password in ("first", "o'er %&/: ü"):
        api_url = as_user(url, "api_of_the_test", password)
        migrate(url, api_logins=ApiLogins(api_url))
        with connect(api_url) as reader:
            assert reader.execute("SELECT count(*) FROM raw.vehicles").fetchone() == (0,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute("DELETE FROM raw.vehicles")
    with connect(url) as connection:
        connection.execute("DROP OWNED BY api_of_the_test")
        connection.execute("DROP ROLE api_of_the_test")


def test_the_api_must_have_a_login_of_its_own(database_url: str) -> None:
    with pytest.raises(ConfigurationError, match="LOGISTICS_API_DATABASE_URL must name a login of its own"):
        migrate(database_url, api_logins=ApiLogins(database_url))


def test_a_login_for_changes_takes_the_right_to_change_something_from_the_one_that_reads(
    server_url: str, new_names: list[str]
) -> None:
    url = with_database(server_url, new_names[0])
    reader, operator = (as_user(url, f"api_{name}_of_the_test", "secret") for name in ("reader", "operator"))

    def may_change(login: str) -> bool:
        with psycopg.connect(login, autocommit=True) as connection:
            call = "SELECT boards.delete_board(gen_random_uuid(), 1)"
            if login == reader:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(call)
            try:
                connection.execute(f"SET ROLE {OPERATOR}".encode())
            except psycopg.errors.InsufficientPrivilege:
                return False
            return connection.execute(call).fetchone() == (None,)

    try:
        migrate(url, api_logins=ApiLogins(reader))
        assert may_change(reader)
        migrate(url, api_logins=ApiLogins(reader, operator))
        assert (may_change(reader), may_change(operator)) == (False, True)
        migrate(url, api_logins=ApiLogins(reader))
        assert may_change(reader)
    finally:
        with connect(url) as connection:
            connection.execute("DROP OWNED BY api_reader_of_the_test, api_operator_of_the_test")
            connection.execute("DROP ROLE api_reader_of_the_test, api_operator_of_the_test")


def test_a_server_too_old_is_refused_in_a_sentence() -> None:
    old = SimpleNamespace(info=SimpleNamespace(server_version=150012, parameter_status=lambda name: "15.12"))

    with pytest.raises(ConfigurationError, match=r"16 or newer is needed; this server is 15\.12"):
        migrations._refuse_unfit_server(old)  # type: ignore[arg-type]


def test_a_database_in_another_encoding_is_refused_in_a_sentence(server_url: str, new_names: list[str]) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {new_names[0]} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'".encode())

    with pytest.raises(ConfigurationError, match=r"must be encoded in UTF8; .* is in LATIN1"):
        migrate(with_database(server_url, new_names[0]))


def test_a_login_that_may_not_create_the_database_is_told_who_can(
    server_url: str, login: str, new_names: list[str]
) -> None:
    with pytest.raises(ConfigurationError, match=f"CREATE DATABASE {new_names[0]} OWNER {login}"):
        migrate(as_user(with_database(server_url, new_names[0]), login))


def test_the_missing_database_is_made_whatever_language_the_server_speaks(
    server_url: str, new_names: list[str], tmp_path: Path
) -> None:
    with german(server_url, tmp_path) as url:
        assert migrate(with_database(url, new_names[0]), dagster_url=with_database(url, new_names[1])) == head_version()


@contextmanager
def german(server_url: str, folder: Path) -> Iterator[str]:
    """A server that says in German, as lc_messages would have it, that a database does not exist."""
    server = psycopg.conninfo.conninfo_to_dict(server_url)
    upstream, own = f"{server['host']}/.s.PGSQL.{server['port']}", folder / ".s.PGSQL.5432"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(own))
    listener.listen()
    opened, threads = [listener], []

    def forward(source: socket.socket, target: socket.socket, translate: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if translate and b"SFATAL" in data:
                    before, mark, fields = data.partition(b"SFATAL")
                    body = mark + fields.replace(b'" does not exist', b'" existiert nicht')
                    data = before[:-4] + struct.pack(">I", len(body) + 4) + body
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, upward = listener.accept()[0], socket.socket(socket.AF_UNIX)
                opened.extend((client, upward))
                upward.connect(upstream)
                start(forward, client, upward, False)
                start(forward, upward, client, True)

    def start(target: Callable[..., None], *arguments: object) -> None:
        threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        threads[-1].start()

    start(accept)
    try:
        yield parse_url(server_url).replace(host=str(folder), port="5432").url()
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for each in opened:
            each.close()


@pytest.mark.parametrize("owner_of_public", ["pg_database_owner", "postgres"])
def test_a_login_that_may_not_create_dagsters_tables_is_told_the_statement(
    server_url: str, database_url: str, login: str, new_names: list[str], owner_of_public: str
) -> None:
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {new_names[0]} TEMPLATE template0 ENCODING 'UTF8'".encode())
        admin.execute(f"CREATE DATABASE {new_names[1]} OWNER {login} TEMPLATE template0 ENCODING 'UTF8'".encode())
        admin.execute(f"GRANT {READER}, {OPERATOR} TO {login} WITH ADMIN OPTION".encode())
        admin.execute(f"ALTER ROLE {login} CREATEROLE".encode())
    with psycopg.connect(with_database(server_url, new_names[0]), autocommit=True) as admin:
        admin.execute(f"ALTER SCHEMA public OWNER TO {owner_of_public}".encode())
    url, dagster = (as_user(with_database(server_url, name), login) for name in reversed(new_names))
    try:
        with pytest.raises(ConfigurationError, match=r"may not create Dagster's tables in schema 'public'") as refusal:
            migrate(url, dagster_url=with_driver(dagster, "psycopg2"))
        statement = str(refusal.value).partition("run: ")[2]
        assert statement.startswith("ALTER DATABASE" if owner_of_public == "pg_database_owner" else "GRANT CREATE")
        with psycopg.connect(with_database(server_url, new_names[0]), autocommit=True) as admin:
            admin.execute(statement.encode())
        assert migrate(url, dagster_url=dagster) == head_version()
    finally:
        for name in new_names:
            with psycopg.connect(with_database(server_url, name), autocommit=True) as admin:
                admin.execute(f"REASSIGN OWNED BY {login} TO postgres; DROP OWNED BY {login}".encode())
        with psycopg.connect(server_url, autocommit=True) as admin:
            admin.execute(f"REVOKE {READER}, {OPERATOR} FROM {login} CASCADE".encode())


def test_names_in_statements_for_an_administrator_are_quoted(server_url: str, login: str) -> None:
    url = as_user(with_database(server_url, "Fleet 1"), login)
    with pytest.raises(ConfigurationError, match=f'run: CREATE DATABASE "Fleet 1" OWNER {login} '):
        migrate(url)


def test_several_hosts_are_tried_in_turn(server_url: str, new_names: list[str]) -> None:
    server = parse_url(server_url)
    hosts = f"127.0.0.1,{server.parameters['host']}"
    several = server.set(database=new_names[0]).replace(host=hosts, port=f"1,{server.parameters['port']}")
    dagster = with_driver(with_database(several.url(), new_names[1]), "psycopg2")

    assert migrate(several.url(), dagster_url=dagster) == head_version()
    sqlalchemy.create_engine(dagster).connect().close()


def test_a_login_that_may_not_create_schemas_is_told_so(server_url: str, login: str, new_names: list[str]) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {new_names[0]} TEMPLATE template0 ENCODING 'UTF8'".encode())

    with pytest.raises(ConfigurationError, match="may not"):
        migrate(as_user(with_database(server_url, new_names[0]), login))


def test_a_server_that_is_away_is_a_transient_error() -> None:
    with pytest.raises(TransientError, match=r"Cannot connect to PostgreSQL at 127\.0\.0\.1:1/logistics"):
        migrate("postgresql://someone:secret@127.0.0.1:1/logistics")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://localhost/logistics", "must look like postgresql://"),
        ("not a url", "must look like postgresql://"),
        ("postgresql://localhost", "names no database"),
        ("postgresql://localhost:port/logistics", "must look like postgresql://"),
    ],
)
def test_a_url_that_is_none_is_refused_in_a_sentence(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        migrate(url)


def test_the_readers_url_keeps_what_the_url_holds() -> None:
    url = f"postgresql://user:{quote('p@ss/word')}@host:5433/logistics?sslmode=require"

    reader = psycopg.conninfo.conninfo_to_dict(reader_url(url))

    assert (reader["password"], reader["sslmode"], reader["port"]) == ("p@ss/word", "require", "5433")
    assert "role=logistics_reader" in str(reader["options"])
