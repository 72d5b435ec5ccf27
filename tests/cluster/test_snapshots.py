"""A refresh sees the same batches on all nodes, whatever commits while it asks one after the other."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from logistics_core.database_contract.locks import COMMITS_LOCK
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection, advisory_lock, connect, with_database
from logistics_pipeline.loading.options import BatchLimits
from tests.cluster.nodes import Cluster
from tests.database.conftest import FolderUnderTest
from tests.database.records import log, shipment
from tests.database.test_refreshing import actual_tables, expected_tables

pytestmark = pytest.mark.slow

BATCH = 40
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def test_a_batch_does_not_commit_while_somebody_reads_all_nodes(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    found = raw_folder.drop("vehicle_logs.json", [log(number) for number in range(7)])
    with ThreadPoolExecutor() as pool:
        with connect(raw_folder.url) as reader, advisory_lock(reader, COMMITS_LOCK):
            loading = pool.submit(raw_folder.load, found)
            _until(connection, WAITING, 1)
            assert connection.execute("SELECT count(*) FROM raw.vehicle_logs").fetchone() == (0,)
        assert loading.result(timeout=30).file.records_loaded == 7


def test_a_refresh_begins_when_a_batch_has_committed_on_all_nodes(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(number) for number in range(7)])
    with ThreadPoolExecutor() as pool:
        with connect(raw_folder.url) as other, other.transaction():
            other.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", (COMMITS_LOCK,))
            refreshing = pool.submit(refresh, raw_folder.url)
            _until(connection, WAITING, 1)
        assert refreshing.result(timeout=30).batches == 1


def test_every_batch_is_in_the_figures_as_a_whole_while_loads_go_on(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    """Each batch moves as many shipments to other logs, on other days and other nodes, and adds as many."""
    folder = replace(raw_folder, options=replace(raw_folder.options, batch=BatchLimits(BATCH, 1 << 20)))
    folder.drop_and_load("vehicle_logs.json", [log(number) for number in range(8 * BATCH)])
    files = [
        folder.drop(
            f"shipments/{turn}.json",
            [shipment(number, log_id=f"l{(number + 7 * turn) % (8 * BATCH)}") for number in range(BATCH * (1 + turn))],
        )
        for turn in range(4)
    ]
    ended = threading.Event()

    def load_all() -> None:
        try:
            for found in files:
                folder.load(found)
        finally:
            ended.set()

    with ThreadPoolExecutor() as pool:
        loading = pool.submit(load_all)
        while not ended.is_set():
            refresh(folder.url)
            (shipments,) = connection.execute("SELECT coalesce(sum(shipments), 0) FROM analytics.days").fetchone() or (
                -1,
            )
            assert shipments % BATCH == 0
        loading.result(timeout=60)
    refresh(folder.url)
    assert actual_tables(connection) == expected_tables(connection)


def test_what_a_node_has_only_prepared_is_committed_there_before_a_refresh_reads(
    cluster: Cluster, raw_folder: FolderUnderTest, connection: Connection
) -> None:
    """As when the network to a node breaks between the coordinator's commit and that of the node."""
    raw_folder.drop_and_load("vehicle_logs.json", [log(number) for number in range(7)])
    shard, group, port = connection.execute(
        "SELECT shard_name(logicalrelid, shardid), groupid, nodeport FROM pg_dist_shard JOIN pg_dist_placement "
        "USING (shardid) JOIN pg_dist_node USING (groupid) "
        "WHERE logicalrelid = 'raw.vehicle_logs'::regclass AND shardid = get_shard_id_for_distribution_column("
        "'raw.vehicle_logs', 'l1')"
    ).fetchone() or ("", 0, 0)
    worker = next(url for url in cluster.workers if psycopg.conninfo.conninfo_to_dict(url)["port"] == str(port))
    name = connection.info.dbname
    (transaction,) = connection.execute("SELECT pg_current_xact_id()::text").fetchone() or ("",)
    prepared = f"citus_0_1_{transaction}_0"
    with psycopg.connect(with_database(worker, name), autocommit=True) as node:
        node.execute("SET citus.enable_manual_changes_to_shards = on")
        node.execute("BEGIN")
        node.execute(f"UPDATE {shard} SET mileage = 77 WHERE log_id = 'l1'".encode())
        node.execute(f"PREPARE TRANSACTION '{prepared}'".encode())
    connection.execute(
        "INSERT INTO pg_dist_transaction VALUES (%s, %s, %s::text::xid8)", (group, prepared, transaction)
    )

    refresh(raw_folder.url)

    assert connection.execute("SELECT mileage FROM raw.vehicle_logs WHERE log_id = 'l1'").fetchone() == (77,)
    assert actual_tables(connection) == expected_tables(connection)


def _until(connection: Connection, query: str, expected: int) -> None:
    for _ in range(600):
        if connection.execute(query.encode()).fetchone() == (expected,):
            return
        time.sleep(0.05)
    raise AssertionError(f"not {expected}: {query}")
