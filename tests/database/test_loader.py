"""A file is loaded exactly once, whatever happens while it is; and what cannot be loaded is kept and explained."""

import gzip
import json
import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest

from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection, with_database
from logistics_pipeline.errors import TransientError
from logistics_pipeline.files import content_hash
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading import loader
from logistics_pipeline.loading.loader import LoadReport, load_file
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.write.batch_writer import BatchWriter
from tests.database.conftest import Contents, FolderUnderTest, Interrupted, at_statement, every_trouble
from tests.database.forking import forkserver
from tests.database.records import LAYOUTS, Record, as_array, as_lines, shipment, vehicle

Read = Callable[[], Contents]

MIXED: list[Record] = [
    shipment(number, **({"weight": -1} if number % 6 == 4 else {}), **({"colour": "red"} if number == 9 else {}))
    for number in [*range(20), 3, 4, 19, 8, 0]
]
"""Good records, bad ones, an unknown field, keys that come twice: near each other and far apart."""


def counts(file: LedgerFile) -> tuple[int, int, int, int]:
    return file.records_read, file.records_loaded, file.records_superseded, file.records_rejected


def one(connection: Connection, query: str, *parameters: object) -> Any:
    row = connection.execute(query, parameters).fetchone()
    assert row is not None
    return row[0]


# -- one undisturbed load ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_record_read_is_loaded_superseded_or_rejected(
    name: str, raw_folder: FolderUnderTest, connection: Connection
) -> None:
    report = raw_folder.drop_and_load(name, LAYOUTS[name](MIXED))

    assert report.is_loaded
    assert counts(report.file) == (25, 17, 4, 4)
    assert report.file.is_balanced
    assert one(connection, "SELECT count(*) FROM raw.shipments") == 17
    assert report.file.unknown_fields == ["colour"]


def test_the_last_record_of_a_key_wins_inside_a_file(raw_folder: FolderUnderTest, connection: Connection) -> None:
    records = [vehicle(1, name=f"name {turn}") for turn in range(30)]

    report = raw_folder.drop_and_load("vehicles.json", records)

    assert counts(report.file) == (30, 1, 29, 0)
    assert connection.execute("SELECT name, record_no FROM raw.vehicles").fetchall() == [("name 29", 30)]


def test_numbers_and_texts_arrive_as_they_were_delivered(raw_folder: FolderUnderTest, connection: Connection) -> None:
    odd = 'tab\there, back\\slash, \\N, new\nline, return\r, quote", ümläut 北京 \u2028 \x7f'
    content = as_array([vehicle(1, name=odd)]).replace(b"1001", b"0.10000000000000000000000000000000000000000000001")

    raw_folder.drop_and_load("vehicles.json", content)

    row = connection.execute("SELECT name, total_mileage::text FROM raw.vehicles").fetchone()
    assert row == (odd, "0.10000000000000000000000000000000000000000000001")


def test_a_rejected_record_is_kept_with_its_place_and_its_raw_text(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    content = b'[{"vehicle_id": "v1"}, {"vehicle_id" :  "v2", "total_mileage": -1.50}]'

    raw_folder.drop_and_load("vehicles.json", content)

    (reject,) = ledger.rejects(connection)
    assert (reject.record_no, reject.byte_offset, reject.field) == (2, 23, "total_mileage")
    assert reject.raw == b'{"vehicle_id" :  "v2", "total_mileage": -1.50}'
    assert content[reject.byte_offset :].startswith(reject.raw)
    assert "at least 0" in reject.reason


def test_each_batch_is_committed_with_its_checkpoint(raw_folder: FolderUnderTest, connection: Connection) -> None:
    seen = []

    def look(records: int, size: int) -> None:
        (file,) = ledger.files_in_order(connection)
        assert file.state == "loading"
        assert (file.records_read, file.bytes_read) == (records, size)
        assert one(connection, "SELECT count(*) FROM raw.vehicles") == file.records_loaded
        assert one(connection, "SELECT count(*) FROM ingest.rejects") == file.records_rejected
        assert one(connection, "SELECT sum(records) FROM ingest.batches") == records
        seen.append(records)

    records = [vehicle(number, total_mileage=number - 3) for number in range(20)]
    raw_folder.drop_and_load("vehicles.json", records, on_progress=look)

    assert seen == [7, 14, 20]


def test_nothing_of_a_batch_is_seen_before_its_commit(
    raw_folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = ledger.advance
    seen: list[tuple[int, int]] = []

    def look_then_advance(ours: Connection, file_id: int, progress: ledger.Progress) -> bool:
        moved = advance(ours, file_id, progress)
        seen.append(
            (
                one(connection, "SELECT count(*) FROM raw.vehicles"),
                one(connection, "SELECT records_read FROM ingest.files"),
            )
        )
        return moved

    monkeypatch.setattr(ledger, "advance", look_then_advance)
    raw_folder.drop_and_load("vehicles.json", [vehicle(number) for number in range(15)])

    assert seen == [(0, 0), (7, 7), (14, 14)]


@pytest.mark.parametrize("content", [b"[]", b"[\n]\n", b"vehicle_id,name\n"])
def test_a_file_without_records_is_loaded(content: bytes, raw_folder: FolderUnderTest) -> None:
    report = raw_folder.drop_and_load("vehicles", content)

    assert report.is_loaded
    assert counts(report.file) == (0, 0, 0, 0)


def test_a_file_that_belongs_to_no_dataset_is_reported(raw_folder: FolderUnderTest) -> None:
    report = raw_folder.drop_and_load("drivers.json", b"[]")

    assert (report.file.state, report.is_loaded) == ("unrecognised", False)
    assert "names no dataset" in str(report.file.error)


# -- the same file again -------------------------------------------------------------------------------------------


def test_a_file_loaded_twice_loads_nothing_twice(raw_folder: FolderUnderTest, contents: Read) -> None:
    found = raw_folder.drop("shipments.json", MIXED)
    first = raw_folder.load(found)
    after_first = contents()

    second = raw_folder.load(found)

    assert (first.was_loaded_before, second.was_loaded_before) == (False, True)
    assert contents() == after_first


def test_a_touched_file_stays_the_same_version(raw_folder: FolderUnderTest, contents: Read) -> None:
    found = raw_folder.drop("shipments.json", MIXED)
    raw_folder.load(found)
    after_first = contents()

    again = raw_folder.load(raw_folder.touch(found.path))

    assert again.was_loaded_before
    assert again.file.version == 1
    assert contents() == after_first


def test_a_changed_file_is_a_new_version_that_wins_its_keys(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(number) for number in range(10)])
    second = raw_folder.drop_and_load("vehicles.json", [vehicle(number, name="new") for number in range(5, 20)])

    assert (second.file.version, counts(second.file)) == (2, (15, 15, 0, 0))
    assert counts(ledger.file_by_id(connection, 1)) == (10, 5, 5, 0)
    assert one(connection, "SELECT count(*) FROM raw.vehicles WHERE name = 'new'") == 15
    assert one(connection, "SELECT count(*) FROM raw.vehicles") == 20


def test_a_change_that_keeps_the_size_is_a_new_version(raw_folder: FolderUnderTest, connection: Connection) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(1, name="old")])
    second = raw_folder.drop_and_load("vehicles.json", [vehicle(1, name="new")])

    assert (second.file.version, second.was_loaded_before) == (2, False)
    assert one(connection, "SELECT name FROM raw.vehicles") == "new"


def test_a_file_registered_earlier_loses_even_when_it_is_loaded_later(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    early = raw_folder.drop("vehicles/early.json", [vehicle(number, name="early") for number in range(10)])
    late = raw_folder.drop("vehicles/late.json", [vehicle(number, name="late") for number in range(5, 15)])
    ledger.register(connection, early)
    ledger.register(connection, late)

    raw_folder.load(late)
    report = raw_folder.load(early)

    assert counts(report.file) == (10, 5, 5, 0)
    assert one(connection, "SELECT count(*) FROM raw.vehicles WHERE name = 'late'") == 10


def test_a_changed_file_leaves_no_version_unfinished_behind(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    def stop(records: int, size: int) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        raw_folder.drop_and_load("vehicles.json", [vehicle(number) for number in range(30)], on_progress=stop)
    raw_folder.drop_and_load("vehicles.json", [vehicle(1)])

    first, second = ledger.files_in_order(connection)
    assert (first.state, second.state) == ("failed", "loaded")
    assert "version 2" in str(first.error)
    assert one(connection, "SELECT finished_at IS NOT NULL FROM ingest.files WHERE file_id = 1")


def test_what_is_loaded_is_the_file_as_it_is_now_not_as_it_was_found(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    found = raw_folder.drop("vehicles.json", [vehicle(1, name="old")])
    ledger.register(connection, found)
    raw_folder.drop("vehicles.json", [vehicle(1, name="newer")])

    report = raw_folder.load(found)

    assert (report.file.version, report.file.state) == (2, "loaded")
    assert [file.state for file in ledger.files_in_order(connection)] == ["failed", "loaded"]


# -- interrupted ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_load_interrupted_after_every_batch_ends_like_an_undisturbed_one(
    name: str, raw_folder: FolderUnderTest, contents: Read, empty: Callable[[], None]
) -> None:
    found = raw_folder.drop(name, LAYOUTS[name](MIXED))
    limits = BatchLimits(records=3, bytes=1 << 20)
    raw_folder.load(found, batch=limits)
    undisturbed = contents()
    empty()

    def stop(records: int, size: int) -> None:
        raise Interrupted

    for _ in range(8):
        with pytest.raises(Interrupted):
            raw_folder.load(found, batch=limits, on_progress=stop)
    raw_folder.load(found, batch=limits)

    assert contents() == undisturbed


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
@every_trouble
def test_a_load_that_dies_before_any_of_its_statements_ends_like_an_undisturbed_one(
    trouble: Callable[[Connection], None],
    raw_folder: FolderUnderTest,
    contents: Read,
    empty: Callable[[], None],
) -> None:
    other = raw_folder.drop("shipments/a.json", [shipment(number) for number in range(0, 20, 2)])
    found = raw_folder.drop("shipments/b.json", MIXED)

    def load_both() -> None:
        raw_folder.load(other, batch=BatchLimits(13, 1 << 20))
        raw_folder.load(found, batch=BatchLimits(13, 1 << 20))

    load_both()
    undisturbed = contents()

    for number in count():
        empty()
        with at_statement(number, trouble) as seen, suppress(Interrupted):
            load_both()
        if len(seen) <= number:
            break
        load_both()
        assert contents() == undisturbed, f"died before: {seen[number]}"

    assert number > 25


@pytest.mark.slow
def test_a_killed_process_loses_and_doubles_nothing(
    raw_folder: FolderUnderTest, contents: Read, empty: Callable[[], None], connection: Connection
) -> None:
    records = [shipment(number % 1700, weight=number % 9) for number in range(2_000)]
    found = raw_folder.drop("shipments.ndjson.gz", gzip.compress(as_lines(records)))
    limits = BatchLimits(records=25, bytes=1 << 20)  # 80 batches, and each life commits one at least
    options = loader.LoadOptions(**{**raw_folder.options.__dict__, "batch": limits})
    raw_folder.load(found, batch=limits)
    undisturbed, chance, kills = contents(), random.Random(7), 0
    empty()
    context = forkserver()

    for _ in range(100):
        process = context.Process(target=load_file, args=(raw_folder.url, found, options))
        process.start()
        began_at = _records_read(connection)
        deadline = time.monotonic() + 20
        while process.is_alive() and _records_read(connection) == began_at and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.02))
        process.kill()
        process.join()
        kills += process.exitcode != 0
        if process.exitcode == 0:
            break

    assert kills > 3
    assert contents() == undisturbed


def _records_read(connection: Connection) -> int:
    return int(one(connection, "SELECT coalesce(sum(records_read), 0) FROM ingest.files"))


# -- two at once ---------------------------------------------------------------------------------------------------


def test_of_two_loaders_of_one_file_one_waits_and_finds_the_work_done(
    raw_folder: FolderUnderTest, contents: Read, empty: Callable[[], None]
) -> None:
    found = raw_folder.drop("shipments.json", MIXED * 4)
    raw_folder.load(found)
    undisturbed = contents()
    empty()

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: raw_folder.load(found), range(4)))

    assert sorted(report.was_loaded_before for report in reports) == [False, True, True, True]
    assert contents() == undisturbed


def test_a_second_loader_takes_over_where_the_first_one_stopped(
    raw_folder: FolderUnderTest, contents: Read, empty: Callable[[], None]
) -> None:
    found = raw_folder.drop("shipments.json", MIXED)
    raw_folder.load(found)
    undisturbed = contents()
    empty()
    second: list[LoadReport] = []
    other = threading.Thread(target=lambda: second.append(raw_folder.load(found)))

    def let_the_other_wait_then_stop(records: int, size: int) -> None:
        if records > 7:
            raise Interrupted
        other.start()

    with pytest.raises(Interrupted):
        raw_folder.load(found, on_progress=let_the_other_wait_then_stop)
    other.join(120)

    assert (second[0].is_loaded, second[0].was_loaded_before) == (True, False)
    assert contents() == undisturbed


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("seed", range(3))
def test_files_with_the_same_keys_loaded_at_once_end_as_if_loaded_in_turn(
    seed: int, raw_folder: FolderUnderTest, connection: Connection, contents: Read, empty: Callable[[], None]
) -> None:
    chance = random.Random(seed)
    files = []
    for turn in range(4):
        keys = chance.sample(range(60), 40)
        ordered = [sorted(keys), sorted(keys, reverse=True), keys, keys[::-1]][turn]
        files.append(raw_folder.drop(f"vehicles/{turn}.json", [vehicle(key, name=f"file {turn}") for key in ordered]))

    def load_all(workers: int) -> Contents:
        empty()
        for found in files:
            ledger.register(connection, found)
        with ThreadPoolExecutor(workers) as pool:
            assert all(pool.map(lambda found: raw_folder.load(found).is_loaded, files))
        return contents()

    assert load_all(4) == load_all(1)


@pytest.mark.slow
def test_a_deadlock_between_two_loads_is_retried(raw_folder: FolderUnderTest, connection: Connection) -> None:
    database = connection.info.dbname
    connection.execute(f"ALTER DATABASE {database} SET deadlock_timeout = '100ms'")
    connection.execute(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NEW; END $$"
    )
    connection.execute("CREATE TRIGGER dawdle AFTER INSERT ON raw.vehicles FOR EACH ROW EXECUTE FUNCTION dawdle()")
    connection.execute(
        "CREATE TRIGGER dawdle_before BEFORE INSERT ON raw.vehicles FOR EACH ROW EXECUTE FUNCTION dawdle()"
    )
    up = raw_folder.drop("vehicles/up.json", [vehicle(1), vehicle(2)])
    down = raw_folder.drop("vehicles/down.json", [vehicle(2), vehicle(1)])
    for found in (up, down):
        ledger.register(connection, found)

    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(raw_folder.load, (up, down)))

    assert all(report.is_loaded for report in reports)
    assert [counts(file) for file in ledger.files_in_order(connection)] == [(2, 0, 2, 0), (2, 2, 0, 0)]

    def is_counted() -> bool:
        connection.execute("SELECT pg_stat_clear_snapshot()")
        counted = one(connection, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(counted) >= 1

    deadline = time.monotonic() + 60
    while not is_counted():  # by the session that met it, when it ends
        assert time.monotonic() < deadline, "there was no deadlock"
        time.sleep(0.05)


# -- the database is away ------------------------------------------------------------------------------------------


def test_a_database_that_stays_away_is_a_transient_error_after_the_stated_patience(raw_folder: FolderUnderTest) -> None:
    found = raw_folder.drop("vehicles.json", [vehicle(1)])
    url = with_database(raw_folder.url, "no_such_database")
    started = time.monotonic()

    with pytest.raises(TransientError, match="no_such_database"):
        load_file(url, found, loader.LoadOptions(**{**raw_folder.options.__dict__, "retry_seconds": 0.5}))

    assert 0.5 < time.monotonic() - started < 30


def test_a_database_that_comes_back_in_time_is_waited_for(
    raw_folder: FolderUnderTest, connection: Connection, server_url: str
) -> None:
    found = raw_folder.drop("vehicles.json", [vehicle(number) for number in range(30)])
    name = connection.info.dbname
    back: list[threading.Timer] = []

    def go_away(records: int, size: int) -> None:
        if back:
            return
        with psycopg.connect(server_url, autocommit=True) as administrator:
            administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            administrator.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = %s AND application_name = 'logistics load'",
                (name,),
            )
        back.append(threading.Timer(0.5, _allow_connections, (server_url, name)))
        back[0].start()

    report = raw_folder.load(found, on_progress=go_away)

    assert report.is_loaded
    assert counts(report.file) == (30, 30, 0, 0)


def _allow_connections(server_url: str, name: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as administrator:
        administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


# -- files at fault ------------------------------------------------------------------------------------------------

GOOD = [vehicle(number) for number in range(10)]
BROKEN = {
    "truncated.json": as_array(GOOD)[:-20],
    "cut after a comma.json": as_array(GOOD)[:-3] + b",",
    "cut between.json": as_array(GOOD)[:-2],
    "garbage behind.json": as_array(GOOD)[:-2] + b", nonsense]",
    "truncated.json.gz": gzip.compress(as_array(GOOD) + os.urandom(100))[:-60],
    "open quote.csv": b"vehicle_id,name\n" + b"".join(b"v%d,Truck\n" % n for n in range(10)) + b'v11,"open',
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_keeps_the_good_records_before_the_error_whatever_the_batch_size(
    name: str, raw_folder: FolderUnderTest, empty: Callable[[], None], connection: Connection
) -> None:
    found = raw_folder.drop(f"vehicles/{name}", BROKEN[name])
    outcomes = set()
    for size in (1, 2, 7, 1000):
        empty()
        report = raw_folder.load(found, batch=BatchLimits(size, 1 << 20))
        assert report.file.state == "failed"
        assert "byte" in str(report.file.error)
        assert report.file.records_loaded == one(connection, "SELECT count(*) FROM raw.vehicles") >= 9
        outcomes.add((counts(report.file), report.file.error, report.file.format))

    assert len(outcomes) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"PK\x03\x04rubbish", "zip archive"),
        (b"\x00\x01\x02\x03", "Not text"),
        (b"hello, world\n", "Neither JSON nor a CSV header"),
        (b'{"a": 1}', "neither a record"),
        (b"\x1f\x8b\x08\x00damaged", "gzip stream is damaged"),
    ],
)
def test_a_file_that_is_no_data_fails_with_the_reason(content: bytes, says: str, raw_folder: FolderUnderTest) -> None:
    report = raw_folder.drop_and_load("vehicles.json", content)

    assert report.file.state == "failed"
    assert says in str(report.file.error)
    assert counts(report.file) == (0, 0, 0, 0)


def test_a_failed_file_that_is_mended_is_loaded_as_a_new_version(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicles.json", as_array(GOOD)[:-20])
    mended = raw_folder.drop_and_load("vehicles.json", as_array(GOOD))

    assert (mended.file.version, mended.file.state, counts(mended.file)) == (2, "loaded", (10, 10, 0, 0))
    assert counts(ledger.file_by_id(connection, 1)) == (9, 0, 9, 0)


def test_a_failed_file_loaded_again_fails_again_and_doubles_nothing(
    raw_folder: FolderUnderTest, contents: Read
) -> None:
    found = raw_folder.drop("vehicles.json", as_array(GOOD)[:-20])
    raw_folder.load(found)
    after_first = contents()

    assert raw_folder.load(found).file.state == "failed"
    assert contents() == after_first


def test_a_record_too_large_fails_its_file_behind_the_good_ones(raw_folder: FolderUnderTest) -> None:
    records = [*GOOD, vehicle(11, name="x" * 5_000), vehicle(12)]

    report = raw_folder.drop_and_load("vehicles.json", records, max_record_bytes=1_000)

    assert (report.file.state, counts(report.file)) == ("failed", (10, 10, 0, 0))
    assert "record 11" in str(report.file.error)


# -- the file changes under the load -------------------------------------------------------------------------------


def _once(act: Callable[[], object]) -> Callable[[int, int], None]:
    done: list[object] = []

    def on_progress(records: int, size: int) -> None:
        if not done:
            done.append(act())

    return on_progress


@pytest.fixture
def large(raw_folder: FolderUnderTest) -> FoundFile:
    """A file of several read blocks."""
    return raw_folder.drop("vehicles.ndjson", as_lines([vehicle(number, name="x" * 200) for number in range(4_000)]))


def test_a_file_truncated_while_it_is_loaded_is_failed(raw_folder: FolderUnderTest, large: FoundFile) -> None:
    def truncate() -> None:
        os.truncate(large.path, 300_000)
        raw_folder.touch(large.path)

    report = raw_folder.load(large, on_progress=_once(truncate), batch=BatchLimits(500, 1 << 20))

    assert (report.file.state, report.file.is_balanced) == ("failed", True)
    assert report.file.content_hash is None


def test_a_file_replaced_while_it_is_loaded_is_failed_and_its_new_content_a_new_version(
    raw_folder: FolderUnderTest, large: FoundFile, connection: Connection
) -> None:
    def replace() -> None:
        raw_folder.drop("vehicles.new", as_lines([vehicle(number, name="replaced") for number in range(10)]))
        large.path.with_name("vehicles.new").replace(large.path)

    first = raw_folder.load(large, on_progress=_once(replace), batch=BatchLimits(500, 1 << 20))
    second = raw_folder.load(large)

    assert (first.file.state, first.file.version) == ("failed", 1)
    assert "changed while it was loaded" in str(first.file.error)
    assert (second.file.state, second.file.version, counts(second.file)) == ("loaded", 2, (10, 10, 0, 0))
    assert one(connection, "SELECT count(*) FROM raw.vehicles WHERE name = 'replaced'") == 10


def test_a_file_removed_while_it_is_loaded_is_failed_and_says_so(raw_folder: FolderUnderTest, large: FoundFile) -> None:
    report = raw_folder.load(large, on_progress=_once(large.path.unlink), batch=BatchLimits(500, 1 << 20))

    assert report.file.state == "failed"
    assert "removed" in str(report.file.error)


def test_a_file_gone_before_its_load_is_failed(raw_folder: FolderUnderTest) -> None:
    found = raw_folder.drop("vehicles.json", GOOD)
    found.path.unlink()

    report = raw_folder.load(found)

    assert report.file.state == "failed"
    assert "cannot be opened" in str(report.file.error)


def test_a_change_just_after_the_last_record_is_not_taken_for_a_touch(
    raw_folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash belongs to the bytes that were loaded, or else the changed file would never be."""
    found = raw_folder.drop("vehicles.json", [vehicle(1, name="old")])
    hash_file = content_hash.content_hash

    def change_then_hash(path: Path, stop: Event | None = None) -> str | None:
        monkeypatch.setattr(content_hash, "content_hash", hash_file)
        raw_folder.drop("vehicles.json", [vehicle(1, name="new")])
        return hash_file(path, stop)

    monkeypatch.setattr(content_hash, "content_hash", change_then_hash)
    raw_folder.load(found)
    raw_folder.load(found)

    assert one(connection, "SELECT name FROM raw.vehicles") == "new"


# -- rows that PostgreSQL itself refuses ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_rows_that_postgresql_refuses_become_rejects_and_their_neighbours_are_loaded(
    size: int, raw_folder: FolderUnderTest, connection: Connection
) -> None:
    connection.execute("ALTER TABLE raw.vehicles ADD CONSTRAINT no_seven CHECK (total_mileage % 7 <> 0)")
    content = as_lines([vehicle(number, total_mileage=number) for number in range(1, 40)])

    report = raw_folder.drop_and_load("vehicles.ndjson", content, batch=BatchLimits(size, 1 << 20))

    assert (report.file.state, counts(report.file)) == ("loaded", (39, 34, 0, 5))
    rejects = list(ledger.rejects(connection))
    assert [reject.record_no for reject in rejects] == [7, 14, 21, 28, 35]
    assert all("no_seven" in reject.reason for reject in rejects)
    assert all(json.loads(reject.raw)["total_mileage"] % 7 == 0 for reject in rejects)
    assert all(content[reject.byte_offset or 0 :].startswith(reject.raw) for reject in rejects)


def test_a_trigger_that_raises_refuses_a_row(raw_folder: FolderUnderTest, connection: Connection) -> None:
    connection.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF NEW.name = 'Truck 3' THEN RAISE 'not this one'; END IF; RETURN NEW; END $$"
    )
    connection.execute("CREATE TRIGGER refuse BEFORE INSERT ON raw.vehicles FOR EACH ROW EXECUTE FUNCTION refuse()")

    report = raw_folder.drop_and_load("vehicles.json", GOOD)

    assert counts(report.file) == (10, 9, 0, 1)
    (reject,) = ledger.rejects(connection)
    assert (reject.record_no, reject.reason) == (4, "PostgreSQL refused it: not this one")


@pytest.mark.parametrize("size", [4, 9, 1000])
def test_repeated_keys_beside_a_refused_row_are_superseded_not_refused(
    size: int, raw_folder: FolderUnderTest, connection: Connection
) -> None:
    connection.execute("ALTER TABLE raw.vehicles ADD CONSTRAINT named CHECK (name <> 'bad')")
    raw_folder.drop_and_load("vehicles/older.json", [vehicle(number) for number in range(3)])
    records = [vehicle(number % 3, name=f"turn {number}") for number in range(12)]
    records[11]["name"] = "bad"

    report = raw_folder.drop_and_load("vehicles/newer.json", records, batch=BatchLimits(size, 1 << 20))

    assert counts(report.file) == (12, 3, 8, 1)
    assert counts(ledger.file_by_id(connection, 1)) == (3, 0, 3, 0)
    assert [reject.record_no for reject in ledger.rejects(connection)] == [12]
    assert [row[0] for row in connection.execute("SELECT name FROM raw.vehicles ORDER BY 1").fetchall()] == [
        "turn 10",
        "turn 8",
        "turn 9",
    ]


# -- which way a batch goes ----------------------------------------------------------------------------------------


def test_copy_is_tried_again_only_once_keys_are_new_again(
    raw_folder: FolderUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw_folder.drop_and_load("vehicles/older.json", [vehicle(number) for number in range(21)])
    tried: list[str] = []
    copy, replace = BatchWriter._copy_rows, BatchWriter._replace_or_merge_rows
    monkeypatch.setattr(BatchWriter, "_copy_rows", lambda *rest: tried.append("copy") or copy(*rest))
    monkeypatch.setattr(BatchWriter, "_replace_or_merge_rows", lambda *rest: tried.append("replace") or replace(*rest))

    raw_folder.drop_and_load("vehicles/newer.json", [vehicle(number) for number in range(42)])

    assert tried == ["copy", "replace", "replace", "replace", "replace", "copy", "copy"]
