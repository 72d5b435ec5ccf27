"""The examples of docs/identities.md run: its contracts are accepted, its commands and questions answered."""

import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from logistics_core.catalogue import Catalogue
from logistics_core.catalogue.contract_files import make_catalogue, read_contract
from logistics_core.metrics.paths import read_path
from logistics_pipeline.analytics.refresh import refresh
from tests.checkout import PROJECT_ROOT
from tests.contract_texts import synced_catalogue
from tests.database.conftest import FolderUnderTest
from tests.database.forking import run_command
from tests.datasets import DATASETS

PAGE = (PROJECT_ROOT / "docs" / "identities.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def write_contracts(folder: Path) -> list[Path]:
    folder.mkdir()
    paths = []
    for text in blocks("yaml"):
        (name,) = re.findall(r"^name: (\w+)", text, re.MULTILINE)
        paths.append(folder / f"{name}.yaml")
        paths[-1].write_text(text)
    assert len(paths) == 2
    return paths


def test_the_commands_run_in_their_order(raw_folder: FolderUnderTest) -> None:
    data_dir = raw_folder.options.raw_dir.parent
    write_contracts(data_dir / "contracts")
    catalogue = synced_catalogue(raw_folder.url, data_dir / "contracts")
    records: dict[str, list[dict[str, Any]]] = {
        "vehicles.json": [{"vehicle_id": "TRUCK-07", "name": "Blue Whale", "total_mileage": 1}],
        "fuel_cards.json": [
            {"payment": f"P{n}", "paid_on": "2024-03-01", "card_plate": plate, "holder": "Whale Blue", "price": 5}
            for n, plate in enumerate(("W-1234", "truck 07"))
        ],
        "vehicle_links.json": [{"system": "fuelco", "external_id": "X", "vehicle_id": "TRUCK-07", "note": "a file"}],
    }
    for path, each in records.items():
        assert raw_folder.drop_and_load(path, each, catalogue=catalogue).is_loaded
    refresh(raw_folder.url)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
    environment |= {"LOGISTICS_DATABASE_URL": raw_folder.url, "LOGISTICS_DATA_DIR": str(data_dir)}
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("logistics ")]
    assert len(lines) >= 8
    printed = {}
    for line in lines:
        done = run_command(shlex.split(line)[1:], environment, data_dir)
        assert done.returncode == 0, (line, done.stderr)
        printed[line] = done.stdout
    assert "W-1234" in printed["logistics identities unlinked"]
    assert "seen in the yard" in printed["logistics identities links --id W-1234"]
    assert "letters and digits are the same" in printed["logistics identities proposals"]
    assert "Blue Whale" in printed["logistics identities show vehicles TRUCK-07"]


def test_what_the_questions_name_exists(tmp_path: Path) -> None:
    catalogue: Catalogue = make_catalogue(
        [*DATASETS.values(), *map(read_contract, write_contracts(tmp_path / "contracts"))]
    )
    asked = re.findall(r"/api/metrics/(\w+)\?metrics=\w+&by=([\w.]+)", PAGE)
    assert asked
    for dataset, path in asked:
        assert read_path(path, catalogue[dataset], catalogue)


@pytest.mark.parametrize("key", ["match", "trust"])
def test_what_a_master_declares_is_accepted(tmp_path: Path, key: str) -> None:
    (text,) = re.findall(rf"^(    entity:\n      {key}:.*?\n)\n", PAGE, re.MULTILINE | re.DOTALL)
    contract = tmp_path / "trucks.yaml"
    entity = "\n".join(line[4:] for line in text.splitlines()).replace("vehicles", "trucks")
    contract.write_text(
        "$schema: https://datapackage.org/profiles/2.0/dataresource.json\nname: trucks\npath: trucks.csv\nschema:\n"
        "  primaryKey: [truck]\n  fields:\n    - {name: truck, type: string, constraints: {required: true}}\n"
        f"    - {{name: plate, type: string}}\n    - {{name: name, type: string}}\n{entity}\n"
    )
    found = read_contract(contract).entity
    assert found is not None and json.dumps(str(found))
