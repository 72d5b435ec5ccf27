"""Values of columns that a contract does not know are kept, whatever the format of the file and the way of writing."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from logistics_core.catalogue import load_catalogue
from logistics_core.profiles import ValueKind
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.unload import unload_file
from logistics_pipeline.migrations import migrate
from tests.database.conftest import FolderUnderTest
from tests.database.records import as_array, as_csv, as_lines

CONTRACT = """
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: orders
path: orders.csv
title: Orders
singular: order
description: One record per order.
schema:
  primaryKey: [order_id]
  fields:
    - {name: order_id, title: Order, type: string, role: identifier, description: Identifies the order,
       constraints: {required: true}}
    - {name: weight, title: Weight, type: number, unit: kg, role: measure, description: Weight}
"""

FORMATS = [("json", as_array), ("ndjson", as_lines), ("csv", as_csv)]
Write = Callable[[list[dict[str, Any]]], bytes]


@pytest.fixture
def orders(raw_folder: FolderUnderTest, raw_dir: Path) -> FolderUnderTest:
    """The raw folder of an installation with a dataset of its own."""
    return with_contract(raw_folder, raw_dir, CONTRACT)


def with_contract(folder: FolderUnderTest, raw_dir: Path, contract: str) -> FolderUnderTest:
    contracts = raw_dir.parent / "contracts"
    contracts.mkdir(exist_ok=True)
    (contracts / "orders.yaml").write_text(contract)
    catalogue = load_catalogue(contracts)
    migrate(folder.url, catalogue=catalogue)
    return replace(folder, options=replace(folder.options, catalogue=catalogue))


def extras(connection: Connection, table: str = "orders") -> dict[str, Any]:
    rows = connection.execute(sql.SQL("SELECT order_id, extras::text FROM {}").format(sql.Identifier("raw", table)))
    return {key: None if text is None else json.loads(text) for key, text in rows.fetchall()}


@pytest.mark.parametrize(("suffix", "write"), FORMATS)
def test_unknown_columns_are_kept_and_named(
    suffix: str, write: Write, orders: FolderUnderTest, connection: Connection
) -> None:
    records = [
        {"order_id": f"o{number}", "weight": number, "colour": "red" if number % 2 else None, "Line\\no": '\\ "ü\t'}
        for number in range(6)
    ]

    report = orders.drop_and_load(f"orders.{suffix}", write(records))

    assert (report.file.records_loaded, report.file.records_rejected) == (6, 0)
    assert report.file.unknown_fields == ["Line\\no", "colour"]
    kept = extras(connection)
    assert kept["o1"] == {"colour": "red", "Line\\no": '\\ "ü\t'}
    assert kept["o2"] == {"Line\\no": '\\ "ü\t'}


def test_json_values_keep_their_types_and_digits(orders: FolderUnderTest, connection: Connection) -> None:
    line = b'{"order_id":"o1","price":1.50,"big":12345678901234567890123,"tags":["a",{"b":2.10}],"ok":true,"no":null}\n'

    orders.drop_and_load("orders.ndjson", line * 2 + b'{"order_id":"o2","huge":1e400000,"nul":"a\\u0000b"}\n')

    row = connection.execute("SELECT extras::text FROM raw.orders WHERE order_id = 'o1'").fetchone()
    assert row is not None
    text = row[0]
    assert '"price": 1.50' in text
    assert '"big": 12345678901234567890123' in text
    assert '"tags": ["a", {"b": 2.10}]' in text
    assert extras(connection)["o2"] == {"huge": "1E+400000", "nul": "a\\0b"}
    notes = ledger.file_by_id(connection, 1).notes
    assert any("`huge`" in note and "texts" in note for note in notes)
    assert any("`nul`" in note and "escapes" in note for note in notes)


def test_two_unknown_columns_of_one_name_are_both_kept(orders: FolderUnderTest, connection: Connection) -> None:
    report = orders.drop_and_load("orders.csv", b"order_id,note,note,\no1,first,second,\n")

    assert extras(connection) == {"o1": {"note": "first", "note_2": "second"}}
    assert any("several columns `note`" in note for note in report.file.notes)


def test_data_as_names_of_fields_are_kept_too(orders: FolderUnderTest, connection: Connection) -> None:
    records = [{"order_id": f"o{number}", f"k{number}": number} for number in range(300)]

    orders.drop_and_load("orders.json", as_array(records))

    assert extras(connection) == {f"o{number}": {f"k{number}": number} for number in range(300)}


def test_they_survive_merging_isolating_and_replaying(orders: FolderUnderTest, connection: Connection) -> None:
    connection.execute("ALTER TABLE raw.orders ADD CONSTRAINT light CHECK (weight <> 3)")
    records = [{"order_id": f"o{number % 4}", "weight": number, "colour": f"c{number}"} for number in range(8)]

    report = orders.drop_and_load("orders.ndjson", as_lines(records))

    assert (report.file.records_rejected, report.file.records_loaded) == (1, 4)
    assert extras(connection) == {f"o{number}": {"colour": f"c{number + 4}"} for number in range(4)}


def test_a_contract_can_ignore_them(raw_folder: FolderUnderTest, raw_dir: Path, connection: Connection) -> None:
    orders = with_contract(raw_folder, raw_dir, CONTRACT + "extras: false\n")
    orders.drop_and_load("orders.csv", b"order_id,colour\no1,red\n")
    columns = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'raw' AND table_name = 'orders'"
    ).fetchall()
    assert ("extras",) not in columns

    with_contract(raw_folder, raw_dir, CONTRACT)  # changes its mind: the table gains the column

    assert extras(connection) == {"o1": None}


def test_a_file_has_a_profile_until_it_is_unloaded(orders: FolderUnderTest, connection: Connection) -> None:
    records = [{"order_id": f"o{number}", "weight": number % 10 or None} for number in range(1000)]

    file = orders.drop_and_load("orders.json", as_array(records)).file

    profile = ledger.file_profile(connection, file.file_id)
    assert set(profile) == {"order_id", "weight"}
    weight = profile["weight"]
    assert weight.kind is ValueKind.NUMBER
    assert 400 <= weight.records < 600
    assert 0.87 < weight.share_filled < 0.93
    assert (weight.distinct, weight.points[0], weight.median, weight.points[-1]) == (9, 1, 5, 9)
    assert profile["order_id"].distinct == profile["order_id"].records

    unload_file(orders.url, file.path, orders.options)

    assert ledger.file_profile(connection, file.file_id) == {}


def test_another_unit_is_said(orders: FolderUnderTest, connection: Connection) -> None:
    for name, factor in (("a", 1), ("b", 1), ("c", 1000)):
        records = [{"order_id": f"{name}{n}", "weight": (50 + n * 37 % 100) * factor} for n in range(100)]
        report = orders.drop_and_load(f"orders-{name}.json", as_array(records))
        assert report.is_loaded
        warning = report.file.warning
        assert (warning is None) == (factor == 1), warning
    assert warning is not None
    assert "weight: the median is" in warning
    assert "another unit" in warning
