"""Files whose records are within those of another dataset, in the API: listed, filtered, exported and acted on."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from logistics_core.settings import Settings
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions, load_options
from logistics_pipeline.orchestration.file_requests import serve_unload_requests
from tests.contract_texts import ORDER_LINES, ORDERS, synced_catalogue

LINES = "orders/june.json%#order_lines"
RECORDS = [
    {"order_id": "o/1", "lines": [{"quantity": 1}, {"quantity": 2}]},
    {"order_id": "o2", "lines": [{"quantity": "x"}, {"quantity": 4, "note": "%#"}]},
]


@pytest.fixture(scope="module")
def site(new_database: Callable[[], AbstractContextManager[str]], serve: Any, tmp_path_factory: Any) -> Iterator[Any]:
    """An API over a database that a file of orders with lines was loaded into, and what loads into that."""
    data_dir = tmp_path_factory.mktemp("data")
    path = data_dir / "raw" / "orders" / "june.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(RECORDS))
    (data_dir / "contracts").mkdir()
    (data_dir / "contracts" / "orders.yaml").write_text(ORDERS)
    (data_dir / "contracts" / "order_lines.yaml").write_text(ORDER_LINES)
    with new_database() as url:
        catalogue = synced_catalogue(url, data_dir / "contracts")
        options = replace(load_options(Settings(database_url=url, data_dir=data_dir)), catalogue=catalogue)
        found = options.folder.look_at(path)
        assert found is not None
        for each in options.folder.with_nested(found):
            assert load_file(url, each, options).is_loaded
        with serve(url, data_dir=data_dir) as api:
            yield api, url, options


@pytest.fixture
def api(site: tuple[Any, str, LoadOptions]) -> Any:
    return site[0]


@pytest.fixture
def lines(api: Any) -> dict[str, Any]:
    """The file of the lines, as the list of files has it."""
    (found,) = api.get("/api/ingestion/files", dataset="order_lines")["items"]
    assert found["path"] == LINES
    return dict(found)


def test_it_is_a_file_with_counts_of_its_own(api: Any, lines: dict[str, Any]) -> None:
    found = api.get(f"/api/ingestion/files/{lines['file_id']}")
    assert (found["path"], found["records"]["loaded"], found["records"]["rejected"]) == (LINES, 3, 1)
    assert [each["path"] for each in api.get("/api/ingestion/files", dataset="orders")["items"]] == ["orders/june.json"]


def test_rows_are_found_by_their_keys_and_say_where_they_came_from(api: Any, lines: dict[str, Any]) -> None:
    row = api.get(f"/api/order-lines/{quote('o/1', safe='')}/2", source=True)
    assert (row["quantity"], row["file_path"], row["file_id"]) == (2, LINES, lines["file_id"])
    assert len(api.get("/api/order-lines", file_id=lines["file_id"])["data"]) == 3


def test_rejects_are_listed_and_exported(api: Any, lines: dict[str, Any]) -> None:
    (reject,) = api.get("/api/ingestion/rejects", file_id=lines["file_id"])["items"]
    assert (reject["path"], reject["field"]) == (LINES, "quantity")
    response = api.client.get(f"/api/ingestion/files/{lines['file_id']}/rejects.ndjson")
    assert response.status_code == 200, response.text
    assert LINES in response.text


def test_it_is_unloaded_by_a_request_and_can_be_requested_again(
    site: tuple[Any, str, LoadOptions], lines: dict[str, Any]
) -> None:
    api, url, options = site
    address = f"/api/ingestion/files/{lines['file_id']}"
    assert api.client.post(f"{address}/unload").status_code == 202

    assert serve_unload_requests(url, options) == 1

    found = api.get(address)
    assert (found["state"], found["latest_request"]["error"]) == ("unloaded", None)
    assert found["latest_request"]["outcome"] == "3 rows and 1 rejects are removed."
    assert api.get("/api/order-lines")["data"] == []
    assert len(api.get("/api/orders")["data"]) == 2
    assert api.client.post(f"{address}/retry").status_code == 202
