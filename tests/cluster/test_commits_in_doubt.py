"""What the coordinator has committed counts, though a node was away and has not heard of it yet."""

from collections.abc import Callable

import psycopg
import pytest

from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection, with_database
from logistics_pipeline.errors import TransientError
from logistics_pipeline.loading.unload import unload_file
from tests.cluster.nodes import Cluster
from tests.database.conftest import FolderUnderTest
from tests.database.records import log, shipment
from tests.database.test_refreshing import actual_tables, expected_tables

pytestmark = pytest.mark.slow

SHARDS = """
    SELECT shard_name, nodename, nodeport, groupid
    FROM citus_shards JOIN pg_dist_node USING (nodename, nodeport)
    WHERE table_name = %s::regclass
"""

Withhold = Callable[[str], None]


@pytest.fixture
def withhold(cluster: Cluster, connection: Connection) -> Withhold:
    """withhold(table): its rows on each node become those of a transaction that the node has prepared only.

    This is what a node has when it went away between the two phases of a commit.
    """

    def withhold(table: str) -> None:
        for number, (shard, host, port, group) in enumerate(connection.execute(SHARDS, (table,)).fetchall()):
            gid = f"citus_0_{table}_{number}"
            url = f"{with_database(cluster.coordinator, connection.info.dbname)}?host={host}&port={port}"
            with psycopg.connect(url, autocommit=True) as node:
                node.execute("SET citus.enable_manual_changes_to_shards = on")
                node.execute(f"CREATE TABLE withheld_{number} AS SELECT * FROM {shard}".encode())
                node.execute(f"DELETE FROM {shard}".encode())
                node.execute(b"BEGIN")
                node.execute(f"INSERT INTO {shard} SELECT * FROM withheld_{number}".encode())
                node.execute(f"PREPARE TRANSACTION '{gid}'".encode())
            connection.execute("INSERT INTO pg_dist_transaction (groupid, gid) VALUES (%s, %s)", (group, gid))

    return withhold


def test_an_unload_removes_rows_of_a_commit_in_doubt(
    raw_folder: FolderUnderTest, connection: Connection, withhold: Withhold
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(number) for number in range(40)])
    withhold("raw.vehicle_logs")
    assert _count(connection, "raw.vehicle_logs") == 0

    removed = unload_file(raw_folder.url, "vehicle_logs.json", raw_folder.options).removed

    connection.execute("SELECT recover_prepared_transactions()")
    assert (removed.rows, _count(connection, "raw.vehicle_logs")) == (40, 0)


def test_a_correction_replaces_rows_of_a_commit_in_doubt(
    raw_folder: FolderUnderTest, connection: Connection, withhold: Withhold
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(number) for number in range(40)])
    raw_folder.drop_and_load("shipments/1.json", [shipment(number, log_id="l1") for number in range(40)])
    withhold("raw.shipments")

    report = raw_folder.drop_and_load("shipments/2.json", [shipment(number, log_id="l2") for number in range(40)])

    assert report.file.records_loaded == 40
    assert _count(connection, "raw.shipments") == _count(connection, "keys.shipments") == 40
    refresh(raw_folder.url)
    assert actual_tables(connection) == expected_tables(connection)


def test_a_merge_that_sees_one_key_on_two_nodes_is_repeated(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("shipments/1.json", [shipment(1, log_id="l1")])
    connection.execute(
        "INSERT INTO raw.shipments (shipment_id, origin, destination, weight, cost, delivery_time, log_id, file_id, "
        "record_no) SELECT shipment_id, origin, destination, weight, cost, delivery_time, 'l2', file_id, record_no "
        "FROM raw.shipments"
    )

    with pytest.raises(TransientError, match="Another loader changed one of these rows"):
        raw_folder.drop_and_load("shipments/2.json", [shipment(1, log_id="l3")], retry_seconds=0)


def _count(connection: Connection, table: str) -> int:
    (number,) = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() or (-1,)
    return int(number)
