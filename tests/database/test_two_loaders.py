"""Several loaders at once, each a process of its own: on one file, and on files that hold the same keys."""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from time import monotonic
from typing import Any

import pytest

from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.loading.loader import LoadReport, load_file
from logistics_pipeline.loading.options import LoadOptions
from tests.database.conftest import Contents, FolderUnderTest, at_statement
from tests.database.forking import forkserver
from tests.database.records import as_lines, log, shipment, vehicle

PATIENCE_SECONDS = 120

Read = Callable[[], Contents]
Order = Callable[[int, list[int]], list[int]]

ORDERS: dict[str, Order] = {
    "the same order": lambda number, keys: keys,
    "opposite orders": lambda number, keys: keys[:: -1 if number % 2 else 1],
    "random orders": lambda number, keys: random.Random(number).sample(keys, len(keys)),
}
SIZES = {"many batches": (200, {"records": 20}), "one batch": (3_000, {"records": 10_000})}
"""Records of each file, and the limits of a batch."""


@pytest.fixture(autouse=True)
def deadlocks(connection: Connection) -> Callable[[], int]:
    """Has PostgreSQL look for deadlocks soon, and counts those that it found."""
    connection.execute(f"ALTER DATABASE {connection.info.dbname} SET deadlock_timeout = '50ms'".encode())

    def count() -> int:
        connection.execute("SELECT pg_stat_clear_snapshot()")
        row = connection.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
        assert row is not None
        return int(row[0])

    return count


class LoadAtOnce:
    """Loads files of a raw folder, each in a process of its own, all from the same moment on."""

    def __init__(self, folder: FolderUnderTest) -> None:
        self._folder = folder

    def __call__(self, files: Sequence[FoundFile], **changes: Any) -> list[LoadReport]:
        """Keywords are those of `LoadOptions`. A loader that raises ends the test."""
        context = forkserver()
        together = context.Barrier(len(files))
        options = replace(self._folder.options, **{"retry_seconds": 30.0} | changes)
        running: list[tuple[BaseProcess, Pipe]] = []
        for found in files:
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_load, args=(together, self._folder.url, found, options, theirs))
            process.start()
            theirs.close()
            running.append((process, ours))
        return [_report(*each) for each in running]


def _report(process: BaseProcess, result: Pipe) -> LoadReport:
    with result:
        assert result.poll(PATIENCE_SECONDS), "a loader waits without end"
        report: LoadReport = result.recv()  # EOFError if it ended without one
    process.join()
    return report


def _load(together: Barrier, url: str, found: FoundFile, options: LoadOptions, result: Pipe) -> None:
    together.wait(PATIENCE_SECONDS)
    result.send(load_file(url, found, options))


@pytest.fixture
def load_at_once(raw_folder: FolderUnderTest) -> LoadAtOnce:
    return LoadAtOnce(raw_folder)


# -- on one file ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_of_several_loaders_of_one_file_one_loads_it_and_the_others_find_it_done(
    size: str, raw_folder: FolderUnderTest, load_at_once: LoadAtOnce, contents: Read, empty: Callable[[], None]
) -> None:
    records, limits = SIZES[size]
    keys = random.Random(size).choices(range(records), k=records)  # some twice, some bad
    content = as_lines([shipment(key, weight=key % 50) for key in keys])
    found = raw_folder.drop("shipments.ndjson", content)
    batch = replace(raw_folder.options.batch, **limits)
    raw_folder.load(found, batch=batch)
    undisturbed = contents()
    empty()

    reports = load_at_once([found] * 3, batch=batch)

    assert sorted(report.was_loaded_before for report in reports) == [False, True, True]
    assert contents() == undisturbed


@pytest.mark.slow
def test_several_loaders_of_one_file_of_which_the_first_is_killed(
    raw_folder: FolderUnderTest,
    load_at_once: LoadAtOnce,
    contents: Read,
    empty: Callable[[], None],
    connection: Connection,
) -> None:
    found = raw_folder.drop("shipments.ndjson", as_lines([shipment(key, weight=key % 50) for key in range(2_000)]))
    batch = replace(raw_folder.options.batch, records=10)
    raw_folder.load(found, batch=batch)
    undisturbed = contents()
    empty()
    is_killed = threading.Event()

    def end_the_one_at_work() -> None:
        """Its backend, which is all that the others see of it."""
        while not is_killed.wait(0.001):
            row = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN ingest.files ON records_read > 0 "
                "WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid() LIMIT 1"
            ).fetchone()
            if row is not None:
                is_killed.set()

    hunter = threading.Thread(target=end_the_one_at_work)
    hunter.start()
    reports = load_at_once([found] * 3, batch=batch)
    was_killed = is_killed.is_set()
    is_killed.set()
    hunter.join()

    assert was_killed
    assert all(report.is_loaded for report in reports)
    assert contents() == undisturbed


# -- on files with the same keys -----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", ["many batches", pytest.param("one batch", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "is_known",
    [pytest.param(False, id="new keys"), pytest.param(True, id="keys of an older file", marks=pytest.mark.slow)],
)
def test_files_with_the_same_keys_loaded_at_once_end_as_if_loaded_in_turn(
    order: str,
    size: str,
    is_known: bool,
    raw_folder: FolderUnderTest,
    load_at_once: LoadAtOnce,
    connection: Connection,
    contents: Read,
    empty: Callable[[], None],
) -> None:
    records, limits = SIZES[size]
    batch = replace(raw_folder.options.batch, **limits)
    older = raw_folder.drop("vehicles/older.ndjson", as_lines([vehicle(key) for key in range(0, records, 2)]))
    files = _overlapping(raw_folder, ORDERS[order], records)

    def load_all(load: Callable[[], object]) -> Contents:
        empty()
        if is_known:
            raw_folder.load(older, batch=batch)
        for _, found in files:
            ledger.register(connection, found)
        load()
        # Warnings compare a file with those that were loaded before it, so they depend on the order.
        found = contents()
        return replace(found, files=[(*file[:4], *file[5:]) for file in found.files])

    in_turn = load_all(lambda: [raw_folder.load(found, batch=batch) for _, found in files])
    at_once = load_all(lambda: load_at_once([found for _, found in files], batch=batch))

    assert at_once == in_turn
    winners = {f"v{key}": found.key for keys, found in files for key in keys}
    rows = connection.execute(
        "SELECT vehicle_id, path FROM raw.vehicles JOIN ingest.files USING (file_id) WHERE path <> %s",
        (older.key,),
    ).fetchall()
    assert dict(rows) == winners
    assert all(file.is_balanced and file.state == "loaded" for file in ledger.files_in_order(connection))


def _overlapping(folder: FolderUnderTest, order: Order, records: int) -> list[tuple[list[int], FoundFile]]:
    """Three files, any two of which share most of their keys, each in an order of its own."""
    files = []
    for number in range(3):
        keys = order(number, list(range(number * records // 10, records + number * records // 10)))
        content = as_lines([vehicle(key, name=f"file {number}") for key in keys])
        files.append((keys, folder.drop(f"vehicles/{number}.ndjson", content)))
    return files


@pytest.mark.slow
def test_every_deadlock_is_retried(
    raw_folder: FolderUnderTest,
    load_at_once: LoadAtOnce,
    connection: Connection,
    deadlocks: Callable[[], int],
    empty: Callable[[], None],
) -> None:
    """Two transactions that take the same keys from both ends meet in the middle, and each has what the other wants."""
    keys = range(20_000)
    batch = replace(raw_folder.options.batch, records=len(keys), bytes=1 << 30)
    up = raw_folder.drop("vehicle_logs/up.ndjson", as_lines([log(key) for key in keys]))
    down = raw_folder.drop("vehicle_logs/down.ndjson", as_lines([log(key) for key in reversed(keys)]))

    for _ in range(20):
        empty()
        for found in (up, down):
            ledger.register(connection, found)
        reports = load_at_once([up, down], batch=batch)
        assert all(report.is_loaded for report in reports)
        files = ledger.files_in_order(connection)
        assert [(file.records_loaded, file.records_superseded) for file in files] == [(0, 20_000), (20_000, 0)]
        if deadlocks() > 0:
            return
    raise AssertionError("no deadlock in 20 rounds: this test has proven nothing")


def test_keys_are_looked_up_one_by_one_whatever_the_statistics_say(
    raw_folder: FolderUnderTest, connection: Connection, empty: Callable[[], None]
) -> None:
    """An ANALYZE (autovacuum's, say) while a load's rows are not committed takes their table for empty, and merges of
    later loads for cheap however they are done: one that reads the table for each of its rows does not come to an end.
    """
    records = [vehicle(key) for key in range(1_000)]
    batch = replace(raw_folder.options.batch, records=len(records))
    first = raw_folder.drop("vehicles/first.ndjson", as_lines(records))
    with at_statement(1_000_000, lambda _: None) as statements:
        raw_folder.load(first, batch=batch)
    empty()
    in_the_transaction = next(i for i, statement in enumerate(statements) if "INTO ingest.batches" in statement)

    def analyse(_: Connection) -> None:
        connection.execute("ANALYZE raw.vehicles")

    with at_statement(in_the_transaction, analyse):
        raw_folder.load(first, batch=batch)
    assert connection.execute(
        "SELECT relpages > 0, reltuples FROM pg_class WHERE oid = 'raw.vehicles'::regclass"
    ).fetchone() == (True, 0)
    before = _rows_read_one_after_the_other(connection)

    report = raw_folder.drop_and_load("vehicles/second.ndjson", as_lines(records), batch=batch)

    assert report.file.records_loaded == len(records)
    assert _rows_read_one_after_the_other(connection) == before


def _rows_read_one_after_the_other(connection: Connection) -> int:
    deadline = monotonic() + PATIENCE_SECONDS
    while monotonic() < deadline:  # a session tells what it has read when it ends, a moment after its connection
        connection.execute("SELECT pg_stat_clear_snapshot()")
        if connection.execute(_OTHER_SESSIONS).fetchall() == []:
            break
    row = connection.execute(
        "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relid = 'raw.vehicles'::regclass"
    ).fetchone()
    assert row is not None
    return int(row[0])


_OTHER_SESSIONS = (
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND backend_type = 'client backend'"
)


# -- on versions of one file ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_loaders_that_find_different_versions_of_one_file_load_the_newest(
    raw_folder: FolderUnderTest, load_at_once: LoadAtOnce, connection: Connection
) -> None:
    old = raw_folder.drop("vehicles.ndjson", as_lines([vehicle(key, name="old") for key in range(500)]))
    ledger.register(connection, old)
    new = raw_folder.drop("vehicles.ndjson", as_lines([vehicle(key, name="new") for key in range(400)]))

    reports = load_at_once([old, new, old, new])

    assert all((report.file.version, report.is_loaded) == (2, True) for report in reports)
    assert [(file.state, file.records_loaded) for file in ledger.files_in_order(connection)] == [
        ("failed", 0),
        ("loaded", 400),
    ]
    assert connection.execute("SELECT DISTINCT name FROM raw.vehicles").fetchall() == [("new",)]
