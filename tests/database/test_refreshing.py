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

from logistics_core.database_contract.channels import Channel
from logistics_core.database_contract.locks import REFRESH_LOCK
from logistics_pipeline import ledger
from logistics_pipeline.analytics import refresh as refresh_module
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.analytics.tables import DAILY_TABLES, TABLES
from logistics_pipeline.database.connections import Connection, connect, with_database
from logistics_pipeline.database.distribution import NodeError
from logistics_pipeline.errors import TransientError
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.unload import unload_file
from tests.database.conftest import FolderUnderTest, Interrupted, at_statement
from tests.database.records import Record, log, shipment, vehicle
from tests.database.test_rollups import differing_rollups, kept_by_all_periods
from tests.examples import few_or_all

Row = tuple[Any, ...]
Tables = dict[str, set[Row]]


# -- the figures, computed once more -------------------------------------------------------------------------------


def total(values: Iterable[Decimal | None]) -> Decimal:
    return sum((value for value in values if value is not None), Decimal(0))


def expected_tables(connection: Connection) -> Tables:
    """What the analytics tables should hold, computed here from the raw rows by the definitions of the contract.

    Vehicles by their names; which numbers they have is for the refresh to say.
    """
    logs = connection.execute(
        "SELECT log_id, vehicle_id, trip_date, mileage, fuel_used FROM raw.vehicle_logs"
    ).fetchall()
    shipments = connection.execute(
        "SELECT log_id, origin, destination, weight, cost, delivery_time FROM raw.shipments"
    ).fetchall()
    log_of = {log_id: (vehicle_id, day) for log_id, vehicle_id, day, *_ in logs}
    by_route, trips, carried = defaultdict(list), defaultdict(list), defaultdict(list)
    costs = defaultdict(list)
    for log_id, *_, cost, _ in shipments:
        costs[log_id].append(cost)
    for log_id, vehicle_id, day, mileage, fuel in logs:
        trips[day, vehicle_id].append((mileage, fuel, costs[log_id]))
    for log_id, origin, destination, *measures in shipments:
        if log_id in log_of:
            vehicle_id, day = log_of[log_id]
            by_route[day, origin, destination].append((*measures, vehicle_id))
            carried[day, vehicle_id].append(tuple(measures))
    return {
        "daily_routes": {(*key, *route_figures(found), key[1:]) for key, found in by_route.items()},
        "daily_vehicles": {(*key, *vehicle_figures(found, carried[key])) for key, found in trips.items()},
        "routes": {
            (
                *route,
                *all_time_figures(
                    [hours for key, found in by_route.items() if key[1:] == route for *_, hours, _ in found]
                ),
            )
            for route in {key[1:] for key in by_route}
        },
        "days": {(day, *day_figures(of_day(trips, day), of_day(carried, day))) for day in {day for day, _ in trips}},
        "unassigned": {(sum(log_id not in log_of for log_id, *_ in shipments),)},
    }


def of_day(found: dict[Row, list[Row]], day: object) -> dict[str, list[Row]]:
    """The rows of one day, per vehicle."""
    return {vehicle_id: rows for (other, vehicle_id), rows in found.items() if other == day and rows}


def route_figures(shipments: list[Row]) -> Row:
    hours = [time for _, _, time, _ in shipments if time is not None]
    return (
        len(shipments),
        *measure_sums([measures for *measures, _ in shipments]),
        total(value * value for value in hours),
        min(hours, default=None),
        max(hours, default=None),
        *pair_sums([measures for *measures, _ in shipments]),
        tuple(sorted({vehicle_id for *_, vehicle_id in shipments})),
        tuple(sorted(hours)),
    )


def measure_sums(shipments: list[Row]) -> Row:
    """Cost, weight and time: sum and count of each."""
    weights, costs, hours = zip(*shipments, strict=True) if shipments else ((), (), ())
    return tuple(figure for values in (costs, weights, hours) for figure in (total(values), known(values)))


def pair_sums(shipments: list[Row]) -> Row:
    return (
        total(cost for weight, cost, _ in shipments if weight is not None),
        total(weight for weight, cost, _ in shipments if cost is not None),
        total(cost for _, cost, time in shipments if time is not None),
        total(time for _, cost, time in shipments if cost is not None),
    )


def all_time_figures(hours: list[Decimal | None]) -> Row:
    return len(hours), total(hours), known(hours)


def known(values: Iterable[Decimal | None]) -> int:
    return sum(value is not None for value in values)


def trip_sums(trips: list[Row]) -> Row:
    return (
        len(trips),
        total(mileage for mileage, _, _ in trips),
        known(mileage for mileage, _, _ in trips),
        total(fuel for _, fuel, _ in trips),
        known(fuel for _, fuel, _ in trips),
        total(mileage for mileage, fuel, _ in trips if fuel is not None),
        total(fuel for mileage, fuel, _ in trips if mileage is not None),
    )


def matched_sums(trips: list[Row]) -> Row:
    """Revenue and distance of the trips of which both are known."""
    return (
        total(cost for mileage, _, costs in trips if mileage is not None for cost in costs),
        total(mileage for mileage, _, costs in trips if known(costs)),
    )


def vehicle_figures(trips: list[Row], carried: list[Row]) -> Row:
    cost_sum, cost_count, _, _, delivery_sum, delivery_count = measure_sums(carried)
    revenue = (cost_sum, cost_count, *matched_sums(trips))
    return (*trip_sums(trips), len(carried), *revenue, delivery_sum, delivery_count)


def day_figures(trips: dict[str, list[Row]], carried: dict[str, list[Row]]) -> Row:
    shipments = [shipment for found in carried.values() for shipment in found]
    all_trips = [trip for found in trips.values() for trip in found]
    return (
        len(trips),
        *trip_sums(all_trips),
        *matched_sums(all_trips),
        len(shipments),
        *measure_sums(shipments),
        *pair_sums(shipments),
        tuple(sorted(trips)),
        tuple(sorted(carried)),
    )


def actual_tables(connection: Connection) -> Tables:
    """What the analytics tables hold; sets of vehicles and numbers of routes as what they stand for."""
    daily_routes, daily_vehicles, routes, days, unassigned = (
        connection.execute(f"SELECT {columns} FROM analytics.{table}".encode()).fetchall()
        for columns, table in (
            ("*", "daily_routes"),
            ("*", "daily_vehicles"),
            ("*", "routes"),
            ("*", "days"),
            ("unassigned_shipments", "status"),
        )
    )
    vehicle_of = {number: vehicle_id for vehicle_id, number in vehicle_numbers(connection).items()}
    route_of = {number: tuple(route) for number, *route, _, _, _ in routes}

    def vehicles(bits: str) -> tuple[str, ...]:
        assert not bits.endswith("0"), "as short as it can be"
        return tuple(sorted(vehicle_of[number] for number, bit in enumerate(bits) if bit == "1"))

    return {
        "daily_routes": {
            (*row, vehicles(bits), tuple(hours), route_of[route]) for *row, bits, hours, route in daily_routes
        },
        "daily_vehicles": set(daily_vehicles),
        "routes": {tuple(row) for _, *row in routes},
        "days": {(*row, vehicles(all_of_them), vehicles(carriers)) for *row, all_of_them, carriers in days},
        "unassigned": set(unassigned),
    }


def vehicle_numbers(connection: Connection) -> dict[str, int]:
    return dict(connection.execute("SELECT vehicle_id, number FROM analytics.vehicle_numbers").fetchall())


def test_every_analytics_table_is_computed_once_more_here(connection: Connection) -> None:
    assert set(TABLES) == (expected_tables(connection).keys() - {"unassigned"}) | {"vehicle_numbers"}
    assert set(DAILY_TABLES) < set(TABLES)


# -- any sequence --------------------------------------------------------------------------------------------------

measures = st.none() | st.sampled_from(["0", "1", "2.5", "0.1", "1e2"])
log_records = st.builds(
    lambda key, vehicle, day, mileage, fuel: log(
        key, vehicle_id=f"v{vehicle}", trip_date=f"2024-01-0{day}", mileage=mileage, fuel_used=fuel
    ),
    st.integers(0, 3),
    st.integers(0, 4),
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

    def __init__(self, raw_folder: FolderUnderTest, connection: Connection) -> None:
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
            "ingest.reject_kinds, ingest.cleared_values, ingest.file_requests, "
            "analytics.daily_routes, analytics.daily_vehicles, analytics.days, analytics.routes, "
            "analytics.vehicle_numbers, analytics.rollup_datasets RESTART IDENTITY CASCADE"
        )
        self.numbers: dict[str, int] = {}
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

    @rule()
    def a_full_refresh_is_due(self) -> None:
        self.connection.execute("UPDATE analytics.status SET full_refresh_due = true")

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
        assert not differing_rollups(self.connection)
        numbers = vehicle_numbers(self.connection)
        assert numbers.items() >= self.numbers.items(), "a vehicle keeps its number"
        assert sorted(numbers.values()) == list(range(len(numbers)))
        self.numbers = numbers


@few_or_all(8, of=25)
def test_incremental_figures_equal_a_full_recompute_after_any_sequence(
    raw_folder: FolderUnderTest,
    connection: Connection,
    limit_lock_waits: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    examples: int,
) -> None:
    kept_by_all_periods(monkeypatch)
    # A file loaded in the middle of another one's transaction must not wait for it: they share a thread.
    limit_lock_waits("50ms")
    refresh(raw_folder.url)
    run_state_machine_as_test(
        lambda: Refreshing(raw_folder, connection),
        settings=settings(
            max_examples=examples,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )


# -- the cases by name ---------------------------------------------------------------------------------------------


@pytest.fixture
def check(raw_folder: FolderUnderTest, connection: Connection) -> Callable[[], None]:
    """Refreshes, then compares with the recompute."""

    def run() -> None:
        refresh(raw_folder.url)
        assert actual_tables(connection) == expected_tables(connection)

    refresh(raw_folder.url)  # the first one is full
    return run


def test_a_log_that_moves_to_another_day_takes_its_shipments_along(
    raw_folder: FolderUnderTest, connection: Connection, check: Callable[[], None]
) -> None:
    raw_folder.drop_and_load("vehicle_logs/1.json", [log(1, trip_date="2024-01-01")])
    raw_folder.drop_and_load("shipments/1.json", [shipment(1, log_id="l1")])
    check()
    raw_folder.drop_and_load("vehicle_logs/2.json", [log(1, trip_date="2024-02-02")])
    check()

    days = connection.execute("SELECT DISTINCT day::text FROM analytics.daily_routes").fetchall()
    assert days == [("2024-02-02",)]


def test_a_shipment_that_moves_to_another_log_leaves_its_old_day(
    raw_folder: FolderUnderTest, connection: Connection, check: Callable[[], None]
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
    raw_folder: FolderUnderTest, connection: Connection, check: Callable[[], None]
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
    raw_folder: FolderUnderTest, check: Callable[[], None]
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
    raw_folder: FolderUnderTest, check: Callable[[], None]
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
    raw_folder: FolderUnderTest, connection: Connection, limit_lock_waits: Callable[[str], None]
) -> None:
    limit_lock_waits("1s")
    raw_folder.drop_and_load("vehicle_logs/1.json", [log(1)])
    raw_folder.drop_and_load("shipments/1.json", [shipment(1, log_id="l1")])
    _before_commit(lambda: raw_folder.drop_and_load("vehicle_logs/2.json", [log(1, mileage=5)], retry_seconds=0.001))

    raw_folder.drop_and_load("shipments/2.json", [shipment(1, log_id="l2")])

    assert [file.state for file in ledger.files_in_order(connection)] == ["loaded"] * 4


# -- numbers and all-time sums -------------------------------------------------------------------------------------


def test_vehicles_that_come_later_get_the_next_numbers_and_all_keep_theirs(
    raw_folder: FolderUnderTest, connection: Connection, check: Callable[[], None]
) -> None:
    raw_folder.drop_and_load("vehicle_logs/1.json", [log(1, vehicle_id="m"), log(2, vehicle_id="k")])
    check()
    raw_folder.drop_and_load("vehicle_logs/2.json", [log(3, vehicle_id="z"), log(4, vehicle_id="a")])
    check()
    numbers = {"k": 0, "m": 1, "a": 2, "z": 3}
    assert vehicle_numbers(connection) == numbers

    unload_file(raw_folder.url, "vehicle_logs/1.json", raw_folder.options)
    check()
    refresh(raw_folder.url, full=True)
    check()

    assert vehicle_numbers(connection) == numbers, (
        "also of a vehicle that is gone, also when every day is computed anew"
    )


def test_a_set_of_vehicles_ends_with_its_last_one(
    raw_folder: FolderUnderTest, connection: Connection, check: Callable[[], None]
) -> None:
    raw_folder.drop_and_load(
        "vehicle_logs.json", [log(number, vehicle_id=f"v{number}", trip_date="2024-01-01") for number in range(9)]
    )
    raw_folder.drop_and_load("shipments.json", [shipment(1, log_id="l1"), shipment(3, log_id="l4")])
    check()

    (day,) = connection.execute("SELECT vehicle_set, carrier_set FROM analytics.days").fetchall()
    assert day == ("111111111", "01001")


def test_delivery_times_are_counted_by_binary_search(
    raw_folder: FolderUnderTest, connection: Connection, check: Callable[[], None]
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(0)])
    raw_folder.drop_and_load(
        "shipments.json",
        [
            shipment(number, origin="o", destination="d", log_id="l0", delivery_time=hours)
            for number, hours in enumerate([3, 1, None, 2, 2, 10])
        ],
    )
    check()

    query = "SELECT delivery_times, width_bucket(2.0, delivery_times) FROM analytics.daily_routes"
    assert connection.execute(query).fetchall() == [([1, 2, 2, 3, 10], 3)]


def test_a_route_leaves_with_its_last_shipment_and_the_others_keep_their_numbers(
    raw_folder: FolderUnderTest, connection: Connection, check: Callable[[], None]
) -> None:
    def numbers() -> dict[str, int]:
        return dict(connection.execute("SELECT origin, route FROM analytics.routes").fetchall())

    raw_folder.drop_and_load("vehicle_logs.json", [log(1)])
    raw_folder.drop_and_load("shipments/1.json", [shipment(1, log_id="l1", origin="here")])
    raw_folder.drop_and_load("shipments/2.json", [shipment(2, log_id="l1", origin="there")])
    check()
    before = numbers()
    unload_file(raw_folder.url, "shipments/1.json", raw_folder.options)
    check()
    assert numbers() == {"there": before["there"]}

    refresh(raw_folder.url, full=True)

    assert numbers() == {"there": before["there"]}


def test_a_full_refresh_mends_all_time_sums_that_are_wrong(
    raw_folder: FolderUnderTest, connection: Connection, check: Callable[[], None]
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(1)])
    raw_folder.drop_and_load("shipments.json", [shipment(1, log_id="l1")])
    check()
    connection.execute("UPDATE analytics.routes SET shipments = 7, delivery_sum = 5")
    connection.execute(
        "INSERT INTO analytics.routes (origin, destination, shipments, delivery_sum, delivery_count) "
        "VALUES ('no', 'where', 1, 1, 1)"
    )

    refresh(raw_folder.url, full=True)

    assert actual_tables(connection) == expected_tables(connection)


# -- one refresh ---------------------------------------------------------------------------------------------------


FILES = {
    "vehicles.json": [vehicle(number) for number in range(3)],
    "vehicle_logs.json": [log(number) for number in range(5)],
    "shipments.json": [shipment(number) for number in range(20)],
}
"""What `filled` has loaded: `filled_template` takes it from here."""


@pytest.fixture
def filled(raw_folder: FolderUnderTest) -> str:
    """URL of a database with figures that are up to date."""
    for name, records in FILES.items():
        raw_folder.drop(name, records)
    return raw_folder.url


def version(connection: Connection) -> int:
    row = connection.execute("SELECT data_version FROM analytics.status").fetchone()
    assert row is not None
    return int(row[0])


def test_a_refresh_says_what_it_did(raw_folder: FolderUnderTest, filled: str) -> None:
    raw_folder.drop_and_load("vehicle_logs/late.json", [log(7, trip_date="2024-03-01"), log(8, trip_date="2024-03-02")])

    done = refresh(filled)

    assert (done.data_version, done.full, done.days, done.batches, done.unassigned_shipments) == (2, False, 2, 1, 0)
    assert done.rows == {
        "daily_routes": 0,
        "daily_vehicles": 2,
        "days": 2,
        "routes": 0,
        "vehicle_numbers": 0,
        "rollups": 4,
    }
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


def test_who_asks_after_a_large_refresh_is_planned_for(raw_folder: FolderUnderTest, connection: Connection) -> None:
    logs = [{**log(number), "vehicle_id": f"v{number}"} for number in range(1_200)]
    raw_folder.drop_and_load("vehicle_logs.json", logs)

    refresh(raw_folder.url)

    known = connection.execute("SELECT reltuples FROM pg_class WHERE oid = 'analytics.daily_vehicles'::regclass")
    assert known.fetchone() == (1_200,)


def test_vehicles_alone_make_a_new_version_because_answers_name_them(
    raw_folder: FolderUnderTest, filled: str, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicles/2.json", [vehicle(1, name="Renamed")])

    done = refresh(filled)

    assert (done.data_version, done.days) == (2, 0)


@contextmanager
def listening(url: str) -> Iterator[Callable[[], list[str]]]:
    """Listens for new versions; calling the result gives the payloads heard so far."""
    with connect(url) as connection:
        connection.execute(f"LISTEN {Channel.DATA_VERSION}".encode())

        def hear() -> list[str]:
            connection.execute("SELECT 1")  # what was committed before comes with the answer
            return [notify.payload for notify in connection.notifies(timeout=0)]

        yield hear


def test_one_refresh_of_many_loads_notifies_once(raw_folder: FolderUnderTest, filled: str) -> None:
    with listening(filled) as heard:
        for number in range(4):
            raw_folder.drop_and_load(f"vehicle_logs/{number}.json", [log(20 + number), log(30 + number)])
        refresh(filled)
        assert heard() == ["2"]


@contextmanager
def paused_refresh(url: str, at: str = "_publish") -> Iterator[Callable[[], Any]]:
    """A refresh that has written its tables and waits before it publishes; calling the result lets it end."""
    reached, go_on = threading.Event(), threading.Event()
    original = getattr(refresh_module, at)

    def pause(*arguments: Any) -> Any:
        reached.set()
        assert go_on.wait(120)
        return original(*arguments)

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as pool:
        patch.setattr(refresh_module, at, pause)
        running = pool.submit(refresh, url)
        assert reached.wait(120)
        patch.undo()

        def end() -> Any:
            go_on.set()
            return running.result(120)

        try:
            yield end
        finally:
            go_on.set()


def test_readers_see_the_old_figures_until_all_new_ones_are_there_and_never_wait(
    raw_folder: FolderUnderTest, filled: str, connection: Connection
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
    raw_folder: FolderUnderTest, filled: str, connection: Connection
) -> None:
    with connect(filled) as reader, reader.transaction():
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        before = actual_tables(reader)
        raw_folder.drop_and_load("vehicle_logs/2.json", [log(number, mileage=0) for number in range(5)])
        refresh(filled)
        assert actual_tables(reader) == before != actual_tables(connection)


def test_a_load_committed_during_a_refresh_is_taken_by_the_next(
    raw_folder: FolderUnderTest, filled: str, connection: Connection
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


def test_a_load_does_not_wait_for_a_refresh(
    raw_folder: FolderUnderTest, filled: str, connection: Connection, limit_lock_waits: Callable[[str], None]
) -> None:
    limit_lock_waits("1s")
    raw_folder.drop_and_load("vehicle_logs/2.json", [log(number, mileage=1) for number in range(5)])
    with paused_refresh(filled):
        report = raw_folder.drop_and_load(
            "vehicle_logs/3.json", [log(number) for number in range(5)], retry_seconds=0.001
        )

    assert report.is_loaded


def test_of_two_refreshes_the_second_waits_and_takes_what_is_left(
    raw_folder: FolderUnderTest, filled: str, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicle_logs/2.json", [log(1, mileage=1)])
    waits = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with paused_refresh(filled) as end:
            second = pool.submit(refresh, filled, on_wait=waits.set)
            assert waits.wait(120)
            raw_folder.drop_and_load("vehicle_logs/3.json", [log(1, mileage=2)])
            first = end()
        assert (first.data_version, second.result(120).data_version) == (2, 3)

    assert actual_tables(connection) == expected_tables(connection)


def lock_is_free(connection: Connection) -> bool:
    taken = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (REFRESH_LOCK,)).fetchone() == (
        True,
    )
    connection.execute("SELECT pg_advisory_unlock_all()")
    return taken


def test_a_refresh_that_is_killed_leaves_the_old_figures_and_its_lock(
    raw_folder: FolderUnderTest, filled: str, connection: Connection
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
    raw_folder: FolderUnderTest, filled: str, connection: Connection
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


def test_a_refresh_that_a_node_of_a_cluster_refuses_notes_that(
    raw_folder: FolderUnderTest, filled: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def refused(_: Connection) -> Iterator[None]:
        raise NodeError("A node of the cluster reported: out of memory")
        yield

    raw_folder.drop_and_load("vehicle_logs/2.json", [log(1, mileage=12345)])
    with monkeypatch.context() as patch, pytest.raises(NodeError):
        patch.setattr(refresh_module, "same_snapshot_on_all_nodes", refused)
        refresh(filled)
    stored = "SELECT error_message FROM analytics.status"
    assert connection.execute(stored).fetchone() == ("A node of the cluster reported: out of memory",)
    refresh(filled)
    assert connection.execute(stored).fetchone() == (None,)


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
