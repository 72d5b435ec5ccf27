"""The day of a record that holds a timestamp: loads, replays and unloads name the days that SQL finds."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from logistics_core.row_days import day_of_row
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.contract.record_days import day_of_record
from logistics_pipeline.loading.layouts import layout_from_json
from logistics_pipeline.loading.options import CHUNK_BYTES
from logistics_pipeline.loading.rejects.export_lines import export_line
from logistics_pipeline.loading.rejects.replay import replay_export
from logistics_pipeline.loading.unload import unload_file
from logistics_pipeline.migrations import migrate
from tests.database.conftest import FolderUnderTest
from tests.database.records import as_array, as_csv
from tests.dated import PARCELS, add_contracts, scans

AUCKLAND = "Pacific/Auckland"
WRITERS = {"json": as_array, "csv": as_csv}


def with_contracts(folder: FolderUnderTest, raw_dir: Path, *documents: dict[str, Any]) -> FolderUnderTest:
    catalogue = add_contracts(raw_dir.parent, *documents)
    migrate(folder.url, catalogue=catalogue)
    return replace(folder, options=replace(folder.options, catalogue=catalogue))


def days(connection: Connection) -> list[date]:
    """The days that the newest batch made stale."""
    row = connection.execute("SELECT stale_days FROM ingest.batches ORDER BY batch_id DESC LIMIT 1").fetchone()
    assert row is not None
    return sorted(row[0])


def days_of_rows(connection: Connection, folder: FolderUnderTest) -> list[date]:
    expression = day_of_row(folder.options.catalogue["scans"], "scan")
    assert expression is not None
    query = sql.SQL("SELECT DISTINCT {} FROM raw.scans AS scan ORDER BY 1").format(expression)
    return [day for (day,) in connection.execute(query)]


def scan(number: int, scanned_at: str, **changes: Any) -> dict[str, Any]:
    return {"scan_id": f"S-{number}", "scanned_at": scanned_at, "weight": 2} | changes


ZONED = [
    scan(1, "2024-03-05T10:59:59Z"),  # still the 5th in Auckland
    scan(2, "2024-03-05T11:00:00Z"),
    scan(3, "2024-03-31T23:30:00+02:00"),
    scan(4, "2024-12-31 20:00:00.25-05:00"),
    scan(5, "1 Jul 2024 12:00 UTC"),
]


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (AUCKLAND, ["2024-03-05", "2024-03-06", "2024-04-01", "2024-07-02", "2025-01-01"]),
        (None, ["2024-03-05", "2024-03-31", "2024-07-01", "2025-01-01"]),
        ("America/New_York", ["2024-03-05", "2024-03-31", "2024-07-01", "2024-12-31"]),
    ],
)
def test_the_day_of_a_moment_is_that_of_the_contracts_time_zone(
    suffix: str,
    zone: str | None,
    expected: list[str],
    raw_folder: FolderUnderTest,
    raw_dir: Path,
    connection: Connection,
) -> None:
    folder = with_contracts(raw_folder, raw_dir, scans(time_zone=zone))

    assert folder.drop_and_load(f"scans/1.{suffix}", WRITERS[suffix](ZONED)).file.records_loaded == 5

    assert days(connection) == list(map(date.fromisoformat, expected))
    connection.execute("SET TIME ZONE 'Asia/Tokyo'")  # the day does not depend on the session
    assert days_of_rows(connection, folder) == days(connection)


def test_the_day_of_a_timestamp_without_a_zone_is_as_it_is_written(
    raw_folder: FolderUnderTest, raw_dir: Path, connection: Connection
) -> None:
    folder = with_contracts(raw_folder, raw_dir, scans(is_zoned=False))
    written = ["2024-03-05 00:00", "2024-03-05T23:59:59.999999", "2024-03-06 24:00", "8-Mar-2024 11:59 PM"]

    folder.drop_and_load("scans/1.csv", as_csv([scan(number, text) for number, text in enumerate(written)]))

    assert days(connection) == [date(2024, 3, 5), date(2024, 3, 7), date(2024, 3, 8)]
    assert days_of_rows(connection, folder) == days(connection)


def test_a_record_that_moves_to_another_day_makes_both_stale(
    raw_folder: FolderUnderTest, raw_dir: Path, connection: Connection
) -> None:
    folder = with_contracts(raw_folder, raw_dir, scans(time_zone=AUCKLAND))
    folder.drop_and_load("scans/1.json", [scan(1, "2024-03-05T10:00:00Z"), scan(2, "2024-03-05T10:30:00Z")])

    folder.drop_and_load(
        "scans/2.json", [scan(1, "2024-03-05T12:00:00Z"), scan(2, "2024-03-05T10:45:00Z")], chunk_bytes=CHUNK_BYTES
    )

    assert days(connection) == [date(2024, 3, 5), date(2024, 3, 6)]


def test_an_unload_and_a_replay_name_the_same_days(
    raw_folder: FolderUnderTest, raw_dir: Path, connection: Connection, tmp_path: Path
) -> None:
    folder = with_contracts(raw_folder, raw_dir, scans(time_zone=AUCKLAND))
    good = [scan(number, "2024-03-04T12:30:00Z") for number in range(5)]
    folder.drop_and_load("scans/1.json", [*good, scan(9, "2024-06-30T12:30:00Z", weight=-1)])
    (file,) = ledger.files_with_rejects(connection)
    (reject,) = ledger.rejects(connection, file_id=file.file_id)
    line = json.loads(export_line(reject, layout_from_json(file.layout)))
    mended = tmp_path / "mended.ndjson"
    mended.write_text(json.dumps(line | {"record": scan(9, "2024-06-30T12:30:00Z")}))

    assert replay_export(folder.url, mended, folder.options).loaded == 1
    assert days(connection) == [date(2024, 7, 1)]

    unload_file(folder.url, "scans/1.json", folder.options)
    assert days(connection) == [date(2024, 3, 5), date(2024, 7, 1)]


def test_each_text_has_the_day_that_postgresql_finds(raw_dir: Path, connection: Connection) -> None:
    """Round the changes of the clock. Before 1970, time zone databases differ."""
    zones = ["Europe/Amsterdam", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"]
    texts = [
        f"{day} {clock}+00:00"
        for day in ("1970-07-01", "2011-12-29", "2011-12-30", "2024-03-09", "2024-10-05", "2024-12-31")
        for clock in ("00:00:00", "03:30:00", "10:00:00", "12:29:59", "18:15:00", "22:59:59.999999", "23:40:28")
    ]
    for zone in zones:
        dataset = add_contracts(raw_dir.parent, scans(time_zone=zone))["scans"]
        expression = day_of_row(dataset, "given")
        assert expression is not None
        query = sql.SQL(
            "SELECT {}::text FROM unnest(%s::timestamptz[]) WITH ORDINALITY AS given (scanned_at, n) ORDER BY n"
        )
        found = [day for (day,) in connection.execute(query.format(expression), (texts,))]
        assert list(map(day_of_record(dataset), texts)) == found, zone


def test_a_dataset_that_another_dates_has_no_expression_of_its_own(raw_dir: Path) -> None:
    catalogue = add_contracts(raw_dir.parent, scans(), PARCELS)

    assert day_of_row(catalogue["parcels"], "parcel") is None
    assert day_of_row(catalogue["vehicles"]) is None
    other = catalogue["parcels"].dated_through
    assert other is not None
    expression = day_of_row(other, "Dating")
    assert expression is not None
    assert expression.as_string(None) == """("Dating"."scanned_at" AT TIME ZONE 'UTC')::date"""
