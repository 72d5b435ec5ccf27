"""The quality over HTTP, as real loads leave it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import TypeAdapter

from logistics_api.quality.schemas import DetailedQuality, QualityOfDatasets, QualityOfDays, QualityOfFiles
from logistics_core.catalogue import Catalogue
from logistics_core.settings import Settings
from logistics_pipeline.analytics.quality import count_references
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import load_options
from tests.contract_texts import synced_catalogue
from tests.fourth_dataset import CONTRACT, drivers

EXPECTATIONS = "expect: {quality: 0.9, freshness: 1 day}\n"


class Site:
    """An API over a database with vehicles and the dataset of a user, and the folder they are loaded from."""

    def __init__(self, url: str, data_dir: Path, catalogue: Catalogue) -> None:
        self.url, self.catalogue = url, catalogue
        self._options = load_options(Settings(database_url=url, data_dir=data_dir), catalogue)
        self._raw = data_dir / "raw"
        self._time = 1_700_000_000

    def load(self, name: str, records: list[Any]) -> int:
        path = self._raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(records))
        self._time += 1
        os.utime(path, (self._time, self._time))
        found = self._options.folder.look_at(path)
        assert found is not None
        return load_file(self.url, found, self._options).file.file_id

    def count_references(self) -> None:
        count_references(self.url, self.catalogue)


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Site:
    folder = tmp_path / "contracts"
    folder.mkdir()
    (folder / "drivers.yaml").write_text(CONTRACT + EXPECTATIONS)
    catalogue = synced_catalogue(database_url, folder)
    return Site(database_url, tmp_path, catalogue)


@pytest.fixture
def api(site: Site, serve: Any, tmp_path: Path) -> Iterator[Any]:
    with serve(site.url, data_dir=tmp_path) as running:
        yield running


def read(api: Any, path: str, model: type, **query: Any) -> Any:
    """Asks for a document, and holds it against its declaration."""
    response = api.request(path, **query)
    assert response.status_code == 200, response.text
    TypeAdapter(model).validate_json(response.content, strict=True)
    assert response.headers["Cache-Control"] == "no-store"
    return response.json()


def shares(dimension: dict[str, Any]) -> dict[tuple[str, str | None], tuple[int, int]]:
    return {(rule["rule"], rule["field"]): (rule["passed"], rule["tested"]) for rule in dimension["rules"]}


def test_what_was_never_loaded_has_no_score(api: Any) -> None:
    found = read(api, "/api/quality", QualityOfDatasets)
    assert found["definition"] == "q1"
    assert [each["dataset"] for each in found["datasets"]] == ["vehicles", "vehicle_logs", "shipments", "drivers"]
    for each in found["datasets"]:
        assert (each["score"], each["tested"], each["worst"], each["dimensions"]) == (None, 0, None, [])
        assert not each["is_below_floor"]
    assert read(api, "/api/quality/drivers/files", QualityOfFiles)["items"] == []
    assert read(api, "/api/quality/drivers/days", QualityOfDays)["items"] == []


def test_a_dataset_has_every_rule_with_the_numbers_behind_it(site: Site, api: Any) -> None:
    good = drivers(8)
    bad = [{"driver_id": "X1", "from": "Ulm", "hired_on": "2024-03-01", "number": -1}, {"driver_id": None}, "text"]
    site.load("vehicles.json", [{"vehicle_id": f"V-{number:03}", "name": "x"} for number in range(6)])
    site.load("drivers/a.json", [*good, good[0] | {"unknown": 1}, *bad])
    before = read(api, "/api/quality/drivers", DetailedQuality)
    site.count_references()
    found = read(api, "/api/quality/drivers", DetailedQuality)

    dimensions = {each["dimension"]: each for each in found["dimensions"]}
    assert list(dimensions) == ["completeness", "validity", "uniqueness", "consistency", "plausibility"], (
        "no period of a day is over yet"
    )
    assert shares(dimensions["completeness"]) == {
        ("filled", "driver_id"): (8, 9),
        **{("filled", name): (8, 8) for name in ("from", "hired_on", "number")},
    }
    assert shares(dimensions["validity"])["readable", None] == (11, 12)
    assert shares(dimensions["validity"])["valid", "document"] == (5, 5)
    assert shares(dimensions["uniqueness"]) == {("unique", "driver_id"): (8, 9)}
    assert shares(dimensions["consistency"]) == {("known_fields", None): (0, 1), ("refers", "vehicle_id"): (6, 8)}
    assert shares(dimensions["plausibility"]) == {("within_bounds", "number"): (8, 9)}
    assert dimensions["consistency"]["score"] == 0.375
    assert found["score"] == pytest.approx(sum(each["score"] for each in dimensions.values()) / 5, abs=1e-6)
    assert (found["floor"], found["is_below_floor"]) == (0.9, True)
    assert found["worst"] == {
        "dimension": "consistency",
        "rule": "known_fields",
        "field": None,
        "passed": 0,
        "tested": 1,
    }
    assert before["references_counted_at"] is None and found["references_counted_at"] is not None
    (listed,) = [
        each for each in read(api, "/api/quality", QualityOfDatasets)["datasets"] if each["dataset"] == "drivers"
    ]
    assert listed == {
        **found,
        "dimensions": [{key: each[key] for key in each if key != "rules"} for each in found["dimensions"]],
    }


def test_a_corrected_file_replaces_the_score_of_its_earlier_version(site: Site, api: Any) -> None:
    site.load("drivers/a.json", [drivers(1)[0], drivers(2)[1] | {"number": "many"}])
    site.load("drivers/a.json", drivers(2))
    site.load("drivers/b.json", drivers(4)[2:])
    rest = read(api, "/api/quality/drivers/files", QualityOfFiles, limit=2)
    assert [(each["path"], each["version"], each["is_counted"]) for each in rest["items"]] == [
        ("drivers/b.json", 1, True),
        ("drivers/a.json", 2, True),
    ]
    first = read(api, "/api/quality/drivers/files", QualityOfFiles, limit=2, cursor=rest["next_cursor"])
    assert [(each["version"], each["is_counted"]) for each in first["items"]] == [(1, False)]
    assert first["items"][0]["score"] < 1
    assert first["next_cursor"] is None
    assert read(api, "/api/quality/drivers", DetailedQuality)["score"] == 1


def test_days_are_those_on_which_loads_began(site: Site, api: Any) -> None:
    early = site.load("drivers/a.json", [drivers(1)[0], {"driver_id": None}])
    site.load("drivers/b.json", drivers(3)[1:])
    with psycopg.connect(site.url) as connection:
        connection.execute("UPDATE ingest.files SET started_at = '2024-05-01 23:30Z' WHERE file_id = %s", (early,))
    days = read(api, "/api/quality/drivers/days", QualityOfDays)["items"]
    assert [(each["files"], each["score"] == 1) for each in days] == [(1, False), (1, True)]
    assert days[0]["day"] == "2024-05-01"
    assert read(api, "/api/quality/drivers/days", QualityOfDays, limit=1)["items"] == days[1:]


def test_a_period_without_a_file_counts_against_timeliness(site: Site, api: Any) -> None:
    """Files arrived 5 days ago, twice, and 2 days ago; one is expected every day."""
    for number, hours in enumerate((124, 121, 50)):
        file_id = site.load(f"drivers/{number}.json", drivers(3)[number : number + 1])
        with psycopg.connect(site.url) as connection:
            connection.execute(
                "UPDATE ingest.files SET registered_at = clock_timestamp() - make_interval(hours => %s) "
                "WHERE file_id = %s",
                (hours, file_id),
            )
    found = read(api, "/api/quality/drivers", DetailedQuality)
    (timeliness,) = [each for each in found["dimensions"] if each["dimension"] == "timeliness"]
    assert shares(timeliness) == {("arrived", None): (1, 5)}, "the period of the first file has not begun yet"


def test_an_unknown_dataset_is_refused_with_those_there_are(api: Any) -> None:
    for path in ("/api/quality/lorries", "/api/quality/lorries/files", "/api/quality/lorries/days"):
        response = api.request(path)
        assert response.status_code == 404
        assert "vehicles, vehicle_logs, shipments, drivers" in response.json()["detail"]
