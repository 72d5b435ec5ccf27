"""The profile of a dataset over HTTP, as real loads leave it."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import TypeAdapter

from logistics_api.profiles import endpoints
from logistics_api.profiles.schemas import DatasetProfile
from logistics_core.settings import Settings
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import load_options
from logistics_pipeline.loading.unload import unload_file
from tests import fourth_dataset, many_types
from tests.contract_texts import synced_catalogue

Load = Callable[..., int]


@pytest.fixture
def load(database_url: str, tmp_path: Path) -> Load:
    """Writes records as a CSV file below the raw folder, and loads it; gives the number of the file."""
    many_types.add_contract(tmp_path)
    fourth_dataset.add_contract(tmp_path)
    synced_catalogue(database_url, tmp_path / "contracts")
    options = load_options(Settings(database_url=database_url, data_dir=tmp_path))

    def load(name: str, records: list[dict[str, Any]]) -> int:
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(records[0]))
            writer.writeheader()
            writer.writerows(records)
        found = options.folder.look_at(path)
        assert found is not None
        return load_file(database_url, found, options).file.file_id

    return load


@pytest.fixture
def api(load: Load, database_url: str, serve: Any, tmp_path: Path) -> Iterator[Any]:
    with serve(database_url, data_dir=tmp_path) as running:
        yield running


def read(api: Any, dataset: str) -> Any:
    response = api.request(f"/api/datasets/{dataset}/profile")
    assert response.status_code == 200, response.text
    TypeAdapter(DatasetProfile).validate_json(response.content, strict=True)
    assert response.headers["Cache-Control"] == "no-store"
    return response.json()


def column(found: Any, name: str) -> Any:
    return next(each for each in found["fields"] if each["name"] == name)


def described(api: Any, dataset: str) -> Any:
    return next(each for each in api.get("/api/datasets")["datasets"] if each["name"] == dataset)


def driver(number: int, /, **changed: Any) -> dict[str, Any]:
    given = {
        "driver_id": f"D-{number:05}",
        "from": ("Aachen", "Zug", "Aachen", "Ulm")[number % 4],
        "hired_on": f"2024-03-{1 + number % 9:02}",
        "number": number,
        "document": 2.5 if number % 2 else None,
    }
    return given | changed


def test_of_a_dataset_without_files_the_contract_is_known(api: Any) -> None:
    found = read(api, "drivers")
    assert (found["files"], found["records"], found["records_sampled"]) == (0, 0, 0)
    assert [each["name"] for each in found["fields"]] == [each["name"] for each in described(api, "drivers")["fields"]]
    assert {each["profile"] is None for each in found["fields"]} == {True}
    assert column(found, "document") == {
        "name": "document", "title": "Distance", "description": "Distance driven", "type": "number", "role": "measure",
        "unit": "km", "required": False, "aliases": [], "profile": None,
    }  # fmt: skip
    assert found["key_fields"] == ["driver_id"]
    assert read(api, "shipments")["version"] is None, "a built-in contract has no versions"


def test_small_files_are_counted_exactly_and_together(load: Load, api: Any) -> None:
    load("drivers/a.csv", [driver(number) for number in range(8)])
    load("drivers/b.csv", [driver(number) for number in range(8, 20)])
    found = read(api, "drivers")
    assert (found["files"], found["files_profiled"], found["records"], found["records_sampled"]) == (2, 2, 20, 20)
    points = column(found, "number")["profile"]
    assert (points["kind"], points["least"], points["greatest"], points["records"]) == ("number", 0, 19, 20)
    assert (points["distinct"], points["is_distinct_exact"], points["frequent"]) == (20, True, [])
    assert len(points["histogram"]) == 12
    assert sum(points["histogram"]) == pytest.approx(1, abs=1e-4)
    depots = column(found, "from")["profile"]  # Zug has the shorter key in the database, and so comes first there
    assert depots["frequent"] == [
        {"value": "Aachen", "count": 10}, {"value": "Ulm", "count": 5}, {"value": "Zug", "count": 5}
    ]  # fmt: skip
    assert (depots["kind"], depots["least"], depots["greatest"]) == ("text", 3, 6)
    days = column(found, "hired_on")["profile"]
    assert (days["kind"], days["least"], days["greatest"]) == ("date", "2024-03-01", "2024-03-09")
    distances = column(found, "document")["profile"]
    assert (distances["filled"], distances["distinct"], distances["histogram"]) == (10, 1, [1.0])
    empty = column(found, "filters")["profile"]
    assert (empty["filled"], empty["least"], empty["histogram"], empty["frequent"]) == (0, None, [], [])


def test_a_large_file_is_sampled_and_its_distinct_values_are_an_estimate(load: Load, api: Any) -> None:
    load("drivers/a.csv", [driver(number) for number in range(3_000)])
    found = read(api, "drivers")
    assert found["records"] == 3_000
    assert found["records_sampled"] == 400 + len(range(512, 3_000, 256))
    profile = column(found, "driver_id")["profile"]
    assert not profile["is_distinct_exact"]
    assert not column(found, "from")["profile"]["is_distinct_exact"], "a fourth depot may be in a record not sampled"


def test_an_unloaded_and_a_corrected_file_do_not_count(load: Load, api: Any, database_url: str, tmp_path: Path) -> None:
    load("drivers/a.csv", [driver(1, number=100)])
    load("drivers/b.csv", [driver(2, number=5)])
    load("drivers/b.csv", [driver(2, number=7), driver(3, number=8)])
    assert column(read(api, "drivers"), "number")["profile"]["greatest"] == 100
    unload_file(database_url, "drivers/a.csv", load_options(Settings(database_url=database_url, data_dir=tmp_path)))
    found = read(api, "drivers")
    assert (found["files"], found["records"]) == (1, 2)
    points = column(found, "number")["profile"]
    assert (points["least"], points["greatest"]) == (7, 8)


def test_only_so_many_of_the_latest_files_are_merged(load: Load, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        load(f"drivers/{number}.csv", [driver(number)])
    monkeypatch.setattr(endpoints, "MOST_FILES", 2)
    found = read(api, "drivers")
    assert (found["files"], found["files_profiled"], found["records"]) == (3, 2, 2)
    assert column(found, "number")["profile"]["least"] == 1
    assert not column(found, "number")["profile"]["is_distinct_exact"]


def test_all_types_have_a_profile_and_the_contract_its_version(load: Load, api: Any, database_url: str) -> None:
    load("readings.csv", [many_types.PLAIN, many_types.PLAIN | {"reading_id": "R-2", "is_open": "false"}])
    found = read(api, "readings")
    assert {each["name"]: each["profile"]["kind"] for each in found["fields"] if each["profile"]["kind"] != "text"} == {
        **dict.fromkeys(("pieces", "grouped", "amount", "built"), "number"),
        **dict.fromkeys(("day", "iso_day", "us_day", "number_day", "seen_at", "moment", "clocked"), "date"),
    }
    assert column(found, "is_paid")["profile"]["frequent"] == [{"value": "false", "count": 2}]
    assert column(found, "moment")["profile"]["least"] == "2024-03-05"
    with psycopg.connect(database_url) as connection:
        version = connection.execute("SELECT version FROM catalogue.datasets WHERE dataset = 'readings'").fetchone()
    assert (found["version"],) == version
    assert found["accepted_by"]
    assert found["accepted_at"]


def test_an_unknown_dataset_is_a_problem_that_names_the_known_ones(api: Any) -> None:
    response = api.request("/api/datasets/lorries/profile")
    assert response.status_code == 404
    assert "There is no dataset 'lorries'. There are: vehicles" in response.json()["detail"]
