"""A file whose dataset has no contract any more says so, whatever is asked of it, and nothing of it is lost."""

from dataclasses import replace

import pytest

from logistics_core.catalogue import Catalogue
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.rejects.replay import replay_stored
from logistics_pipeline.loading.unload import unload_file
from tests.database.conftest import FolderUnderTest
from tests.database.records import as_lines, vehicle
from tests.datasets import DATASETS

MESSAGE = "the dataset 'vehicles', which no longer has a contract; those that have are vehicle_logs, shipments"


@pytest.fixture
def without_contract(raw_folder: FolderUnderTest) -> FolderUnderTest:
    others = Catalogue({name: dataset for name, dataset in DATASETS.items() if name != "vehicles"})
    return replace(raw_folder, options=replace(raw_folder.options, catalogue=others))


def test_a_load_fails_and_resumes_once_the_contract_is_back(
    raw_folder: FolderUnderTest, without_contract: FolderUnderTest
) -> None:
    found = raw_folder.drop("vehicles.ndjson", as_lines([vehicle(number) for number in range(20)]))

    failed = without_contract.load(found).file

    assert (failed.state, failed.records_read) == ("failed", 0)
    assert MESSAGE in (failed.error or "")
    assert raw_folder.load(found).file.records_loaded == 20


def test_a_file_that_is_due_to_be_reloaded_stays_loaded_with_a_warning(
    raw_folder: FolderUnderTest, without_contract: FolderUnderTest, connection: Connection
) -> None:
    found = raw_folder.drop("vehicles/1.ndjson", as_lines([vehicle(1), vehicle(2)]))
    raw_folder.load(found)
    raw_folder.drop_and_load("vehicles/2.ndjson", as_lines([vehicle(1)]))
    unload_file(raw_folder.url, "vehicles/2.ndjson", raw_folder.options)

    kept = without_contract.load(found).file

    assert (kept.state, kept.is_reload_due) == ("loaded", True)
    assert MESSAGE in (kept.warning or "")
    assert connection.execute("SELECT vehicle_id FROM raw.vehicles").fetchall() == [("v2",)]
    raw_folder.load(found)
    assert connection.execute("SELECT vehicle_id FROM raw.vehicles ORDER BY 1").fetchall() == [("v1",), ("v2",)]


def test_an_unload_and_a_replay_are_refused(
    raw_folder: FolderUnderTest, without_contract: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicles.ndjson", as_lines([vehicle(1), vehicle(2, total_mileage=-1)]))
    before = ledger.latest_file(connection, "vehicles.ndjson")

    with pytest.raises(FileError, match=MESSAGE):
        unload_file(without_contract.url, "vehicles.ndjson", without_contract.options)
    with pytest.raises(FileError, match=MESSAGE):
        replay_stored(without_contract.url, without_contract.options)

    assert ledger.latest_file(connection, "vehicles.ndjson") == before
