"""The code server, with real processes: reloads, runs that go on meanwhile, definitions that cannot be loaded."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import grpc
import psutil
import pytest
from dagster._api.list_repositories import sync_list_repositories_grpc
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.launcher import WorkerStatus
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.proxy_server import DagsterProxyApiServicer
from dagster._grpc.types import SensorExecutionArgs
from dagster_shared.serdes import deserialize_value

from logistics_pipeline.orchestration.runtime import reloading_server
from logistics_pipeline.orchestration.runtime.definitions_process import PROCESS_NAME
from logistics_pipeline.orchestration.runtime.reloading_server import NOTICE_SECONDS
from logistics_pipeline.orchestration.runtime.run_launcher import SupervisedRunLauncher
from tests.end_to_end.conftest import wait_for
from tests.orchestration.test_run_launcher import CONFIGURATION
from tests.ports import free_port

SERVER = [sys.executable, "-m", reloading_server.__name__]
DEFINITIONS = """
import pathlib
import time
import dagster as dg

@dg.op
def linger():
    until = pathlib.Path(FOLDER) / "release"
    while not until.exists():
        time.sleep(0.05)

@dg.job(executor_def=dg.in_process_executor)
def lingering():
    linger()

@dg.job(executor_def=dg.in_process_executor)
def NAME():
    pass

@dg.sensor(job=NAME)
def looking():
    return dg.SkipReason("evaluated NAME")

defs = dg.Definitions(jobs=[lingering, NAME], sensors=[looking])
"""


@dataclass
class Server:
    """A code server on a port of its own, over a module that the test writes anew."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def define(self, name: str) -> None:
        """Writes definitions whose second job has this name."""
        text = DEFINITIONS.replace("NAME", name).replace("FOLDER", repr(str(self.folder)))
        (self.folder / "changing_definitions.py").write_text(text)

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*SERVER, "--port", str(self.port), "--module", "changing_definitions"],
                start_new_session=True,
                env=os.environ | {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"},
                stdout=log,
                stderr=log,
            )
        wait_for(self.answers, 60, "the code server answers")

    def answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log()
        try:
            return bool(self.client.ping("?"))
        except dg.DagsterError:
            return False

    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def client(self) -> DagsterGrpcClient:
        return DagsterGrpcClient(host="127.0.0.1", port=self.port)

    def job(self) -> str:
        """The name of the job that is defined last."""
        jobs = self.client.external_repository(self.repository)
        return next(name for name in ("before", "after", "third") if f'"name": "{name}"' in jobs)

    @property
    def origin(self) -> GrpcServerCodeLocationOrigin:
        return GrpcServerCodeLocationOrigin(host="127.0.0.1", port=self.port, location_name="tests")

    @property
    def repository(self) -> RemoteRepositoryOrigin:
        (repository,) = sync_list_repositories_grpc(self.client).repository_symbols
        return RemoteRepositoryOrigin(code_location_origin=self.origin, repository_name=repository.repository_name)

    def evaluate_sensor(self, instance: dg.DagsterInstance) -> str | None:
        """What the sensor says, as Dagster's daemon asks it."""
        arguments = SensorExecutionArgs(self.repository, instance.get_ref(), "looking", log_key=["looking"])
        evaluated = self.client.external_sensor_execution(sensor_execution_args=arguments)
        return deserialize_value(evaluated, SensorExecutionData).skip_message

    def children(self) -> list[psutil.Process]:
        """The processes that serve definitions."""
        assert self.process is not None
        found = []
        for each in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it ends while it is looked at
                if each.status() != psutil.STATUS_ZOMBIE and each.name() == PROCESS_NAME:
                    found.append(each)
        return found

    def launch(self, instance: dg.DagsterInstance) -> str:
        """Starts a run that lingers until it is released, and waits until it has begun."""
        run_id = self.request_run(instance)
        wait_for(lambda: status(instance, run_id) is dg.DagsterRunStatus.STARTED, 60, "the run has started")
        return run_id

    def request_run(self, instance: dg.DagsterInstance) -> str:
        defined: dict[str, Any] = {}
        exec((self.folder / "changing_definitions.py").read_text(), defined)
        origin = RemoteRepositoryOrigin(code_location_origin=self.origin, repository_name="__repository__")
        run = instance.create_run_for_job(
            defined["lingering"],
            status=dg.DagsterRunStatus.STARTING,
            remote_job_origin=origin.get_job_origin("lingering"),
        )
        SupervisedRunLauncher.launch_run_from_grpc_client(instance, run, self.client)
        return run.run_id

    def release(self) -> None:
        (self.folder / "release").touch()

    def end(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(overrides={"run_launcher": CONFIGURATION["run_launcher"]}) as made:
        yield made


@pytest.fixture
def server(tmp_path: Path, instance: dg.DagsterInstance) -> Iterator[Server]:
    made = Server(tmp_path)
    made.define("before")
    made.start()
    yield made
    made.end()


@pytest.mark.slow
def test_a_reload_serves_what_is_new_and_a_run_that_had_begun_goes_on(
    server: Server, instance: dg.DagsterInstance
) -> None:
    launcher = instance.run_launcher
    assert isinstance(launcher, SupervisedRunLauncher)
    assert server.job() == "before"
    run_id = server.launch(instance)
    first = server.client.get_server_id()

    server.define("after")
    server.client.reload_code(timeout=60)
    assert server.job() == "after"
    assert server.client.get_server_id() != first, "this is how the daemon and the webserver learn of it"
    assert len(server.children()) == 2, "the first one has a run"

    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    server.define("third")
    server.client.reload_code(timeout=60)
    wait_for(lambda: len(server.children()) == 2, 20, "the second one ends: it has no run")
    assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING

    server.release()
    wait_for(lambda: status(instance, run_id) is dg.DagsterRunStatus.SUCCESS, 20, "the run succeeds")
    wait_for(lambda: len(server.children()) == 1, 20, "the first one has ended")
    assert server.answers() and server.job() == "third"


@pytest.mark.slow
def test_a_run_of_before_a_reload_can_be_terminated(server: Server, instance: dg.DagsterInstance) -> None:
    run_id = server.launch(instance)
    server.client.reload_code(timeout=60)
    assert instance.run_launcher.terminate(run_id)
    wait_for(lambda: status(instance, run_id) is dg.DagsterRunStatus.CANCELED, 20, "the run is cancelled")


@pytest.mark.slow
def test_a_sensor_is_not_evaluated_anew_before_the_daemon_has_noticed_the_reload(
    server: Server, instance: dg.DagsterInstance
) -> None:
    """Until then it would request runs of jobs that the daemon does not know."""
    server.define("after")
    server.client.reload_code(timeout=60)
    reloaded = time.monotonic()
    assert server.job() == "after"
    said = server.evaluate_sensor(instance)
    if time.monotonic() - reloaded < NOTICE_SECONDS:
        assert said == "evaluated before"
    wait_for(lambda: server.evaluate_sensor(instance) == "evaluated after", 20, "the sensor is evaluated anew")


@pytest.mark.slow
def test_reloads_and_runs_are_forks_of_one_process_that_has_imported_everything(
    server: Server, instance: dg.DagsterInstance
) -> None:
    (first,) = server.children()
    template = first.parent()
    assert template is not None and template.num_threads() == 1, "only such a process can be forked safely"
    forked = {each.pid for each in template.children()}
    run_id = server.launch(instance)
    (run,) = [each for each in template.children() if each.pid not in forked]
    assert run.name() != PROCESS_NAME
    server.client.reload_code(timeout=60)
    assert {each.ppid() for each in server.children()} == {template.pid}

    template.terminate()  # as all are when the service is stopped: a load stops after its batch, which takes a while
    time.sleep(1)
    assert template.is_running() and run.is_running()
    server.release()
    wait_for(lambda: status(instance, run_id) is dg.DagsterRunStatus.SUCCESS, 20, "the run succeeds")


@pytest.mark.slow
def test_a_process_that_is_forked_heeds_a_request_to_stop(server: Server, instance: dg.DagsterInstance) -> None:
    template = server.children()[0].parent()
    assert template is not None
    forked = {each.pid for each in template.children()}
    run_id = server.launch(instance)
    (run,) = [each for each in template.children() if each.pid not in forked]
    run.terminate()
    wait_for(lambda: status(instance, run_id) is dg.DagsterRunStatus.FAILURE, 20, "the run has stopped")


@pytest.mark.slow
def test_a_server_whose_template_dies_exits_to_be_started_again(server: Server) -> None:
    template = server.children()[0].parent()
    assert server.process is not None and template is not None
    template.kill()
    assert server.process.wait(60) == 1


@pytest.mark.slow
def test_definitions_that_cannot_be_loaded_leave_those_in_service(server: Server, instance: dg.DagsterInstance) -> None:
    run_id = server.launch(instance)
    (server.folder / "changing_definitions.py").write_text(
        "raise ValueError('fuel.yaml: there is no type \\'monny\\'')"
    )
    for _ in range(2):
        with pytest.raises(dg.DagsterError) as refusal:
            server.client.reload_code(timeout=60)
        cause = refusal.value.__cause__
        assert isinstance(cause, grpc.RpcError)
        assert cause.details() == "fuel.yaml: there is no type 'monny'"  # type: ignore[attr-defined]
        assert server.job() == "before"
    assert "those in service stay: fuel.yaml: there is no type 'monny'" in server.log()
    wait_for(lambda: len(server.children()) == 1, 20, "the ones that failed have ended")
    server.release()
    wait_for(lambda: status(instance, run_id) is dg.DagsterRunStatus.SUCCESS, 20, "the run succeeds")

    server.define("after")
    server.client.reload_code(timeout=60)
    assert server.job() == "after"


@pytest.mark.slow
def test_a_server_whose_first_definitions_cannot_be_loaded_exits_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "changing_definitions.py").write_text("raise ValueError('there is no database')")
    done = subprocess.run(
        [*SERVER, "--port", str(free_port()), "--module", "changing_definitions"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == "The definitions cannot be loaded: there is no database"


@pytest.mark.slow
def test_runs_that_are_launched_while_definitions_are_reloaded_all_start(
    server: Server, instance: dg.DagsterInstance
) -> None:
    server.release()
    served_by = {server.client.get_server_id()}
    runs = []
    with subprocess.Popen([sys.executable, "-c", RELOADS.format(port=server.port)]) as reloads:
        while len(served_by) < 4 or len(runs) < 4:
            runs.append(server.request_run(instance))
            served_by.add(server.client.get_server_id())
            assert reloads.poll() is None
        reloads.terminate()
    for run_id in runs:
        wait_for(lambda run_id=run_id: status(instance, run_id) is dg.DagsterRunStatus.SUCCESS, 20, "a run succeeds")


RELOADS = """
from dagster._grpc.client import DagsterGrpcClient
while True:
    DagsterGrpcClient(host="127.0.0.1", port={port}).reload_code(timeout=60)
"""


@pytest.mark.slow
def test_a_server_whose_child_dies_exits_to_be_started_again(server: Server) -> None:
    assert server.process is not None
    (child,) = server.children()
    child.kill()
    assert server.process.wait(60) == 1
    assert "has ended (exit code -9): this server exits, to be started again" in server.log()


@pytest.mark.slow
def test_a_server_that_is_stopped_waits_for_its_run(server: Server, instance: dg.DagsterInstance) -> None:
    assert server.process is not None
    run_id = server.launch(instance)
    server.client.reload_code(timeout=60)
    children = server.children()
    server.process.terminate()
    time.sleep(2)
    assert server.process.poll() is None
    server.release()
    assert server.process.wait(60) == 0
    assert status(instance, run_id) is dg.DagsterRunStatus.SUCCESS
    assert not any(child.is_running() for child in children)


def test_dagster_still_has_what_the_server_overrides() -> None:
    """Each of these is called or replaced by name; a release that renames one would bring back the fault it mends."""
    overridden = [name for name in vars(reloading_server.ReloadingServer) if hasattr(DagsterProxyApiServicer, name)]
    assert {
        "ReloadCode",
        "StartRun",
        "GetCurrentRuns",
        "ShutdownServer",
        "_reload_location",
        "_cleanup_thread",
        "_query",
        "_streaming_query",
        "cleanup",
    } <= set(overridden)
    assert all(hasattr(DagsterProxyApiServicer, name) for name in reloading_server.SENSOR_EVALUATIONS)
