"""A dataset of 1,500 fields, the most that a contract has, is served like any other, and without a wait."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from time import perf_counter, process_time
from typing import Any

import pytest
import yaml

from logistics_api.rows.endpoints import make_router
from logistics_core.catalogue import built_in_catalogue
from logistics_core.catalogue.contract_files import MAX_FIELDS, contract_from_document, make_catalogue
from logistics_core.settings import Settings
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import load_options
from tests.contract_texts import synced_catalogue

pytestmark = pytest.mark.slow

MOST_SECONDS = 5

KEY = {"name": "sensor_id", "type": "string", "constraints": {"required": True}}
CONTRACT = {
    "$schema": "https://datapackage.org/profiles/2.0/dataresource.json",
    "name": "voltages",
    "path": "voltages.csv",
    "schema": {
        "primaryKey": ["sensor_id"],
        "fields": [KEY, *({"name": f"channel_{number}", "type": "number"} for number in range(1, MAX_FIELDS))],
    },
}


@pytest.fixture(scope="module")
def site(new_database: Callable[[], AbstractContextManager[str]], serve: Any, tmp_path_factory: Any) -> Iterator[Any]:
    """An API over a database with three records of the dataset."""
    data_dir = tmp_path_factory.mktemp("data")
    contracts, path = data_dir / "contracts", data_dir / "raw" / "voltages.csv"
    contracts.mkdir()
    (contracts / "voltages.yaml").write_text(yaml.safe_dump(CONTRACT))
    path.parent.mkdir(parents=True)
    header = ["sensor_id", *(f"channel_{number}" for number in range(1, MAX_FIELDS))]
    lines = [[f"S-{row}", *(row * number for number in range(1, MAX_FIELDS))] for row in (1, 2, 3)]
    path.write_text("".join(",".join(map(str, cells)) + "\n" for cells in [header, *lines]))
    with new_database() as url:
        catalogue = synced_catalogue(url, contracts)
        options = replace(load_options(Settings(database_url=url, data_dir=data_dir)), catalogue=catalogue)
        found = options.folder.look_at(path)
        assert found is not None
        assert load_file(url, found, options).file.records_loaded == 3
        with serve(url, data_dir=data_dir) as api:
            yield api


@pytest.fixture
def quick() -> Iterator[None]:
    """Fails a test whose requests take longer than anybody waits."""
    since = perf_counter()
    yield
    assert perf_counter() - since < MOST_SECONDS


@pytest.mark.usefixtures("quick")
def test_rows_filters_orders_and_chosen_fields(site: Any) -> None:
    row = site.get("/api/voltages/S-2")
    assert (row["channel_1499"], len(row)) == (2 * 1499, MAX_FIELDS)
    assert [len(each) for each in site.get("/api/voltages")["data"]] == [MAX_FIELDS] * 3

    chosen = site.get("/api/voltages", channel_1499_from=4000, fields="sensor_id,channel_1499")
    assert chosen["data"] == [{"sensor_id": "S-3", "channel_1499": 3 * 1499}]
    ordered = site.get("/api/voltages", sort="-channel_750", fields="sensor_id")["data"]
    assert [each["sensor_id"] for each in ordered] == ["S-3", "S-2", "S-1"]


def test_the_api_learns_of_it_without_a_wait() -> None:
    dataset = contract_from_document(CONTRACT, "voltages.yaml")
    catalogue = make_catalogue([*built_in_catalogue().values(), dataset])
    since = process_time()

    make_router(catalogue)

    assert process_time() - since < MOST_SECONDS


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("format", ["csv", "ndjson", "parquet"])
def test_exports_have_every_column(site: Any, format: str) -> None:
    response = site.client.get(f"/api/exports/voltages.{format}")

    assert response.status_code == 200
    assert b"channel_1499" in response.content


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "path",
    ["/openapi.json", "/api/datasets", "/api/datasets/voltages/profile", "/api/contracts/voltages", "/api/quality"],
)
def test_descriptions_and_profiles_have_every_field(site: Any, path: str) -> None:
    response = site.client.get(path)

    assert response.status_code == 200, response.text[:500]
    if path != "/api/quality":
        assert all(f'"channel_{number}' in response.text for number in (1, 750, 1499))
