"""Commands about files whose records are within those of another dataset: their paths have a `%#`."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract_texts import ORDER_LINES, ORDERS
from tests.database.forking import run_command
from tests.database.records import as_array

LINES = "orders/june.json%#order_lines"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The data folder of an installation with orders, their lines, and one file."""
    folder = tmp_path / "data"
    for path, text in {
        "contracts/orders.yaml": ORDERS,
        "contracts/order_lines.yaml": ORDER_LINES,
        "raw/orders/june.json": as_array([order(1, 1, 2), order(2, "x", 4)]).decode(),
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def order(number: int, *quantities: object) -> dict[str, object]:
    return {"order_id": f"o{number}", "lines": [{"quantity": each} for each in quantities]}


@pytest.fixture
def logistics(data_dir: Path, database_url: str) -> Run:
    def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
        environment |= {"LOGISTICS_DATABASE_URL": database_url, "LOGISTICS_DATA_DIR": str(data_dir)}
        done = run_command([str(argument) for argument in arguments], environment, data_dir.parent)
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def loaded(logistics: Run, data_dir: Path) -> None:
    assert logistics("migrate").returncode == 0
    assert logistics("load", data_dir / "raw").returncode == 0


def documents(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(params=["ledger", pytest.param("absolute", marks=pytest.mark.slow)])
def name(request: pytest.FixtureRequest, data_dir: Path) -> str:
    """The path of the file in the ledger, or on disk."""
    return LINES if request.param == "ledger" else str(data_dir / "raw" / LINES)


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_both_files_are_listed_with_counts_of_their_own(logistics: Run) -> None:
    found = {each["file"]: each for each in documents(logistics("files", "--json"))}

    assert {path: (each["dataset"], each["loaded"], each["rejected"]) for path, each in found.items()} == {
        "orders/june.json": ("orders", 2, 0),
        LINES: ("order_lines", 3, 1),
    }


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_rejects_are_found_by_the_path(logistics: Run, name: str, tmp_path: Path) -> None:
    (reject,) = documents(logistics("rejects", "list", name, "--json"))
    assert (reject["path"], reject["record_no"], reject["field"]) == (LINES, 3, "quantity")

    exported = logistics("rejects", "export", name)
    (line,) = documents(exported)
    line["record"] = json.loads(line["raw"]) | {"quantity": 3}
    corrected = tmp_path / "corrected.ndjson"
    corrected.write_text(json.dumps(line))
    assert logistics("rejects", "replay", corrected).returncode == 0
    assert documents(logistics("rejects", "list", name, "--json")) == []


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_it_is_unloaded_and_loaded_by_itself(logistics: Run, name: str, data_dir: Path) -> None:
    (done,) = documents(logistics("unload", name, "--json"))
    assert (done["file"], done["rows_taken_out"], done["rejects_taken_out"]) == (LINES, 3, 1)
    states = {each["file"]: each["state"] for each in documents(logistics("files", "--json"))}
    assert states == {"orders/june.json": "loaded", LINES: "unloaded"}

    retried = logistics("retry", name)
    assert (retried.returncode, f"{LINES}: requested" in retried.stderr) == (0, True), retried.stderr

    path = data_dir / "raw" / LINES
    (again,) = documents(logistics("load", path, "--json"))
    assert (again["file"], again["loaded"], again["rejected"]) == (str(path), 3, 1)


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_a_path_that_leads_nowhere_is_said(logistics: Run) -> None:
    for command in ("unload", "retry"):
        done = logistics(command, "orders/june.json%#order_line")
        assert done.returncode != 0
        assert "orders/june.json%#order_line" in done.stdout + done.stderr
    done = logistics("load", "data/raw/orders/june.json%#order_line")
    assert (done.returncode, "There is no such file" in done.stdout + done.stderr) == (1, True)
