"""Rows, filters, orders, exports and the documentation of fields of all types."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow.parquet as parquet
import pytest

from logistics_core.settings import Settings
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import load_options
from tests.contract_texts import synced_catalogue
from tests.many_types import FIELDS, PLAIN, add_contract

RECORDS = [
    PLAIN | {"reading_id": "R-1"},
    PLAIN | {
        "reading_id": "R-2", "pieces": "12345678901234567890", "is_open": "false", "seen_at": "2024-03-06 00:00",
        "moment": "2024-03-06T00:00:00Z", "starts": "24:00", "departs": "P1Y2M3DT4H5M6.5S", "built": "2001",
        "period": "2024-04", "details": '{"note": "=1+1, \\"x\\""}', "tags": "[]",
    },
    {"reading_id": "R-3", "moment": "2024-03-07T00:00:00.5Z", "departs": "-00:30:00"},
]  # fmt: skip

ROW_1: dict[str, Any] = {
    "reading_id": "R-1", "pieces": 12, "grouped": 1234567, "amount": Decimal("12.50"), "is_open": True,
    "is_paid": False, "day": "2024-03-05", "iso_day": "2024-03-05", "us_day": "2024-03-05",
    "number_day": "2024-03-05", "seen_at": "2024-03-05T14:30:15", "moment": "2024-03-05T12:30:00.25+00:00",
    "clocked": "2024-03-05T14:30:00", "starts": "08:15:00", "ends": "09:15:00", "departs": "PT25H10M",
    "lap": "PT1H30M30S", "built": 1998, "period": "2024-03", "month": "2024-03",
    "details": {"a": [1, Decimal("2.50"), "x\ty"], "b": None}, "tags": ["x", 1],
}  # fmt: skip


@pytest.fixture(scope="module")
def site(new_database: Callable[[], AbstractContextManager[str]], serve: Any, tmp_path_factory: Any) -> Iterator[Any]:
    """An API over a database that a file of the dataset was loaded into."""
    data_dir = tmp_path_factory.mktemp("data")
    add_contract(data_dir)
    with new_database() as url:
        synced_catalogue(url, data_dir / "contracts")
        path = data_dir / "raw" / "readings.csv"
        path.parent.mkdir(parents=True)
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(PLAIN))
            writer.writeheader()
            writer.writerows(RECORDS)
        options = load_options(Settings(database_url=url, data_dir=data_dir))
        found = options.folder.look_at(path)
        assert found is not None
        assert load_file(url, found, options).file.records_loaded == len(RECORDS)
        with serve(url, data_dir=data_dir) as api:
            yield api


def row(api: Any, key: str) -> Any:
    return json.loads(api.client.get(f"/api/readings/{key}").text, parse_float=Decimal)


def test_values_are_those_of_json(site: Any) -> None:
    assert row(site, "R-1") == ROW_1
    second = row(site, "R-2")
    assert (second["pieces"], second["starts"], second["departs"]) == (
        12345678901234567890,
        "24:00:00",
        "P14M3DT4H5M6.5S",
    )
    assert second["details"] == {"note": '=1+1, "x"'}
    third = row(site, "R-3")
    assert (third["departs"], third["is_open"], third["tags"]) == ("PT-30M", None, None)


FILTERS = {
    "pieces=12": {"R-1"}, "pieces_from=13": {"R-2"}, "pieces_to=12": {"R-1"},
    "is_open=true": {"R-1"}, "is_open=false": {"R-2"},
    "seen_at=2024-03-06T00:00": {"R-2"}, "seen_at_to=2024-03-05T14:30:15": {"R-1"},
    "moment_from=2024-03-06T01:00:00%2B01:00": {"R-2", "R-3"}, "moment_to=2024-03-05T12:30:00.25Z": {"R-1"},
    "starts_from=24:00": {"R-2"}, "starts=08:15": {"R-1"},
    "departs_to=PT25H10M": {"R-1", "R-3"}, "departs=25:10:00": {"R-1"}, "departs_from=P1Y": {"R-2"},
    "built=1998": {"R-1"}, "built_from=1999": {"R-2"}, "period_to=2024-03": {"R-1"}, "month=2024-03": {"R-1", "R-2"},
    "is_paid=false&built_from=1990": {"R-1", "R-2"},
}  # fmt: skip


@pytest.mark.parametrize("query", FILTERS)
def test_every_type_has_its_filters(site: Any, query: str) -> None:
    rows = site.client.get(f"/api/readings?{query}").json()["data"]
    assert {each["reading_id"] for each in rows} == FILTERS[query]
    lines = site.client.get(f"/api/exports/readings.ndjson?{query}&trailer=false").text.splitlines()
    assert {json.loads(line)["reading_id"] for line in lines} == FILTERS[query]


@pytest.mark.parametrize(
    "query",
    [
        "pieces=1.5", "is_open=yes", "is_open_from=true", "seen_at=2024-03-05", "seen_at=2024-03-05T10:00Z",
        "moment=2024-03-05T10:00", "moment=2024-02-30T10:00Z", "starts=25:00", "departs=12:30", "departs=P", "built=0",
        "built=12345", "period=2024-13", "details=%7B%7D", "tags_prefix=x", "departs=P99999999999Y",
    ],
)  # fmt: skip
def test_what_a_filter_does_not_take_is_refused(site: Any, query: str) -> None:
    assert site.client.get(f"/api/readings?{query}").status_code == 422


@pytest.mark.parametrize("sort", ["moment", "-moment", "pieces", "-pieces", "seen_at", "-seen_at", "reading_id"])
def test_pages_are_sorted_by_indexed_columns_numbers_and_dates(site: Any, sort: str) -> None:
    found, cursor = [], ""
    while True:
        page = site.client.get(f"/api/readings?sort={sort}&limit=1{cursor}").json()
        found += [each["reading_id"] for each in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == (
        ["R-3", "R-2", "R-1"]
        if sort == "-moment"
        else ["R-2", "R-1", "R-3"]
        if sort in ("-pieces", "-seen_at")
        else ["R-1", "R-2", "R-3"]
    )


def test_exports_have_all_types(site: Any) -> None:
    lines = site.client.get("/api/exports/readings.ndjson?trailer=false").text.splitlines()
    assert json.loads(lines[0], parse_float=Decimal) == ROW_1
    rows = list(csv.DictReader(io.StringIO(site.client.get("/api/exports/readings.csv?trailer=false").text)))
    first, second = rows[:2]
    assert (first["is_open"], first["moment"], first["departs"]) == ("true", "2024-03-05T12:30:00.25+00:00", "PT25H10M")
    assert json.loads(second["details"]) == {"note": '=1+1, "x"'}
    assert (second["starts"], second["pieces"], rows[2]["tags"]) == ("24:00:00", "12345678901234567890", "")

    table = parquet.read_table(io.BytesIO(site.client.get("/api/exports/readings.parquet").content))
    types = {field.name: str(field.type) for field in table.schema}
    assert {name: types[name] for name in ("pieces", "is_open", "seen_at", "moment", "built", "departs", "tags")} == {
        "pieces": "decimal128(38, 0)", "is_open": "bool", "seen_at": "timestamp[us]",
        "moment": "timestamp[us, tz=UTC]", "built": "int32", "departs": "string", "tags": "string",
    }  # fmt: skip
    first = table.to_pylist()[0]
    assert (first["pieces"], first["is_open"], first["built"]) == (12, True, 1998)
    assert first["seen_at"] == datetime(2024, 3, 5, 14, 30, 15, tzinfo=UTC).replace(tzinfo=None)
    assert (first["day"], first["moment"]) == (date(2024, 3, 5), datetime(2024, 3, 5, 12, 30, 0, 250_000, tzinfo=UTC))


def test_the_documentation_has_all_types(site: Any) -> None:
    document = site.get("/openapi.json")
    properties = document["components"]["schemas"]["Reading"]["properties"]
    types = {name: each.get("type") or [one["type"] for one in each["anyOf"]] for name, each in properties.items()}
    assert (types["pieces"], types["is_open"]) == (["integer", "null"], ["boolean", "null"])
    assert (types["details"], types["tags"], types["moment"]) == (
        ["object", "array", "null"],
        ["array", "null"],
        "string",
    )
    fields = {each["name"]: each["type"] for each in site.get("/api/datasets")["datasets"][-1]["fields"]}
    assert fields == {name: keys["type"] for name, keys in FIELDS.items()}
