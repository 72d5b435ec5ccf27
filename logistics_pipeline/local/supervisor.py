"""Starts the system's processes, waits until they are ready, restarts those that die, and stops them all.

Output goes to log files, which are rotated before they grow large (`log_rotation`). Each process has its own process
group, so Ctrl-C reaches only the supervisor, which then stops the processes in turn. On Linux they also end if the
supervisor is killed.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import httpx2

from logistics_core.database_contract.locks import ARE_ALERTS_EVALUATED, ARE_CONTRACTS_WATCHED
from logistics_core.resource_files import RESOURCES
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import connect
from logistics_pipeline.errors import EXPLAINED_EXIT_CODE, ConfigurationError, PipelineError, TransientError
from logistics_pipeline.local.embedded_postgres import EmbeddedPostgres
from logistics_pipeline.local.environment import Environment
from logistics_pipeline.local.log_rotation import rotate

START_SECONDS = 300
"""An idle machine needs 10; a busy one with a cold disk needs much longer."""
STOP_SECONDS = 15
STEADY_SECONDS = 60
"""A program that has run for this long since it was started has recovered."""
LONGEST_PAUSE_SECONDS = 60
LOG_TAIL_BYTES = 300
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    """A process to run, and how to find out whether it is ready."""

    name: str
    command: Sequence[str]
    is_ready: Callable[[], bool]


@dataclass
class _Running:
    program: Program
    process: subprocess.Popen[bytes]
    log: Path
    started_at: float
    is_ready: bool = False
    deaths: int = 0
    """How often it has died since it last ran steadily."""
    restart_at: float | None = None
    """When to start it again; None while it runs."""


class Supervisor:
    """Runs programs until it is stopped."""

    def __init__(self, logs_dir: Path, variables: dict[str, str]) -> None:
        self._logs_dir = logs_dir
        self._variables = {**os.environ, **variables, "PYTHONUNBUFFERED": "1"}
        self._running: list[_Running] = []

    def start(self, program: Program) -> None:
        """Starts a program without waiting for it."""
        log = self._logs_dir / f"{program.name}.log"
        self._running.append(_Running(program, self._open(program, log), log, time.monotonic()))

    def _open(self, program: Program, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                program.command,
                cwd=RESOURCES,
                env=self._variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_prepare_child,
            )

    def wait_until_ready(self, on_wait: Callable[[str], None] = lambda name: None) -> None:
        """Waits until every program is ready.

        Raises:
            PipelineError: one ended, or is not ready in time.
        """
        deadline = time.monotonic() + START_SECONDS
        for running in self._running:
            if not running.is_ready:
                on_wait(running.program.name)
            while not running.is_ready:
                running.is_ready = running.program.is_ready()
                self.refuse_dead()
                if time.monotonic() > deadline:
                    raise PipelineError(
                        f"{running.program.name} is not ready after {START_SECONDS} s; its log is {running.log}"
                    )
                time.sleep(0.1)

    def refuse_dead(self) -> None:
        """Raises PipelineError if a program has ended unexpectedly."""
        for running in self._running:
            if running.process.poll() is not None:
                raise PipelineError(f"{_how_it_ended(running)}. {_log_tail(running)}")

    def rotate_logs(self) -> None:
        """Keeps the log files small. Call it about once a second."""
        for running in self._running:
            rotate(running.log)

    def restart_dead(self, say: Callable[[str], None]) -> None:
        """Restarts programs that have ended unexpectedly, and says so. Call it about once a second.

        The first restart is immediate. A program that keeps dying is restarted after ever longer pauses, without end:
        the cause may pass, such as a database that is away.
        """
        for running in self._running:
            now = time.monotonic()
            if running.restart_at is not None:
                if now >= running.restart_at:
                    self._restart(running)
            elif running.process.poll() is not None:
                self._schedule_restart(running, now, say)
            elif now - running.started_at >= STEADY_SECONDS:
                running.deaths = 0

    def _schedule_restart(self, running: _Running, now: float, say: Callable[[str], None]) -> None:
        pause = seconds_to_restart(running.deaths)
        when = f"in {pause} s" if pause else "at once"
        say(f"{_how_it_ended(running)} and will be restarted {when}. {_log_tail(running)}")
        # Kill its children, such as the runs of a code server: Dagster fails those, and the sensor requests them again.
        _signal_group(running.process, signal.SIGKILL)
        running.deaths += 1
        running.restart_at = now + pause

    def _restart(self, running: _Running) -> None:
        running.process = self._open(running.program, running.log)
        running.started_at, running.restart_at = time.monotonic(), None

    def stop(self) -> None:
        """Stops every program, the last started first; kills what does not stop in time."""
        alive = [running for running in reversed(self._running) if running.restart_at is None]
        for running in alive:
            _signal_group(running.process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for running in alive:
            with suppress(subprocess.TimeoutExpired):
                running.process.wait(max(0.1, deadline - time.monotonic()))
            _signal_group(running.process, signal.SIGKILL)  # and what it started and left behind
            running.process.wait()
        self._running.clear()


class DatabaseWatch:
    """Restarts an embedded server that has died. If it does not start, it is tried again after ever longer pauses."""

    def __init__(self, server: EmbeddedPostgres | None, say: Callable[[str], None]) -> None:
        self._server = server
        self._say = say
        self._failures = 0
        self._not_before = 0.0

    def check(self) -> None:
        """Call it about once a second. Returns once the server is up again, or has failed to start."""
        if self._server is None or time.monotonic() < self._not_before:
            return
        try:
            restarted = self._server.restart_if_dead()
        except ConfigurationError as error:
            self._failures += 1
            pause = seconds_to_restart(self._failures)
            self._not_before = time.monotonic() + pause
            self._say(f"{error} Trying again in {pause} s.")
            return
        if restarted:
            log = self._server.folder / "log"
            self._say(f"The embedded PostgreSQL had died and was restarted; its log is {log}")
        self._failures = 0


def seconds_to_restart(deaths: int) -> int:
    """The pause before the restart of a program that has died this often since it last ran steadily."""
    return min(2 ** (deaths - 1), LONGEST_PAUSE_SECONDS) if deaths else 0


def _how_it_ended(running: _Running) -> str:
    code = running.process.returncode
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended (exit code {code})"
    return f"{running.program.name} {how}"


def _prepare_child() -> None:
    """Gives a new process the default signal handlers, and makes it end with its parent.

    A shell without job control starts `logistics up &` with SIGINT ignored, and Dagster derives its handler of SIGTERM
    from that of SIGINT. Child processes inherit ignored signals, so none of them could be stopped.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _log_tail(running: _Running) -> str:
    with running.log.open("rb") as log:
        log.seek(max(0, running.log.stat().st_size - LOG_TAIL_BYTES))
        lines = log.read().decode(errors="replace").strip().splitlines()
    return f"Its log {running.log} ends with: {lines[-1]}" if lines else f"Its log {running.log} is empty."


@contextmanager
def running_system(environment: Environment, say: Callable[[str], None]) -> Iterator[Supervisor]:
    """Runs Dagster (code server, daemon, web UI), the API, the watch of contracts and the worker.

    Stops them when the block ends, however it ends.

    The caller has made sure that the database is up to date and the ports are free (`refuse_taken_ports`). Runs that an
    earlier system left unfinished are failed, as only one system may run on a database.

    Raises:
        PipelineError: a program does not start.
    """
    settings = environment.settings
    code_port = settings.code_server_port or free_port()
    variables = environment.variables() | {"LOGISTICS_CODE_SERVER_PORT": str(code_port)}
    prepare_dagster(variables, nothing_runs=True)
    supervisor = Supervisor(settings.logs_dir, variables)
    try:
        for program in _programs(settings, code_port, environment.database_url):
            supervisor.start(program)
            if program.name == "code-server":  # the others query it when they start
                supervisor.wait_until_ready(lambda name: say(f"starting {name}"))
        supervisor.wait_until_ready(lambda name: say(f"starting {name}"))
        yield supervisor
    finally:
        supervisor.stop()


def _programs(settings: Settings, code_port: int, database_url: str) -> list[Program]:
    python, bin_dir = sys.executable, Path(sys.executable).parent
    dagster_url, api_url = web_urls(settings)
    return [
        Program(
            "code-server",
            [python, "-m", "logistics_pipeline.orchestration.runtime.reloading_server", "--port", str(code_port)],
            lambda: _accepts("127.0.0.1", code_port),
        ),
        Program("dagster-daemon", [str(bin_dir / "dagster-daemon"), "run", "-w", "workspace.yaml"], lambda: True),
        Program(
            "dagster-webserver",
            [str(bin_dir / "dagster-webserver"), "-h", settings.dagster_host, "-p", str(settings.dagster_port), "-w",
             "workspace.yaml"],
            lambda: responding(f"{dagster_url}/server_info"),
        ),
        Program("api", [python, "-m", "logistics_api"], lambda: responding(f"{api_url}/ready")),
        Program(
            "contracts",
            [str(bin_dir / "logistics"), "contracts", "watch"],
            lambda: are_contracts_watched(database_url),
        ),
        Program("worker", [python, "-m", "logistics_pipeline.worker"], lambda: does_a_worker_run(database_url)),
    ]  # fmt: skip


def web_urls(settings: Settings) -> tuple[str, str]:
    """The addresses of the Dagster UI and the API on this machine."""
    return (
        f"http://{_reachable(settings.dagster_host)}:{settings.dagster_port}",
        f"http://{_reachable(settings.api_host)}:{settings.api_port}",
    )


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "") else "[::1]" if host == "::" else host


def refuse_taken_ports(settings: Settings) -> None:
    """Raises ConfigurationError if the web UI's or the API's port is in use."""
    ports = (
        ("LOGISTICS_DAGSTER_PORT", "the Dagster UI", settings.dagster_host, settings.dagster_port),
        ("LOGISTICS_API_PORT", "the API", settings.api_host, settings.api_port),
    )
    for variable, name, host, port in ports:
        if _accepts(_reachable(host).strip("[]"), port):
            raise ConfigurationError(
                f"Port {port} for {name} is in use by another program (perhaps another `logistics up`). "
                f"Stop that one, or choose another port: {variable}={port + 1}"
            )


def _accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def responding(url: str) -> bool:
    """Whether a web server at this address responds with success."""
    try:
        return httpx2.get(url, timeout=2, trust_env=False).is_success
    except httpx2.HTTPError:
        return False


def are_contracts_watched(database_url: str) -> bool:
    """Whether a process watches the contracts of this database: this machine's or another one's."""
    return _is_true(database_url, ARE_CONTRACTS_WATCHED)


def does_a_worker_run(database_url: str) -> bool:
    """Whether a worker evaluates the alerts of this database: this machine's or another one's."""
    return _is_true(database_url, ARE_ALERTS_EVALUATED)


def _is_true(database_url: str, condition: str) -> bool:
    try:
        with connect(database_url) as connection:
            return connection.execute(f"SELECT {condition}".encode()).fetchone() == (True,)
    except TransientError:
        return False


def free_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def prepare_dagster(variables: dict[str, str], *, nothing_runs: bool = False) -> None:
    """Makes Dagster's tables and limits (`runtime.instance`), in a separate process.

    With `nothing_runs`, runs that are recorded as started are failed: their processes cannot be alive.

    Raises:
        ConfigurationError: PostgreSQL refuses something in Dagster's database.
        PipelineError: that process failed.
    """
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "logistics_pipeline.orchestration.runtime.instance",
            *(["--nothing-runs"] if nothing_runs else []),
        ],
        env={**os.environ, **variables},
        cwd=RESOURCES,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == EXPLAINED_EXIT_CODE:
        raise ConfigurationError(done.stderr.strip().splitlines()[-1])
    if done.returncode != 0:
        raise PipelineError(f"Dagster's database could not be prepared:\n{done.stderr.strip()[-2000:]}")


@contextmanager
def stop_signals() -> Iterator[None]:
    """Turns SIGTERM and SIGHUP into KeyboardInterrupt, so that any way of stopping cleans up."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
