"""Datasets whose records are within those of another one: their files are partitions of their own."""

import pytest

from logistics_core.settings import Settings
from logistics_pipeline.database.connections import connect
from logistics_pipeline.loading.options import load_options
from logistics_pipeline.loading.unload import unload_file
from logistics_pipeline.orchestration.retry_requests import Outcome, request_retries
from tests.contract_texts import ORDER_LINES, ORDERS, synced_catalogue
from tests.orchestration.conftest import System

LINES = "orders/june.json%#order_lines"


def add_contracts(settings: Settings, *texts: str) -> None:
    settings.contracts_dir.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts):
        (settings.contracts_dir / f"{number}-{len(text)}.yaml").write_text(text)
    assert settings.database_url is not None
    synced_catalogue(settings.database_url, settings.contracts_dir)


def order(number: int, *quantities: object) -> dict[str, object]:
    return {"order_id": f"o{number}", "lines": [{"quantity": each} for each in quantities]}


def sums(system: System) -> list[tuple[object, ...]]:
    assert system.settings.database_url is not None
    with connect(system.settings.database_url) as connection:
        return connection.execute(
            "SELECT order_id, sum(quantity)::int FROM raw.order_lines GROUP BY 1 ORDER BY 1"
        ).fetchall()


def test_the_sensor_has_both_loaded_and_sees_a_new_version_of_both(system: System) -> None:
    add_contracts(system.settings, ORDERS, ORDER_LINES)
    system.drop("orders/june.json", [order(1, 1, 2), order(2, 4, "x")])
    system.drop("orders/broken.json", "[{")
    system.settle()

    assert system.status("orders") == {"orders/june.json": "MATERIALIZED", "orders/broken.json": "FAILED"}
    assert system.status("order_lines") == {LINES: "MATERIALIZED", "orders/broken.json%#order_lines": "FAILED"}
    (record,) = system.materialisations("order_lines", LINES)
    assert record.asset_materialization is not None
    metadata = record.asset_materialization.metadata
    assert (metadata["records_loaded"].value, metadata["records_rejected"].value) == (3, 1)
    assert sums(system) == [("o1", 3), ("o2", 4)]

    system.drop("orders/june.json", [order(1, 7, 2), order(2, 4), order(3, 8)])
    system.settle()
    assert {path: file.version for path, file in system.ledger().items() if "june" in path} == {
        "orders/june.json": 2,
        LINES: 2,
    }
    assert sums(system) == [("o1", 9), ("o2", 4), ("o3", 8)]


def test_files_that_are_loaded_are_loaded_for_a_dataset_that_comes_later(system: System) -> None:
    add_contracts(system.settings, ORDERS)
    system.drop("orders/june.json", [order(1, 1, 2)])
    system.settle()
    add_contracts(system.settings, ORDER_LINES)
    system.settle()

    assert system.status("order_lines") == {LINES: "MATERIALIZED"}
    assert sums(system) == [("o1", 3)]


@pytest.mark.slow
def test_it_is_unloaded_and_requested_again_by_itself_and_leaves_when_the_file_does(system: System) -> None:
    add_contracts(system.settings, ORDERS, ORDER_LINES)
    path = system.drop("orders/june.json", [order(1, 1, 2), order(2, "x", "y", "z")])
    system.settle()
    assert system.ledger()[LINES].state == "failed", "more than half is rejected"
    assert system.settings.database_url is not None
    options = load_options(
        system.settings, synced_catalogue(system.settings.database_url, system.settings.contracts_dir)
    )

    unload_file(system.settings.database_url, LINES, options)
    system.settle()
    assert (system.ledger()[LINES].state, sums(system)) == ("unloaded", [])
    with connect(system.settings.database_url) as connection:
        (done,) = request_retries(connection, [LINES], system.settings)
        assert done.outcome is Outcome.REQUESTED
    system.settle()
    assert (system.ledger()[LINES].state, sums(system)) == ("failed", [("o1", 3)])
    assert system.ledger()["orders/june.json"].records_loaded == 2

    path.unlink()
    system.tick()
    assert system.ledger()[LINES].dismissed_at is not None
    with connect(system.settings.database_url) as connection:
        (missing,) = request_retries(connection, [LINES], system.settings)
        assert missing.outcome is Outcome.MISSING
