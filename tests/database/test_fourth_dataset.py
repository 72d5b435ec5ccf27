"""A further dataset is one contract file: its table, loads, merges, validation, rejects and commands follow from it.

What Dagster makes of it is tested in `tests/orchestration/test_fourth_dataset.py`.
"""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from logistics_pipeline.database.connections import Connection
from tests.contract_texts import synced_catalogue
from tests.database.conftest import FolderUnderTest
from tests.database.forking import run_command
from tests.database.records import as_array, as_csv, as_lines
from tests.drivers import add_contract, driver

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def data_dir(raw_dir: Path) -> Path:
    """A data folder with the contract in it."""
    add_contract(raw_dir.parent)
    return raw_dir.parent


@pytest.fixture
def drivers_folder(raw_folder: FolderUnderTest, data_dir: Path) -> FolderUnderTest:
    """The raw folder of an installation that knows the dataset, and its migrated database."""
    catalogue = synced_catalogue(raw_folder.url, data_dir / "contracts")
    return replace(raw_folder, options=replace(raw_folder.options, catalogue=catalogue))


@pytest.fixture
def logistics(database_url: str, data_dir: Path) -> Run:
    """Runs commands on the test's database and data folder."""

    def run(*arguments: object, **variables: str) -> "subprocess.CompletedProcess[str]":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
        environment |= {"LOGISTICS_DATABASE_URL": database_url, "LOGISTICS_DATA_DIR": str(data_dir)} | variables
        done = run_command([str(argument) for argument in arguments], environment, data_dir)
        assert "Traceback" not in done.stderr
        return done

    return run


def documents(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("suffix", "write"), [("json", as_array), ("ndjson", as_lines), ("csv", as_csv)])
def test_its_files_are_found_loaded_merged_and_validated(
    suffix: str, write: Callable[..., bytes], drivers_folder: FolderUnderTest, connection: Connection
) -> None:
    first = drivers_folder.drop_and_load(
        f"drivers.{suffix}",
        write([driver(1), driver(2, hired_on=None), driver(3, licence_points=-1), driver(4, licence_points=None)]),
    )
    second = drivers_folder.drop_and_load(f"drivers/again.{suffix}", write([driver(2, licence_points=5), driver(9)]))

    assert (first.file.dataset, first.file.records_loaded, first.file.records_rejected) == ("drivers", 2, 2)
    assert (second.file.records_loaded, second.file.records_superseded) == (2, 0)
    rows = connection.execute("SELECT driver_id, hired_on::text, licence_points FROM raw.drivers ORDER BY 1").fetchall()
    assert rows == [("d1", "2024-03-05", 3), ("d2", "2024-03-05", 5), ("d9", "2024-03-05", 3)]


def test_its_files_are_recognised_by_their_path(drivers_folder: FolderUnderTest) -> None:
    assert drivers_folder.drop("drivers-2024.json", [driver(1)]).dataset == "drivers"


@pytest.mark.slow
def test_the_commands_know_it(logistics: Run, data_dir: Path, connection: Connection) -> None:
    assert logistics("migrate").returncode == 0
    (index,) = connection.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'drivers_by_day'").fetchall()
    assert index == ("CREATE INDEX drivers_by_day ON raw.drivers USING btree (hired_on)",)

    odd_name = data_dir / "people.json"
    odd_name.write_bytes(as_array([driver(1), driver(2, licence_points=-1)]))
    (loaded,) = documents(logistics("load", odd_name, "--dataset", "drivers", "--json"))
    assert (loaded["dataset"], loaded["loaded"], loaded["rejected"]) == ("drivers", 1, 1)

    (listed,) = documents(logistics("files", "--json"))
    assert (listed["dataset"], listed["state"]) == ("drivers", "loaded")
    (exported,) = documents(logistics("rejects", "export", "--dataset", "drivers"))
    assert exported["record"] == driver(2, licence_points=-1)
    corrected = data_dir / "corrected.ndjson"
    corrected.write_text(json.dumps(exported | {"record": driver(2)}))
    assert logistics("rejects", "replay", corrected).returncode == 0
    checks = {each["check"]: each for each in documents(logistics("check", "--json")) if each["table"] == "raw.drivers"}
    assert checks.keys() == {
        *(
            "few_rejects",
            "rows_present",
            "balance_per_file",
            "no_failed_files",
            "schema_drift",
            "null_share",
            "good_quality",
        )
    }
    assert all(each["passed"] for each in checks.values())
    assert logistics("unload", odd_name).returncode == 0
    assert connection.execute("SELECT count(*) FROM raw.drivers").fetchone() == (0,)


def test_without_its_contract_the_option_names_the_datasets_there_are(logistics: Run, data_dir: Path) -> None:
    (data_dir / "contracts" / "drivers.yaml").unlink()

    done = logistics("load", "x.json", "--dataset", "drivers")

    assert done.returncode == 2
    words = " ".join(done.stderr.replace("│", " ").split())
    assert "there is no dataset 'drivers'. Choose one of vehicles, vehicle_logs, shipments." in words


@pytest.mark.slow
def test_a_contract_that_cannot_be_used_is_a_sentence_and_the_version_before_stays(
    logistics: Run, drivers_folder: FolderUnderTest, data_dir: Path
) -> None:
    (data_dir / "contracts" / "drivers.yaml").write_text("name: drivers")
    (data_dir / "raw" / "x.json").write_bytes(as_array([driver(1)]))

    done = logistics("migrate")

    assert done.returncode == 1
    assert "drivers.yaml is not a contract" in done.stderr
    assert logistics("load", data_dir / "raw" / "x.json", "--dataset", "drivers").returncode == 0


def test_the_shell_completes_its_name(logistics: Run, drivers_folder: FolderUnderTest) -> None:
    done = logistics(_LOGISTICS_COMPLETE="complete_bash", COMP_WORDS="logistics load x --dataset dr", COMP_CWORD="4")

    assert done.stdout.split() == ["drivers"]
