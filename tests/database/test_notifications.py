"""Whoever listens learns of every step of every file, with the commit that made it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from logistics_core.database_contract.channels import Channel
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.loading.unload import unload_file
from tests.database.conftest import FolderUnderTest
from tests.database.records import shipment

Heard = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def heard(database_url: str) -> Iterator[Heard]:
    """What was notified since it was called last."""
    with connect(database_url) as listener:
        listener.execute(f"LISTEN {Channel.FILES}".encode())

        def hear() -> list[dict[str, Any]]:
            listener.execute("SELECT 1")  # what was committed before comes with the answer
            return [json.loads(notify.payload) for notify in listener.notifies(timeout=0)]

        yield hear


def test_a_load_is_told_from_registration_over_every_batch_to_its_end(
    raw_folder: FolderUnderTest, heard: Heard
) -> None:
    report = raw_folder.drop_and_load("shipments.json", [shipment(number) for number in range(20)])

    told = heard()

    assert [(step["state"], step["records_read"]) for step in told] == [
        ("registered", 0),
        ("loading", 0),
        ("loading", 7),
        ("loading", 14),
        ("loading", 20),
        ("loaded", 20),
    ]
    assert told[-1] == {
        "file_id": report.file.file_id,
        "path": "shipments.json",
        "version": 1,
        "dataset": "shipments",
        "state": "loaded",
        "records_read": 20,
        "bytes_read": report.file.bytes_read,
        "bytes": report.file.size_bytes,
    }


def test_failed_unrecognised_and_replaced_files_are_told(
    raw_folder: FolderUnderTest, heard: Heard, connection: Connection
) -> None:
    raw_folder.drop_and_load("shipments.json", b'[{"shipment_id": "S')
    assert [step["state"] for step in heard()] == ["registered", "loading", "failed"]

    ledger.register(connection, raw_folder.drop("invoices.json", b"[]"))
    assert [(step["state"], step["dataset"]) for step in heard()] == [("unrecognised", None)]

    ledger.register(connection, raw_folder.drop("vehicles.json", b"[]"))
    ledger.register(connection, raw_folder.drop("vehicles.json", b"[ ]"))
    steps = [(step["version"], step["state"]) for step in heard()]
    assert steps == [(1, "registered"), (2, "registered"), (1, "failed")]


def test_unloading_asking_again_and_loading_again_are_told(
    raw_folder: FolderUnderTest, heard: Heard, connection: Connection
) -> None:
    report = raw_folder.drop_and_load("shipments.json", [shipment(1)])
    heard()

    unload_file(raw_folder.url, "shipments.json", raw_folder.options)
    assert [(step["state"], step["records_read"]) for step in heard()] == [("unloaded", 0)]

    assert ledger.request_retry(connection, report.file.file_id)
    assert [step["state"] for step in heard()] == ["unloaded"]
    assert not ledger.request_retry(connection, 0)
    assert heard() == []


def test_what_is_rolled_back_is_not_told(raw_folder: FolderUnderTest, heard: Heard, connection: Connection) -> None:
    file = ledger.register(connection, raw_folder.drop("shipments.json", [shipment(1)]))
    heard()
    with connection.transaction(force_rollback=True):
        ledger.begin(connection, file.file_id, None)
    assert heard() == []


def test_the_longest_path_still_fits_a_notification(connection: Connection, heard: Heard) -> None:
    for name in ("🚚" * 4000, '"\\' * 4000, "x" * 9000):
        found = FoundFile(f"/{name}", Path(f"/{name}"), "shipments", 1, 1)
        file = ledger.register(connection, found)
        (told,) = heard()
        assert told["file_id"] == file.file_id
        assert file.path.startswith(told["path"]) and len(told["path"]) == 1500
