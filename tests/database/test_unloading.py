"""A file that is unloaded leaves tables and figures as if it was never there, and comes back when it is asked for."""

import json
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from logistics_pipeline import ledger
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import PipelineError, TransientError
from logistics_pipeline.loading.loader import Loader
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.reject_limit import RejectLimit
from logistics_pipeline.loading.rejects import replay_batch
from logistics_pipeline.loading.rejects.failed_files import export_paths
from logistics_pipeline.loading.rejects.replay import replay_export
from logistics_pipeline.loading.unload import Unloaded, unload_file
from tests.database.conftest import (
    Contents,
    FolderUnderTest,
    Interrupted,
    at_statement,
    every_trouble,
    terminate_backend,
)
from tests.database.forking import run_command
from tests.database.records import Record, as_array, as_lines, log, shipment, vehicle
from tests.database.test_refreshing import actual_tables, expected_tables

Read = Callable[[], Contents]


@pytest.fixture
def unload(raw_folder: FolderUnderTest) -> Callable[..., Unloaded]:
    def run(path: str, **keywords: Any) -> Unloaded:
        return unload_file(raw_folder.url, path, raw_folder.options, **keywords)

    return run


Unload = Callable[..., Unloaded]


@pytest.fixture
def check(raw_folder: FolderUnderTest, connection: Connection) -> Callable[[], None]:
    """Refreshes, then compares with the recompute; the accounts with the tables."""

    def run() -> None:
        refresh(raw_folder.url)
        assert actual_tables(connection) == expected_tables(connection)
        for file in ledger.files_in_order(connection):
            assert file.is_balanced
            assert file.records_loaded == rows_of(connection, file.dataset, file.file_id)

    refresh(raw_folder.url)  # the first one is full
    return run


def rows_of(connection: Connection, dataset: str | None, file_id: int) -> int:
    row = connection.execute(f"SELECT count(*) FROM raw.{dataset} WHERE file_id = %s".encode(), (file_id,)).fetchone()
    assert row is not None
    return int(row[0])


def states(connection: Connection) -> list[str]:
    return [file.state for file in ledger.files_in_order(connection)]


def bad(number: int) -> Record:
    return vehicle(number, total_mileage=-1)


# -- what goes -----------------------------------------------------------------------------------------------------


def test_rows_and_rejects_go_and_the_account_is_empty(
    raw_folder: FolderUnderTest, connection: Connection, contents: Read, unload: Unload
) -> None:
    raw_folder.drop_and_load("vehicles/1.json", [vehicle(1), vehicle(2)])
    before = contents()
    raw_folder.drop_and_load("vehicles/2.json", [vehicle(3), bad(4), vehicle(3, colour="red")])

    done = unload("vehicles/2.json")

    assert (done.removed.rows, done.removed.rejects, done.was_unloaded_before) == (1, 1, False)
    file = done.file
    assert (file.state, file.records_read, file.records_loaded, file.bytes_read) == ("unloaded", 0, 0, 0)
    assert (file.unknown_fields, file.layout, file.error) == ([], None, None)
    after = contents()
    assert (after.rows, after.rejects, after.files[:1]) == (before.rows, [], before.files)


@pytest.mark.parametrize(
    ("statement", "left"),
    [("DELETE FROM ingest.files WHERE path = 'vehicles/2.json'", [(1,)]), ("TRUNCATE ingest.files CASCADE", [])],
)
def test_rejects_go_with_their_file_though_no_foreign_key_says_so(
    raw_folder: FolderUnderTest, connection: Connection, statement: str, left: list[tuple[int]]
) -> None:
    for number in (1, 2):
        raw_folder.drop_and_load(f"vehicles/{number}.json", [vehicle(1), bad(2)])

    connection.execute(statement.encode())

    assert connection.execute("SELECT file_id FROM ingest.rejects").fetchall() == left


def test_no_reject_is_written_without_its_file(raw_folder: FolderUnderTest, connection: Connection) -> None:
    def delete(_: Connection) -> None:
        connection.execute("DELETE FROM ingest.files")

    with at_statement(0, lambda _: None) as seen:
        raw_folder.drop_and_load("vehicles/1.json", [vehicle(1), bad(2)])
    batch = next(number for number, text in enumerate(seen) if "INSERT INTO ingest.batches" in text)
    found = raw_folder.drop("vehicles/2.json", [vehicle(3), bad(4)])

    with at_statement(batch, delete), pytest.raises(psycopg.errors.ForeignKeyViolation):
        raw_folder.load(found)

    assert connection.execute("SELECT count(*) FROM ingest.rejects").fetchone() == (0,)


def test_the_copy_of_its_rejects_under_failed_goes_too(
    raw_folder: FolderUnderTest, connection: Connection, unload: Unload
) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(1), bad(2)])
    records, reasons = export_paths("vehicles.json", raw_folder.options.failed_dir)
    assert records.exists() and reasons.exists()

    unload("vehicles.json")

    assert not records.exists() and not reasons.exists()


def test_a_second_unload_finds_it_done(raw_folder: FolderUnderTest, contents: Read, unload: Unload) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(1)])
    raw_folder.drop_and_load("vehicles.json", [vehicle(2), vehicle(3)])
    unload("vehicles.json")
    before = contents()

    assert unload("vehicles.json").was_unloaded_before
    assert contents() == before, "above all, the older version was not taken out instead"


def test_a_file_that_failed_in_its_midst_or_was_interrupted_is_taken_out_as_far_as_it_came(
    raw_folder: FolderUnderTest, connection: Connection, check: Callable[[], None], unload: Unload
) -> None:
    raw_folder.drop_and_load("vehicle_logs/cut.json", as_array([log(n) for n in range(9)])[:-20])
    found = raw_folder.drop("vehicle_logs/killed.json", [log(100 + n) for n in range(30)])

    def die(*_: object) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        raw_folder.load(found, on_progress=die)
    assert states(connection) == ["failed", "loading"]

    rows = [unload(f"vehicle_logs/{name}.json").removed.rows for name in ("cut", "killed")]

    assert rows == [8, 7]
    assert states(connection) == ["unloaded", "unloaded"]
    check()


@pytest.mark.parametrize(
    ("path", "version", "says"),
    [
        ("nonsense.json", None, "knows no file 'nonsense.json'; `logistics files`"),
        ("vehicles.json", 7, "knows no file 'vehicles.json' in version 7"),
        ("drivers.json", None, r"Nothing of 'drivers.json' \(version 1\) is loaded: it is unrecognised"),
        ("vehicles/empty.json", None, "is loaded: it is failed"),
        ("vehicles/waiting.json", None, "is loaded: it is registered"),
    ],
)
def test_what_was_never_loaded_is_said_to_be_so(
    path: str, version: int | None, says: str, raw_folder: FolderUnderTest, connection: Connection, unload: Unload
) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(1)])
    raw_folder.drop_and_load("drivers.json", [vehicle(1)])
    raw_folder.drop_and_load("vehicles/empty.json", b"")
    ledger.register(connection, raw_folder.drop("vehicles/waiting.json", [vehicle(1)]))
    before = states(connection)

    with pytest.raises(PipelineError, match=says):
        unload(path, version=version)

    assert states(connection) == before


def test_of_several_versions_the_newest_is_meant_or_the_one_that_is_named(
    raw_folder: FolderUnderTest, connection: Connection, unload: Unload
) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(1), vehicle(2)])
    raw_folder.drop_and_load("vehicles.json", [vehicle(2), vehicle(3)])
    raw_folder.drop_and_load("vehicles.json", b"")

    assert unload("vehicles.json").file.version == 2
    assert unload("vehicles.json", version=1).removed.rows == 1
    assert states(connection) == ["unloaded", "unloaded", "failed"]
    assert connection.execute("SELECT count(*) FROM raw.vehicles").fetchone() == (0,)


# -- the figures ---------------------------------------------------------------------------------------------------


def test_the_days_of_unloaded_logs_lose_them_and_their_shipments_wait_unassigned(
    raw_folder: FolderUnderTest, connection: Connection, check: Callable[[], None], unload: Unload
) -> None:
    raw_folder.drop_and_load("vehicle_logs/1.json", [log(1, trip_date="2024-01-01")])
    raw_folder.drop_and_load("vehicle_logs/2.json", [log(2, trip_date="2024-02-02")])
    raw_folder.drop_and_load("shipments.json", [shipment(1, log_id="l1"), shipment(2, log_id="l2")])
    check()

    unload("vehicle_logs/2.json")
    check()

    assert connection.execute("SELECT day::text FROM analytics.daily_routes").fetchall() == [("2024-01-01",)]
    assert connection.execute("SELECT unassigned_shipments, last_day::text FROM analytics.status").fetchone() == (
        1,
        "2024-01-01",
    )


def test_unloaded_shipments_leave_their_days_only(
    raw_folder: FolderUnderTest, connection: Connection, check: Callable[[], None], unload: Unload
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(n, trip_date=f"2024-01-0{1 + n}") for n in range(5)])
    raw_folder.drop_and_load("shipments/1.json", [shipment(n, log_id=f"l{n}") for n in range(5)])
    raw_folder.drop_and_load("shipments/2.json", [shipment(9, log_id="l3"), shipment(8, log_id="unknown")])
    check()

    unload("shipments/2.json")

    assert refresh(raw_folder.url).days == 1
    assert actual_tables(connection) == expected_tables(connection)


def test_unloaded_vehicles_make_a_new_version_of_the_figures_which_name_them(
    raw_folder: FolderUnderTest, check: Callable[[], None], unload: Unload
) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(1)])
    before = refresh(raw_folder.url).data_version

    unload("vehicles.json")

    assert refresh(raw_folder.url).data_version == before + 1


def test_a_file_loaded_and_unloaded_between_two_refreshes_is_in_no_figure(
    raw_folder: FolderUnderTest, check: Callable[[], None], unload: Unload
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(1), log(2)])
    raw_folder.drop_and_load("shipments/1.json", [shipment(1, log_id="l1")])
    check()
    raw_folder.drop_and_load("shipments/2.json", [shipment(1, log_id="l2"), shipment(2, log_id="l2")])

    unload("shipments/2.json")

    check()


def test_the_logs_of_a_large_file_wait_in_rows_of_a_bounded_size(
    raw_folder: FolderUnderTest, connection: Connection, check: Callable[[], None], unload: Unload
) -> None:
    logs = as_lines([log(n) for n in range(100)])
    raw_folder.drop_and_load("vehicle_logs.ndjson", logs, chunk_bytes=1 << 16)
    many = as_lines([shipment(n, log_id=f"l{n // 2}") for n in range(50_001)])
    batch = BatchLimits(100_000, 1 << 24)
    raw_folder.drop_and_load("shipments.ndjson", many, batch=batch, chunk_bytes=1 << 16)
    check()

    assert unload("shipments.ndjson").removed.rows == 50_001

    waiting = connection.execute(
        "SELECT cardinality(stale_keys), records FROM ingest.batches WHERE refreshed_as IS NULL ORDER BY batch_id"
    ).fetchall()
    assert [logs for logs, _ in waiting] == [10_000, 10_000, 5_001]
    assert sum(records for _, records in waiting) == 50_001
    check()


# -- what comes back -----------------------------------------------------------------------------------------------


def test_an_unloaded_file_is_loaded_again_on_request_only_and_then_as_the_first_time(
    raw_folder: FolderUnderTest, connection: Connection, contents: Read, check: Callable[[], None], unload: Unload
) -> None:
    raw_folder.drop_and_load("vehicle_logs/1.json", [log(n) for n in range(9)])
    found = raw_folder.drop("vehicle_logs/2.json", [log(n, mileage=n - 3) for n in range(5, 20)])
    raw_folder.load(found)
    raw_folder.drop_and_load("vehicle_logs/3.json", [log(n, mileage=1) for n in range(15, 25)])
    before = contents()
    unload("vehicle_logs/2.json")
    check()

    with Loader(raw_folder.url, raw_folder.options) as loader:
        left_alone = loader.load(found, on_request=False)
        assert (left_alone.file.state, left_alone.is_loaded) == ("unloaded", False)
        assert loader.load(found).is_loaded

    assert contents() == before
    check()


def test_an_unloaded_file_that_is_touched_stays_out_and_one_that_is_changed_is_new(
    raw_folder: FolderUnderTest, connection: Connection, unload: Unload
) -> None:
    found = raw_folder.drop("vehicles.json", [vehicle(1)])
    raw_folder.load(found)
    unload("vehicles.json")

    with Loader(raw_folder.url, raw_folder.options) as loader:
        loader.load(raw_folder.touch(found.path), on_request=False)
        assert states(connection) == ["unloaded"]
        loader.load(raw_folder.drop("vehicles.json", [vehicle(2)]), on_request=False)

    assert states(connection) == ["unloaded", "loaded"]


def test_the_older_files_that_were_superseded_are_named_and_bring_their_rows_back_when_loaded_again(
    raw_folder: FolderUnderTest, connection: Connection, contents: Read, check: Callable[[], None], unload: Unload
) -> None:
    files = [
        raw_folder.drop("vehicle_logs/1.json", [log(n, mileage=1) for n in range(10)]),
        raw_folder.drop("vehicle_logs/2.json", [log(n, mileage=n - 6) for n in range(5, 15)]),
        raw_folder.drop("vehicle_logs/untouched.json", [log(50)]),
        raw_folder.drop("vehicle_logs/3.json", [log(n, mileage=3) for n in range(12, 20)]),
    ]
    for found in files:
        raw_folder.load(found)
    as_if_never_there = contents()
    wrong = raw_folder.drop("vehicle_logs/wrong.json", [log(n, mileage=999, trip_date="2020-01-01") for n in range(30)])
    raw_folder.load(wrong)
    check()

    done = unload("vehicle_logs/wrong.json")

    assert [file.path for file in done.to_reload] == [f"vehicle_logs/{name}.json" for name in (1, 2, 3)]
    check()
    for found in reversed(files):  # the order of loads has no say
        assert raw_folder.load(found).was_loaded_before == ("untouched" in found.key)
    after = contents()
    assert (after.rows, after.rejects) == (as_if_never_there.rows, as_if_never_there.rejects)
    assert after.files[:4] == as_if_never_there.files
    check()


def test_a_file_that_had_lost_nothing_is_not_named_and_not_loaded_again(
    raw_folder: FolderUnderTest, unload: Unload
) -> None:
    older = raw_folder.drop("vehicles/1.json", [vehicle(1)])
    raw_folder.load(older)
    raw_folder.drop_and_load("vehicles/2.json", [vehicle(2)])

    assert unload("vehicles/2.json").to_reload == ()
    assert raw_folder.load(older).was_loaded_before


def test_an_older_version_whose_content_is_gone_is_said_to_be_out_of_reach(
    raw_folder: FolderUnderTest, unload: Unload
) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(1), vehicle(2)])
    raw_folder.drop_and_load("vehicles.json", [vehicle(2, name="new")])

    done = unload("vehicles.json")

    assert done.to_reload == ()
    assert [(file.path, file.version) for file in done.out_of_reach] == [("vehicles.json", 1)]


def test_what_a_person_had_mended_is_put_back_by_the_next_load(
    raw_folder: FolderUnderTest, connection: Connection, contents: Read, tmp_path: Path, unload: Unload
) -> None:
    found = raw_folder.drop("vehicles.ndjson", as_lines([bad(1), vehicle(2), bad(3), bad(4), bad(4)]))
    raw_folder.load(found, max_rejects=RejectLimit.parse("100%"))
    for number, mileage in ((1, 10), (4, 40)):
        mend(raw_folder, tmp_path, number, total_mileage=mileage)
    before, resolved = contents(), resolutions(connection)

    done = unload("vehicles.ndjson")
    assert (done.removed.rejects, done.removed.corrections) == (4, 2)
    assert raw_folder.load(found).is_loaded

    assert (contents(), resolutions(connection)) == (before, resolved)
    assert connection.execute("SELECT count(*) FROM ingest.mends").fetchone() == (0,)
    exported = export_paths("vehicles.ndjson", raw_folder.options.failed_dir)[0].read_bytes()
    assert [json.loads(line)["vehicle_id"] for line in exported.splitlines() if line] == ["v3", "v4"]


def mend(folder: FolderUnderTest, tmp_path: Path, record_no: int, **changes: object) -> None:
    with connect(folder.url) as connection:
        (reject,) = (each for each in ledger.rejects(connection) if each.record_no == record_no)
    line = {
        "file": reject.path,
        "version": reject.version,
        "record_no": record_no,
        "raw": reject.raw.decode(),
        "record": json.loads(reject.raw) | changes,
    }
    path = tmp_path / "mended.ndjson"
    path.write_bytes(as_lines([line]))
    assert replay_export(folder.url, path, folder.options).accepted == 1


def resolutions(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT record_no, raw, mended, resolved_at IS NOT NULL FROM ingest.rejects ORDER BY file_id, record_no"
    ).fetchall()


# -- interrupted ---------------------------------------------------------------------------------------------------


@pytest.fixture
def prepare(raw_folder: FolderUnderTest, empty: Callable[[], None]) -> Callable[[], None]:
    """Three files of shipments, the second to be unloaded, and figures that are fresh."""

    def run() -> None:
        empty()
        raw_folder.drop_and_load("vehicle_logs.json", [log(n) for n in range(5)])
        raw_folder.drop_and_load("shipments/1.json", [shipment(n) for n in range(10)])
        raw_folder.drop_and_load("shipments/2.json", [shipment(n, weight=n - 8) for n in range(5, 15)])
        raw_folder.drop_and_load("shipments/3.json", [shipment(n, log_id="l2") for n in range(13, 18)])
        refresh(raw_folder.url, full=True)

    return run


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
@every_trouble
def test_an_unload_that_is_killed_at_any_statement_is_done_or_not_done_and_ends_the_same(
    trouble: Callable[[Connection], None],
    prepare: Callable[[], None],
    raw_folder: FolderUnderTest,
    connection: Connection,
    contents: Read,
    check: Callable[[], None],
    unload: Unload,
) -> None:
    prepare()
    untouched = contents()
    unload("shipments/2.json")
    undisturbed = contents()
    number, was_reached = 0, True
    while was_reached:
        prepare()
        with at_statement(number, trouble, of="logistics unload") as seen, suppress(Interrupted):
            unload("shipments/2.json")
        was_reached = len(seen) > number
        assert contents() in ((undisturbed,) if trouble is terminate_backend else (untouched, undisturbed))
        check()
        unload("shipments/2.json")
        assert contents() == undisturbed
        check()
        number += 1
    assert number > 8


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
@every_trouble
def test_a_file_that_begins_anew_ends_the_same_wherever_it_is_interrupted(
    trouble: Callable[[Connection], None],
    raw_folder: FolderUnderTest,
    empty: Callable[[], None],
    connection: Connection,
    contents: Read,
    check: Callable[[], None],
    unload: Unload,
) -> None:
    number, was_reached, undisturbed = 0, True, None
    while was_reached:
        empty()
        raw_folder.drop_and_load("vehicle_logs.json", [log(n) for n in range(5)])
        found = raw_folder.drop("shipments/1.json", [shipment(n, weight=n - 2) for n in range(12)])
        raw_folder.load(found)
        if undisturbed is None:
            undisturbed = contents()
        raw_folder.drop_and_load("shipments/2.json", [shipment(n, log_id="l1") for n in range(5, 9)])
        refresh(raw_folder.url, full=True)
        unload("shipments/2.json")
        with at_statement(number, trouble) as seen, suppress(Interrupted):
            raw_folder.load(found)
        was_reached = len(seen) > number
        check()
        raw_folder.load(found)
        assert contents().rows == undisturbed.rows
        assert contents().rejects == undisturbed.rejects
        assert contents().files[:2] == undisturbed.files
        check()
        number += 2
    assert number >= 20


# -- meeting others ------------------------------------------------------------------------------------------------


def wait_until_blocked(url: str, application: str) -> None:
    """Waits until a session of that name waits for a lock."""
    deadline = time.monotonic() + 20
    with connect(url) as connection:
        while time.monotonic() < deadline:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name = %s AND wait_event_type = 'Lock'",
                (application,),
            ).fetchone()
            if row != (0,):
                return
            time.sleep(0.005)
    raise AssertionError(f"{application} does not wait for anybody")


def test_a_file_that_is_being_loaded_is_waited_for(
    raw_folder: FolderUnderTest, connection: Connection, unload: Unload
) -> None:
    found = raw_folder.drop("vehicles.json", [vehicle(n) for n in range(30)])
    waits, threads, running = threading.Event(), ThreadPoolExecutor(1), []

    def unload_meanwhile(*_: object) -> None:
        if not running:
            running.append(threads.submit(unload, "vehicles.json", on_wait=lambda path: waits.set()))
            assert waits.wait(20)

    with threads:
        assert raw_folder.load(found, on_progress=unload_meanwhile).file.records_loaded == 30
        assert running[0].result(30).removed.rows == 30
    assert states(connection) == ["unloaded"]


def test_an_older_file_that_loses_a_key_at_the_same_moment_is_known_to_have_lost_it(
    raw_folder: FolderUnderTest, connection: Connection, check: Callable[[], None], unload: Unload
) -> None:
    """Its batch sees the newer row and gives way; if the unload did not wait for it, nobody would have the key."""
    older = raw_folder.drop("vehicle_logs/1.json", [log(1), log(2)])
    ledger.register(connection, older)
    raw_folder.drop_and_load("vehicle_logs/2.json", [log(1, mileage=999)])
    advance, threads = ledger.advance, ThreadPoolExecutor(1)

    def advance_while_another_unloads(*arguments: Any) -> bool:
        patch.undo()
        running.append(threads.submit(unload, "vehicle_logs/2.json"))
        wait_until_blocked(raw_folder.url, "logistics unload")
        return advance(*arguments)

    running: list[Any] = []
    with pytest.MonkeyPatch.context() as patch, threads:
        patch.setattr(ledger, "advance", advance_while_another_unloads)
        assert raw_folder.load(older).is_loaded
        assert [file.path for file in running[0].result(30).to_reload] == ["vehicle_logs/1.json"]

    assert connection.execute("SELECT log_id FROM raw.vehicle_logs").fetchall() == [("l2",)]
    raw_folder.load(older)
    assert connection.execute("SELECT log_id FROM raw.vehicle_logs ORDER BY 1").fetchall() == [("l1",), ("l2",)]
    check()


def test_a_replay_and_an_unload_of_one_file_do_not_wait_in_a_circle(
    raw_folder: FolderUnderTest, connection: Connection, tmp_path: Path, check: Callable[[], None], unload: Unload
) -> None:
    raw_folder.drop_and_load("vehicles.ndjson", as_lines([vehicle(1), bad(2)]))
    merge, threads = replay_batch.BatchReplayer._merge, ThreadPoolExecutor(1)

    def merge_while_another_unloads(*arguments: Any) -> Any:
        patch.undo()  # the rejects are locked, the table is not yet
        running.append(threads.submit(unload, "vehicles.ndjson"))
        wait_until_blocked(raw_folder.url, "logistics unload")
        return merge(*arguments)

    running: list[Any] = []
    with pytest.MonkeyPatch.context() as patch, threads:
        patch.setattr(replay_batch.BatchReplayer, "_merge", merge_while_another_unloads)
        mend(raw_folder, tmp_path, 2, total_mileage=7)
        done = running[0].result(30)

    assert (done.removed.rows, done.removed.corrections) == (2, 1)
    assert connection.execute("SELECT count(*) FROM raw.vehicles").fetchone() == (0,)
    check()


@pytest.mark.slow
@pytest.mark.parametrize("statement", range(0, 12, 2))
def test_a_refresh_in_the_midst_of_an_unload_is_right_and_so_is_the_next_one(
    statement: int,
    prepare: Callable[[], None],
    raw_folder: FolderUnderTest,
    connection: Connection,
    check: Callable[[], None],
    unload: Unload,
) -> None:
    prepare()
    raw_folder.drop_and_load("shipments/4.json", [shipment(30)])

    def meanwhile(_: Connection) -> None:
        raw_folder.drop_and_load("vehicle_logs/late.json", [log(n, trip_date="2025-05-05") for n in range(3)])
        check()

    with at_statement(statement, meanwhile, of="logistics unload"):
        unload("shipments/2.json")

    check()


def test_an_unload_in_the_midst_of_a_refresh_waits_for_nobody_and_is_taken_by_the_next(
    raw_folder: FolderUnderTest,
    connection: Connection,
    check: Callable[[], None],
    unload: Unload,
    limit_lock_waits: Callable[[str], None],
) -> None:
    limit_lock_waits("1s")
    raw_folder.drop_and_load("vehicle_logs/1.json", [log(1), log(2)])
    raw_folder.drop_and_load("shipments/1.json", [shipment(1, log_id="l1")])
    check()
    raw_folder.drop_and_load("shipments/2.json", [shipment(2, log_id="l1")])
    raw_folder.drop_and_load("vehicle_logs/2.json", [log(2, trip_date="2024-06-06")])
    count = {"days": 0}

    def unload_both(_: Connection) -> None:
        for name in ("shipments/2.json", "vehicle_logs/2.json"):
            count["days"] += unload(name).removed.rows

    with at_statement(5, unload_both, of="logistics refresh"):
        refresh(raw_folder.url)

    assert count["days"] == 2
    check()
    assert connection.execute("SELECT count(*) FROM raw.shipments").fetchone() == (1,)


def test_a_database_that_stays_away_is_a_transient_error(raw_folder: FolderUnderTest) -> None:
    with pytest.raises(TransientError, match="Cannot connect"):
        unload_file(
            "postgresql://nobody@127.0.0.1:1/nothing", "a.json", replace(raw_folder.options, retry_seconds=0.01)
        )


def test_an_index_that_the_files_own_bulk_load_left_missing_is_built(
    raw_folder: FolderUnderTest, connection: Connection, unload: Unload
) -> None:
    raw_folder.drop_and_load("shipments.json", [shipment(1)])
    connection.execute(
        "INSERT INTO ingest.dropped_indexes VALUES ('raw.shipments', 'shipments_by_log', "
        "(SELECT indexdef FROM pg_indexes WHERE indexname = 'shipments_by_log'))"
    )
    connection.execute("DROP INDEX raw.shipments_by_log")

    unload("shipments.json")

    assert connection.execute("SELECT to_regclass('raw.shipments_by_log') IS NOT NULL").fetchone() == (True,)


def test_nothing_can_be_counted_for_an_unloaded_file(
    raw_folder: FolderUnderTest, connection: Connection, unload: Unload
) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(1)])
    unload("vehicles.json")

    with pytest.raises(psycopg.errors.CheckViolation, match="nothing_of_an_unloaded_file"):
        connection.execute("UPDATE ingest.files SET records_read = 1, records_loaded = 1")


# -- the command ---------------------------------------------------------------------------------------------------

Run = Callable[..., Any]


@pytest.fixture
def logistics(raw_folder: FolderUnderTest, tmp_path: Path) -> Run:
    """Runs a command on the test's database and raw folder."""

    def run(*arguments: object) -> Any:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
        environment |= {"LOGISTICS_DATABASE_URL": raw_folder.url}
        environment |= {"LOGISTICS_DATA_DIR": str(raw_folder.options.raw_dir.parent)}
        done = run_command([str(argument) for argument in arguments], environment, tmp_path)
        assert "Traceback" not in done.stderr
        return done

    return run


def test_the_command_says_what_it_did_and_what_is_left_to_do(
    raw_folder: FolderUnderTest, connection: Connection, logistics: Run
) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(1)])
    raw_folder.drop_and_load("vehicles/it's old.json", [vehicle(1), vehicle(2)])
    raw_folder.drop_and_load("vehicles.json", [vehicle(1), vehicle(1), bad(3), vehicle(2)])

    done = logistics("unload", raw_folder.options.raw_dir / "vehicles.json")

    assert (done.returncode, done.stdout) == (0, "")
    assert "vehicles.json (version 2): 2 rows and 1 rejects removed." in done.stderr
    assert "to load it again: logistics retry vehicles.json" in done.stderr
    assert """load these again: logistics retry 'vehicles/it'"'"'s old.json'""" in done.stderr
    assert "So may version 1 of vehicles.json" in done.stderr
    assert connection.execute("SELECT count(*) FROM ingest.batches WHERE refreshed_as IS NULL").fetchone() == (0,)
    again = logistics("unload", "vehicles.json")
    assert again.returncode == 0 and "had been unloaded before" in again.stderr


def test_the_command_tells_programs_the_same(raw_folder: FolderUnderTest, logistics: Run) -> None:
    raw_folder.drop_and_load("vehicles/1.json", [vehicle(1)])
    raw_folder.drop_and_load("vehicles/2.json", [vehicle(1), bad(2)])

    done = logistics("unload", "vehicles/2.json", "--json", "--no-refresh")

    document = json.loads(done.stdout)
    assert (document["file"], document["state"], document["records_read"]) == ("vehicles/2.json", "unloaded", 0)
    assert (document["rows_taken_out"], document["rejects_taken_out"]) == (1, 1)
    assert document["to_reload"] == [{"file": "vehicles/1.json", "version": 1}]
    listed = [json.loads(line) for line in logistics("files", "--state", "unloaded", "--json").stdout.splitlines()]
    assert [file["path"] for file in listed] == ["vehicles/2.json"]


def test_a_file_that_nobody_knows_is_a_sentence_and_exit_code_1(logistics: Run) -> None:
    done = logistics("unload", "nonsense.json")

    assert (done.returncode, done.stdout) == (1, "")
    assert "knows no file 'nonsense.json'" in done.stderr


def test_the_command_load_brings_an_unloaded_file_back(raw_folder: FolderUnderTest, logistics: Run) -> None:
    found = raw_folder.drop("vehicles.json", [vehicle(1)])
    raw_folder.load(found)
    logistics("unload", "vehicles.json")

    done = logistics("load", found.path, "--json")

    assert (done.returncode, json.loads(done.stdout)["loaded"]) == (0, 1)
