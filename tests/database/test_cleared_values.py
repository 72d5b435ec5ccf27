"""Invalid values of optional fields: the record is rejected, or loaded without the value, which is kept."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from logistics_core.catalogue import ContractError, InvalidValues, load_catalogue
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.options import load_options
from logistics_pipeline.loading.rejects.replay import replay_stored
from logistics_pipeline.loading.unload import unload_file
from tests.database.conftest import FolderUnderTest
from tests.database.records import LAYOUTS, shipment
from tests.fourth_dataset import CONTRACT

PROSE = "Freight Included in Commodity Cost"


@pytest.fixture
def clearing(raw_folder: FolderUnderTest) -> dict[str, Any]:
    """Options under which invalid values are cleared."""
    return {"catalogue": raw_folder.options.catalogue.with_invalid_values(InvalidValues.NULL)}


def stored(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute("SELECT shipment_id, weight::text, cost::text FROM raw.shipments ORDER BY 1").fetchall()


def kept(connection: Connection) -> list[tuple[Any, ...]]:
    return [(v.record_no, v.field, v.reason, v.raw) for v in ledger.cleared_values(connection)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("reference_parser", [False, True])
def test_a_record_is_loaded_without_the_value_which_is_kept(
    layout: str,
    reference_parser: bool,
    raw_folder: FolderUnderTest,
    clearing: dict[str, Any],
    connection: Connection,
) -> None:
    records = [shipment(1), shipment(2, weight="-5", cost=PROSE), shipment(3, origin="", cost="ü")]
    content = LAYOUTS[layout](records)

    report = raw_folder.drop_and_load(layout, content, reference_parser=reference_parser, **clearing)

    file = report.file
    assert (file.records_read, file.records_loaded, file.records_rejected, file.values_cleared) == (3, 2, 1, 2)
    assert stored(connection) == [("s1", "2", "2.25"), ("s2", None, None)]
    assert kept(connection) == [
        (2, "cost", f'cost must be a number, found the text "{PROSE}"', PROSE.encode()),
        (2, "weight", "weight must be more than 0, found -5", b"-5"),
    ]
    (reject,) = ledger.rejects(connection)
    assert (reject.record_no, reject.field) == (3, "origin"), "a required field rejects the record, with all it has"


def test_values_that_are_no_text_are_kept_as_json(
    raw_folder: FolderUnderTest, clearing: dict[str, Any], connection: Connection
) -> None:
    records = [
        shipment(1, cost={"amount": 3}),
        shipment(2, weight=[1, "é"]),
        shipment(3, cost=True),
        shipment(4, cost=-1),
    ]

    raw_folder.drop_and_load("shipments.json", records, **clearing)

    assert [raw for *_, raw in kept(connection)] == [b'{"amount": 3}', '[1, "é"]'.encode(), b"true", b"-1"]


def test_without_the_policy_the_record_is_rejected(raw_folder: FolderUnderTest, connection: Connection) -> None:
    report = raw_folder.drop_and_load("shipments.json", [shipment(1), shipment(2, cost=PROSE)])

    assert (report.file.records_rejected, report.file.values_cleared) == (1, 0)
    assert kept(connection) == []


def test_rejects_from_before_the_policy_are_replayed_under_it(
    raw_folder: FolderUnderTest, clearing: dict[str, Any], connection: Connection
) -> None:
    raw_folder.drop_and_load("shipments.json", [shipment(1), shipment(2, cost=PROSE)])

    replay_stored(raw_folder.url, replace(raw_folder.options, **clearing), dataset="shipments")

    (file,) = ledger.files_in_order(connection)
    assert (file.records_loaded, file.records_rejected, file.values_cleared) == (2, 0, 1)
    assert [(number, raw) for number, _, _, raw in kept(connection)] == [(2, PROSE.encode())]


def test_an_unload_removes_them_and_the_next_load_counts_them_once(
    raw_folder: FolderUnderTest, clearing: dict[str, Any], connection: Connection
) -> None:
    found = raw_folder.drop("shipments.json", [shipment(1), shipment(2, cost=PROSE)])
    raw_folder.load(found, **clearing)

    unload_file(raw_folder.url, found.key, raw_folder.options)
    assert kept(connection) == []
    assert ledger.files_in_order(connection)[0].values_cleared == 0

    assert raw_folder.load(found, **clearing).file.values_cleared == 1
    assert len(kept(connection)) == 1


def test_a_field_of_a_contract_decides_for_itself(tmp_path: Path) -> None:
    folder = tmp_path / "contracts"
    folder.mkdir()
    points = "constraints: {required: true, minimum: 0}}"
    assert points in CONTRACT
    text = CONTRACT.replace("unit: km, role: measure", "unit: km, invalidValues: reject, role: measure")
    (folder / "drivers.yaml").write_text(text)
    settings = Settings(data_dir=tmp_path, invalid_optional_values=InvalidValues.NULL)

    fields = load_options(settings).catalogue["drivers"]

    assert fields.field("document").invalid_values is InvalidValues.REJECT
    assert fields.field("chosen").invalid_values is InvalidValues.NULL
    assert fields.field("number").invalid_values is None, "it is required"
    (folder / "drivers.yaml").write_text(text.replace(points, points[:-1] + ", invalidValues: null}"))
    with pytest.raises(ContractError, match="number is required"):
        load_options(settings)


@pytest.mark.parametrize("written", ["null", "'null'"])
def test_yaml_may_write_the_policy_with_or_without_quotes(written: str, tmp_path: Path) -> None:
    (tmp_path / "drivers.yaml").write_text(CONTRACT.replace("unit: km,", f"unit: km, invalidValues: {written},"))

    assert load_catalogue(tmp_path)["drivers"].field("document").invalid_values is InvalidValues.NULL
