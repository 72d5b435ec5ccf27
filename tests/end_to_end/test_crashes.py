"""Processes of a running system are killed in the midst of their work, and PostgreSQL is restarted: it mends itself.

One system for all of it. Each test drops a file of the same figures under keys of its own, stops its load at a record
of its choice, kills, and waits until the file is loaded; what is left in the end is compared with a file that nothing
happened to. A load is held by a row with the key of that record, inserted in a transaction that is rolled back later:
no test depends on how fast the machine is.
"""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import psutil
import psycopg
import pytest

from logistics_pipeline.ledger import LedgerFile, latest_file
from tests.end_to_end.conftest import PATIENCE, Installation, wait_for
from tests.ports import free_port

pytestmark = pytest.mark.slow

RECORDS = 60_000
HELD_AT = 40_000
MENDED_SECONDS = 60
FRESH_SECONDS = 90

RUNS = "{ runsOrError { ... on Runs { results { runId jobName status startTime endTime } } } }"
EVENTS = """
query($id: ID!) { runOrError(runId: $id) { ... on Run {
    eventConnection { events { ... on MessageEvent { message } } } } } }
"""
LOADS, REFRESHES = "load_vehicle_logs", "refresh_analytics_job"
TERMINATE = "mutation($id: String!) { terminateRun(runId: $id) { __typename } }"
UNFINISHED = {"QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"}


@dataclass(frozen=True)
class System:
    """A system that is up, seen through its database, its pages and its processes."""

    installation: Installation
    database_url: str

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    def file(self, path: str) -> LedgerFile | None:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return latest_file(connection, path)

    def graphql(self, query: str, **variables: Any) -> Any:
        """Asks Dagster's pages. After a restart of PostgreSQL each of their old connections is good for one error."""

        def ask() -> Any:
            try:
                return self.installation.graphql(query, **variables)
            except AssertionError:
                return None

        return wait_for(ask, MENDED_SECONDS, "Dagster's pages answer")

    def runs(self, job: str) -> list[dict[str, Any]]:
        """The runs of a job, oldest first."""
        found = self.graphql(RUNS)["runsOrError"]["results"]
        return [run for run in reversed(found) if run["jobName"] == job]

    def newest_run(self, job: str) -> str:
        run_id: str = self.runs(job)[-1]["runId"]
        return run_id

    def wait_until_failed(self, job: str, run_id: str) -> None:
        self.wait_until(job, run_id, "FAILURE")

    def wait_until(self, job: str, run_id: str, status: str) -> None:
        def look() -> bool:
            return next(run["status"] for run in self.runs(job) if run["runId"] == run_id) == status

        wait_for(look, MENDED_SECONDS, f"run {run_id} of {job} is {status}")

    def drop_logs(self, group: str) -> str:
        """Drops the file of a group, which begins its keys and vehicles. Returns its path in the ledger."""
        logs = [
            {
                "log_id": f"{group}{n}",
                "vehicle_id": f"{group}{n % 50}",
                "trip_date": f"2024-03-{n % 7 + 1:02}",
                "mileage": n % 900 / 4,
            }
            for n in range(RECORDS)
        ]
        self.installation.drop(f"vehicle_logs/{group}.json", logs)
        return f"vehicle_logs/{group}.json"

    @contextmanager
    def held_load(self, group: str) -> Iterator[str]:
        """A load of the group's file that stands still in its midst until the block is left. Yields its path."""
        holding = psycopg.connect(self.database_url)
        try:
            holding.execute(
                "INSERT INTO raw.vehicle_logs (log_id, vehicle_id, trip_date, file_id, record_no) "
                "VALUES (%s, 'nobody', '2024-03-01', 0, 1)",
                (f"{group}{HELD_AT}",),
            )
            path = self.drop_logs(group)
            wait_for(lambda: self.is_waiting("logistics load"), 60, "the load has come to the record that holds it")
            file = self.file(path)
            assert file is not None and file.state == "loading" and 0 < file.records_read <= HELD_AT
            yield path
        finally:
            holding.close()

    def is_waiting(self, name: str) -> bool:
        """Whether a program's session waits for somebody else's lock."""
        waiting = f"SELECT FROM pg_stat_activity WHERE application_name = '{name}' AND wait_event_type = 'Lock'"
        return bool(self.query(waiting))

    def process(self, *endings: str) -> psutil.Process:
        """The one process whose command line has words that end so."""
        found = []
        for process in self.installation.processes():
            with suppress(psutil.NoSuchProcess):
                words = process.cmdline()
                if all(any(word.endswith(ending) for word in words) for ending in endings):
                    found.append(process)
        assert found, f"no process {endings}"
        return min(found, key=psutil.Process.create_time)  # one that it is just starting still looks like it

    def code_server(self) -> psutil.Process:
        return self.process("runtime.reloading_server")

    def run_process(self, run_id: str) -> psutil.Process:
        events = self.graphql(EVENTS, id=run_id)["runOrError"]["eventConnection"]["events"]
        messages = "\n".join(event.get("message", "") for event in events)
        (pid,) = re.findall(r"^Started process for run \(pid: (\d+)\)", messages, re.MULTILINE)
        return psutil.Process(int(pid))

    def wait_until_loaded(self, path: str) -> LedgerFile:
        def look() -> LedgerFile | None:
            file = self.file(path)
            return file if file is not None and file.state == "loaded" else None

        loaded: LedgerFile = wait_for(look, MENDED_SECONDS, f"{path} is loaded")
        return loaded

    def batches(self, path: str) -> list[tuple[Any, ...]]:
        """What was committed of a file, and when."""
        return self.query(
            "SELECT last_record, records, committed_at FROM ingest.batches JOIN ingest.files USING (file_id) "
            f"WHERE path = '{path}' ORDER BY 1"
        )


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that has loaded one file of logs undisturbed, and failed one that is at fault."""
    installation = Installation(tmp_path_factory.mktemp("crashes") / "data", free_port(), free_port())
    installation.settings |= {
        "LOGISTICS_BATCH_RECORDS": "5000",
        "LOGISTICS_SENSOR_INTERVAL_SECONDS": "1",
        "LOGISTICS_SETTLE_SECONDS": "0",  # files are renamed into place
    }
    up = installation.start("up")
    try:
        wait_for(lambda: installation.get("/ready")["status"] == "ready", 90, "the API is ready")
        wait_for(lambda: installation.graphql("{version}")["version"], 60, "Dagster is up")
        made = System(installation, installation.run("db", "url").stdout.strip())
        installation.drop("shipments.json", b'[{"shipment_id": "S1", "orig')
        made.wait_until_loaded(made.drop_logs("U"))
        yield made
    finally:
        up.send_signal(signal.SIGINT)
        try:
            print(re.sub(r"\n+", "\n", up.communicate(timeout=60 * PATIENCE)[0]))
        finally:
            installation.run("db", "stop")
            installation.cut_power()


def check_resumed(system: System, path: str, before: list[tuple[Any, ...]]) -> None:
    """What was committed before the crash stands, and every record went in once."""
    file = system.wait_until_loaded(path)
    assert (file.records_read, file.records_loaded) == (RECORDS, RECORDS), file
    batches = system.batches(path)
    assert before and batches[: len(before)] == before
    assert sum(records for _, records, _ in batches) == RECORDS
    assert file.version == 1


def test_a_run_whose_process_is_killed_is_failed_and_its_file_is_asked_for_again(system: System) -> None:
    with system.held_load("R") as path:
        before, run_id = system.batches(path), system.newest_run(LOADS)
        system.run_process(run_id).kill()
        system.wait_until_failed(LOADS, run_id)
        wait_for(lambda: system.newest_run(LOADS) != run_id, MENDED_SECONDS, "the file is asked for again")
    check_resumed(system, path, before)


def test_a_load_terminated_in_the_ui_ends_and_stays_so_until_somebody_asks_for_it(system: System) -> None:
    with system.held_load("T") as path:
        before, run_id = system.batches(path), system.newest_run(LOADS)
        assert system.graphql(TERMINATE, id=run_id) == {"terminateRun": {"__typename": "TerminateRunSuccess"}}
        system.wait_until(LOADS, run_id, "CANCELED")
    file = system.file(path)
    assert file is not None and file.state == "failed" and "terminated" in (file.error or ""), file

    later = system.drop_logs("t")  # the sensor has looked again once this one is loaded
    system.wait_until_loaded(later)
    assert system.runs(LOADS)[-2]["runId"] == run_id, "nobody asked for the terminated one"

    assert system.installation.run("retry", path).returncode == 0
    check_resumed(system, path, before)


def test_a_run_that_dies_with_its_code_server_is_failed_and_its_file_is_asked_for_again(system: System) -> None:
    with system.held_load("C") as path:
        before, run_id = system.batches(path), system.newest_run(LOADS)
        code_server, run = system.code_server(), system.run_process(run_id)
        code_server.kill()
        wait_for(lambda: not run.is_running() or run.status() == psutil.STATUS_ZOMBIE, 10, "its run ends with it")
        system.wait_until_failed(LOADS, run_id)
    check_resumed(system, path, before)
    assert system.code_server().pid != code_server.pid


def test_a_killed_daemon_and_a_killed_webserver_are_back_and_the_load_goes_on_undisturbed(system: System) -> None:
    with system.held_load("D") as path:
        before, run_id = system.batches(path), system.newest_run(LOADS)
        run = system.run_process(run_id)
        killed = {name: system.process(name) for name in ("bin/dagster-daemon", "bin/dagster-webserver")}
        for process in killed.values():
            process.kill()
        system.graphql("{version}")
        assert run.is_running()
    check_resumed(system, path, before)
    for name, process in killed.items():
        assert system.process(name).pid != process.pid
    wait_for(lambda: system.runs(LOADS)[-1]["status"] == "SUCCESS", MENDED_SECONDS, "the run has ended well")
    assert system.newest_run(LOADS) == run_id


def test_a_restart_of_postgresql_in_mid_load_is_waited_for(system: System) -> None:
    with system.held_load("P") as path:
        before = system.batches(path)
        stopped = system.installation.run("db", "stop")
        assert "PostgreSQL stopped" in stopped.stderr, stopped
        started = system.installation.run("db", "start")
        assert started.returncode == 0, started
    check_resumed(system, path, before)


def test_a_run_that_dies_while_postgresql_is_away_is_failed_and_its_file_is_asked_for_again(system: System) -> None:
    with system.held_load("A") as path:
        before, run_id = system.batches(path), system.newest_run(LOADS)
        code_server, run = system.code_server(), system.run_process(run_id)
        system.installation.run("db", "stop")
        run.kill()
        wait_for(lambda: not code_server.is_running(), MENDED_SECONDS, "the code server has given up")
        assert system.installation.run("db", "start").returncode == 0
    check_resumed(system, path, before)
    system.wait_until_failed(LOADS, run_id)


def test_a_refresh_that_is_killed_leaves_the_figures_whole_and_another_one_follows(system: System) -> None:
    wait_until_fresh(system)
    holding = psycopg.connect(system.database_url)
    try:
        holding.execute("LOCK TABLE analytics.daily_vehicles IN SHARE MODE")
        figures = tables(system)
        path = system.drop_logs("F")
        wait_for(lambda: system.is_waiting("logistics refresh"), FRESH_SECONDS, "a refresh is in its midst")
        assert system.wait_until_loaded(path)
        loads, refreshes = system.runs(LOADS), system.runs(REFRESHES)
        run_id = loads[-1]["runId"]  # which also refreshes
        system.run_process(run_id).kill()
        system.wait_until_failed(LOADS, run_id)
        assert tables(system) == figures
    finally:
        holding.close()
    wait_until_fresh(system)
    assert len(system.runs(LOADS)) == len(loads), "the file is not loaded again"
    assert len(system.runs(REFRESHES)) > len(refreshes)


def wait_until_fresh(system: System) -> None:
    def look() -> bool:
        stale = system.query("SELECT FROM ingest.batches WHERE refreshed_as IS NULL")
        return not stale and not unfinished(system)

    wait_for(look, FRESH_SECONDS, "everything has come to rest, and the figures contain what is loaded")


def unfinished(system: System) -> list[dict[str, Any]]:
    found = system.graphql(RUNS)["runsOrError"]["results"]
    return [run for run in found if run["status"] in UNFINISHED]


def tables(system: System) -> list[list[tuple[Any, ...]]]:
    return [
        system.query(f"SELECT * FROM analytics.{table} ORDER BY 1, 2, 3")
        for table in ("daily_routes", "daily_vehicles")
    ] + [system.query("SELECT data_version FROM analytics.status")]


def test_after_it_all_the_figures_are_those_of_an_undisturbed_load_and_nothing_is_left_unfinished(
    system: System,
) -> None:
    wait_until_fresh(system)

    groups = [
        group for (group,) in system.query("SELECT DISTINCT left(vehicle_id, 1) FROM raw.vehicle_logs ORDER BY 1")
    ]
    by_group = {
        group: system.query(
            "SELECT day, substr(vehicle_id, 2), trips, mileage_sum, fuel_sum, shipments FROM analytics.daily_vehicles "
            f"WHERE left(vehicle_id, 1) = '{group}' ORDER BY 1, 2"
        )
        for group in groups
    }
    assert "U" in groups and sum(trips for _, _, trips, *_ in by_group["U"]) == RECORDS
    for group in groups:
        assert by_group[group] == by_group["U"], group
    for table, before in zip(("daily_routes", "daily_vehicles"), tables(system), strict=False):
        assert system.installation.run("refresh", "--full").returncode == 0
        assert system.query(f"SELECT * FROM analytics.{table} ORDER BY 1, 2, 3") == before

    states = dict(system.query("SELECT path, state FROM ingest.files"))
    assert states.pop("shipments.json") == "failed"
    assert set(states.values()) == {"loaded"}
    assert [run["status"] for run in system.runs("load_shipments")] == ["FAILURE"], "a file at fault is not retried"

    # One may have died waiting; one that was killed ends when that is noticed, perhaps after the next has begun. The
    # order of starting is not that of creation: a run whose start failed waits in the queue again.
    spans = sorted((run["startTime"], run["endTime"]) for run in system.runs(REFRESHES) if run["status"] == "SUCCESS")
    assert all(start >= end for (_, end), (start, _) in pairwise(spans)), spans
