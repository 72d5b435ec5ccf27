"""JSON with objects in its records: proposed, accepted as a contract, and loaded with every value in its place."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.inference.propose import propose
from tests.database.conftest import FolderUnderTest
from tests.database.records import as_array, as_lines
from tests.database.test_extras import with_contract


def as_document(records: list[dict[str, Any]]) -> bytes:
    """An API's answer, with another array before that of the records."""
    return json.dumps({"links": [{"rel": "next"}], "data": {"items": records}, "total": len(records)}).encode()


def records(count: int) -> list[dict[str, Any]]:
    return [
        {
            "order_id": f"o{number}",
            "Weight (kg)": number + 0.25,
            "customer": {"city": ["Rome", "Bonn"][number % 2], "vip": number % 3 == 0, "tags": ["a", number]},
            "shipTo": None if number % 5 == 0 else {"zip": f"0{number:04}"},
        }
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("suffix", "write"),
    [
        ("json", as_array),
        ("ndjson", as_lines),
        ("json", as_document),
        ("ndjson.gz", as_lines),
        ("json.gz", as_document),
    ],
)
def test_nested_json_loads_by_its_proposal(
    suffix: str,
    write: Callable[[list[dict[str, Any]]], bytes],
    raw_folder: FolderUnderTest,
    raw_dir: Path,
    connection: Connection,
    tmp_path: Path,
) -> None:
    data = write(records(40))
    data = gzip.compress(data) if suffix.endswith("gz") else data
    path = tmp_path / f"orders.{suffix}"
    path.write_bytes(data)
    proposal = propose(path, "orders")
    contract = proposal.contract()
    if write is as_document:
        contract["dialect"] = {"property": "data.items"}
    else:
        assert (proposal.questions, proposal.obstacles()) == ((), [])
    fields = {each["name"]: each.get("aliases") for each in contract["schema"]["fields"]}
    assert fields["customer_city"] == ["customer.city"]

    orders = with_contract(raw_folder, raw_dir, yaml.safe_dump(contract))
    later = [
        *records(41)[40:],
        {"order_id": "o99", "customer": {"city": "Oslo", "age": 7}},
        {"order_id": "o98", "customer": 1},
    ]
    report = orders.drop_and_load(f"orders.{suffix}", data)
    other = orders.drop_and_load("orders-2.ndjson", as_lines(later))

    assert (report.file.records_loaded, report.file.records_rejected, report.file.unknown_fields) == (40, 0, [])
    assert (other.file.records_loaded, other.file.records_rejected) == (2, 1)
    rows = connection.execute(
        "SELECT order_id, weight_kg, customer_city, customer_vip, customer_tags, ship_to_zip, extras FROM raw.orders"
    ).fetchall()
    found = {row[0]: row[1:] for row in rows}
    assert found["o99"][1:] == ("Oslo", None, None, None, {"customer.age": 7})
    for record in records(41):
        weight, city, vip, tags, code, extras = found[record["order_id"]]
        ship_to = record["shipTo"] or {}
        assert (float(weight), city, vip, tags, code, extras) == (
            record["Weight (kg)"],
            record["customer"]["city"],
            record["customer"]["vip"],
            record["customer"]["tags"],
            ship_to.get("zip"),
            None,
        )


def test_a_document_without_the_array_of_the_contract_fails_with_a_sentence(
    raw_folder: FolderUnderTest, raw_dir: Path, tmp_path: Path
) -> None:
    path = tmp_path / "orders.json"
    path.write_bytes(as_array(records(40)))
    contract = propose(path, "orders").contract() | {"dialect": {"property": "data.items"}}
    orders = with_contract(raw_folder, raw_dir, yaml.safe_dump(contract))

    report = orders.drop_and_load("orders.json", json.dumps({"rows": records(3)}).encode())
    at_top = orders.drop_and_load("orders-2.json", as_array(records(3)))

    assert "no array under data.items" in str(report.file.error)
    assert at_top.file.records_loaded == 3
