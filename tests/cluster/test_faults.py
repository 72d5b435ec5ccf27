"""Loads go on when a session on a node dies, or the coordinator's: nothing is lost, nothing is there twice."""

from dataclasses import replace
from random import Random

import psycopg
import pytest

from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection, with_database
from logistics_pipeline.loading.options import BatchLimits
from tests.cluster.nodes import Cluster
from tests.database.conftest import FolderUnderTest, at_statement
from tests.database.records import log, shipment
from tests.database.test_refreshing import actual_tables, expected_tables

pytestmark = pytest.mark.slow

END_SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    AND (application_name LIKE 'citus_internal%%' OR application_name = 'logistics load')
"""


@pytest.mark.parametrize("place", ["a worker", "the coordinator"])
def test_a_node_that_drops_its_sessions_again_and_again_loses_and_doubles_nothing(
    place: str, cluster: Cluster, raw_folder: FolderUnderTest, connection: Connection
) -> None:
    chance, folder = (
        Random(place),
        replace(raw_folder, options=replace(raw_folder.options, batch=BatchLimits(50, 1 << 20))),
    )
    logs = folder.drop("vehicle_logs.json", [log(number) for number in range(300)])
    shipments = [
        folder.drop(
            f"shipments/{turn}.json",
            [shipment(number, log_id=f"l{(number * 7 + turn) % 300}", cost=turn) for number in range(200)],
        )
        for turn in range(3)
    ]
    url = cluster.workers[0] if place == "a worker" else cluster.coordinator

    def strike(_: Connection) -> None:
        with psycopg.connect(with_database(url, "postgres"), autocommit=True) as node:
            node.execute(END_SESSIONS, (connection.info.dbname,))

    for found in (logs, *shipments):
        statement = chance.randrange(8, 30)
        with at_statement(statement, strike) as seen:
            folder.load(found)
        assert len(seen) > statement, "the load had no such statement"

    refresh(folder.url)
    assert connection.execute("SELECT count(*), count(DISTINCT log_id) FROM raw.vehicle_logs").fetchone() == (300, 300)
    rows = connection.execute("SELECT shipment_id, log_id, cost FROM raw.shipments").fetchall()
    assert sorted(rows) == sorted((f"s{number}", f"l{(number * 7 + 2) % 300}", 2) for number in range(200))
    keys = connection.execute("SELECT shipment_id, log_id FROM keys.shipments").fetchall()
    assert sorted(keys) == sorted((key, log_id) for key, log_id, _ in rows)
    assert actual_tables(connection) == expected_tables(connection)
