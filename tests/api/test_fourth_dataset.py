"""One contract file in the data folder and nothing else: rows, exports, metrics and documentation of it are served."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as parquet
import pytest

from logistics_api.app import create_app
from logistics_api.errors import ConfigurationError
from logistics_api.rows.tables import table_of
from logistics_core.catalogue import load_catalogue
from logistics_core.catalogue.contract_files import BUILT_IN, RESERVED_DATASETS, RESERVED_NAMES
from logistics_core.settings import Settings
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import load_options
from tests.contract_texts import synced_catalogue
from tests.fourth_dataset import CONTRACT, add_contract, drivers

RECORDS = drivers(60)
REJECTED = {"driver_id": "D-999", "from": "Ulm", "hired_on": "2024-03-01", "number": -1}
UPLOADS = "/api/ingestion/uploads"


@pytest.fixture(scope="module")
def site(new_database: Callable[[], AbstractContextManager[str]], serve: Any, tmp_path_factory: Any) -> Iterator[Any]:
    """An API over a database that two files of the dataset were loaded into."""
    data_dir = tmp_path_factory.mktemp("data")
    add_contract(data_dir)
    with new_database() as url:
        synced_catalogue(url, data_dir / "contracts")
        _load(url, data_dir)
        with serve(url, data_dir=data_dir) as api:
            yield api


def _load(url: str, data_dir: Path) -> None:
    options = load_options(Settings(database_url=url, data_dir=data_dir))
    folder = data_dir / "raw" / "Drivers"
    folder.mkdir(parents=True)
    for part, records in enumerate((RECORDS[::2], [*RECORDS[1::2], REJECTED])):
        path = folder / f"part {part}.json"
        path.write_text(json.dumps(records))
        found = options.folder.look_at(path)
        assert found is not None and found.dataset == "drivers"
        load_file(url, found, options)


def expected(*, keep: Callable[[dict[str, Any]], bool] = lambda _: True) -> list[dict[str, Any]]:
    return [row for row in json.loads(json.dumps(RECORDS), parse_float=Decimal) if keep(row)]


def walk(api: Any, **query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/api/drivers", limit=7, **query, **cursor)
        rows += page["data"]
        if page["next_cursor"] is None:
            return rows
        cursor = {"cursor": page["next_cursor"]}


def test_its_rows_are_read_page_by_page_in_every_order(site: Any) -> None:
    orders = {
        "hired_on": ("hired_on", "driver_id"),
        "driver_id": ("driver_id",),
        "from": ("from", "hired_on", "driver_id"),
    }
    without_index = {name: (name, "driver_id") for name in ("document", "number", "chosen")}
    assert table_of(load_catalogue(site.app.state.settings.contracts_dir)["drivers"]).orders == orders | without_index
    for order, columns in orders.items():
        in_order = sorted(expected(), key=lambda row: [row[column] for column in columns])
        assert walk(site, sort=order) == in_order
        assert walk(site, sort=f"-{order}") == in_order[::-1]
    for order in without_index:
        has, lacks = [[row for row in expected() if (row[order] is None) is missing] for missing in (False, True)]
        for sign in ("", "-"):
            in_order = sorted(has, key=lambda row, by=order: (row[by], row["driver_id"]), reverse=sign == "-")
            in_order += sorted(lacks, key=lambda row: row["driver_id"], reverse=sign == "-")
            assert walk(site, sort=f"{sign}{order}") == in_order
    newest_first = sorted(expected(), key=lambda row: (row["hired_on"], row["driver_id"]), reverse=True)
    assert walk(site) == newest_first


def test_every_field_has_its_filters(site: Any) -> None:
    filters: dict[str, tuple[str, Callable[[dict[str, Any]], bool]]] = {
        "driver_id_prefix": ("D-01", lambda row: row["driver_id"].startswith("D-01")),
        "from": ("Zug", lambda row: row["from"] == "Zug"),
        "json": ('"5", {}', lambda row: row["json"] == '"5", {}'),
        "json_prefix": ('"1', lambda row: bool(row["json"]) and row["json"].startswith('"1')),
        "hired_on_from": ("2024-03-07", lambda row: row["hired_on"] >= "2024-03-07"),
        "number_to": ("2", lambda row: row["number"] <= 2),
        "document_from": ("30.5", lambda row: row["document"] is not None and row["document"] >= 30.5),
        "first": ("V-001", lambda row: row["first"] == "V-001"),
        "chosen": ("2024-02-29", lambda row: row["chosen"] == "2024-02-29"),
        "filters": ("none", lambda _: False),
        "vehicle_id": ("V-003", lambda row: row["vehicle_id"] == "V-003"),
    }
    for name, (value, keep) in filters.items():
        assert walk(site, sort="driver_id", **{name: value}) == expected(keep=keep), name
        lines = site.client.get("/api/exports/drivers.ndjson", params={name: value, "trailer": "false"}).text
        rows = [json.loads(line, parse_float=Decimal) for line in lines.splitlines()]
        assert sorted(rows, key=lambda row: row["driver_id"]) == expected(keep=keep), name
    for name in ("chosen_prefix", "number_prefix", "hired_on_prefix", "Filters", "JSON", "secret"):
        site.refused(422, "/api/drivers", **{name: "1"})
    assert site.refused(422, "/api/drivers", json="")["errors"][0]["parameter"] == "json"


def test_one_row_and_its_source(site: Any) -> None:
    assert site.get("/api/drivers/D-005") == expected()[5]
    row = site.get("/api/drivers/D-005", fields="json,number", source="true")
    assert row == {
        "json": '"5", {}', "number": 0, "file_path": "Drivers/part 1.json", "file_version": 1, "file_id": 2,
        "record_no": 3,
    }  # fmt: skip
    assert site.refused(404, "/api/drivers/D-999")["type"] == "urn:logistics:problem:unknown-row"


def test_its_exports_hold_every_row(site: Any) -> None:
    text = site.client.get("/api/exports/drivers.csv").text
    found = sorted(csv.DictReader(io.StringIO(text, newline="")), key=lambda row: row["driver_id"])
    assert found == [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in expected()]
    content = site.client.get("/api/exports/drivers.parquet").content
    rows = sorted(parquet.read_table(io.BytesIO(content)).to_pylist(), key=lambda row: row["driver_id"])
    as_text = [row | {name: row[name] and str(row[name]) for name in ("hired_on", "chosen")} for row in rows]
    assert as_text == expected()


def test_it_is_described_for_programs(site: Any) -> None:
    described = site.get("/api/datasets")["datasets"]
    assert [dataset["name"] for dataset in described] == [*BUILT_IN, "drivers"]
    found = described[-1]
    assert {name: found[name] for name in ("title", "slug", "key", "date", "rows", "exports")} == {
        "title": "Drivers", "slug": "drivers", "key": "driver_id", "date": "hired_on",
        "rows": "/api/drivers",
        "exports": {name: f"/api/exports/drivers.{name}" for name in ("csv", "ndjson", "parquet")},
    }  # fmt: skip
    assert [sort["sort"] for sort in found["sorts"]] == [
        "-hired_on", "hired_on", "driver_id", "-driver_id", "from", "-from",
        "number", "-number", "document", "-document", "chosen", "-chosen",
    ]  # fmt: skip
    fields = {field["name"]: field for field in found["fields"]}
    assert list(fields) == list(RECORDS[0])
    assert fields["document"] == {
        "name": "document", "title": "Distance", "label": "Distance, km", "description": "Distance driven",
        "type": "number", "role": "measure", "unit": "km", "required": False, "references": None,
    }  # fmt: skip
    assert fields["vehicle_id"]["references"] == "vehicles"
    places = site.get("/api")
    assert (places["driver_rows"], places["driver_export"]) == ("/api/drivers", "/api/exports/drivers.{format}")


def test_the_description_is_sent_again_only_when_it_has_changed(site: Any) -> None:
    first = site.request("/api/datasets")
    again = site.client.get("/api/datasets", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert site.client.get("/api/datasets", headers={"If-None-Match": '"other"'}).content == first.content
    assert first.headers["cache-control"] == "no-cache"
    site.refused(422, "/api/datasets", name="drivers")


def test_the_openapi_names_it(site: Any) -> None:
    document = site.get("/openapi.json")
    page, row = document["paths"]["/api/drivers"]["get"], document["paths"]["/api/drivers/{driver_id}"]["get"]
    assert (page["operationId"], row["operationId"]) == ("read_drivers", "read_driver")
    assert document["paths"]["/api/exports/drivers.{format}"]["get"]["operationId"] == "export_drivers"
    parameters = {parameter["name"]: parameter for parameter in page["parameters"]}
    assert {"from_prefix", "json", "hired_on_from", "number_to", "filters", "first"} <= parameters.keys()
    assert parameters["document_from"]["description"] == "Distance, km: at least this number"
    assert parameters["sort"]["schema"]["default"] == "-hired_on"
    assert page["responses"]["200"]["links"].keys() == {"driver", "vehicle", "next_page"}
    driver = document["components"]["schemas"]["Driver"]["properties"]
    assert driver["document"]["anyOf"] == [{"type": "number"}, {"type": "null"}]
    assert driver["number"]["type"] == "number"
    assert driver["json"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
    assert "DriverPage" in document["components"]["schemas"]


def test_the_metrics_count_its_files_and_records(site: Any) -> None:
    lines = site.client.get("/metrics").text.splitlines()
    assert 'logistics_files{dataset="drivers",state="loaded"} 2.0' in lines
    assert 'logistics_records{dataset="drivers",outcome="loaded"} 60.0' in lines
    assert 'logistics_records{dataset="drivers",outcome="rejected"} 1.0' in lines


def test_it_takes_uploads(site: Any) -> None:
    query = {"dataset": "drivers", "filename": "april.json"}
    response = site.client.post(UPLOADS, params=query, content=b"[]")
    assert response.status_code == 202, response.text
    assert response.json()["path"] == "drivers/april.json"
    refused = site.client.post(UPLOADS, params=query | {"dataset": "invoices"}, content=b"[]").json()
    assert refused["errors"][0]["expected"] == "one of drivers, shipments, vehicle_logs, vehicles"


def test_without_its_table_it_says_what_to_do(database_url: str, serve: Any, tmp_path: Path) -> None:
    add_contract(tmp_path)
    synced_catalogue(database_url, tmp_path / "contracts")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP TABLE raw.drivers")
    (tmp_path / "raw").mkdir()
    with serve(database_url, data_dir=tmp_path) as api:
        for path in ("/api/drivers", "/api/drivers/D-001", "/api/exports/drivers.csv", "/api/exports/drivers.parquet"):
            assert "logistics migrate" in api.refused(503, path)["detail"]
        response = api.client.post(UPLOADS, params={"dataset": "drivers", "filename": "a.json"}, content=b"[]")
        assert response.status_code == 503
        assert "logistics migrate" in response.json()["detail"]
        assert list((tmp_path / "raw").rglob("*.json")) == []
        assert api.get("/api/vehicles")["data"] == []
        assert 'logistics_files{dataset="drivers",state="loaded"} 0.0' in api.client.get("/metrics").text


# Names


def _app(tmp_path: Path, contract: str) -> Any:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "it.yaml").write_text(contract)
    return create_app(Settings(database_url="postgresql://nobody@127.0.0.1:1/nothing", data_dir=tmp_path))


@pytest.mark.parametrize("singular", ["file", "vehicle", "vehicle_page", "problem", "drivers"])
def test_a_name_that_the_api_uses_already_is_refused(tmp_path: Path, singular: str) -> None:
    with pytest.raises(ConfigurationError, match="`singular`"):
        _app(tmp_path, CONTRACT.replace("singular: driver", f"singular: {singular}"))


def test_a_contract_that_cannot_be_used_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"it\.yaml"):
        _app(tmp_path, CONTRACT.replace("type: date", "type: day"))


def test_no_dataset_can_have_the_name_of_another_path(tmp_path: Path) -> None:
    app = _app(tmp_path, CONTRACT)
    paths = {path.split("/")[2] for path in app.openapi()["paths"] if path.startswith("/api/")}
    outside = {"graphql"}  # answered before the routes that the document describes
    assert paths - {"vehicles", "vehicle-logs", "shipments", "drivers"} == RESERVED_DATASETS - outside


def test_no_field_can_have_the_name_of_another_parameter(tmp_path: Path) -> None:
    app = _app(tmp_path, CONTRACT)
    paths = app.openapi()["paths"]
    operations = [paths["/api/drivers"]["get"], paths["/api/exports/drivers.{format}"]["get"]]
    names = {each["name"] for one in operations for each in one["parameters"] if each["in"] == "query"}
    fields = {f"{field}{suffix}" for field in RECORDS[0] for suffix in ("", "_prefix", "_from", "_to")}
    # No field has a capital letter; `as_of` is called `asOf` where there is a field of that name.
    assert {name for name in names - fields if name.islower()} <= RESERVED_NAMES | {"as_of"}
