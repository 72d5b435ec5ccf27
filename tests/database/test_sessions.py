"""A session is the same whatever the login, the environment of libpq and the server ask for."""

from collections.abc import Iterator

import psycopg
import psycopg2
import pytest

from logistics_core.catalogue import built_in_catalogue
from logistics_core.postgres.sessions import FORMATS, UNLIMITED, Session, SessionError, run, split_options
from logistics_core.settings import Settings
from logistics_pipeline.analytics.checks import all_checks
from logistics_pipeline.analytics.checks.runner import run_checks
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import PIPELINE, Connection, connect, parse_url
from logistics_pipeline.database.housekeeping import Retention, run_housekeeping
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.migrations import migrate
from logistics_pipeline.orchestration.runtime.storage import SESSION as DAGSTER
from logistics_pipeline.orchestration.runtime.storage import start_session
from tests.database.conftest import FolderUnderTest
from tests.database.records import as_csv, log, shipment, vehicle
from tests.hostile_logins import SETTINGS, hostile_environment, hostile_login

PLACES = [("Ü1", "Köln", "Zürich"), ("Ż2", "Łódź", "Praha"), ("日3", "東京", "😀")]


@pytest.fixture(params=["login", "environment", "both"])
def hostile(request: pytest.FixtureRequest, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a database whose sessions would be wrong in every way."""
    if request.param != "login":
        hostile_environment(monkeypatch)
    if request.param == "environment":
        yield database_url
    else:
        with hostile_login(database_url) as url:
            yield url


def found(connection: Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, setting FROM pg_settings").fetchall())


def test_the_fixture_is_hostile(hostile: str, connection: Connection) -> None:
    with psycopg.connect(hostile) as plain:
        assert plain.execute("SHOW datestyle").fetchone() != ("ISO, YMD",)
        assert plain.execute("SHOW search_path").fetchone() == ("nowhere",)


def test_every_setting_is_as_it_is_needed(hostile: str) -> None:
    with connect(hostile) as connection:
        settings = found(connection)
        assert connection.info.encoding == "utf-8"
    known = {name: settings[name] for name in PIPELINE.settings if name in settings}
    expected = {name: value for name, value in PIPELINE.settings.items() if name in settings}
    assert known == expected | {"client_connection_check_interval": "5000"}
    assert set(SETTINGS) <= set(PIPELINE.settings), "every hostile setting is one that is set"


def test_files_load_and_figures_are_the_same(hostile: str, raw_folder: FolderUnderTest, connection: Connection) -> None:
    raw_folder.url = hostile
    trips = [log(1, trip_date="2024-06-02"), log(2, trip_date="2024-02-29"), log(3, trip_date="2024-12-31")]
    places = [shipment(n, shipment_id=i, origin=o, destination=d) for n, (i, o, d) in enumerate(PLACES)]

    migrate(hostile)
    raw_folder.drop_and_load("vehicles.json", [vehicle(1, name="Å-Wagen \\ 'x'")])
    raw_folder.drop_and_load("vehicle_logs.csv", as_csv(trips))
    raw_folder.drop_and_load("shipments.csv", as_csv(places))
    bad = raw_folder.drop_and_load("shipments/bad.csv", as_csv([shipment(7), shipment(8), shipment(9, cost="Öre")]))
    done = refresh(hostile)

    assert bad.file.records_rejected == 1
    assert (
        connection.execute(
            "SELECT shipment_id, origin, destination FROM raw.shipments WHERE record_no > 0 AND shipment_id <> ALL(%s) "
            "ORDER BY record_no",
            (["s7", "s8"],),
        ).fetchall()
        == PLACES
    )
    days = connection.execute("SELECT trip_date::text FROM raw.vehicle_logs ORDER BY log_id").fetchall()
    assert days == [("2024-06-02",), ("2024-02-29",), ("2024-12-31",)]
    assert connection.execute("SELECT name FROM raw.vehicles").fetchone() == ("Å-Wagen \\ 'x'",)
    assert done.rows["daily_vehicles"] == 3
    checks = all_checks(built_in_catalogue(), Settings().warn_threshold)
    assert not [check for check, finding in run_checks(hostile, checks, whole=True) if finding.is_error]
    run_housekeeping(hostile, Retention(30, 1))


def test_a_time_limit_of_the_login_does_not_end_a_long_statement(database_url: str) -> None:
    with hostile_login(database_url, statement_timeout="200ms") as url, connect(url) as connection:
        connection.execute("SELECT pg_sleep(0.5)")
        with connection.transaction():
            connection.execute("SELECT 1")
            with psycopg.connect(database_url) as other:
                other.execute("SELECT pg_sleep(0.5)")
            connection.execute("SELECT 1")


def test_a_login_with_triggers_switched_off_is_set_right_or_told_the_statement(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("CREATE ROLE replaying LOGIN SUPERUSER")
        admin.execute("ALTER ROLE replaying SET session_replication_role = replica")
    url = parse_url(database_url).set(username="replaying").url()
    try:
        with connect(url) as connection:
            assert connection.execute("SHOW session_replication_role").fetchone() == ("origin",)
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute("ALTER ROLE replaying NOSUPERUSER")
        with pytest.raises(ConfigurationError, match=r"may not use the settings.*session_replication_role.*ALTER ROLE"):
            connect(url)
    finally:
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute("DROP ROLE replaying")


def test_a_setting_that_does_not_last_is_refused(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        steps = PIPELINE.start(connection.info.backend_pid)
        next(steps)
        with pytest.raises(SessionError, match="DateStyle is 'German', not 'ISO, YMD'"):
            steps.send([("DateStyle", "ISO, YMD")])
            steps.send([("DateStyle", "German"), ("server_encoding", "UTF8"), ("transaction_read_only", "off")])


def test_a_session_that_should_only_read_is_refused_where_it_could_write(database_url: str) -> None:
    with (
        psycopg.connect(database_url, autocommit=True) as connection,
        pytest.raises(SessionError, match="not read-only"),
    ):
        run(connection, Session({"jit": "off"}, read_only=True).start(connection.info.backend_pid))


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_in_another_encoding_is_refused_at_every_connection(server_url: str, encoding: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE other_encoding TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'".encode())
    url = parse_url(server_url).set(database="other_encoding").url()
    try:
        for refused in (lambda: connect(url), lambda: migrate(url), lambda: migrate(server_url, dagster_url=url)):
            with pytest.raises(ConfigurationError, match=f"must be encoded in UTF8; .*in {encoding}"):
                refused()
    finally:
        with psycopg.connect(server_url, autocommit=True) as admin:
            admin.execute("DROP DATABASE other_encoding WITH (FORCE)")


def test_dagsters_sessions_have_the_same_formats_and_no_limits() -> None:
    assert DAGSTER.settings.items() >= {**FORMATS, **UNLIMITED}.items()


def test_migrating_again_finds_the_tables_that_it_made(hostile: str) -> None:
    assert migrate(hostile) == migrate(hostile)


@pytest.mark.parametrize(("search_path", "schema"), [("nowhere", "public"), ("", "public"), ("ingest", "ingest")])
def test_dagsters_tables_are_in_public_if_the_login_names_no_schema_that_exists(
    database_url: str, search_path: str, schema: str
) -> None:
    with hostile_login(database_url, search_path=search_path) as url:
        migrate(database_url, dagster_url=url)
        connection = psycopg2.connect(url)
        try:
            start_session(connection, None)
            with connection.cursor() as cursor:
                cursor.execute("SELECT current_schema()")
                assert cursor.fetchone() == (schema,)
        finally:
            connection.close()


@pytest.mark.parametrize(
    ("options", "taken", "left"),
    [
        ("", {}, ""),
        ("-c role=a -c work_mem=1MB", {"role": "a"}, "-cwork_mem=1MB"),
        ("-crole=a", {"role": "a"}, ""),
        ("--Statement-Timeout=5s --geqo=off", {"statement_timeout": "5s"}, "--geqo=off"),
        (r"-c search_path=a\ b\\c", {"search_path": r"a b\c"}, ""),
        ("-c role=a -c role=b", {"role": "b"}, ""),
        ("-B 9", {}, "-B 9"),
    ],
)
def test_settings_are_taken_out_of_libpqs_options(options: str, taken: dict[str, str], left: str) -> None:
    assert split_options(options, {"role": "", "statement_timeout": "", "search_path": ""}) == (taken, left)
