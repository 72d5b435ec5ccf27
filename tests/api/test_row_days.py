"""Rows that take their day from a record with a timestamp."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest

from logistics_core.settings import Settings
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import load_options
from tests.contract_texts import synced_catalogue
from tests.dated import PARCELS, add_contracts, scans


@pytest.fixture(scope="module")
def site(new_database: Callable[[], AbstractContextManager[str]], serve: Any, tmp_path_factory: Any) -> Iterator[Any]:
    """An API over a database with parcels and the scans that date them."""
    data_dir = tmp_path_factory.mktemp("data")
    add_contracts(data_dir, scans(time_zone="Asia/Tokyo"), PARCELS)
    with new_database() as url:
        catalogue = synced_catalogue(url, data_dir / "contracts")
        options = replace(load_options(Settings(database_url=url, data_dir=data_dir)), catalogue=catalogue)
        texts = {
            "scans.csv": "scan_id,scanned_at,weight\nS1,2024-03-05T14:00Z,1\nS2,2024-03-05T15:30Z,2\n",
            "parcels.csv": "parcel_id,scan_id\nP1,S1\nP2,S2\nP3,S9\n",
        }
        for name, text in texts.items():
            path = data_dir / "raw" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            found = options.folder.look_at(path)
            assert found is not None
            assert load_file(url, found, options).is_loaded
        with serve(url, data_dir=data_dir) as api:
            yield api


def test_the_day_is_that_of_the_time_zone_of_the_contract(site: Any) -> None:
    rows = site.get("/api/parcels")["data"]

    assert {row["parcel_id"]: row["day"] for row in rows} == {"P1": "2024-03-05", "P2": "2024-03-06", "P3": None}


@pytest.mark.parametrize(("query", "expected"), [({}, ["P1", "P2", "P3"]), ({"fields": "parcel_id,day"}, None)])
def test_rows_are_sorted_by_the_day(site: Any, query: dict[str, Any], expected: list[str] | None) -> None:
    rows = site.get("/api/parcels", sort="day", **query)["data"]

    assert [row["parcel_id"] for row in rows] == (expected or ["P1", "P2", "P3"])
    assert [row["day"] for row in rows] == ["2024-03-05", "2024-03-06", None]


def test_pages_continue_after_a_day(site: Any) -> None:
    first = site.get("/api/parcels", sort="-day", limit=1)
    second = site.get("/api/parcels", sort="-day", limit=1, cursor=first["next_cursor"])

    assert [page["data"][0]["parcel_id"] for page in (first, second)] == ["P2", "P1"]


def test_the_description_says_what_dates_a_record(site: Any) -> None:
    found = {each["name"]: each for each in site.get("/api/datasets")["datasets"]}

    assert found["scans"]["date"] == "scanned_at"
    (day,) = (field for field in found["parcels"]["added_fields"] if field["name"] == "day")
    assert day["type"] == "date"
