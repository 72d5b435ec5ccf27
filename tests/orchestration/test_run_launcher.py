"""The run launcher against a real code server, and what our private knowledge of Dagster rests on."""

import inspect
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.launcher import WorkerStatus
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.workspace.context import BaseWorkspaceRequestContext
from dagster._daemon.monitoring.run_monitoring import monitor_started_run
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.server import DagsterApiServer

from logistics_pipeline.orchestration.retries import NO_RUN_RETRIES
from logistics_pipeline.orchestration.runtime import run_launcher
from logistics_pipeline.orchestration.runtime.code_server import CLEANUP_THREAD
from logistics_pipeline.orchestration.runtime.run_launcher import SupervisedRunLauncher
from tests.checkout import PROJECT_ROOT
from tests.end_to_end.conftest import wait_for
from tests.ports import free_port

CONFIGURATION: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text())

DEFINITIONS = """
import time
import dagster as dg

@dg.op
def linger():
    time.sleep(600)

@dg.job(executor_def=dg.in_process_executor)
def lingering():
    linger()

defs = dg.Definitions(jobs=[lingering])
"""


@dataclass
class CodeServer:
    """A code server on a port of its own, which can be killed with its runs and started again."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        definitions = self.folder / "lingering_definitions.py"
        definitions.write_text(DEFINITIONS)
        command = [sys.executable, "-m", "dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen([*command, "-f", str(definitions)], start_new_session=True)
        wait_for(self.answers, 60, "the code server answers")

    def answers(self) -> bool:
        try:
            return bool(self.client.ping("?"))
        except dg.DagsterError:
            return False

    @property
    def client(self) -> DagsterGrpcClient:
        return DagsterGrpcClient(host="127.0.0.1", port=self.port)

    def kill(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance that launches, monitors and retries runs as dagster.yaml says."""
    ours = {name: CONFIGURATION[name] for name in ("run_launcher", "run_monitoring", "run_retries")}
    with dg.instance_for_test(overrides=ours) as made:
        yield made


@pytest.fixture
def code_server(tmp_path: Path, instance: dg.DagsterInstance) -> Iterator[CodeServer]:
    server = CodeServer(tmp_path)
    server.start()
    yield server
    server.kill()


def launch(instance: dg.DagsterInstance, server: CodeServer) -> str:
    """Starts a run that lingers, and waits until it has begun."""
    location = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=server.port, location_name="tests")
    origin = RemoteRepositoryOrigin(code_location_origin=location, repository_name="__repository__")

    defined: dict[str, Any] = {}
    exec(DEFINITIONS, defined)
    run = instance.create_run_for_job(
        defined["lingering"],
        status=dg.DagsterRunStatus.STARTING,
        remote_job_origin=origin.get_job_origin("lingering"),
    )
    SupervisedRunLauncher.launch_run_from_grpc_client(instance, run, server.client)
    wait_for(lambda: find(instance, run.run_id).status is dg.DagsterRunStatus.STARTED, 60, "the run has started")
    return run.run_id


def find(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run


@pytest.mark.slow
def test_a_run_is_found_lost_once_its_code_server_was_started_again_and_is_failed(
    instance: dg.DagsterInstance, code_server: CodeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = instance.run_launcher
    assert isinstance(launcher, SupervisedRunLauncher) and launcher.supports_check_run_worker_health
    run_id = launch(instance, code_server)
    assert launcher.check_run_worker_health(find(instance, run_id)).status is WorkerStatus.RUNNING

    code_server.kill()
    silent = launcher.check_run_worker_health(find(instance, run_id))
    assert silent.status is WorkerStatus.RUNNING and "does not respond: checking again" in (silent.msg or "")
    with monkeypatch.context() as patch:
        patch.setattr(run_launcher, "UNREACHABLE_SECONDS", 0)
        given_up = launcher.check_run_worker_health(find(instance, run_id))
    assert given_up.status is WorkerStatus.NOT_FOUND and "has not responded for" in (given_up.msg or "")

    code_server.start()
    lost = launcher.check_run_worker_health(find(instance, run_id))
    assert lost.status is WorkerStatus.NOT_FOUND and f"127.0.0.1:{code_server.port} was started again" in str(lost.msg)

    monitor(instance, run_id)
    assert find(instance, run_id).status is dg.DagsterRunStatus.FAILURE


def monitor(instance: dg.DagsterInstance, run_id: str) -> None:
    """One look of Dagster's monitoring at a started run; it needs no workspace, as nothing is resumed."""
    record = instance.get_run_record_by_id(run_id)
    assert record is not None
    no_workspace: BaseWorkspaceRequestContext = None  # type: ignore[assignment]
    monitor_started_run(instance, no_workspace, record, logging.getLogger("tests"))


def test_a_run_that_no_code_server_started_is_left_alone(instance: dg.DagsterInstance) -> None:
    @dg.job
    def by_hand() -> None: ...

    run = instance.create_run_for_job(by_hand, status=dg.DagsterRunStatus.STARTED)

    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    monitor(instance, run.run_id)
    assert find(instance, run.run_id).status is dg.DagsterRunStatus.STARTED


@pytest.mark.slow
def test_a_server_that_answers_again_gets_its_whole_time_when_it_falls_silent_once_more(
    instance: dg.DagsterInstance, code_server: CodeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(run_launcher, "monotonic", lambda: clock[0])
    run_id = launch(instance, code_server)
    status = []
    for silent, seconds in ((True, 0), (True, 299), (False, 1), (True, 0), (True, 299), (True, 1)):
        clock[0] += seconds
        with monkeypatch.context() as patch:
            if silent:
                patch.setattr(DagsterGrpcClient, "_get_response", unreachable)
            status.append(instance.run_launcher.check_run_worker_health(find(instance, run_id)).status)

    assert status == [WorkerStatus.RUNNING] * 5 + [WorkerStatus.NOT_FOUND]


def unreachable(*_: Any, **__: Any) -> None:
    raise OSError("nobody there")


def test_no_run_may_stay_unfinished_for_ever(instance: dg.DagsterInstance) -> None:
    assert instance.run_monitoring_enabled
    assert 0 < instance.run_monitoring_poll_interval_seconds <= 10
    assert 0 < instance.run_monitoring_start_timeout_seconds <= 120
    assert 0 < instance.run_monitoring_cancel_timeout_seconds <= 120
    assert 0 < instance.run_monitoring_max_runtime_seconds <= 86400
    assert instance.run_monitoring_max_resume_run_attempts == 0, (
        "the launcher cannot resume: Dagster would only pretend"
    )


def test_crashed_runs_are_retried_by_dagster_or_by_the_sensor_and_never_by_both(instance: dg.DagsterInstance) -> None:
    assert instance.run_retries_enabled and instance.run_retries_max_retries > 0
    assert not instance.run_retries_retry_on_asset_or_op_failure
    assert NO_RUN_RETRIES == {"dagster/max_retries": "0"}, "loads are requested again by the sensor, which counts"


def test_the_thread_that_buries_dead_runs_still_has_the_name_we_know_it_by() -> None:
    source = inspect.getsource(DagsterApiServer)
    assert f'name="{CLEANUP_THREAD}"' in source
    assert "self._check_for_orphaned_runs()" in inspect.getsource(DagsterApiServer._cleanup_thread)


def test_a_code_server_ends_when_the_thread_that_buries_dead_runs_has_died() -> None:
    program = """
import threading
from logistics_pipeline.orchestration.runtime.code_server import exit_when_cleanup_thread_dies

def die():
    raise RuntimeError("no database")

exit_when_cleanup_thread_dies()
other = threading.Thread(target=die, name="some other thread")
other.start()
other.join()
print("lives on", flush=True)
cleanup = threading.Thread(target=die, name="grpc-server-cleanup")
cleanup.start()
cleanup.join()
print("still there")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)

    assert (done.returncode, done.stdout) == (1, "lives on\n")
    assert "no database" in done.stderr and "this server exits, to be started again" in done.stderr
