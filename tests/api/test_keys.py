"""Datasets whose key is not one text: single rows, pages, links and descriptions of them."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from logistics_core.catalogue import Catalogue
from logistics_core.settings import Settings
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import load_options
from tests.contract_texts import synced_catalogue
from tests.keyed import add_contracts, reading, visit

STATIONS = ["s1", "s/1", "a/b/c", "100%", "é ü", "a?b#c", "..", "%2F"]
READINGS = [reading(0, station=station, slot=slot, value=1) for station in STATIONS for slot in (0, 1, 2)]
VISITS = [visit(number % 3) for number in range(30)]


@pytest.fixture(scope="module")
def site(new_database: Callable[[], AbstractContextManager[str]], serve: Any, tmp_path_factory: Any) -> Iterator[Any]:
    """An API over a database that files of both datasets were loaded into."""
    data_dir = tmp_path_factory.mktemp("data")
    add_contracts(data_dir)
    with new_database() as url:
        catalogue = synced_catalogue(url, data_dir / "contracts")
        for name, records in {"readings": READINGS, "visits-1": VISITS[:11], "visits-2": VISITS[11:]}.items():
            _load(url, data_dir, name, records, catalogue)
        with serve(url, data_dir=data_dir) as api:
            yield api


def _load(url: str, data_dir: Path, name: str, records: list[dict[str, Any]], catalogue: Catalogue) -> None:
    options = replace(load_options(Settings(database_url=url, data_dir=data_dir)), catalogue=catalogue)
    path = data_dir / "raw" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(records))
    found = options.folder.look_at(path)
    assert found is not None
    assert load_file(url, found, options).is_loaded


def walk(api: Any, path: str, **query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        page = api.get(path, **query)
        rows += page["data"]
        if page["next_cursor"] is None:
            return rows
        query["cursor"] = page["next_cursor"]


@pytest.mark.parametrize("station", STATIONS)
@pytest.mark.parametrize("slot", ["1", "1.0", "01"])
def test_a_row_is_found_by_the_parts_of_its_key(site: Any, station: str, slot: str) -> None:
    row = site.get(f"/api/readings/{slot}/{quote(station, safe='').replace('.', '%2E')}", fields="station,slot,value")

    assert row == {"station": station, "slot": 1, "value": 1}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/readings/7/s1", 404),
        ("/api/readings/1/none", 404),
        ("/api/readings/1/a/b/c", 404),  # its slashes are not encoded
        ("/api/readings/1", 404),
        ("/api/readings/1/", 404),
        ("/api/readings/x/s1", 422),
        ("/api/readings/1/%00", 422),
        ("/api/readings/1/%ff", 404),
        ("/api/visits/1/99", 404),
        ("/api/visits/1/0", 422),
        ("/api/visits/1/x", 422),
        ("/api/visits/1/2/3", 404),
    ],
)
def test_what_is_no_row_is_said(site: Any, path: str, status: int) -> None:
    response = site.request(path)

    assert response.status_code == status


def test_the_message_names_every_part(site: Any) -> None:
    problem = site.refused(404, "/api/readings/7/s1")

    assert problem["detail"].startswith("There is no row with slot 7 and station s1 in readings.")


def test_without_a_key_a_row_is_found_by_its_file_and_number(site: Any) -> None:
    for row in walk(site, "/api/visits", source="true"):
        assert site.get(f"/api/visits/{row['file_id']}/{row['record_no']}", source="true") == row


@pytest.mark.parametrize(
    ("slug", "sort", "order"),
    [
        ("readings", "slot", ("slot", "station")),
        ("readings", "day", ("day", "slot", "station")),
        ("readings", "value", ("value", "slot", "station")),
        ("visits", "file_id", ("file_id", "record_no")),
        ("visits", "guests", ("guests", "file_id", "record_no")),
    ],
)
@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("limit", [1, 7])
def test_pages_follow_each_other_without_gaps(
    site: Any, slug: str, sort: str, order: tuple[str, ...], sign: str, limit: int
) -> None:
    rows = walk(site, f"/api/{slug}", sort=f"{sign}{sort}", limit=limit, source="true")

    keys = [tuple(v.encode() if isinstance(v := row[name], str) else v for name in order) for row in rows]
    assert keys == sorted(keys, reverse=bool(sign))
    assert len(set(keys)) == len(rows) == len(READINGS if slug == "readings" else VISITS)


def test_a_page_goes_on_where_it_was_whatever_is_added(site: Any) -> None:
    page = site.get("/api/visits", sort="file_id", limit=11, source="true")

    rest = walk(site, "/api/visits", sort="file_id", limit=11, source="true", cursor=page["next_cursor"])
    assert {row["file_id"] for row in page["data"]} == {page["data"][0]["file_id"]}
    assert page["data"][0]["file_id"] not in {row["file_id"] for row in rest}


def test_exports_hold_every_row(site: Any) -> None:
    lines = site.client.get("/api/exports/visits.ndjson?source=true").text.splitlines()

    assert [json.loads(line)["record_no"] for line in lines] == [*range(1, 12), *range(1, 20)]
    assert len(site.client.get("/api/exports/readings.csv").text.splitlines()) == 1 + len(READINGS)


def test_the_description_names_keys_and_relations(site: Any) -> None:
    described = {each["name"]: each for each in site.get("/api/datasets")["datasets"]}

    keys = {name: (each["key"], each["key_fields"]) for name, each in described.items()}
    assert keys["vehicle_logs"] == ("log_id", ["log_id"])
    assert keys["readings"] == ("slot,station", ["slot", "station"])
    assert keys["visits"] == ("", [])
    assert described["visits"]["references"] == [
        {"fields": ["slot", "station"], "dataset": "readings", "key_fields": ["slot", "station"]}
    ]
    assert described["shipments"]["references"] == [
        {"fields": ["log_id"], "dataset": "vehicle_logs", "key_fields": ["log_id"]}
    ]
    assert all(field["references"] is None for field in described["visits"]["fields"])
    assert described["visits"]["sorts"][0]["sort"] == "file_id"


def test_openapi_describes_paths_and_links(site: Any) -> None:
    paths = site.get("/openapi.json")["paths"]

    operation = paths["/api/readings/{slot}/{station}"]["get"]
    parameters = {each["name"]: each["schema"]["type"] for each in operation["parameters"] if each["in"] == "path"}
    assert operation["operationId"] == "read_reading"
    assert parameters == {"slot": "number", "station": "string"}
    row = paths["/api/visits/{file_id}/{record_no}"]["get"]
    assert row["operationId"] == "read_visit"
    links = paths["/api/visits"]["get"]["responses"]["200"]["links"]
    assert links["reading"] == {
        "operationId": "read_reading",
        "parameters": {"slot": "$response.body#/data/0/slot", "station": "$response.body#/data/0/station"},
    }
    assert "visit" not in links
