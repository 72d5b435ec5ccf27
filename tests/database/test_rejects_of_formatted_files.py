"""Rejects that are corrected and dropped as a file of their own mean what they meant in the file they came from."""

import json

import pytest

from logistics_pipeline.database.connections import Connection
from tests.database.conftest import FolderUnderTest

FIELDS = ("log_id", "vehicle_id", "trip_date", "mileage", "fuel_used")
PROOF = ("L1", "V1", "13/07/2024", "1.234,5", "7")
REJECTED = ("L2", "", "02/03/2024", "1.234", "1,5")
OTHER = ("L3", "V1", "04/05/2024", "9,25", "NA")


def as_csv(*records: tuple[str, ...]) -> bytes:
    return b"".join(";".join(record).encode() + b"\n" for record in (FIELDS, *records))


def as_json(*records: tuple[str, ...]) -> bytes:
    return json.dumps([dict(zip(FIELDS, record, strict=True)) for record in records]).encode()


@pytest.mark.parametrize("encode", [as_csv, as_json])
def test_a_reject_keeps_its_numbers_and_dates(
    raw_folder: FolderUnderTest, connection: Connection, encode: object
) -> None:
    suffix = "csv" if encode is as_csv else "json"
    assert callable(encode)
    raw_folder.drop_and_load(f"vehicle_logs.{suffix}", encode(PROOF, REJECTED, OTHER))
    failed = raw_folder.options.failed_dir / f"vehicle_logs.rejected.{suffix}"
    content = failed.read_bytes()
    empty, filled = (b"L2;;", b"L2;V2;") if encode is as_csv else (b'"vehicle_id": ""', b'"vehicle_id": "V2"')
    assert empty in content

    report = raw_folder.drop_and_load(f"vehicle_logs.rejected.{suffix}", content.replace(empty, filled))

    assert report.file.records_loaded == 1
    assert connection.execute(
        "SELECT vehicle_id, trip_date::text, mileage::text, fuel_used::text FROM raw.vehicle_logs WHERE log_id = 'L2'"
    ).fetchall() == [("V2", "2024-03-02", "1234", "1.5")]


def test_what_the_file_does_not_explain_stays_as_it_arrived(raw_folder: FolderUnderTest) -> None:
    contradicting = ("L4", "V1", "03/04/2024", "1.5", "2")  # two notations in mileage: its values are ambiguous
    unknown = ("L5", '"V;5"', "31/02/2024", "prose", "-5")
    raw_folder.drop_and_load("vehicle_logs.csv", as_csv(PROOF, contradicting, unknown, OTHER, OTHER, OTHER))

    lines = (raw_folder.options.failed_dir / "vehicle_logs.rejected.csv").read_text().splitlines()
    assert lines == [";".join(FIELDS), "L1;V1;2024-07-13;1.234,5;7", 'L5;"V;5";31/02/2024;prose;-5', *lines[3:]]
