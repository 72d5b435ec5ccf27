"""No value that PostgreSQL cannot store reaches it: the contract rejects it first, with the field and a reason."""

import json
import time
from typing import Any

import pytest

from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.options import CHUNK_BYTES, BatchLimits
from tests.database.conftest import FolderUnderTest, at_statement, raise_interrupted
from tests.database.records import LAYOUTS, shipment

WORDS = ["null", "12null", "1null2", "nullnull", "nul", "NaN", "Infinity", "1_000", "0x10", "1 2", "1.2.3", "."]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_word_where_a_number_belongs_is_rejected_by_the_contract(
    name: str, raw_folder: FolderUnderTest, connection: Connection
) -> None:
    records: list[dict[str, Any]] = [shipment(number) for number in range(100)]
    for number, word in enumerate(WORDS):
        records[number * 3]["cost"] = word

    report = raw_folder.drop_and_load(name, LAYOUTS[name](records))

    assert (report.file.records_loaded, report.file.records_rejected) == (100 - len(WORDS), len(WORDS))
    rejects = list(ledger.rejects(connection))
    assert [(reject.field, reject.reason) for reject in rejects] == [
        ("cost", f'cost must be a number, found the text "{word}"') for word in WORDS
    ]


def test_a_column_of_nothing_but_the_word_null_is_rejected_by_the_contract(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    good = [shipment(number) for number in range(20)]
    lines = [json.dumps(shipment(number, cost="null")) for number in range(20, 40)]
    content = "\n".join([*map(json.dumps, good), *lines, ""]).encode()

    report = raw_folder.drop_and_load("shipments.ndjson", content)

    assert (report.file.records_loaded, report.file.records_rejected) == (20, 20)
    assert {reject.field for reject in ledger.rejects(connection)} == {"cost"}


REFUSALS = {
    "check": "ALTER TABLE raw.shipments ADD CONSTRAINT cheap CHECK (cost <> 13)",
    "trigger": "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN IF NEW.cost = 13 THEN RAISE 'not this one'; END IF; RETURN NEW; END $$; "
    "CREATE TRIGGER refuse BEFORE INSERT ON raw.shipments FOR EACH ROW EXECUTE FUNCTION refuse()",
    "type": "ALTER TABLE raw.shipments ALTER cost TYPE numeric(2, 1)",
    "not null": "ALTER TABLE raw.shipments ALTER cost SET NOT NULL",
}
REASONS = {
    "check": ("cost", 'PostgreSQL refused it: new row for relation "shipments" violates check constraint "cheap"'),
    "trigger": (None, "PostgreSQL refused it: not this one"),
    "type": ("cost", "cost cannot be stored in its column, which is of type numeric(2,1): numeric field overflow"),
    "not null": (
        "cost",
        'PostgreSQL refused it: null value in column "cost" of relation "shipments" violates not-null constraint',
    ),
}


@pytest.mark.parametrize("name", ["shipments.csv", "shipments.ndjson"])
@pytest.mark.parametrize("kind", REFUSALS)
def test_many_rows_that_postgresql_refuses_cost_little_each(
    kind: str, name: str, raw_folder: FolderUnderTest, connection: Connection
) -> None:
    connection.execute(REFUSALS[kind])
    refused = None if kind == "not null" else 13
    content = LAYOUTS[name]([shipment(number, cost=refused if number % 4 == 0 else 1) for number in range(1600)])

    since = time.perf_counter()
    with at_statement(-1, raise_interrupted) as statements:  # before none of them: they are only counted
        report = raw_folder.drop_and_load(name, content, batch=BatchLimits(100_000, 16 << 20), chunk_bytes=CHUNK_BYTES)
    seconds = time.perf_counter() - since

    assert (report.file.records_loaded, report.file.records_rejected) == (1200, 400)
    rejects = list(ledger.rejects(connection))
    assert [reject.record_no for reject in rejects] == list(range(1, 1601, 4))
    assert {(reject.field, reject.reason) for reject in rejects} == {REASONS[kind]}
    assert all(content[reject.byte_offset or 0 :].startswith(reject.raw) for reject in rejects)
    assert len(statements) < 60, "a refused row costs a round trip or more"
    assert seconds < 20, "PostgreSQL spends long on each of them"  # idle, less than 2 s for all


def test_what_is_stored_beside_a_refused_row_is_what_was_delivered(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    connection.execute("ALTER TABLE raw.shipments ADD CONSTRAINT cheap CHECK (cost <> 13)")
    odd = 'tab\there, back\\slash, \\N, new\nline, return\r, quote", ümläut 北京 \u2028 \x7f \b \f \v.'
    long = "0.10000000000000000000000000000000000000000000001"
    records = [shipment(1, cost=13), shipment(2, origin=odd, cost=long), shipment(3, cost=None)]

    raw_folder.drop_and_load("shipments.json", records)

    stored = connection.execute("SELECT origin, cost::text FROM raw.shipments ORDER BY 1 DESC").fetchall()
    assert stored == [(odd, long), ("origin 1", None)]


def test_a_refused_row_does_not_supersede_the_row_before_it(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    connection.execute("ALTER TABLE raw.shipments ADD CONSTRAINT cheap CHECK (cost <> 13)")
    raw_folder.drop_and_load("shipments-1.json", [shipment(number, cost=1) for number in range(500)])
    records = [shipment(number % 500, cost=13 if number % 3 == 0 else 2) for number in range(1000)]

    report = raw_folder.drop_and_load("shipments-2.json", records, batch=BatchLimits(600, 16 << 20))

    assert (report.file.records_loaded, report.file.records_superseded) == (500, 166)
    assert report.file.records_rejected == 334
    assert connection.execute("SELECT cost::int, count(*) FROM raw.shipments GROUP BY 1").fetchall() == [(2, 500)]
