"""The whole system on a primary and a standby: the primary dies amid a load, the standby is promoted, all goes on.

`tests/database/test_failover.py` has the cases one by one; here Dagster's database moves as well.
"""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest

from logistics_pipeline.database.connections import with_database
from tests.database.records import log, shipment
from tests.end_to_end.conftest import PATIENCE, Installation, wait_for
from tests.ports import free_port
from tests.postgres_servers import Pair, streaming_pair

pytestmark = pytest.mark.slow

RECORDS = 150_000
BOARD = {"title": "Fleet", "panels": [{"question": {"dataset": "vehicles", "metrics": "vehicle_count"}}]}


@pytest.fixture
def pair() -> Iterator[Pair]:
    with streaming_pair({}) as made:
        yield made


@pytest.fixture
def running(pair: Pair, tmp_path: Path, give_vega: Callable[[Path], None]) -> Iterator[Installation]:
    """Loads through the address of both servers; the API reads the standby."""
    made = Installation(tmp_path / "data", free_port(), free_port(), pair.url("logistics"))
    made.settings = {
        "LOGISTICS_API_DATABASE_URL": with_database(pair.standby.url, "logistics").replace("postgres@", "reading@"),
        "LOGISTICS_API_OPERATOR_DATABASE_URL": pair.url("logistics").replace("postgres@", "changing@"),
        "LOGISTICS_BATCH_RECORDS": "2000",
    }
    give_vega(made.data_dir)
    process = made.start("up")
    try:
        wait_for(lambda: made.get("/ready")["status"] == "ready", 120, "the API is ready")
        yield made
    finally:
        process.send_signal(signal.SIGINT)
        print(process.communicate(timeout=60 * PATIENCE)[0])
        made.cut_power()


def test_loads_figures_and_changes_go_on_after_a_failover(running: Installation, pair: Pair) -> None:
    running.drop("vehicle_logs.json", [log(number) for number in range(5)])
    wait_for(lambda: files(pair) == {"loaded": 1}, 120, "the first file is loaded")
    running.drop("shipments.json", json.dumps([shipment(number) for number in range(RECORDS)]).encode())
    wait_for(lambda: 0 < read(pair) < RECORDS, 120, "the second one is being loaded")

    pair.primary.kill()
    pair.standby.promote()

    wait_for(lambda: files(pair) == {"loaded": 2}, 120, "it is loaded on the new primary")
    running.drop("shipments-2.json", [shipment(number) for number in range(RECORDS, RECORDS + 10)])
    wait_for(lambda: files(pair) == {"loaded": 3}, 120, "new files are loaded")
    wait_for(lambda: running.get("/api/system/status")["files"]["loaded"] == 3, 60, "the API shows them")
    wait_for(lambda: scalar(pair, "SELECT data_version FROM analytics.status") >= 2, 60, "figures are calculated")
    assert scalar(pair, "SELECT count(*) FROM raw.shipments") == RECORDS + 10
    assert scalar(pair, "SELECT sum(records_read) FROM ingest.files") == RECORDS + 10 + 5
    made = httpx2.post(f"http://127.0.0.1:{running.api_port}/api/boards", json=BOARD, verify=False)
    assert made.status_code == 201, made.text
    assert running.run("check", "--all").returncode == 0


def files(pair: Pair) -> dict[str, int]:
    return dict(rows(pair, "SELECT state, count(*)::int FROM ingest.files GROUP BY state"))


def read(pair: Pair) -> int:
    return int(scalar(pair, "SELECT coalesce(max(records_read), 0) FROM ingest.files WHERE dataset = 'shipments'"))


def scalar(pair: Pair, query: str) -> int:
    ((value,),) = rows(pair, query)
    return int(value)


def rows(pair: Pair, query: str) -> list[tuple[int, int]]:
    with psycopg.connect(pair.url("logistics")) as connection:
        return connection.execute(query.encode()).fetchall()
