"""The command `logistics contracts propose` without a database; the others are tested in `tests/database`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from logistics_core.catalogue import load_catalogue
from logistics_pipeline.cli import app
from logistics_pipeline.errors import FileError

FUEL = "card;day;litres\nC-01;2024-05-01;41,5\nC-02;2024-05-02;38,25\nC-03;2024-05-02;40\n"


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LOGISTICS_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data/contracts").mkdir(parents=True)
    yield tmp_path / "data"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["contracts", *map(str, words)])


def fuel_file(folder: Path, name: str = "fuel_cards-2024-05.csv") -> Path:
    path = folder / name
    path.write_text(FUEL)
    return path


def test_a_printed_contract_is_a_dataset_once_it_is_in_the_folder(data_dir: Path) -> None:
    proposed = run("propose", fuel_file(data_dir))
    (data_dir / "contracts/fuel_cards.yaml").write_text(proposed.stdout)

    dataset = load_catalogue(data_dir / "contracts")["fuel_cards"]
    assert dataset.field("litres").decimal_char == ","
    assert "3 records read" in proposed.stderr
    assert "# a decimal comma: `41,5` proves it" in proposed.stdout or "`41,5` proves it" in proposed.stdout


def test_the_proposal_as_json(data_dir: Path) -> None:
    document = json.loads(run("propose", fuel_file(data_dir), "--dataset", "cards", "--json").stdout)

    assert document["dataset"] == "cards"
    assert document["dialect"]["delimiter"] == ";"
    assert [each["type"] for each in document["columns"]] == ["string", "date", "number"]
    assert document["contract"]["schema"]["primaryKey"] == ["card"]
    assert document["obstacles"] == []


def test_a_name_that_is_taken_is_said(data_dir: Path) -> None:
    proposed = run("propose", fuel_file(data_dir, "shipments.csv"))

    assert "there is a dataset of this name already" in proposed.stdout


def test_an_error_names_the_file(data_dir: Path) -> None:
    (data_dir / "empty.csv").touch()

    error = run("propose", data_dir / "empty.csv").exception
    assert isinstance(error, FileError)
    assert str(error).startswith(f"{data_dir / 'empty.csv'}: The file is empty")
