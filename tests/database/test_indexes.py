"""A bulk load leaves a table's indexes as it found them, whatever becomes of it and whoever else is at work."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from time import monotonic, sleep

import psycopg
import pytest

from logistics_core.catalogue import Dataset
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.write import indexes
from logistics_pipeline.loading.write.indexes import BULK_BYTES, build_missing, bulk_load
from logistics_pipeline.migrations import migrate
from tests.database.conftest import Interrupted, at_statement
from tests.datasets import SHIPMENTS, VEHICLE_LOGS, VEHICLES

SMALL = 1_000
"""Bytes of an input that is no bulk load."""

OURS = {"shipments_by_file", "shipments_by_log"}

Session = Callable[[], Connection]
Background = Callable[..., "Future[None]"]


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    """Opens further sessions, as loaders do."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(connect(database_url, application_name="logistics load"))


@pytest.fixture
def background() -> Iterator[Background]:
    """Runs a function in a thread."""
    with ThreadPoolExecutor(8) as pool:
        yield pool.submit


def definitions(connection: Connection, dataset: Dataset = SHIPMENTS) -> dict[str, str]:
    """Every index of the table with its definition."""
    return dict(
        connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'raw' AND tablename = %s", (dataset.name,)
        ).fetchall()
    )


def noted(connection: Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT index_name FROM ingest.dropped_indexes").fetchall()}


def insert_shipments(connection: Connection, first: int, last: int) -> None:
    connection.execute(
        "INSERT INTO raw.shipments SELECT 's' || n, 'a', 'b', 1 + n, n, n, 'l' || mod(n, 7), 1, n "
        "FROM generate_series(%s::integer, %s::integer) AS n",
        (first, last),
    )


def leave_missing(connection: Connection) -> None:
    """What a bulk load of shipments that was killed leaves behind."""
    with suppress(Interrupted), bulk_load(connection, SHIPMENTS, BULK_BYTES):
        raise Interrupted
    assert noted(connection) == OURS


def wait_until_it_waits(observer: Connection, session: Connection, event: str) -> None:
    """Until the session waits for a lock of that kind."""
    deadline = monotonic() + 30
    query = "SELECT wait_event FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
    while observer.execute(query, (session.info.backend_pid,)).fetchone() != (event,):
        assert monotonic() < deadline, f"it does not wait for a lock: {event}"
        sleep(0.01)


def wait_until_gone(observer: Connection, process: int) -> None:
    deadline = monotonic() + 30
    while observer.execute("SELECT FROM pg_stat_activity WHERE pid = %s", (process,)).fetchone() is not None:
        assert monotonic() < deadline, "the session does not end"
        sleep(0.005)


def terminate(observer: Connection, session: Connection) -> None:
    """Ends the session from the server's side."""
    observer.execute("SELECT pg_terminate_backend(%s)", (session.info.backend_pid,))
    wait_until_gone(observer, session.info.backend_pid)


# -- one load ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dataset", [SHIPMENTS, VEHICLE_LOGS], ids=lambda dataset: dataset.name)
def test_a_bulk_load_goes_without_secondary_indexes_and_leaves_them_as_they_were(
    dataset: Dataset, connection: Connection
) -> None:
    before = definitions(connection, dataset)

    with bulk_load(connection, dataset, BULK_BYTES) as is_bulk:
        assert is_bulk
        assert definitions(connection, dataset).keys() == {f"{dataset.name}_pkey"}
        assert noted(connection) == before.keys() - {f"{dataset.name}_pkey"}

    assert definitions(connection, dataset) == before
    assert not noted(connection)


def test_rows_written_in_a_bulk_load_are_found_by_its_indexes(connection: Connection) -> None:
    with bulk_load(connection, SHIPMENTS, BULK_BYTES):
        insert_shipments(connection, 1, 1000)

    connection.execute("SET enable_seqscan = off")
    query = "SELECT count(*) FROM raw.shipments WHERE log_id = 'l3'"
    assert "shipments_by_log" in str(connection.execute(b"EXPLAIN " + query.encode()).fetchall())
    assert connection.execute(query.encode()).fetchone() == (143,)


def test_a_small_load_costs_one_lookup(session: Session) -> None:
    connection = session()

    with at_statement(-1, lambda _: None) as statements, bulk_load(connection, SHIPMENTS, SMALL) as is_bulk:
        assert not is_bulk

    assert len(statements) == 1


def test_a_load_is_a_bulk_load_only_where_the_table_is_much_smaller(connection: Connection) -> None:
    insert_shipments(connection, 1, 100)
    row = connection.execute("SELECT pg_relation_size('raw.shipments')").fetchone()
    assert row is not None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexes, "BULK_BYTES", 0)
        for input_bytes, expected in [(2 * row[0] - 1, False), (2 * row[0], True)]:
            with bulk_load(connection, SHIPMENTS, input_bytes) as is_bulk:
                assert is_bulk == expected
                assert (definitions(connection).keys() >= OURS) != expected


def test_a_table_without_secondary_indexes_has_no_bulk_loads(connection: Connection) -> None:
    with bulk_load(connection, VEHICLES, BULK_BYTES) as is_bulk:
        assert not is_bulk


def test_the_indexes_are_built_before_the_fault_of_the_file_is_told(connection: Connection) -> None:
    before = definitions(connection)

    with pytest.raises(FileError, match="cut off"), bulk_load(connection, SHIPMENTS, BULK_BYTES):
        raise FileError("The file is cut off")

    assert definitions(connection) == before


def test_an_interrupted_bulk_load_builds_nothing_and_lets_others_build(connection: Connection) -> None:
    before = definitions(connection)
    leave_missing(connection)  # and lives on, without its lock
    assert definitions(connection).keys() == {"shipments_pkey"}

    with connect(connection.info.dsn) as other, bulk_load(other, SHIPMENTS, SMALL):
        pass

    assert definitions(connection) == before
    assert not noted(connection)


def test_a_load_of_another_dataset_leaves_them_missing(connection: Connection) -> None:
    leave_missing(connection)

    with bulk_load(connection, VEHICLE_LOGS, BULK_BYTES):
        pass

    assert noted(connection) == OURS


def test_indexes_are_built_in_parallel_where_the_table_is_large_enough(connection: Connection) -> None:
    connection.execute("SET maintenance_work_mem = '64MB'")
    connection.execute("SET max_parallel_maintenance_workers = 0")
    connection.execute("ALTER TABLE raw.shipments SET (parallel_workers = 4)")  # as if it had gigabytes
    told: list[str] = []
    connection.add_notice_handler(lambda diagnostic: told.append(str(diagnostic.message_primary)))

    with bulk_load(connection, SHIPMENTS, BULK_BYTES):
        insert_shipments(connection, 1, 1000)
        connection.execute("SET client_min_messages = debug1")

    assert 'building index "shipments_by_log" on table "shipments" with request for 4 parallel workers' in told
    assert connection.execute("SHOW max_parallel_maintenance_workers").fetchone() == ("0",)
    assert connection.execute("SHOW maintenance_work_mem").fetchone() == ("64MB",)


# -- every kind of index -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "definition",
    [
        "CREATE INDEX mine ON raw.shipments USING brin (file_id) WITH (pages_per_range = 7, autosummarize = on)",
        "CREATE INDEX mine ON raw.shipments USING brin (cost numeric_minmax_multi_ops (values_per_range = 16))",
        "CREATE INDEX mine ON raw.shipments (lower(origin), (cost / nullif(weight, 0)) DESC NULLS LAST)",
        "CREATE INDEX mine ON raw.shipments (raw.first_word(origin), public.nothing(log_id))",
        'CREATE INDEX mine ON raw.shipments (origin text_pattern_ops, destination COLLATE "POSIX") INCLUDE (cost)',
        "CREATE INDEX mine ON raw.shipments USING gin (string_to_array(destination, ' ')) WITH (fastupdate = off)",
        "CREATE INDEX mine ON raw.shipments USING hash (log_id) WITH (fillfactor = 50)",
        "CREATE INDEX mine ON raw.shipments (cost) WHERE origin LIKE '100%s%' AND cost > 0.1::float8",
        'CREATE INDEX "Mine; it\'s ""odd"" %s {}" ON raw.shipments (cost)',
    ],
)
def test_an_index_made_by_an_operator_comes_back_as_it_was(definition: str, connection: Connection) -> None:
    for name in ("raw.first_word", "public.nothing"):
        body = "IMMUTABLE LANGUAGE sql AS $$ SELECT split_part($1, ' ', 1) $$"
        connection.execute(f"CREATE FUNCTION {name}(text) RETURNS text {body}".encode())
    connection.execute(definition.encode())
    before = definitions(connection)

    with bulk_load(connection, SHIPMENTS, BULK_BYTES):
        assert definitions(connection).keys() == {"shipments_pkey"}
        insert_shipments(connection, 1, 10)

    assert definitions(connection) == before
    assert len(before) == 4


def test_a_definition_means_the_same_to_a_session_with_other_habits(session: Session, connection: Connection) -> None:
    connection.execute("CREATE INDEX mine ON raw.vehicle_logs (mileage) WHERE trip_date > DATE '2024-03-02'")
    connection.execute("CREATE SCHEMA elsewhere")
    connection.execute("CREATE OPERATOR CLASS elsewhere.texts FOR TYPE text USING hash AS FUNCTION 1 hashtext(text)")
    connection.execute("CREATE INDEX also_mine ON raw.vehicle_logs USING hash (vehicle_id elsewhere.texts)")
    before = definitions(connection, VEHICLE_LOGS)
    dying = session()
    dying.execute("SET datestyle = 'SQL, DMY'")
    dying.execute("SET search_path = elsewhere, raw, public")
    dying.execute("SET quote_all_identifiers = on")
    with suppress(Interrupted), bulk_load(dying, VEHICLE_LOGS, BULK_BYTES):
        raise Interrupted

    other = session()
    other.execute("SET datestyle = 'SQL, MDY'")
    build_missing(other, VEHICLE_LOGS)

    assert definitions(connection, VEHICLE_LOGS) == before


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE UNIQUE INDEX mine ON raw.shipments (record_no)"],
        ["ALTER TABLE raw.shipments ADD CONSTRAINT mine UNIQUE (record_no)"],
        ["ALTER TABLE raw.shipments ADD CONSTRAINT mine EXCLUDE USING hash (origin WITH =)"],
        ["CREATE INDEX mine ON raw.shipments (cost)", "COMMENT ON INDEX raw.mine IS 'What is dear'"],
        ["CREATE INDEX mine ON raw.shipments (cost)", "ALTER TABLE raw.shipments CLUSTER ON mine"],
        ["CREATE INDEX mine ON raw.shipments ((cost * 2))", "ALTER INDEX raw.mine ALTER COLUMN 1 SET STATISTICS 500"],
    ],
)
def test_an_index_that_its_definition_alone_would_not_bring_back_stays(
    statements: list[str], connection: Connection
) -> None:
    for statement in statements:
        connection.execute(statement.encode())

    with bulk_load(connection, SHIPMENTS, BULK_BYTES) as is_bulk:
        assert is_bulk
        assert definitions(connection).keys() == {"shipments_pkey", "mine"}

    assert definitions(connection).keys() == {"shipments_pkey", "mine", *OURS}


def test_an_index_kept_on_another_disk_stays(connection: Connection) -> None:
    connection.execute("SET allow_in_place_tablespaces = on")
    connection.execute("CREATE TABLESPACE of_the_index_test LOCATION ''")
    try:
        connection.execute("CREATE INDEX mine ON raw.shipments (cost) TABLESPACE of_the_index_test")

        with bulk_load(connection, SHIPMENTS, BULK_BYTES):
            assert definitions(connection).keys() == {"shipments_pkey", "mine"}
    finally:
        connection.execute("DROP INDEX raw.mine")
        connection.execute("DROP TABLESPACE of_the_index_test")


def test_an_index_that_its_rows_do_not_go_into_is_given_up_with_a_warning(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    connection.execute("CREATE INDEX mine ON raw.shipments ((cost / (weight - 6)))")

    with caplog.at_level(logging.WARNING), bulk_load(connection, SHIPMENTS, BULK_BYTES):
        insert_shipments(connection, 1, 10)

    assert definitions(connection).keys() == {"shipments_pkey", *OURS}
    assert not noted(connection)
    (record,) = caplog.records
    message = record.getMessage()
    assert "Index mine of raw.shipments" in message
    assert "division by zero" in message
    assert message.endswith("CREATE INDEX mine ON raw.shipments USING btree (((cost / (weight - (6)::numeric))))")


# -- killed ------------------------------------------------------------------------------------------------------------


def load_until_killed(connection: Connection, kill_before: int, kill: Callable[[Connection], None]) -> int:
    """A bulk load whose session ends before its n-th statement; returns how many statements there were."""
    with (
        at_statement(kill_before, kill) as statements,
        suppress(psycopg.Error),
        bulk_load(connection, SHIPMENTS, BULK_BYTES),
    ):
        insert_shipments(connection, 1, 10)
    return len(statements)


def test_whenever_a_bulk_load_is_killed_the_next_load_leaves_nothing_missing(
    connection: Connection, session: Session
) -> None:
    connection.execute("CREATE INDEX mine ON raw.shipments (lower(origin))")
    before = definitions(connection)
    number = 0
    seen_missing = set()

    while load_until_killed(session(), number, lambda killed: terminate(connection, killed)) > number:
        left = definitions(connection)
        assert left.keys() | noted(connection) == before.keys()
        assert not left.keys() & noted(connection)
        seen_missing.add(len(noted(connection)))
        with bulk_load(connection, SHIPMENTS, SMALL):
            pass
        assert definitions(connection) == before
        assert not noted(connection)
        connection.execute("TRUNCATE raw.shipments")
        number += 1

    assert seen_missing == {0, 1, 2, 3}  # before dropping, behind it, and between any two that were built


def test_whenever_a_loader_goes_away_the_next_load_leaves_nothing_missing(
    connection: Connection, session: Session
) -> None:
    before = definitions(connection)
    processes: list[int] = []

    def go_away(loader: Connection) -> None:
        processes.append(loader.info.backend_pid)
        loader.close()

    number = 0
    while load_until_killed(session(), number, go_away) > number:
        wait_until_gone(connection, processes[-1])
        build_missing(connection, SHIPMENTS)
        assert definitions(connection) == before
        connection.execute("TRUNCATE raw.shipments")
        number += 1


def test_migrating_builds_what_an_interrupted_bulk_load_has_left_unbuilt(
    connection: Connection, database_url: str
) -> None:
    connection.execute("CREATE INDEX shipments_by_cost ON raw.shipments (cost)")
    before = definitions(connection)
    with suppress(Interrupted), bulk_load(connection, SHIPMENTS, BULK_BYTES):
        raise Interrupted

    migrate(database_url)

    assert definitions(connection) == before
    assert not noted(connection)


def test_a_resumed_bulk_load_goes_on_without_them_and_builds_them_at_its_end(connection: Connection) -> None:
    before = definitions(connection)
    leave_missing(connection)

    with bulk_load(connection, SHIPMENTS, BULK_BYTES) as is_bulk:
        assert is_bulk
        assert definitions(connection).keys() == {"shipments_pkey"}

    assert definitions(connection) == before


def test_the_end_of_an_interrupted_load_begins_writing_at_once(connection: Connection) -> None:
    """What is missing is built behind the last records, not before them."""
    leave_missing(connection)

    with bulk_load(connection, SHIPMENTS, SMALL):
        assert definitions(connection).keys() == {"shipments_pkey"}

    assert definitions(connection).keys() == {"shipments_pkey", *OURS}


def test_a_builder_that_dies_is_followed_by_the_one_that_waits_for_it(
    connection: Connection, session: Session, background: Background
) -> None:
    before = definitions(connection)
    leave_missing(connection)
    writer, first, second = session(), session(), session()

    with writer.transaction():
        insert_shipments(writer, 1, 1)
        dying = background(build_missing, first, SHIPMENTS)
        wait_until_it_waits(connection, first, "relation")
        following = background(build_missing, second, SHIPMENTS)
        wait_until_it_waits(connection, second, "advisory")
        terminate(connection, first)
        wait_until_it_waits(connection, second, "relation")

    following.result(30)
    with pytest.raises(psycopg.OperationalError):
        dying.result(30)
    assert definitions(connection) == before
    assert not noted(connection)


def test_a_bulk_load_that_is_just_dying_does_not_count_as_alive(
    connection: Connection, session: Session, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "DEAD_LOADER_TIMEOUT", "30s")
    dying, following = session(), session()

    with suppress(psycopg.Error), bulk_load(dying, SHIPMENTS, BULK_BYTES):
        assert noted(connection) == OURS
        building = background(build_missing, following, SHIPMENTS)
        wait_until_it_waits(connection, following, "advisory")
        terminate(connection, dying)
        dying.execute("SELECT 1")

    building.result(30)
    assert not noted(connection)


# -- several at once ---------------------------------------------------------------------------------------------------


def test_of_two_bulk_loads_the_last_one_out_builds(connection: Connection, session: Session) -> None:
    before = definitions(connection)

    with bulk_load(session(), SHIPMENTS, BULK_BYTES):
        with bulk_load(session(), SHIPMENTS, BULK_BYTES) as second_is_bulk:
            assert second_is_bulk
        assert noted(connection) == OURS

    assert definitions(connection) == before


def test_bulk_loads_that_end_together_leave_nothing_missing(connection: Connection, session: Session) -> None:
    """However they overlap, neither leaves the building to the other."""
    before = definitions(connection)

    def load(loader: Connection) -> None:
        with bulk_load(loader, SHIPMENTS, BULK_BYTES):
            pass

    loaders = [session() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            list(pool.map(load, loaders))
            assert definitions(connection) == before
            assert not noted(connection)


def test_a_load_beside_a_bulk_load_neither_builds_nor_waits_for_the_table(
    connection: Connection, session: Session
) -> None:
    loader, bulk_loader = session(), session()
    loader.execute("SET lock_timeout = '10ms'")

    with bulk_load(bulk_loader, SHIPMENTS, BULK_BYTES), bulk_loader.transaction():
        insert_shipments(bulk_loader, 1, 10)
        with bulk_load(loader, SHIPMENTS, SMALL):
            insert_shipments(loader, 11, 20)
        assert noted(connection) == OURS


def test_what_a_killed_bulk_load_left_is_built_by_the_one_that_lives(connection: Connection, session: Session) -> None:
    before = definitions(connection)
    killed = session()

    with suppress(psycopg.Error), bulk_load(killed, SHIPMENTS, BULK_BYTES):
        with bulk_load(session(), SHIPMENTS, BULK_BYTES):
            terminate(connection, killed)
            with bulk_load(connection, SHIPMENTS, SMALL):
                pass
            assert noted(connection) == OURS
        assert definitions(connection) == before
        killed.execute("SELECT 1")


def test_a_bulk_load_waits_for_a_builder_and_then_drops_what_it_has_built(
    connection: Connection, session: Session, background: Background
) -> None:
    leave_missing(connection)
    writer, builder, loader = session(), session(), session()

    def load() -> None:
        with bulk_load(loader, SHIPMENTS, BULK_BYTES) as is_bulk:
            assert is_bulk
            assert definitions(connection).keys() == {"shipments_pkey"}

    with writer.transaction():
        insert_shipments(writer, 1, 1)
        building = background(build_missing, builder, SHIPMENTS)
        wait_until_it_waits(connection, builder, "relation")
        loading = background(load)
        wait_until_it_waits(connection, loader, "advisory")

    building.result(30)
    loading.result(30)
    assert definitions(connection).keys() == {"shipments_pkey", *OURS}


def test_a_bulk_load_never_waits_for_a_reader(connection: Connection, session: Session) -> None:
    reader, loader = session(), session()

    with reader.transaction():
        reader.execute("SELECT count(*) FROM raw.shipments")
        with bulk_load(loader, SHIPMENTS, BULK_BYTES) as is_bulk:
            assert not is_bulk
            insert_shipments(loader, 1, 10)

    assert definitions(connection).keys() == {"shipments_pkey", *OURS}
    assert not noted(connection)


def test_a_reader_in_the_middle_of_its_transaction_sees_a_bulk_load_come_and_go(
    connection: Connection, session: Session
) -> None:
    reader = session()

    with bulk_load(connection, SHIPMENTS, BULK_BYTES), reader.transaction():
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM raw.shipments WHERE log_id = 'l1'")
        insert_shipments(connection, 1, 10)
        build_missing(connection, SHIPMENTS)  # its own lock does not keep it from building
        assert not noted(connection)
        assert reader.execute("SELECT count(*) FROM raw.shipments WHERE log_id = 'l1'").fetchone() == (0,)


def test_migrating_in_the_middle_of_a_bulk_load_does_no_harm(connection: Connection, database_url: str) -> None:
    connection.execute("CREATE INDEX mine ON raw.shipments (cost)")
    before = definitions(connection)

    with bulk_load(connection, SHIPMENTS, BULK_BYTES):
        insert_shipments(connection, 1, 10)
        migrate(database_url)
        assert definitions(connection).keys() == {"shipments_pkey", *OURS}
        insert_shipments(connection, 11, 20)

    assert definitions(connection) == before
    assert not noted(connection)


def test_indexes_built_in_the_middle_of_a_bulk_load_are_dropped_by_the_next_one(
    connection: Connection, database_url: str
) -> None:
    with suppress(Interrupted), bulk_load(connection, SHIPMENTS, BULK_BYTES):
        migrate(database_url)
        raise Interrupted
    assert noted(connection) == OURS

    with bulk_load(connection, SHIPMENTS, BULK_BYTES):
        assert definitions(connection).keys() == {"shipments_pkey"}

    assert definitions(connection).keys() == {"shipments_pkey", *OURS}
    assert not noted(connection)


def test_a_builder_lets_a_writer_pass_that_others_wait_for(
    connection: Connection, session: Session, background: Background
) -> None:
    """One transaction has locked rows and will write; a second one waits for its rows; the builder waits for the
    second; then the first one writes, behind the builder in the queue for the table."""
    insert_shipments(connection, 1, 10)
    leave_missing(connection)
    first, second, builder = session(), session(), session()
    first.execute("SET deadlock_timeout = '50ms'")

    with first.transaction():
        first.execute("SELECT FROM raw.shipments WHERE shipment_id = 's1' FOR UPDATE")
        waiting = background(second.execute, "UPDATE raw.shipments SET cost = 2 WHERE shipment_id = 's1'")
        wait_until_it_waits(connection, second, "transactionid")
        building = background(build_missing, builder, SHIPMENTS)
        wait_until_it_waits(connection, builder, "relation")
        first.execute("UPDATE raw.shipments SET cost = 1 WHERE shipment_id = 's1'")

    waiting.result(30)
    building.result(30)
    assert connection.execute("SELECT cost FROM raw.shipments WHERE shipment_id = 's1'").fetchone() == (2,)
    assert not noted(connection)


# -- logins that may not -----------------------------------------------------------------------------------------------


@pytest.fixture
def loader_login(connection: Connection, session: Session) -> Iterator[Connection]:
    """A session of a login that may load, but does not own the tables."""
    connection.execute("CREATE ROLE loads_only")
    connection.execute("GRANT USAGE ON SCHEMA raw, ingest TO loads_only")
    connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA raw, ingest TO loads_only")
    opened = session()
    opened.execute("SET ROLE loads_only")
    yield opened
    opened.close()
    connection.execute("DROP OWNED BY loads_only")
    connection.execute("DROP ROLE loads_only")


def test_a_login_that_does_not_own_the_table_loads_with_its_indexes(
    connection: Connection, loader_login: Connection
) -> None:
    with bulk_load(loader_login, SHIPMENTS, BULK_BYTES) as is_bulk:
        assert not is_bulk
        insert_shipments(loader_login, 1, 10)

    assert definitions(connection).keys() == {"shipments_pkey", *OURS}


def test_a_login_that_does_not_own_the_table_leaves_the_building_to_one_that_does(
    connection: Connection, loader_login: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    leave_missing(connection)

    with caplog.at_level(logging.WARNING), bulk_load(loader_login, SHIPMENTS, SMALL):
        insert_shipments(loader_login, 1, 10)

    assert noted(connection) == OURS
    assert "Run `logistics migrate` with the login that owns the table" in caplog.text
    build_missing(connection, SHIPMENTS)
    assert not noted(connection)
