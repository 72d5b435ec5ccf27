"""The worker as a process: from what is committed to a message at its receiver, through kills and takeovers."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from logistics_pipeline.database.connections import Connection
from tests.alerting.campaign.worker_process import WorkerProcess
from tests.notifying.sink import Sink, serving

WORK = [sys.executable, "-m", "logistics_pipeline.worker"]
SECONDS = 150
"""Longer than a lease: what a killed worker was about to send is sent when its lease ends."""
ENDPOINTS = """
endpoints:
  receiver:
    channel: webhook
    url: {url}/alerts
    private: true
    secrets: [env:SINK_SECRET]
"""
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Waits for a condition, and fails when it does not come true."""

    def wait(condition: Callable[[], Any]) -> None:
        end = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < end, "the condition did not come true"
            time.sleep(0.02)

    return wait


@pytest.fixture
def sink() -> Iterator[Sink]:
    with serving() as found:
        yield found


@pytest.fixture
def start(database_url: str, tmp_path: Path, sink: Sink) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """start(): a worker on the test's database that sends to the sink."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "notifications.yaml").write_text(ENDPOINTS.format(url=sink.url))
    variables = os.environ | {
        "LOGISTICS_DATABASE_URL": database_url,
        "LOGISTICS_DATA_DIR": str(data_dir),
        "SINK_SECRET": SECRET,
    }
    running: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        with (tmp_path / f"worker-{len(running)}.log").open("wb") as output:
            running.append(subprocess.Popen(WORK, env=variables, stdout=output, stderr=subprocess.STDOUT))
        return running[-1]

    yield begin
    for each in running:
        each.kill()
        each.wait()


def fail_file(connection: Connection, path: str) -> float:
    """A file fails, as a load would commit it; says when."""
    connection.execute(
        "INSERT INTO ingest.files (path, version, state, dataset, size_bytes, modified_ns, error) "
        "VALUES (%s, 1, 'failed', 'shipments', 1, 1, 'no JSON')",
        (path,),
    )
    committed = time.time()
    connection.execute("SELECT pg_notify('ingest', '{}')")
    return committed


def of_incident(sink: Sink, topic: str) -> list[Any]:
    return [each for each in sink.received if each.document["type"] == topic]


@pytest.mark.slow
def test_a_failed_file_is_told_within_two_seconds_and_so_is_its_mending(
    start: Any, connection: Connection, sink: Sink, wait_until: Any
) -> None:
    worker = start()
    wait_until(lambda: connection.execute("SELECT count(*) FROM alert.heartbeats").fetchone() == (4,))
    wait_until(lambda: connection.execute("SELECT count(*) FROM notify.endpoints").fetchone() == (1,))
    committed = fail_file(connection, "shipments/a.json")
    wait_until(lambda: of_incident(sink, "alert.firing"))
    (told,) = of_incident(sink, "alert.firing")
    assert told.at - committed < 2
    assert "shipments/a.json has failed" in str(told.document)
    connection.execute("UPDATE ingest.files SET state = 'loaded'")
    connection.execute("SELECT pg_notify('ingest', '{}')")
    wait_until(lambda: of_incident(sink, "alert.resolved"))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0


@pytest.mark.slow
def test_an_idle_worker_takes_little(start: Any, connection: Connection, wait_until: Any) -> None:
    """Memory and CPU are measured by the benchmark; here it is only seen that nothing runs hot."""
    worker = psutil.Process(start().pid)
    wait_until(lambda: connection.execute("SELECT count(*) FROM alert.heartbeats").fetchone() == (4,))
    time.sleep(3)
    before = sum(worker.cpu_times()[:2])
    time.sleep(5)
    assert sum(worker.cpu_times()[:2]) - before < 0.5
    assert worker.memory_info().rss < 80 * 2**20


@pytest.mark.slow
def test_workers_that_are_killed_tell_each_incident_with_one_id(
    start: Any, connection: Connection, sink: Sink, wait_until: Any
) -> None:
    first, second = start(), start()
    wait_until(lambda: connection.execute("SELECT count(*) FROM alert.heartbeats").fetchone() == (4,))
    wait_until(lambda: connection.execute("SELECT count(*) FROM notify.endpoints").fetchone() == (1,))
    for number in range(12):
        fail_file(connection, f"shipments/{number}.json")
        time.sleep(0.05 * (number % 3))
        if number % 2:
            first.kill()
            first.wait()
            first, second = second, start()
    wait_until(
        lambda: connection.execute("SELECT count(*), count(announced_at) FROM alert.incidents").fetchone() == (12, 12)
    )
    wait_until(
        lambda: (
            connection.execute("SELECT bool_and(state IN ('sent', 'delivered')) FROM notify.messages").fetchone()
            == (True,)
        ),
    )
    assert (
        connection.execute(
            "SELECT count(*) FROM alert.events GROUP BY incident_id, kind HAVING count(*) > 1"
        ).fetchall()
        == []
    )
    ids = Counter(each.id for each in sink.received)
    keys = [row[0] for row in connection.execute("SELECT key FROM notify.events ORDER BY key")]
    told = sorted(int(number) for key in keys for number in key.partition(":")[2].split(","))
    assert told == [row[0] for row in connection.execute("SELECT incident_id FROM alert.incidents ORDER BY 1")]
    assert connection.execute("SELECT count(*) FROM notify.messages").fetchone() == (len(ids),)


@pytest.mark.slow
def test_the_database_may_be_away_for_a_while(start: Any, database_url: str, sink: Sink, wait_until: Any) -> None:
    start()
    with psycopg.connect(database_url, autocommit=True) as connection:
        wait_until(lambda: connection.execute("SELECT count(*) FROM alert.heartbeats").fetchone() == (4,))
        wait_until(lambda: connection.execute("SELECT count(*) FROM notify.endpoints").fetchone() == (1,))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        fail_file(connection, "shipments/a.json")
    wait_until(lambda: of_incident(sink, "alert.firing"))


@pytest.mark.slow
def test_another_worker_takes_over_from_one_that_is_frozen(
    connection: Connection, database_url: str, tmp_path: Path, sink: Sink, wait_until: Any
) -> None:
    (tmp_path / "notifications.yaml").write_text(ENDPOINTS.format(url=sink.url))
    environment = os.environ | {
        "LOGISTICS_DATABASE_URL": database_url, "LOGISTICS_DATA_DIR": str(tmp_path), "SINK_SECRET": SECRET,
    }  # fmt: skip
    workers = [WorkerProcess(environment, tmp_path / "worker.log", timedelta(0))]
    try:
        wait_until(lambda: connection.execute("SELECT count(*) FROM alert.heartbeats").fetchone() == (4,))
        wait_until(lambda: connection.execute("SELECT count(*) FROM notify.endpoints").fetchone() == (1,))
        acting = "SELECT worker FROM alert.heartbeats WHERE duty = 'alerts'"
        reporting = "SELECT worker FROM alert.heartbeats WHERE duty = 'reports'"
        name = connection.execute(acting).fetchone()
        assert name == connection.execute(reporting).fetchone()
        workers.append(WorkerProcess(environment, tmp_path / "worker.log", timedelta(0)))
        (frozen, _) = workers
        frozen.freeze()
        fail_file(connection, "shipments/a.json")
        wait_until(lambda: of_incident(sink, "alert.firing"))
        for duty in (acting, reporting):
            wait_until(lambda duty=duty: connection.execute(duty).fetchone() != name)
        frozen.thaw()
        fail_file(connection, "shipments/b.json")
        wait_until(lambda: len(of_incident(sink, "alert.firing")) == 2)
        assert all(each.is_alive for each in workers)
    finally:
        for each in workers:
            each.kill()
