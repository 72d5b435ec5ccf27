"""Jobs of models: each result once, whatever becomes of workers; leases end; what was asked twice is one job."""

import json
import subprocess
import sys
from collections.abc import Iterator
from random import Random
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import pytest

from logistics_core.models.artefacts import digest_of
from logistics_core.models.durations import read_duration, write_duration
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.models.jobs import LeaseLost, _lease, _store, serve_next
from tests.models.documents import duration_document

MODEL = "trips.hours"
ROWS = [{"from": f"from {number % 4}", "to": f"to {number % 3}"} for number in range(2000)]


@pytest.fixture
def database(connection: Connection) -> Connection:
    """A database with a version in production."""
    content = write_duration(duration_document())
    connection.execute(
        "INSERT INTO models.models (model, dataset, kind, declaration) VALUES (%s, 'trips', 'duration', '{}')", (MODEL,)
    )
    connection.execute(
        "INSERT INTO models.artefacts (sha256, format, content) VALUES (%s, 'logistics-json', %s)",
        (digest_of(content), content),
    )
    connection.execute(
        "INSERT INTO models.versions (model, version, method, format, sha256, input_schema, outputs, card, "
        "declaration, "
        "code_version, data_version, trained_on, author, seconds, memory_bytes) VALUES "
        "(%s, 1, 'running_mean', 'logistics-json', %s, '[]', '{}', '{}', 'x', 'x', 1, 1, 'Ada', 1, 1)",
        (MODEL, digest_of(content)),
    )
    connection.execute(
        "INSERT INTO models.backtests (model, version, data_version, records, windows, overall, verdict, reason) "
        "VALUES (%s, 1, 1, 1, '[{}]', '{}', 'first', 'x')",
        (MODEL,),
    )
    for states in (("registered", "staging"), ("staging", "production")):
        connection.execute(
            "INSERT INTO models.transitions (model, version, from_state, to_state, author, reason, backtest_id) "
            "VALUES (%s, 1, %s, %s, 'Ada', 'x', 1)",
            (MODEL, *states),
        )
    return connection


def ask(connection: Connection, rows: list[dict[str, Any]], key: str | None = None, version: int | None = None) -> UUID:
    row = connection.execute(
        "SELECT models.request_job(%s, %s, %s::jsonb, %s, 'Ada')", (MODEL, version, json.dumps(rows), key)
    ).fetchone()
    assert row is not None
    found: UUID = row[0]
    return found


def results(connection: Connection, job: UUID) -> list[Any]:
    rows = connection.execute(
        "SELECT number, output FROM models.job_results WHERE job_id = %s ORDER BY number", (job,)
    ).fetchall()
    assert [number for number, _ in rows] == list(range(len(rows)))
    return [output for _, output in rows]


def state(connection: Connection, job: UUID) -> tuple[Any, ...]:
    row = connection.execute(
        "SELECT state, rows_done, attempts, version, error FROM models.jobs WHERE job_id = %s", (job,)
    ).fetchone()
    assert row is not None
    return row


def expected(rows: list[dict[str, Any]]) -> list[list[float]]:
    model = read_duration(write_duration(duration_document()))
    return [list(model.predict(row).quantiles) for row in rows]


def test_a_job_answers_each_row_in_its_order(database: Connection) -> None:
    job = ask(database, ROWS[:1234])
    assert serve_next(database)
    assert not serve_next(database)
    assert state(database, job) == ("done", 1234, 1, 1, None)
    found = results(database, job)
    assert [each["quantiles"] for each in found] == expected(ROWS[:1234])
    execution = database.execute("SELECT kind, version, rows, seconds > 0, queue_seconds >= 0 FROM models.executions")
    assert execution.fetchall() == [("job", 1, 1234, True, True)]


def test_wrong_inputs_are_told_in_their_place(database: Connection) -> None:
    job = ask(database, [ROWS[0], {"from": "from 1"}, ROWS[2]])
    assert serve_next(database)
    first, second, third = results(database, job)
    assert second == {"error": "to: it is missing. Expected: its value, or null."}
    assert "quantiles" in first
    assert "quantiles" in third


def test_the_same_idempotency_key_is_the_same_job(database: Connection) -> None:
    assert ask(database, ROWS[:2], "a") == ask(database, ROWS[:3], "a") != ask(database, ROWS[:2], "b")


def test_no_job_of_a_version_that_does_not_exist(database: Connection) -> None:
    assert ask(database, ROWS[:1], version=9) is None


def test_a_cancelled_job_stores_nothing_more(database: Connection) -> None:
    job = ask(database, ROWS)
    leased = _lease(database, 30)
    assert leased is not None
    assert database.execute("SELECT models.cancel_job(%s)", (job,)).fetchone() == (True,)
    with pytest.raises(LeaseLost), database.transaction():
        _store(database, leased, 1, [{}], 1, 30)
    assert results(database, job) == []
    assert database.execute("SELECT models.cancel_job(%s)", (job,)).fetchone() == (False,)


def test_a_worker_that_was_only_slow_stores_nothing_once_another_has_the_job(
    database: Connection, database_url: str
) -> None:
    job = ask(database, ROWS[:600])
    slow = _lease(database, 0.01)
    sleep(0.02)
    with connect(database_url) as other:
        assert serve_next(other)
    assert slow is not None
    with pytest.raises(LeaseLost), database.transaction():
        _store(database, slow, 1, [{}], 1, 30)
    assert state(database, job)[:3] == ("done", 600, 2)
    assert len(results(database, job)) == 600


def test_a_job_that_kills_its_workers_is_given_up(database: Connection) -> None:
    job = ask(database, ROWS[:1])
    for _ in range(5):
        assert _lease(database, -1) is not None
    assert serve_next(database)
    assert state(database, job)[0] == "failed"
    assert state(database, job)[4].startswith("It has ended its worker 5 times")


def test_a_job_of_a_changed_artefact_fails_with_its_reason(database: Connection) -> None:
    database.execute("ALTER TABLE models.artefacts DROP CONSTRAINT artefacts_sha256_of_content")
    database.execute("ALTER TABLE models.artefacts DISABLE TRIGGER USER")
    database.execute("UPDATE models.artefacts SET content = content || ' '::bytea")
    job = ask(database, ROWS[:1])
    assert serve_next(database)
    assert state(database, job)[0] == "failed"
    assert "was changed" in state(database, job)[4]


WORKER = """
import sys
from logistics_pipeline.database.connections import connect
from logistics_pipeline.models import jobs
from logistics_pipeline.models.jobs import serve_next
from time import sleep
store = jobs._store
jobs._store = lambda *given: (sleep(0.02), store(*given), sleep(0.02))  # so that most kills come amid a job
with connect(sys.argv[1]) as connection:
    print("ready", flush=True)
    while True:
        if not serve_next(connection, lease_seconds=0.3, part_rows=20):
            sleep(0.01)
"""


@pytest.fixture
def workers(database_url: str) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Processes that serve jobs, and are stopped at the end."""
    running: list[subprocess.Popen[bytes]] = []
    yield running
    for process in running:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def start(running: list["subprocess.Popen[bytes]"], url: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", WORKER, url], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    running.append(process)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_workers_leave_each_result_once(
    database: Connection, database_url: str, workers: list["subprocess.Popen[bytes]"], seed: int
) -> None:
    random = Random(seed)
    jobs = [ask(database, ROWS) for _ in range(4)]
    for _ in range(2):
        start(workers, database_url)
    deadline, kills = monotonic() + 90, 0
    while any(state(database, job)[0] != "done" for job in jobs):
        assert monotonic() < deadline, [state(database, job) for job in jobs]
        sleep(random.uniform(0.02, 0.15))
        if kills < 8:
            number = random.randrange(2)
            end(workers.pop(number))
            start(workers, database_url)
            kills += 1
            database.execute("UPDATE models.jobs SET attempts = 1 WHERE state = 'running'")
    wanted = expected(ROWS)
    for job in jobs:
        assert [each["quantiles"] for each in results(database, job)] == wanted
    done = database.execute("SELECT count(*), sum(rows) FROM models.executions").fetchone()
    assert done == (4, 4 * len(ROWS))
    assert kills >= 3
