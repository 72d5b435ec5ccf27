"""A file of which nothing, or less than half, is good is failed, whatever its size and layout; its account balances."""

import os

import pytest

from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.reject_limit import RejectLimit
from logistics_pipeline.loading.rejects.replay import replay_stored
from logistics_pipeline.loading.unload import unload_file
from tests.database.conftest import FolderUnderTest
from tests.database.records import LAYOUTS, Record, vehicle


def vehicles(good: int, bad: int) -> list[Record]:
    return [
        vehicle(number) if number < good else vehicle(number, total_mileage=-1 - number) for number in range(good + bad)
    ]


@pytest.mark.parametrize("layout", ["shipments.json", "shipments.ndjson", "shipments.csv"])
@pytest.mark.parametrize(("good", "bad"), [(0, 1), (0, 8), (1, 2), (3, 4), (1, 998)])
def test_a_file_of_which_less_than_half_is_good_fails(
    raw_folder: FolderUnderTest, connection: Connection, layout: str, good: int, bad: int
) -> None:
    content = LAYOUTS[layout](vehicles(good, bad))
    file = raw_folder.drop_and_load(layout.replace("shipments", "vehicles"), content).file

    assert (file.state, file.records_read, file.records_loaded, file.records_rejected) == (
        "failed",
        good + bad,
        good,
        bad,
    )
    assert connection.execute("SELECT count(*) FROM raw.vehicles").fetchone() == (good,)
    assert sum(1 for _ in ledger.rejects(connection)) == bad
    assert file.error is not None
    assert (
        f"The most common reason, {bad:,} times, first in record {good + 1:,}: total_mileage must be at least 0."
        in file.error
    )
    assert "Deliver a corrected file" in file.error


@pytest.mark.parametrize(
    ("good", "bad", "begins"),
    [
        (0, 1, "Its only record was rejected. "),
        (0, 8, "None of the 8 records read could be loaded. "),
        (1, 2, "2 of 3 records read were rejected, more than LOGISTICS_MAX_REJECTS allows (50% of the records read). "),
    ],
)
def test_the_error_has_the_counts(raw_folder: FolderUnderTest, good: int, bad: int, begins: str) -> None:
    error = raw_folder.drop_and_load("vehicles.json", vehicles(good, bad)).file.error

    assert error is not None and error.startswith(begins)


@pytest.mark.parametrize("content", [b'["v1", "v2"]', b'"v1"\n"v2"\n'])
def test_records_that_are_no_objects_are_no_green_file(raw_folder: FolderUnderTest, content: bytes) -> None:
    assert raw_folder.drop_and_load("vehicles.json", content).file.state == "failed"


def test_half_good_is_loaded(raw_folder: FolderUnderTest) -> None:
    assert raw_folder.drop_and_load("vehicles.json", vehicles(4, 4)).is_loaded


@pytest.mark.parametrize("content", [b"[]", b"vehicle_id,name,total_mileage\n"])
def test_a_file_without_records_is_loaded_as_nothing_is_lost(raw_folder: FolderUnderTest, content: bytes) -> None:
    report = raw_folder.drop_and_load("vehicles.json" if content == b"[]" else "vehicles.csv", content)

    assert report.is_loaded and report.file.records_read == 0


def test_a_higher_limit_loads_what_is_good_but_never_a_file_without_anything_good(raw_folder: FolderUnderTest) -> None:
    limit = RejectLimit.parse("90%")

    assert raw_folder.drop_and_load("vehicles.json", vehicles(1, 9), max_rejects=limit).is_loaded
    assert not raw_folder.drop_and_load("vehicles-2.json", vehicles(1, 10), max_rejects=limit).is_loaded
    nothing_good = vehicles(0, 3)
    assert not raw_folder.drop_and_load(
        "vehicles-3.json", nothing_good, max_rejects=RejectLimit.parse("100%")
    ).is_loaded


def test_a_file_that_failed_in_part_is_loaded_once_its_rejects_are_accepted(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    found = raw_folder.drop("vehicles.json", vehicles(1, 2))
    raw_folder.load(found)
    connection.execute(
        "UPDATE ingest.rejects SET raw = convert_to(replace(convert_from(raw, 'UTF8'), '-2', '2'), 'UTF8') "
        "WHERE record_no = 2"
    )
    assert replay_stored(raw_folder.url, raw_folder.options, dataset="vehicles").accepted == 1

    file = raw_folder.load(found).file

    assert (file.state, file.records_read, file.records_loaded, file.records_rejected) == ("loaded", 3, 2, 1)


def correct(connection: Connection, *numbers: int) -> None:
    """Makes rejects valid, as a change of the contract would."""
    connection.execute(
        "UPDATE ingest.rejects SET raw = convert_to(replace(convert_from(raw, 'UTF8'), '-', ''), 'UTF8') "
        "WHERE record_no = ANY(%s)",
        (list(numbers),),
    )


@pytest.mark.parametrize(("good", "bad"), [(0, 1), (0, 4), (1, 3), (400, 600)])
def test_a_replay_that_leaves_few_enough_rejects_turns_a_file_that_was_read_to_its_end_into_a_loaded_one(
    raw_folder: FolderUnderTest, connection: Connection, good: int, bad: int
) -> None:
    read = good + bad
    found = raw_folder.drop("vehicles.json", vehicles(good, bad))
    assert raw_folder.load(found).file.state == "failed"
    correct(connection, *range(good + 1, read + 1))

    done = replay_stored(raw_folder.url, raw_folder.options, dataset="vehicles")

    file = ledger.files_in_order(connection)[0]
    assert (done.accepted, done.files_finished) == (bad, ["vehicles.json"])
    assert (file.state, file.error, file.attempts) == ("loaded", None, 0)
    assert (file.records_read, file.records_loaded, file.records_rejected) == (read, read, 0)
    assert raw_folder.load(found).was_loaded_before


def test_a_replay_that_leaves_too_many_rejects_leaves_the_file_failed(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.load(raw_folder.drop("vehicles.json", vehicles(1, 7)))
    correct(connection, 2, 3)

    done = replay_stored(raw_folder.url, raw_folder.options, dataset="vehicles")

    file = ledger.files_in_order(connection)[0]
    assert (done.accepted, done.files_finished, file.state, file.records_rejected) == (2, [], "failed", 5)
    assert file.error is not None
    correct(connection, 4)
    replay_stored(raw_folder.url, raw_folder.options, dataset="vehicles")
    assert ledger.files_in_order(connection)[0].state == "loaded", "half of it is good now"


@pytest.mark.parametrize("was_loaded_before", [False, True])
def test_a_file_that_stopped_in_the_middle_stays_failed_whatever_a_replay_accepts(
    raw_folder: FolderUnderTest, connection: Connection, was_loaded_before: bool
) -> None:
    content = LAYOUTS["shipments.json"](vehicles(1, 3))[:-2]
    if was_loaded_before:
        whole = raw_folder.drop("vehicles.json", LAYOUTS["shipments.json"](vehicles(4, 0)))
        raw_folder.load(whole)
        unload_file(raw_folder.url, "vehicles.json", raw_folder.options)
        whole.path.write_bytes(content)
        os.utime(whole.path, ns=(whole.modified_ns, whole.modified_ns))
        found = raw_folder.options.folder.look_at(whole.path)
        assert found is not None
    else:
        found = raw_folder.drop("vehicles.json", content)
    before = raw_folder.load(found).file
    correct(connection, 2, 3, 4)

    replay_stored(raw_folder.url, raw_folder.options, dataset="vehicles")

    file = ledger.file_by_id(connection, before.file_id)
    assert (file.state, file.error, file.records_rejected) == ("failed", before.error, 0)


def test_a_file_that_a_replay_turned_into_a_loaded_one_is_unloaded_and_loaded_again(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    found = raw_folder.drop("vehicles.json", vehicles(1, 3))
    raw_folder.load(found)
    correct(connection, 2, 3, 4)
    replay_stored(raw_folder.url, raw_folder.options, dataset="vehicles")

    unload_file(raw_folder.url, "vehicles.json", raw_folder.options)
    assert connection.execute("SELECT count(*) FROM raw.vehicles").fetchone() == (0,)
    file = raw_folder.load(found).file

    assert (file.state, file.records_read, file.records_loaded, file.records_rejected) == ("failed", 4, 1, 3)
    assert file.error is not None, "nobody corrected the file or a record: it is judged as at first"


def test_a_file_without_a_good_record_is_read_anew_under_other_settings(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    logs = [{"log_id": f"l{day}", "vehicle_id": "v", "trip_date": f"0{day}/02/2024"} for day in range(1, 5)]
    found = raw_folder.drop("vehicle_logs.json", logs)
    assert raw_folder.load(found).file.state == "failed"

    file = raw_folder.load(found, date_order="dmy").file

    assert (file.state, file.records_read, file.records_loaded, file.records_rejected) == ("loaded", 4, 4, 0)
    assert not list(ledger.rejects(connection)) and not ledger.reject_summary(connection, file.file_id)


# -- counts by kind ------------------------------------------------------------------------------------------------


def test_reasons_are_counted_whatever_was_found_in_each_record(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    good = [f"v{number},n,1" for number in range(40)]
    bad = [f"w{number},n,-{number}" for number in range(1, 6)] + [f"x,n,1{',' * number}" for number in range(1, 5)]
    content = "\n".join(["vehicle_id,name,total_mileage", *good, *bad, ""]).encode()
    file = raw_folder.drop_and_load("vehicles.csv", content).file

    first, second = ledger.reject_summary(connection, file.file_id)

    assert (first.field, first.reason, first.count, first.first_record) == (
        "total_mileage",
        "total_mileage must be at least 0",
        5,
        41,
    )
    assert (second.reason, second.count, second.first_record) == (
        "the row has another number of fields than the header",
        4,
        46,
    )
    assert second.example.startswith("x,n,1,")


def test_beyond_a_thousand_kinds_the_rest_is_counted_together(
    raw_folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logistics_pipeline.ledger.reject_kinds.MAX_KINDS", 2)
    records = [vehicle(number) for number in range(9)]
    records += [{"vehicle_id": "w", "total_mileage": -1}, {"name": "x"}, {"vehicle_id": 7}, {"vehicle_id": "x" * 300}]
    file = raw_folder.drop_and_load("vehicles.json", records).file

    counted = {(each.field, each.reason): each.count for each in ledger.reject_summary(connection, file.file_id)}

    assert counted == {
        ("total_mileage", "total_mileage must be at least 0"): 1,
        ("vehicle_id", "vehicle_id is missing"): 1,
        (None, "other reasons"): 2,
    }
    connection.execute('UPDATE ingest.rejects SET raw = \'{"vehicle_id": "a"}\' WHERE record_no IN (11, 12)')
    replay_stored(raw_folder.url, raw_folder.options, dataset="vehicles")

    left = {each.reason: (each.count, each.first_record) for each in ledger.reject_summary(connection, file.file_id)}
    assert left == {"total_mileage must be at least 0": (1, 10), "other reasons": (1, 13)}


def test_an_example_is_text_whatever_the_record_is(raw_folder: FolderUnderTest, connection: Connection) -> None:
    lines = [
        b'{"vehicle_id": "v1"}',
        b'{"vehicle_id": "K\xc3\xb6ln", "total_mileage": -1}',
        b'{"vehicle_id": "\xff\x00"}',
    ]
    file = raw_folder.drop_and_load("vehicles.ndjson", b"\n".join(lines), max_rejects=RejectLimit.parse("100%")).file

    examples = [each.example for each in ledger.reject_summary(connection, file.file_id)]

    assert examples[0] == '{"vehicle_id": "Köln", "total_mileage": -1}'
    assert examples[1] == r'{"vehicle_id": "\xff\0"}'
