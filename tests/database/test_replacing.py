"""Rows of later records replace those of earlier ones, and the ledger knows of them what it would after a merge."""

import pytest

from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.write.batch_writer import BatchWriter
from logistics_pipeline.loading.write.replacing import Replacer
from tests.database.conftest import FolderUnderTest
from tests.database.records import Record, log, shipment

OLDER = {
    "vehicle_logs": [log(number, **({} if number % 4 else {"mileage": None})) for number in range(30)],
    "shipments": [shipment(number, **({} if number % 4 else {"cost": None})) for number in range(30)],
}
NEWER = {
    "vehicle_logs": [
        *(log(number, **({"trip_date": "2024-02-29"} if number % 3 else {"fuel_used": None})) for number in range(20)),
        *(log(number) for number in range(50, 60)),
    ],
    "shipments": [
        *(shipment(number, **({"log_id": "moved"} if number % 3 else {"weight": None})) for number in range(20)),
        *(shipment(number) for number in range(50, 60)),
    ],
}
"""Known keys and new ones; of the known ones, most go to another day, the others lose a value."""


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ways in which batches are written from now on."""
    tried: list[str] = []
    replace, merge = Replacer._delete_superseded, BatchWriter._merge_rows
    monkeypatch.setattr(Replacer, "_delete_superseded", lambda *rest: tried.append("replace") or replace(*rest))
    monkeypatch.setattr(BatchWriter, "_merge_rows", lambda *rest: tried.append("merge") or merge(*rest))
    return tried


def everything(connection: Connection, dataset: str) -> list[object]:
    """Rows, counts of files, days and keys to be recomputed, and cells with a value."""
    queries = [
        f"SELECT * FROM raw.{dataset} ORDER BY 1",
        "SELECT records_read, records_loaded, records_superseded, records_rejected FROM ingest.files ORDER BY file_id",
        "SELECT file_id, stale_days, stale_keys, merged FROM ingest.batches ORDER BY batch_id",
        "SELECT file_id, field, filled FROM ingest.column_counts WHERE filled <> 0 ORDER BY 1, 2",
    ]
    return [connection.execute(query.encode()).fetchall() for query in queries]


@pytest.mark.parametrize("dataset", OLDER)
def test_rows_are_replaced_with_the_outcome_of_a_merge(
    dataset: str, raw_folder: FolderUnderTest, connection: Connection, ways: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load() -> list[object]:
        ways.clear()
        raw_folder.drop_and_load(f"{dataset}/older.json", OLDER[dataset])
        raw_folder.drop_and_load(f"{dataset}/newer.json", NEWER[dataset], chunk_bytes=400)
        found = everything(connection, dataset)
        connection.execute(f"TRUNCATE raw.{dataset}, ingest.files RESTART IDENTITY CASCADE".encode())
        return found

    replaced = load()
    assert "replace" in ways
    assert "merge" not in ways
    monkeypatch.setattr(Replacer, "replace", lambda *arguments: None)
    merged = load()
    assert "merge" in ways

    assert replaced == merged


def test_a_file_that_comes_late_replaces_nothing_newer(
    raw_folder: FolderUnderTest, connection: Connection, ways: list[str]
) -> None:
    older = raw_folder.drop("vehicle_logs/older.json", OLDER["vehicle_logs"])
    newer = raw_folder.drop("vehicle_logs/newer.json", NEWER["vehicle_logs"])
    for found in (older, newer):
        ledger.register(connection, found, content_hash=None)
    raw_folder.load(newer)

    file = raw_folder.load(older).file

    assert ways == ["replace", *["merge"] * 4]  # once that a later row has been found, the rest is merged at once
    assert (file.records_loaded, file.records_superseded) == (10, 20)
    assert connection.execute("SELECT count(*), count(DISTINCT log_id) FROM raw.vehicle_logs").fetchone() == (40, 40)


@pytest.mark.parametrize(
    ("statement", "records"),
    [
        ("CREATE TABLE public.notes (log_id text REFERENCES raw.vehicle_logs ON DELETE CASCADE)", None),
        ("SELECT", [*OLDER["vehicle_logs"], log(3, mileage=1)]),
    ],
    ids=["another table refers to the rows", "a key is repeated"],
)
def test_rows_are_merged_where_more_than_the_latest_record_of_a_key_matters(
    statement: str,
    records: list[Record] | None,
    raw_folder: FolderUnderTest,
    connection: Connection,
    ways: list[str],
) -> None:
    raw_folder.drop_and_load("vehicle_logs/older.json", OLDER["vehicle_logs"])
    connection.execute(statement.encode())
    if records is None:
        connection.execute("INSERT INTO public.notes SELECT log_id FROM raw.vehicle_logs")

    raw_folder.drop_and_load(
        "vehicle_logs/newer.json", records or OLDER["vehicle_logs"], batch=BatchLimits(100, 1 << 20)
    )

    assert ways == ["merge"]
    if records is None:
        assert connection.execute("SELECT count(*) FROM public.notes").fetchone() == (30,)
