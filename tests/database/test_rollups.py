"""Pre-aggregates: after any loads, corrections and unloads they are what a full recompute would make of them."""

from logistics_core.catalogue.stored_contracts import stored_catalogue
from logistics_core.database_contract.contracts import CONTRACTS_IN_FORCE
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.analytics.rollup_check import rollup_differences
from logistics_pipeline.database.connections import Connection
from tests.database.conftest import FolderUnderTest
from tests.database.records import log, shipment, vehicle


def differences(connection: Connection) -> list[object]:
    catalogue = stored_catalogue(connection.execute(CONTRACTS_IN_FORCE).fetchall())
    return [each for dataset in catalogue.values() for each in rollup_differences(connection, dataset)]


def test_built_in_datasets_have_rollups(raw_folder: FolderUnderTest, connection: Connection) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(n) for n in range(3)])
    raw_folder.drop_and_load("vehicle_logs.json", [log(n) for n in range(30)])
    raw_folder.drop_and_load("shipments.json", [shipment(n) for n in range(40)])
    refresh(raw_folder.url)
    print(connection.execute("SELECT * FROM analytics.rollups").fetchall())
    print(connection.execute("SELECT * FROM analytics.rollup_datasets").fetchall())
    assert not differences(connection)
    connection.execute(
        'UPDATE rollups.shipments_1 SET "rows()" = 7 WHERE ctid = (SELECT min(ctid) FROM rollups.shipments_1)'
    )
    assert differences(connection)
