"""`logistics quality`, as a real process; and the counts of rows that were loaded by an older version."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from logistics_core.catalogue import Catalogue, built_in_catalogue
from logistics_pipeline import ledger
from logistics_pipeline.analytics.quality import count_references
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.unload import unload_file
from logistics_pipeline.migrations import migrate
from tests.database.conftest import FolderUnderTest
from tests.database.forking import run_command
from tests.database.records import log, vehicle
from tests.fourth_dataset import CONTRACT, drivers

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def quality(raw_folder: FolderUnderTest) -> Run:
    """Runs the command on an installation with a dataset of its own that expects a lot."""
    data_dir = raw_folder.options.raw_dir.parent
    (data_dir / "contracts").mkdir()
    (data_dir / "contracts" / "drivers.yaml").write_text(CONTRACT + "expect: {quality: 0.999}\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
    environment |= {"LOGISTICS_DATABASE_URL": raw_folder.url, "LOGISTICS_DATA_DIR": str(data_dir)}
    run_command(["migrate"], environment, data_dir)

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        done = run_command(["quality", *arguments], environment, data_dir)
        assert "Traceback" not in done.stderr
        return done

    return run


def load_drivers(folder: FolderUnderTest, quality: Run, records: list[dict[str, Any]]) -> None:
    data_dir = folder.options.raw_dir.parent
    path: Path = folder.drop("drivers.json", records).path
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
    environment |= {"LOGISTICS_DATABASE_URL": folder.url, "LOGISTICS_DATA_DIR": str(data_dir)}
    assert run_command(["load", str(path)], environment, data_dir).returncode == 0


@pytest.mark.slow
def test_a_score_below_the_floor_is_told_and_makes_the_exit_code_1(raw_folder: FolderUnderTest, quality: Run) -> None:
    records = [each | {"vehicle_id": None} for each in drivers(9)]
    load_drivers(raw_folder, quality, [*records, records[0] | {"driver_id": "X", "number": -1}])

    done = quality()

    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("drivers")]
    assert "99.90 %" in line and "plausibility 90.00 %" in line and "plausibility of number: 1 of 10 failed" in line
    rules = quality("drivers")
    assert rules.returncode == 1
    assert "That is below the 99.90 % that its contract expects." in rules.stderr
    (document,) = [json.loads(line) for line in quality("drivers", "--json").stdout.splitlines()]
    assert (document["definition"], document["is_below_floor"], document["score"]) == ("q1", True, 0.98)
    assert document["worst"] == {
        "dimension": "plausibility", "rule": "within_bounds", "field": "number", "passed": 9, "tested": 10,
    }  # fmt: skip


@pytest.mark.slow
def test_what_was_never_loaded_is_no_failure_and_an_unknown_dataset_is_a_sentence(quality: Run) -> None:
    assert quality().returncode == 0
    assert quality("vehicles").stderr == "Nothing of vehicles was tested yet.\n"
    done = quality("lorries")
    assert done.returncode == 1
    assert "There is no dataset 'lorries'. There are: vehicles, vehicle_logs, shipments, drivers." in done.stderr


def stored(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute("SELECT * FROM ingest.column_counts ORDER BY file_id, field").fetchall()


def test_rows_of_an_older_version_are_counted_by_the_migration(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicles/1.json", [vehicle(1), vehicle(2, total_mileage=None), vehicle(3)])
    raw_folder.drop_and_load("vehicles/2.json", [vehicle(3, name=None), vehicle(4)])
    counted = stored(connection)
    connection.execute("DELETE FROM ingest.column_counts")
    migrate(raw_folder.url)
    assert stored(connection) == counted != []


@pytest.mark.slow
def test_a_recount_restores_counts_that_somebody_has_changed(
    quality: Run, raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(1), vehicle(2, total_mileage=None)])
    counted = stored(connection)
    connection.execute("UPDATE ingest.column_counts SET filled = filled + 5")
    assert quality("vehicles").returncode == 0 and stored(connection) != counted
    assert quality("vehicles", "--recount").returncode == 0
    assert stored(connection) == counted


def test_references_are_counted_again_only_where_they_may_have_changed(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    catalogue = built_in_catalogue()

    def found() -> list[tuple[Any, ...]]:
        return connection.execute("SELECT field, asked, found FROM ingest.reference_counts").fetchall()

    raw_folder.drop_and_load("vehicle_logs.json", [log(number) for number in range(6)])
    assert count_references(raw_folder.url, catalogue) == ["vehicle_logs", "shipments"]
    assert found() == [("vehicle_id", 6, 0)]
    assert count_references(raw_folder.url, catalogue) == []
    raw_folder.drop_and_load("vehicles.json", [vehicle(0)])
    assert count_references(raw_folder.url, catalogue) == ["vehicle_logs"], "shipments do not refer to vehicles"
    assert found() == [("vehicle_id", 6, 2)]


def test_a_long_count_of_references_rests_before_the_next(raw_folder: FolderUnderTest, connection: Connection) -> None:
    catalogue = Catalogue({name: built_in_catalogue()[name] for name in ("vehicles", "vehicle_logs")})
    raw_folder.drop_and_load("vehicle_logs.json", [log(1)])
    count_references(raw_folder.url, catalogue)
    connection.execute("UPDATE ingest.references_counted SET seconds = 3")
    raw_folder.drop_and_load("vehicle_logs/2.json", [log(2)])
    assert count_references(raw_folder.url, catalogue, at_once=False) == []
    connection.execute("UPDATE ingest.references_counted SET counted_at = counted_at - interval '61 seconds'")
    assert count_references(raw_folder.url, catalogue, at_once=False) == ["vehicle_logs"]
    connection.execute("UPDATE ingest.references_counted SET seconds = 3, state = ''")
    assert count_references(raw_folder.url, catalogue) == ["vehicle_logs"]


def test_unloading_a_file_takes_all_its_counts_back(raw_folder: FolderUnderTest, connection: Connection) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(1), log(2, mileage="far")])
    count_references(raw_folder.url, built_in_catalogue())
    unload_file(raw_folder.url, "vehicle_logs.json", raw_folder.options)
    assert stored(connection) == []
    assert connection.execute("SELECT * FROM ingest.reference_counts").fetchall() == []
    assert ledger.files_in_order(connection)[0].records_read == 0
