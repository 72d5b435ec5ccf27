"""Only batches of logs and shipments make days of the figures stale, whatever keys other datasets' batches name."""

from datetime import date

import pytest

from logistics_pipeline import ledger
from logistics_pipeline.analytics.refresh import refresh, stale_days
from logistics_pipeline.database.connections import Connection
from tests.database.conftest import FolderUnderTest
from tests.database.records import log, shipment, vehicle


def note_batch(connection: Connection, path: str, days: list[date], keys: list[str]) -> None:
    file = ledger.latest_file(connection, path)
    assert file is not None
    connection.execute(
        "INSERT INTO ingest.batches (file_id, records, stale_days, stale_keys, merged) VALUES (%s, 1, %s, %s, true)",
        (file.file_id, days, keys),
    )


@pytest.fixture
def loaded(raw_folder: FolderUnderTest) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(1)])
    raw_folder.drop_and_load("vehicle_logs.json", [log(1, trip_date="2024-03-05"), log(2, trip_date="2024-03-06")])
    raw_folder.drop_and_load("shipments.json", [shipment(1, log_id="l1")])
    refresh(raw_folder.url)


@pytest.mark.usefixtures("loaded")
def test_keys_of_a_batch_of_shipments_are_logs(connection: Connection) -> None:
    note_batch(connection, "shipments.json", [], ["l1", "unknown"])

    assert stale_days(connection) == [date(2024, 3, 5)]


@pytest.mark.usefixtures("loaded")
def test_keys_and_days_of_another_dataset_are_not_those_of_logs(connection: Connection) -> None:
    note_batch(connection, "vehicles.json", [date(2024, 3, 6)], ["l1"])

    assert stale_days(connection) == []
