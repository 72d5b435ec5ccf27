"""No value that PostgreSQL cannot store reaches it: the contract rejects it first, with the field and a reason."""

import json
from typing import Any

import pytest

from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from tests.database.conftest import FolderUnderTest
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
