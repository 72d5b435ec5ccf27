"""An error that nobody has foreseen, in one file of many: the command `load` loads the others and says so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from logistics_pipeline.cli import app
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.loading.file_load import FileLoad

Run = Callable[..., Result]


@pytest.fixture
def data_dir(raw_dir: Path) -> Path:
    return raw_dir.parent


@pytest.fixture
def logistics(monkeypatch: pytest.MonkeyPatch, database_url: str, data_dir: Path) -> Run:
    monkeypatch.setenv("LOGISTICS_DATA_DIR", str(data_dir))
    monkeypatch.setenv("LOGISTICS_DATABASE_URL", database_url)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no such thing"), "An error in the program ended its load: "),
        (PipelineError("The table is away."), "The table is away."),
    ],
)
def test_an_unexpected_error_in_one_file_leaves_the_others_to_be_loaded(
    logistics: Run, data_dir: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    for number in (1, 2, 3):
        vehicle = {"vehicle_id": f"V-{number}", "vehicle_name": "Truck", "mileage": number}
        (data_dir / f"raw/vehicles-{number}.json").write_text(json.dumps([vehicle]))
    read = FileLoad.run

    def failing(self: FileLoad, found: FoundFile, **options: Any) -> Any:
        if found.key == "vehicles-2.json":
            raise error
        return read(self, found, **options)

    monkeypatch.setattr(FileLoad, "run", failing)
    done = logistics("load", data_dir / "raw")
    assert done.exit_code == 1
    text = " ".join(done.stderr.split())
    assert f"vehicles-2.json: {said}" in text and "The other files are loaded all the same." in text
    log = data_dir / "logs/load.log"
    assert log.exists() is isinstance(error, ValueError)
    assert not log.exists() or ("vehicles-2.json" in log.read_text() and "no such thing" in log.read_text())
    assert "1 of 3 files are not loaded" in text and "Figures refreshed" in text

    monkeypatch.setattr(FileLoad, "run", read)
    again = logistics("load", data_dir / "raw", "--json")
    assert again.exit_code == 0
    assert [(each["state"], each["loaded"]) for each in map(json.loads, again.stdout.splitlines())] == [
        ("loaded", 1)
    ] * 3


def test_an_unexpected_error_while_a_contract_is_proposed_leaves_the_others_to_be_loaded(
    logistics: Run, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data_dir / "raw/odd.csv").write_text("a,b\n1,2\n")
    (data_dir / "raw/vehicles.json").write_text('[{"vehicle_id": "V-1", "vehicle_name": "Truck", "mileage": 1}]')

    def failing(*_: Any, **__: Any) -> None:
        raise KeyError("column")

    monkeypatch.setattr("logistics_pipeline.cli.load.propose_unrecognised", failing)
    done = logistics("load", data_dir / "raw")
    text = " ".join(done.stderr.split())
    assert done.exit_code == 1 and "odd.csv: An error in the program ended the proposal of a contract" in text
    assert "1 of 2 files are not loaded" in text
