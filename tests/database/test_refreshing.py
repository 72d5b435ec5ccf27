"""After every refresh the analytics are what a full recompute would make, however loads and refreshes interleave."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from logistics_pipeline import ledger, refreshing
from logistics_pipeline.database import Connection, connect, with_database
from logistics_pipeline.discovery import FoundFile
from logistics_pipeline.errors import TransientError
from logistics_pipeline.loading.copying import BatchLimits
from logistics_pipeline.refreshing import CHANNEL, LOCK_NAME, TABLES, refresh
from logistics_pipeline.unloading import unload_file
from tests.database.conftest import Interrupted, RawFolder, at_statement
from tests.database.records import Record, log, shipment, vehicle

Row = tuple[Any, ...]
Tables = dict[str, set[Row]]


# -- the figures, computed once more -------------------------------------------------------------------------------


def total(values: Iterable[Decimal | None]) -> Decimal:
    return sum((value for value in values if value is not None), Decimal(0))


def expected_tables(connection: Connection) -> Tables:
    """What the analytics tables should hold, computed here from the raw rows by the definitions of the contract."""
    logs = connection.execute(
        "SELECT log_id, vehicle_id, trip_date, mileage, fuel_used FROM raw.vehicle_logs"
    ).fetchall()
    shipments = connection.execute(
        "SELECT log_id, origin, destination, weight, cost, delivery_time FROM raw.shipments"
    ).fetchall()
    log_of = {log_id: (vehicle_id, day) for log_id, vehicle_id, day, *_ in logs}
    routes, trips, carried = defaultdict(list), defaultdict(list), defaultdict(list)
    for _, vehicle_id, day, mileage, fuel in logs:
        trips[day, vehicle_id].append((mileage, fuel))
    for log_id, origin, destination, weight, cost, hours in shipments:
        if log_id in log_of:
            vehicle_id, day = log_of[log_id]
            routes[day, origin, destination].append((weight, cost, hours, vehicle_id))
            carried[day, vehicle_id].append((cost, hours))
    return {
        "daily_routes": {(*key, *route_figures(found)) for key, found in routes.items()},
        "daily_vehicles": {(*key, *vehicle_figures(found, carried[key])) for key, found in trips.items()},
        "days": {
            (
                day,
                sum(day == other for other, _ in trips),
                *day_figures(
                    [trip for (other, _), found in trips.items() if other == day for trip in found],
                    [shipment for (other, _), found in carried.items() if other == day for shipment in found],
                ),
            )
            for day in {day for day, _ in trips}
        },
        "unassigned": {(sum(log_id not in log_of for log_id, *_ in shipments),)},
    }


def route_figures(shipments: list[Row]) -> Row:
    weights, costs, hours, vehicles = zip(*shipments, strict=True)
    known_hours = [value for value in hours if value is not None]
    return (
        len(shipments),
        total(costs),
        sum(cost is not None for cost in costs),
        total(weights),
        sum(weight is not None for weight in weights),
        total(hours),
        len(known_hours),
        total(value * value for value in known_hours),
        min(known_hours, default=None),
        max(known_hours, default=None),
        total(cost for weight, cost, _, _ in shipments if weight is not None),
        total(weight for weight, cost, _, _ in shipments if cost is not None),
        total(cost for _, cost, time, _ in shipments if time is not None),
        total(time for _, cost, time, _ in shipments if cost is not None),
        tuple(sorted(set(vehicles))),
    )


def vehicle_figures(trips: list[Row], carried: list[Row]) -> Row:
    return (
        len(trips),
        total(mileage for mileage, _ in trips),
        total(fuel for _, fuel in trips),
        sum(fuel is not None for _, fuel in trips),
        total(mileage for mileage, fuel in trips if fuel is not None),
        total(fuel for mileage, fuel in trips if mileage is not None),
        len(carried),
        total(cost for cost, _ in carried),
        sum(cost is not None for cost, _ in carried),
        total(hours for _, hours in carried),
        sum(hours is not None for _, hours in carried),
    )


def day_figures(trips: list[Row], carried: list[Row]) -> Row:
    return (
        len(trips),
        total(mileage for mileage, _ in trips),
        total(fuel for _, fuel in trips),
        len(carried),
        total(cost for cost, _ in carried),
        sum(cost is not None for cost, _ in carried),
        total(hours for _, hours in carried),
        sum(hours is not None for _, hours in carried),
    )


def actual_tables(connection: Connection) -> Tables:
    routes, vehicles, days = (
        connection.execute(f"SELECT * FROM analytics.{table}".encode()).fetchall()
        for table in ("daily_routes", "daily_vehicles", "days")
    )
    unassigned = connection.execute("SELECT unassigned_shipments FROM analytics.status").fetchall()
    return {
        "daily_routes": {(*row[:-1], tuple(row[-1])) for row in routes},
        "daily_vehicles": set(vehicles),
        "days": set(days),
        "unassigned": set(unassigned),
    }


def test_every_analytics_table_is_computed_once_more_here() -> None:
    assert TABLES == ("daily_routes", "daily_vehicles", "days")


# -- any sequence --------------------------------------------------------------------------------------------------

measures = st.none() | st.sampled_from(["0", "1", "2.5", "0.1", "1e2"])
log_records = st.builds(
    lambda key, vehicle, day, mileage, fuel: log(
        key, vehicle_id=f"v{vehicle}", trip_date=f"2024-01-0{day}", mileage=mileage, fuel_used=fuel
    ),
    st.integers(0, 3),
    st.integers(0, 1),
    st.integers(1, 4),
    measures,
    measures,
)
shipment_records = st.builds(
    lambda key, on, route, weight, cost, hours: shipment(
        key, log_id=f"l{on}", origin=f"o{route}", destination="d", weight=weight, cost=cost, delivery_time=hours
    ),
    st.integers(0, 4),
    st.integers(0, 4),
    st.integers(0, 1),
    measures.filter(lambda weight: weight != "0"),
    measures,
    measures,
)
deliveries = st.one_of(
    st.tuples(st.just("vehicle_logs"), st.lists(log_records, min_size=1, max_size=6)),
    st.tuples(st.just("shipments"), st.lists(shipment_records, min_size=1, max_size=6)),
)


class Refreshing(RuleBasedStateMachine):
    """Files arrive, are loaded in any order, are interrupted, meet each other, are unloaded and asked for again;
    refreshes come at any moment."""

    def __init__(self, raw_folder: RawFolder, connection: Connection) -> None:
        super().__init__()
        self.connection = connection
        self.folder = replace(
            raw_folder, options=replace(raw_folder.options, batch=BatchLimits(3, 1 << 20), retry_seconds=0.001)
        )
        self.waiting: list[FoundFile] = []
        self.loaded: list[FoundFile] = []
        self.unloaded: list[FoundFile] = []
        self.names = count()
        connection.execute(
            "TRUNCATE raw.vehicles, raw.vehicle_logs, raw.shipments, ingest.files, ingest.batches, ingest.rejects, "
            "analytics.daily_routes, analytics.daily_vehicles, analytics.days RESTART IDENTITY"
        )
        connection.execute("UPDATE analytics.status SET full_refresh_due = false, unassigned_shipments = 0")

    @rule(delivery=deliveries)
    def register(self, delivery: tuple[str, list[Record]]) -> None:
        dataset, records = delivery
        found = self.folder.drop(f"{dataset}/{next(self.names)}.json", records)
        ledger.register(self.connection, found)
        self.waiting.append(found)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def load(self, data: st.DataObject) -> None:
        self._load(self._choose(data))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), statement=st.integers(0, 30))
    def load_and_die(self, data: st.DataObject, statement: int) -> None:
        def die(_: Connection) -> None:
            raise Interrupted

        with at_statement(statement, die), suppress(Interrupted):
            self._load(self._choose(data))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), statement=st.integers(0, 30), others=st.integers(0, 2))
    def load_while_other_things_happen(self, data: st.DataObject, statement: int, others: int) -> None:
        """In the middle of a batch's transaction, other files are loaded and a refresh runs."""
        ours = self._choose(data)

        def meanwhile(_: Connection) -> None:
            for found in [found for found in self.waiting if found is not ours][:others]:
                with suppress(TransientError):  # it would have to wait for us
                    self._load(found)
            self._refresh()

        with at_statement(statement, meanwhile):
            self._load(ours)

    @rule(delivery=deliveries)
    def deliver(self, delivery: tuple[str, list[Record]]) -> None:
        self.register(delivery)
        self._load(self.waiting[-1])

    @precondition(lambda self: self.loaded)
    @rule(data=st.data())
    def unload(self, data: st.DataObject) -> None:
        self._unload(data.draw(st.sampled_from(self.loaded), label="file"))

    @precondition(lambda self: self.loaded)
    @rule(data=st.data(), statement=st.integers(0, 15))
    def unload_and_die(self, data: st.DataObject, statement: int) -> None:
        """Whether it was done or not, another call finds out."""
        found = data.draw(st.sampled_from(self.loaded), label="file")

        def die(_: Connection) -> None:
            raise Interrupted

        with at_statement(statement, die, of="logistics unload"), suppress(Interrupted):
            unload_file(self.folder.url, found.key, self.folder.options)
        self._refresh()
        self._unload(found)

    @precondition(lambda self: self.loaded)
    @rule(data=st.data(), statement=st.integers(0, 15), others=st.integers(0, 2))
    def unload_while_other_things_happen(self, data: st.DataObject, statement: int, others: int) -> None:
        def meanwhile(_: Connection) -> None:
            for found in self.waiting[:others]:
                with suppress(TransientError):  # it would have to wait for us
                    self._load(found)
            self._refresh()

        with at_statement(statement, meanwhile, of="logistics unload"):
            self._unload(data.draw(st.sampled_from(self.loaded), label="file"))

    @precondition(lambda self: self.unloaded)
    @rule(data=st.data())
    def ask_for_an_unloaded_file(self, data: st.DataObject) -> None:
        found = data.draw(st.sampled_from(self.unloaded), label="file")
        self.unloaded.remove(found)
        self.waiting.append(found)

    @precondition(lambda self: self.loaded)
    @rule(data=st.data())
    def load_again(self, data: st.DataObject) -> None:
        """Which brings back what a file had lost to one that was unloaded since, if that is so."""
        assert self.folder.load(data.draw(st.sampled_from(self.loaded), label="file")).is_loaded

    @rule()
    def refresh(self) -> None:
        self._refresh()

    def teardown(self) -> None:
        for found in list(self.waiting):
            self._load(found)
        self._refresh()
        states = {file.path: file.state for file in ledger.files_in_order(self.connection)}
        assert states == {
            **{found.key: "loaded" for found in self.loaded},
            **{found.key: "unloaded" for found in self.unloaded},
        }

    @invariant()
    def every_file_is_balanced(self) -> None:
        assert all(file.is_balanced for file in ledger.files_in_order(self.connection))

    def _choose(self, data: st.DataObject) -> FoundFile:
        return data.draw(st.sampled_from(self.waiting), label="file")

    def _load(self, found: FoundFile) -> None:
        assert self.folder.load(found).is_loaded
        self.waiting.remove(found)
        self.loaded.append(found)

    def _unload(self, found: FoundFile) -> None:
        assert unload_file(self.folder.url, found.key, self.folder.options).file.state == "unloaded"
        self.loaded.remove(found)
        self.unloaded.append(found)

    def _refresh(self) -> None:
        refresh(self.folder.url)
        assert actual_tables(self.connection) == expected_tables(self.connection)


def test_incremental_figures_equal_a_full_recompute_after_any_sequence(
    raw_folder: RawFolder, connection: Connection
) -> None:
    # A file loaded in the middle of another one's transaction must not wait for it: they share a thread.
    connection.execute(f"ALTER DATABASE {connection.info.dbname} SET lock_timeout = '50ms'")
    refresh(raw_folder.url)
    run_state_machine_as_test(
        lambda: Refreshing(raw_folder, connection),
        settings=settings(
            max_examples=25,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )


# -- the cases by name ---------------------------------------------------------------------------------------------


@pytest.fixture
def check(raw_folder: RawFolder, connection: Connection) -> Callable[[], None]:
    """Refreshes, then compares with the recompute."""

    def run() -> None:
        refresh(raw_folder.url)
        assert actual_tables(connection) == expected_tables(connection)

    refresh(raw_folder.url)  # the first one is full
    return run


def test_a_log_that_moves_to_another_day_takes_its_shipments_along(
    raw_folder: RawFolder, connection: Connection, check: Callable[[], None]
) -> None:
    raw_folder.drop_and_load("vehicle_logs/1.json", [log(1, trip_date="2024-01-01")])
    raw_folder.drop_and_load("shipments/1.json", [shipment(1, log_id="l1")])
    check()
    raw_folder.drop_and_load("vehicle_logs/2.json", [log(1, trip_date="2024-02-02")])
    check()

    days = connection.execute("SELECT DISTINCT day::text FROM analytics.daily_routes").fetchall()
    assert days == [("2024-02-02",)]


def test_a_shipment_that_moves_to_another_log_leaves_its_old_day(
    raw_folder: RawFolder, connection: Connection, check: Callable[[], None]
) -> None:
    logs = [log(1, trip_date="2024-01-01"), log(2, trip_date="2024-02-02")]
    raw_folder.drop_and_load("vehicle_logs.json", logs)
    raw_folder.drop_and_load("shipments/1.json", [shipment(1, log_id="l1"), shipment(2, log_id="l1")])
    check()
    raw_folder.drop_and_load("shipments/2.json", [shipment(1, log_id="l2")])
    check()

    days = connection.execute("SELECT day::text, shipments FROM analytics.daily_routes ORDER BY 1").fetchall()
    assert days == [("2024-01-01", 1), ("2024-02-02", 1)]


def test_a_shipment_waits_unassigned_until_its_log_arrives(
    raw_folder: RawFolder, connection: Connection, check: Callable[[], None]
) -> None:
    raw_folder.drop_and_load("shipments.json", [shipment(1, log_id="l1")])
    check()
    assert connection.execute("SELECT unassigned_shipments FROM analytics.status").fetchone() == (1,)
    raw_folder.drop_and_load("vehicle_logs.json", [log(1)])
    check()
    assert connection.execute("SELECT unassigned_shipments FROM analytics.status").fetchone() == (0,)


def _before_commit(act: Callable[[], None]) -> Any:
    """Runs `act` inside a load, after all that a batch writes and before its commit."""
    advance = ledger.advance

    def advance_then_act(connection: Connection, file_id: int, progress: ledger.Progress) -> bool:
        moved = advance(connection, file_id, progress)
        patch.undo()
        act()
        return moved

    patch = pytest.MonkeyPatch()
    patch.setattr(ledger, "advance", advance_then_act)


def test_a_log_that_arrives_while_a_shipment_leaves_it_does_not_keep_the_shipment(
    raw_folder: RawFolder, check: Callable[[], None]
) -> None:
    """The shipment's load saw no log, so it knows no day that loses the shipment; the refresh meanwhile counts it."""
    raw_folder.drop_and_load("shipments/1.json", [shipment(1, log_id="l1")])
    check()

    def log_arrives() -> None:
        raw_folder.drop_and_load("vehicle_logs.json", [log(1, trip_date="2024-01-01")])
        check()

    _before_commit(log_arrives)
    raw_folder.drop_and_load("shipments/2.json", [shipment(1, log_id="l2")])
    check()


def test_a_log_that_moves_while_a_shipment_leaves_it_does_not_keep_the_shipment(
    raw_folder: RawFolder, check: Callable[[], None]
) -> None:
    raw_folder.drop_and_load("vehicle_logs/1.json", [log(1, trip_date="2024-01-01")])
    raw_folder.drop_and_load("shipments/1.json", [shipment(1, log_id="l1")])
    check()

    def log_moves() -> None:
        raw_folder.drop_and_load("vehicle_logs/2.json", [log(1, trip_date="2024-02-02")])
        check()

    _before_commit(log_moves)
    raw_folder.drop_and_load("shipments/2.json", [shipment(1, log_id="l2")])
    check()


def test_loads_of_logs_and_of_their_shipments_do_not_wait_for_each_other(
    raw_folder: RawFolder, connection: Connection
) -> None:
    connection.execute(f"ALTER DATABASE {connection.info.dbname} SET lock_timeout = '1s'")
    raw_folder.drop_and_load("vehicle_logs/1.json", [log(1)])
    raw_folder.drop_and_load("shipments/1.json", [shipment(1, log_id="l1")])
    _before_commit(lambda: raw_folder.drop_and_load("vehicle_logs/2.json", [log(1, mileage=5)], retry_seconds=0.001))

    raw_folder.drop_and_load("shipments/2.json", [shipment(1, log_id="l2")])

    assert [file.state for file in ledger.files_in_order(connection)] == ["loaded"] * 4


# -- one refresh ---------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(raw_folder: RawFolder) -> str:
    """URL of a database with figures that are up to date."""
    raw_folder.drop_and_load("vehicles.json", [vehicle(number) for number in range(3)])
    raw_folder.drop_and_load("vehicle_logs.json", [log(number) for number in range(5)])
    raw_folder.drop_and_load("shipments.json", [shipment(number) for number in range(20)])
    refresh(raw_folder.url)
    return raw_folder.url


def version(connection: Connection) -> int:
    row = connection.execute("SELECT data_version FROM analytics.status").fetchone()
    assert row is not None
    return int(row[0])


def test_a_refresh_says_what_it_did(raw_folder: RawFolder, filled: str) -> None:
    raw_folder.drop_and_load("vehicle_logs/late.json", [log(7, trip_date="2024-03-01"), log(8, trip_date="2024-03-02")])

    done = refresh(filled)

    assert (done.data_version, done.full, done.days, done.batches, done.unassigned_shipments) == (2, False, 2, 1, 0)
    assert done.rows == {"daily_routes": 0, "daily_vehicles": 2, "days": 2}
    assert done.seconds > 0


def test_a_refresh_with_nothing_to_do_changes_nothing(filled: str, connection: Connection) -> None:
    before = actual_tables(connection), version(connection)
    with listening(filled) as heard:
        done = refresh(filled)
        assert heard() == []

    assert (done.data_version, done.days, done.batches, done.rows) == (1, 0, 0, {})
    assert (actual_tables(connection), version(connection)) == before


def test_a_full_refresh_computes_every_day_and_mends_what_was_wrong(filled: str, connection: Connection) -> None:
    connection.execute("UPDATE analytics.daily_routes SET cost_sum = cost_sum + 1")
    connection.execute("DELETE FROM analytics.daily_vehicles")

    done = refresh(filled, full=True)

    assert (done.full, done.days, done.data_version) == (True, 5, 2)
    assert actual_tables(connection) == expected_tables(connection)
    assert not refresh(filled).full


def test_vehicles_alone_make_a_new_version_because_answers_name_them(
    raw_folder: RawFolder, filled: str, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicles/2.json", [vehicle(1, name="Renamed")])

    done = refresh(filled)

    assert (done.data_version, done.days) == (2, 0)


@contextmanager
def listening(url: str) -> Iterator[Callable[[], list[str]]]:
    """Listens for new versions; calling the result gives the payloads heard so far."""
    with connect(url) as connection:
        connection.execute(f"LISTEN {CHANNEL}".encode())
        yield lambda: [notify.payload for notify in connection.notifies(timeout=0.2)]


def test_one_refresh_of_many_loads_notifies_once(raw_folder: RawFolder, filled: str) -> None:
    with listening(filled) as heard:
        for number in range(4):
            raw_folder.drop_and_load(f"vehicle_logs/{number}.json", [log(20 + number), log(30 + number)])
        refresh(filled)
        assert heard() == ["2"]


@contextmanager
def paused_refresh(url: str, at: str = "_publish") -> Iterator[Callable[[], Any]]:
    """A refresh that has written its tables and waits before it publishes; calling the result lets it end."""
    reached, go_on = threading.Event(), threading.Event()
    original = getattr(refreshing, at)

    def pause(*arguments: Any) -> Any:
        reached.set()
        assert go_on.wait(20)
        return original(*arguments)

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as pool:
        patch.setattr(refreshing, at, pause)
        running = pool.submit(refresh, url)
        assert reached.wait(20)
        patch.undo()

        def end() -> Any:
            go_on.set()
            return running.result(20)

        try:
            yield end
        finally:
            go_on.set()


def test_readers_see_the_old_figures_until_all_new_ones_are_there_and_never_wait(
    raw_folder: RawFolder, filled: str, connection: Connection
) -> None:
    connection.execute("SET lock_timeout = '1s'")
    before = actual_tables(connection)
    raw_folder.drop_and_load("vehicle_logs/2.json", [log(number, mileage=0) for number in range(5)])

    with paused_refresh(filled) as end:
        assert (actual_tables(connection), version(connection)) == (before, 1)
        end()

    assert version(connection) == 2
    assert actual_tables(connection) == expected_tables(connection) != before


def test_a_reader_within_one_transaction_keeps_the_version_it_began_with(
    raw_folder: RawFolder, filled: str, connection: Connection
) -> None:
    with connect(filled) as reader, reader.transaction():
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        before = actual_tables(reader)
        raw_folder.drop_and_load("vehicle_logs/2.json", [log(number, mileage=0) for number in range(5)])
        refresh(filled)
        assert actual_tables(reader) == before != actual_tables(connection)


def test_a_load_committed_during_a_refresh_is_taken_by_the_next(
    raw_folder: RawFolder, filled: str, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicle_logs/2.json", [log(1, mileage=1)])
    with paused_refresh(filled) as end:
        raw_folder.drop_and_load("vehicle_logs/3.json", [log(1, mileage=2, trip_date="2024-06-06")])
        raw_folder.drop_and_load("shipments/3.json", [shipment(1, log_id="l2"), shipment(50, log_id="l1")])
        done = end()

    assert (done.data_version, done.batches) == (2, 1)
    again = refresh(filled)
    assert (again.data_version, again.batches) == (3, 2)
    assert actual_tables(connection) == expected_tables(connection)


def test_a_load_does_not_wait_for_a_refresh(raw_folder: RawFolder, filled: str, connection: Connection) -> None:
    connection.execute(f"ALTER DATABASE {connection.info.dbname} SET lock_timeout = '1s'")
    raw_folder.drop_and_load("vehicle_logs/2.json", [log(number, mileage=1) for number in range(5)])
    with paused_refresh(filled):
        report = raw_folder.drop_and_load(
            "vehicle_logs/3.json", [log(number) for number in range(5)], retry_seconds=0.001
        )

    assert report.is_loaded


def test_of_two_refreshes_the_second_waits_and_takes_what_is_left(
    raw_folder: RawFolder, filled: str, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicle_logs/2.json", [log(1, mileage=1)])
    waits = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with paused_refresh(filled) as end:
            second = pool.submit(refresh, filled, on_wait=waits.set)
            assert waits.wait(10)
            raw_folder.drop_and_load("vehicle_logs/3.json", [log(1, mileage=2)])
            first = end()
        assert (first.data_version, second.result(20).data_version) == (2, 3)

    assert actual_tables(connection) == expected_tables(connection)


def lock_is_free(connection: Connection) -> bool:
    taken = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (LOCK_NAME,)).fetchone() == (
        True,
    )
    connection.execute("SELECT pg_advisory_unlock_all()")
    return taken


def test_a_refresh_that_is_killed_leaves_the_old_figures_and_its_lock(
    raw_folder: RawFolder, filled: str, connection: Connection
) -> None:
    before = actual_tables(connection)
    raw_folder.drop_and_load("vehicle_logs/2.json", [log(number, mileage=0) for number in range(5)])
    with paused_refresh(filled) as end:
        assert not lock_is_free(connection)
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'logistics refresh'"
        )
        with pytest.raises(TransientError, match="refreshing analytics"):
            end()

    assert lock_is_free(connection)
    assert (actual_tables(connection), version(connection)) == (before, 1)
    assert refresh(filled).data_version == 2
    assert actual_tables(connection) == expected_tables(connection)


def test_a_refresh_that_fails_notes_its_error_until_one_succeeds(
    raw_folder: RawFolder, filled: str, connection: Connection
) -> None:
    before = actual_tables(connection)
    connection.execute("ALTER TABLE analytics.daily_vehicles ADD CONSTRAINT odd CHECK (mileage_sum <> 12345)")
    raw_folder.drop_and_load("vehicle_logs/2.json", [log(1, mileage=12345)])

    with pytest.raises(psycopg.errors.CheckViolation):
        refresh(filled)

    assert lock_is_free(connection)
    assert (actual_tables(connection), version(connection)) == (before, 1)
    (message,) = connection.execute("SELECT error_message FROM analytics.status").fetchone() or ()
    assert "odd" in message
    connection.execute("ALTER TABLE analytics.daily_vehicles DROP CONSTRAINT odd")
    refresh(filled)
    assert connection.execute("SELECT error_message FROM analytics.status").fetchone() == (None,)
    assert actual_tables(connection) == expected_tables(connection)


def test_a_full_refresh_that_failed_stays_due(filled: str, connection: Connection) -> None:
    connection.execute("ALTER TABLE analytics.daily_vehicles ADD CONSTRAINT odd CHECK (false) NOT VALID")
    with pytest.raises(psycopg.errors.CheckViolation):
        refresh(filled, full=True)
    connection.execute("ALTER TABLE analytics.daily_vehicles DROP CONSTRAINT odd")

    assert refresh(filled).full


def test_a_database_that_cannot_be_reached_is_a_transient_error(filled: str) -> None:
    started = time.monotonic()
    with pytest.raises(TransientError, match="Cannot connect"):
        refresh(with_database(filled, "no_such_database"))
    assert time.monotonic() - started < 30
