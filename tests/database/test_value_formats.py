"""What a file proves about its values is kept in the ledger: resumed loads and replays read values as the load did."""

import gzip
import json
import random
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from logistics_core.catalogue import FieldType
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.layouts import layout_from_json
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.parse import parsers
from logistics_pipeline.loading.reject_limit import RejectLimit
from logistics_pipeline.loading.rejects.export_lines import export_line
from logistics_pipeline.loading.rejects.replay import replay_export, replay_stored
from logistics_pipeline.loading.unload import unload_file
from tests.database.conftest import FolderUnderTest, Interrupted
from tests.database.records import log

HEADER = b"log_id;vehicle_id;trip_date;mileage;fuel_used\n"
PLAIN = b"".join(b"P%d;v1;2024-01-01;7;1\n" % number for number in range(6))
WAITING = b"W1;v1;2024-01-02;1.250;1\nW2;v1;2024-01-03;900;1\n"
UNPROVEN = b"U1;v1;02/03/2024;1,5;1\nU2;v1;03/03/2024;2,5;1\n"
PROOF = b"Q1;v1;13/07/2024;1.234,5;1\n"


def rows(connection: Connection) -> dict[str, tuple[str, Any]]:
    found = connection.execute(
        "SELECT log_id, trip_date::text, mileage::text FROM raw.vehicle_logs ORDER BY 1"
    ).fetchall()
    return {key: values for key, *values in found}


def only_file(connection: Connection) -> ledger.LedgerFile:
    ((file_id,),) = connection.execute("SELECT file_id FROM ingest.files").fetchall()
    return ledger.file_by_id(connection, file_id)


def test_the_ledger_says_what_the_file_proves(raw_folder: FolderUnderTest, connection: Connection) -> None:
    report = raw_folder.drop_and_load("vehicle_logs.csv", HEADER + PLAIN + WAITING + UNPROVEN + PROOF)

    assert report.file.notes == [
        'Numbers in mileage have a decimal comma and thousands grouped by points: "1,5" in record 9 proves it',
        'Dates in trip_date are day first: "13/07/2024" in record 11 proves it',
    ]
    assert rows(connection) | {} == {
        **{f"P{number}": ["2024-01-01", "7"] for number in range(6)},
        "W1": ["2024-01-02", "1250"],
        "W2": ["2024-01-03", "900"],
        "U1": ["2024-03-02", "1.5"],
        "U2": ["2024-03-03", "2.5"],
        "Q1": ["2024-07-13", "1234.5"],
    }


@pytest.mark.slow
@pytest.mark.parametrize("own_process_bytes", [1, 1 << 30], ids=["own process", "same process"])
def test_a_load_that_dies_after_any_batch_reads_the_rest_alike(
    own_process_bytes: int, raw_folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = HEADER + PLAIN + WAITING + UNPROVEN + PLAIN.replace(b"P", b"R") + PROOF
    found = raw_folder.drop("vehicle_logs.csv", content)
    options = {
        "chunk_bytes": 40,
        "own_process_bytes": own_process_bytes,
        "parses_meanwhile": False,
        "batch": BatchLimits(2, 1 << 20),
    }
    searches = []

    def find_formats(task: parsers.ReadTask, types: Collection[FieldType]) -> Any:
        searches.append((*types, task.after.records))
        return original(task, types)

    original = parsers.find_formats
    monkeypatch.setattr(parsers, "find_formats", find_formats)

    def stop(records: int, size: int) -> None:
        raise Interrupted

    attempts = 0
    while attempts < 30:
        attempts += 1
        try:
            raw_folder.load(found, **options, on_progress=stop)
            break
        except Interrupted:
            continue
    file = only_file(connection)

    assert attempts > 5
    assert (file.state, file.records_loaded, file.records_rejected) == ("loaded", 17, 0)
    found_rows = rows(connection)
    assert [found_rows[key] for key in ("W1", "U1", "Q1")] == [
        ["2024-01-02", "1250"],
        ["2024-03-02", "1.5"],
        ["2024-07-13", "1234.5"],
    ]
    assert len(file.notes) == 2
    if own_process_bytes > 1:
        assert len(searches) == 2, "for numbers and for dates: stored with the batch that needed it"


def test_replays_read_dates_in_the_order_that_the_file_proved(
    raw_folder: FolderUnderTest, connection: Connection, tmp_path: Path
) -> None:
    bad = b"B1;;02/03/2024;1.250;1\n"
    raw_folder.drop_and_load("vehicle_logs.csv", HEADER + bad + UNPROVEN + PROOF)
    file = only_file(connection)
    layout = layout_from_json(file.layout)
    assert layout is not None
    (line,) = [export_line(reject, layout) for reject in ledger.rejects(connection)]
    mended = tmp_path / "mended.ndjson"
    mended.write_bytes(line.replace(b'"vehicle_id": ""', b'"vehicle_id": "v9"'))

    done = replay_export(raw_folder.url, mended, replace(raw_folder.options, date_order="mdy"))

    assert (done.loaded, done.still_bad) == (1, 0)
    assert rows(connection)["B1"] == ["2024-03-02", "1250"]


def test_a_setting_decides_what_a_file_left_open(raw_folder: FolderUnderTest, connection: Connection) -> None:
    report = raw_folder.drop_and_load("vehicle_logs.csv", HEADER + PLAIN + UNPROVEN)
    reasons = [reject.reason for reject in ledger.rejects(connection)]
    assert report.file.records_rejected == 2
    assert all("no value of its column in this file tells which (2 depend on it)" in reason for reason in reasons)

    done = replay_stored(raw_folder.url, replace(raw_folder.options, date_order="dmy"), path="vehicle_logs.csv")

    assert (done.loaded, done.still_bad) == (2, 0)
    assert rows(connection)["U1"] == ["2024-03-02", "1.5"]


def test_a_file_that_is_unloaded_is_judged_anew(raw_folder: FolderUnderTest, connection: Connection) -> None:
    found = raw_folder.drop("vehicle_logs.csv", HEADER + UNPROVEN + PROOF)
    raw_folder.load(found)
    unload_file(raw_folder.url, "vehicle_logs.csv", raw_folder.options)
    assert (only_file(connection).layout, only_file(connection).notes) == (None, [])

    raw_folder.load(found, date_order="dmy")

    assert rows(connection)["U1"] == ["2024-03-02", "1.5"]
    assert len(only_file(connection).notes) == 1, "the setting gave the order of dates, the file its decimal comma"


@pytest.mark.parametrize("records", [40, 4_000], ids=["one batch", "stopped by its rejects"])
@pytest.mark.parametrize("cut", ["gzip", "json", "csv quote"])
def test_a_file_whose_proof_lies_behind_its_damage_fails_with_the_damage(
    raw_folder: FolderUnderTest, records: int, cut: str
) -> None:
    doubtful = [f"{number},v1,02/03/2024,{number}" for number in range(1, records)]
    proof = f"{records},v1,13/07/2024,1\n"
    content = ("log_id,vehicle_id,trip_date,mileage\n" + "\n".join(doubtful) + "\n").encode()
    match cut:
        case "gzip":
            whole = gzip.compress(content + random.Random(1).randbytes(2_000).hex().encode() + b"\n" + proof.encode())
            name, content, reason = "vehicle_logs.csv.gz", whole[:-800], "cut off"
        case "json":
            logs = [
                dict(zip(("log_id", "vehicle_id", "trip_date"), line.split(","), strict=False)) for line in doubtful
            ]
            name, content, reason = "vehicle_logs.json", json.dumps(logs).encode()[:-30] + b"]", "ends in the middle"
        case _:
            name, reason = "vehicle_logs.csv", "quote"
            content += b'9,"v1,13/07/2024,1\n' + proof.encode()

    file = raw_folder.drop_and_load(name, content, chunk_bytes=2_000, batch=BatchLimits(1_000, 1 << 20)).file

    assert file.state == "failed" and file.error is not None
    assert reason in file.error and "records read were rejected" not in file.error, file.error


# -- records that are held back ------------------------------------------------------------------------------------

LOGS = [log(number) for number in range(300)]
LOGS[100] |= {"trip_date": "02/03/2024"}
LOGS[299] |= {"trip_date": "13/03/2024"}


@pytest.mark.parametrize("own_process_bytes", [1, 1 << 30], ids=["own process", "same process"])
def test_a_load_that_dies_finds_the_records_again_that_it_held_back(
    own_process_bytes: int, raw_folder: FolderUnderTest, connection: Connection
) -> None:
    found = raw_folder.drop("vehicle_logs.json", LOGS)
    options = {"chunk_bytes": 1_000, "own_process_bytes": own_process_bytes, "batch": BatchLimits(100, 1 << 20)}

    def stop(records: int, size: int) -> None:
        if records > 150:
            raise Interrupted

    with pytest.raises(Interrupted):
        raw_folder.load(found, **options, on_progress=stop)
    file = only_file(connection)
    assert file.layout is not None
    assert file.layout["held"] == [101]
    assert file.is_balanced
    assert file.records_read == file.records_loaded
    assert "l100" not in rows(connection)

    file = raw_folder.load(found, **options).file

    assert (file.records_read, file.records_loaded) == (300, 300)
    assert rows(connection)["l100"] == ["2024-03-02", "1050.0"]
    assert connection.execute("SELECT record_no FROM raw.vehicle_logs WHERE log_id = 'l100'").fetchone() == (101,)
    assert file.notes == ['Dates in trip_date are day first: "13/03/2024" in record 300 proves it']
    assert file.layout is not None
    assert file.layout["held"] == []


def test_a_load_that_stops_at_its_rejects_releases_the_records_that_it_held_back(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    records = [record | ({"log_id": None} if 150 < number < 290 else {}) for number, record in enumerate(LOGS)]

    file = raw_folder.drop_and_load(
        "vehicle_logs.json",
        records,
        chunk_bytes=1_000,
        batch=BatchLimits(50, 1 << 20),
        max_rejects=RejectLimit.parse("20"),
    ).file

    assert file.state == "failed"
    assert file.error is not None
    assert "were rejected" in file.error
    assert file.is_balanced
    assert file.records_read < 290
    assert rows(connection)["l100"] == ["2024-03-02", "1050.0"]


def test_a_record_that_was_held_back_loses_its_key_to_a_later_one(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    records = [*LOGS, log(100, mileage=7)]

    file = raw_folder.drop_and_load("vehicle_logs.json", records, chunk_bytes=1_000).file

    assert (file.records_read, file.records_loaded, file.records_superseded) == (301, 300, 1)
    assert rows(connection)["l100"][1] == "7"
