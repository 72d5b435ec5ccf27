"""A further dataset is one contract file: Dagster has its asset, partitions, job, pool and checks, and loads its files.

Loading itself and the commands are tested in `tests/database/test_fourth_dataset.py`.
"""

import dagster as dg
import pytest

from logistics_pipeline.database.connections import connect
from logistics_pipeline.orchestration.definitions import build_definitions
from logistics_pipeline.orchestration.runtime.instance import prepare
from tests.contract_texts import synced_catalogue
from tests.drivers import add_contract, driver
from tests.orchestration.conftest import System, shipment, vehicle_log

DRIVERS = dg.AssetKey(["raw", "drivers"])


@pytest.fixture
def with_drivers(system: System) -> System:
    """The system after a contract was added and the commands that a user runs then."""
    add_contract(system.settings.data_dir)
    assert system.settings.database_url is not None
    synced_catalogue(system.settings.database_url, system.settings.contracts_dir)
    return system


def test_dagster_shows_it_with_columns_partitions_checks_job_and_pool(with_drivers: System) -> None:
    definitions = build_definitions(with_drivers.settings)
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    node = graph.get(DRIVERS)

    columns = {column.name: column for column in node.metadata["dagster/column_schema"].columns}
    assert list(columns) == ["driver_id", "hired_on", "licence_points", "file_id", "record_no"]
    assert columns["driver_id"].constraints.unique
    assert columns["licence_points"].constraints.other == [">= 0"]
    assert node.partitions_def == dg.DynamicPartitionsDefinition(name="drivers_files")
    assert {key.name for key in graph.asset_check_keys if key.asset_key == DRIVERS} == {
        *(
            "few_rejects",
            "rows_present",
            "balance_per_file",
            "no_failed_files",
            "schema_drift",
            "null_share",
            "good_quality",
        )
    }
    assert definitions.resolve_job_def("load_drivers").asset_layer.executable_asset_keys == {DRIVERS}
    prepare(with_drivers.instance, with_drivers.settings)
    assert "load_drivers" in with_drivers.instance.event_log_storage.get_concurrency_keys()


@pytest.mark.slow
def test_the_sensor_has_its_files_loaded_and_the_checks_look_at_them(with_drivers: System) -> None:
    with_drivers.drop("drivers/june.json", [driver(1), driver(2, licence_points=-1), driver(3, nickname="Ace")])
    with_drivers.drop("drivers/broken.json", "[{")
    with_drivers.drop("vehicle_logs.json", [vehicle_log(1)])
    with_drivers.drop("shipments.json", [shipment(1, cost=1)])

    with_drivers.settle()

    assert with_drivers.status("drivers") == {"drivers/june.json": "MATERIALIZED", "drivers/broken.json": "FAILED"}
    (record,) = with_drivers.materialisations("drivers", "drivers/june.json")
    assert record.asset_materialization is not None
    metadata = record.asset_materialization.metadata
    assert (metadata["records_loaded"].value, metadata["records_rejected"].value) == (2, 1)
    assert "licence_points must be at least 0" in str(metadata["rejects"].value)
    assert metadata["quality_definition"].value == "q1"
    assert metadata["quality_plausibility"].value == pytest.approx(2 / 3, abs=1e-6)
    assert metadata["quality_consistency"].value == 0, "the file has a field that the contract does not know"
    dimensions = [value.value for name, value in metadata.items() if name.startswith("quality_") and "def" not in name]
    assert metadata["quality"].value == pytest.approx(sum(dimensions) / len(dimensions), abs=1e-6)
    assert with_drivers.settings.database_url is not None
    with connect(with_drivers.settings.database_url) as connection:
        assert connection.execute("SELECT driver_id FROM raw.drivers ORDER BY 1").fetchall() == [("d1",), ("d3",)]

    (request,) = with_drivers.refresh_tick()
    refreshed = with_drivers.run(request, job="refresh_analytics_job")

    assert refreshed.success
    found = {
        evaluation.check_name: evaluation
        for evaluation in refreshed.get_asset_check_evaluations()
        if evaluation.asset_key == DRIVERS
    }
    assert {name for name, evaluation in found.items() if not evaluation.passed} == {
        *("no_failed_files", "few_rejects")
    }
    assert found["balance_per_file"].metadata["records_read"].value == 3
    assert with_drivers.refresh_tick() == [], "files of a dataset without figures wait for no further refresh"


def test_a_file_that_was_there_before_its_contract_is_loaded_once_that_is_there(system: System) -> None:
    system.drop("drivers.json", [driver(1)])
    system.settle()
    assert system.ledger()["drivers.json"].state == "unrecognised"

    add_contract(system.settings.data_dir)
    assert system.settings.database_url is not None
    synced_catalogue(system.settings.database_url, system.settings.contracts_dir)
    system.settle()

    assert system.status("drivers") == {"drivers.json": "MATERIALIZED"}
    assert system.ledger()["drivers.json"].state == "loaded"
