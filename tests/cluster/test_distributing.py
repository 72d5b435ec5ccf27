"""Tables are distributed with the rows that they have, once, and their keys stay unique over all nodes."""

from collections.abc import Iterator

import psycopg
import pytest

from logistics_core.catalogue import built_in_catalogue
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.migrations import migrate
from logistics_pipeline.migrations.distribution import distribute
from logistics_pipeline.migrations.history_tables import keep_history
from tests.cluster.nodes import OURS, Cluster
from tests.database.conftest import FolderUnderTest
from tests.database.records import log, shipment, vehicle
from tests.database.test_refreshing import actual_tables, expected_tables

pytestmark = pytest.mark.slow


@pytest.fixture
def undistributed(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a migrated database on the coordinator whose tables are not distributed yet."""
    name = f"test_undistributed_{OURS}"
    cluster.create(name)
    request.addfinalizer(lambda: cluster.drop(name))
    migrate(cluster.url(name))
    yield cluster.url(name)


def test_a_database_with_rows_is_distributed_and_goes_on_as_before(
    undistributed: str, raw_folder: FolderUnderTest
) -> None:
    folder = FolderUnderTest(undistributed, raw_folder.options)
    folder.drop_and_load("vehicles.json", [vehicle(number) for number in range(3)])
    folder.drop_and_load("vehicle_logs.json", [log(number) for number in range(40)])
    folder.drop_and_load("shipments.json", [shipment(number) for number in range(60)])
    with connect(undistributed) as connection:
        refresh(undistributed)
        before = actual_tables(connection)

        placed = {each.dataset: each for each in distribute(undistributed)}

        assert {name: each.column for name, each in placed.items()} == {
            "vehicles": None,
            "vehicle_logs": "log_id",
            "shipments": "log_id",
        }
        assert placed["shipments"].is_new
        assert _counts(connection) == {"raw.vehicle_logs": 40, "raw.shipments": 60, "keys.shipments": 60}
        assert _shards_with_rows(connection) > 1
        again = distribute(undistributed)
        assert not any(each.is_new for each in again)
        migrate(undistributed)
        folder.drop_and_load("shipments/2.json", [shipment(number, log_id=f"l{number}") for number in range(30)])
        refresh(undistributed)
        assert actual_tables(connection) == expected_tables(connection) != before
        assert _counts(connection) == {"raw.vehicle_logs": 40, "raw.shipments": 60, "keys.shipments": 60}


def test_a_database_without_citus_or_without_nodes_is_refused_with_a_sentence(cluster: Cluster) -> None:
    name = f"test_without_nodes_{OURS}"
    cluster.drop(name)
    try:
        migrate(cluster.url(name))
        with pytest.raises(ConfigurationError, match="does not have the extension Citus"):
            distribute(cluster.url(name))
        with psycopg.connect(cluster.url(name), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION citus")
        with pytest.raises(ConfigurationError, match="knows no other node"):
            distribute(cluster.url(name))
    finally:
        cluster.drop(name)


def test_a_table_that_citus_cannot_distribute_is_named_and_nothing_of_it_has_changed(undistributed: str) -> None:
    with connect(undistributed) as connection:
        connection.execute("CREATE UNIQUE INDEX one_origin ON raw.shipments (origin, destination)")

        with pytest.raises(ConfigurationError, match=r"raw\.shipments cannot be distributed by log_id: .*UNIQUE"):
            distribute(undistributed)

        connection.execute("DROP INDEX raw.one_origin")
        assert [each.is_new for each in distribute(undistributed)] == [False, False, True]


def test_superseded_records_are_not_kept_of_distributed_rows(connection: Connection) -> None:
    with pytest.raises(ConfigurationError, match="distributed over the nodes of a cluster"):
        keep_history(connection, built_in_catalogue()["shipments"])


def test_a_shipment_that_moves_to_another_log_is_there_once(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(number) for number in range(40)])
    raw_folder.drop_and_load("shipments/1.json", [shipment(number, log_id="l1") for number in range(20)])
    for turn in range(2, 5):
        moved = [shipment(number, log_id=f"l{number + turn}") for number in range(20)]
        raw_folder.drop_and_load(f"shipments/{turn}.json", moved)

    rows = connection.execute("SELECT shipment_id, log_id FROM raw.shipments").fetchall()

    assert sorted(rows) == sorted((f"s{number}", f"l{number + 4}") for number in range(20))
    assert sorted(connection.execute("SELECT shipment_id, log_id FROM keys.shipments").fetchall()) == sorted(rows)


def _counts(connection: Connection) -> dict[str, int]:
    found = {}
    for table in ("raw.vehicle_logs", "raw.shipments", "keys.shipments"):
        (found[table],) = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() or (-1,)
    return found


def _shards_with_rows(connection: Connection) -> int:
    found = connection.execute(
        "SELECT result FROM run_command_on_shards('raw.shipments', 'SELECT count(*) FROM %s')"
    ).fetchall()
    return sum(int(result) > 0 for (result,) in found)
