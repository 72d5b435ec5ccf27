"""Starts the system's processes, waits until they serve, starts again what dies, and stops every one of them.

Output goes to log files, turned over before they grow large (`log_rotation`). A process is left its own process group:
Ctrl-C reaches the supervisor alone, which then stops them in turn. On Linux they also end with a supervisor that was
killed.
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

import httpx

from logistics_core.resource_files import RESOURCES
from logistics_core.settings import Settings
from logistics_pipeline.errors import ConfigurationError, PipelineError
from logistics_pipeline.local.embedded_postgres import EmbeddedPostgres
from logistics_pipeline.local.environment import Environment
from logistics_pipeline.local.log_rotation import turn_over

START_SECONDS = 300
"""An idle machine needs 10; a busy one with a cold disk must not be given up on."""
STOP_SECONDS = 15
STEADY_SECONDS = 60
"""What has run for so long since it was started has recovered."""
LONGEST_PAUSE_SECONDS = 60
LAST_WORDS_BYTES = 300
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    """A process to run and how to tell that it serves."""

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
    """Since it last ran steadily."""
    restart_at: float | None = None
    """When it is to be started again; None while it runs."""


class Supervisor:
    """Runs programs until told to stop."""

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
                preexec_fn=_begin,
            )

    def wait_until_ready(self, on_wait: Callable[[str], None] = lambda name: None) -> None:
        """Waits until every program serves.

        Raises:
            PipelineError: one ended, or does not serve in time.
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
                        f"{running.program.name} does not serve after {START_SECONDS} s; its log is {running.log}"
                    )
                time.sleep(0.1)

    def refuse_dead(self) -> None:
        """Raises PipelineError if a program has ended by itself."""
        for running in self._running:
            if running.process.poll() is not None:
                raise PipelineError(f"{_ending(running)}. {_last_words(running)}")

    def turn_logs_over(self) -> None:
        """Keeps the log files small. To be called every second or so."""
        for running in self._running:
            turn_over(running.log)

    def revive_dead(self, say: Callable[[str], None]) -> None:
        """Starts programs again that have ended by themselves, and says so. To be called every second or so.

        The first time at once; what dies again and again is started after longer and longer pauses, for ever: its
        trouble may pass, such as a database that is away.
        """
        for running in self._running:
            now = time.monotonic()
            if running.restart_at is not None:
                if now >= running.restart_at:
                    self._revive(running)
            elif running.process.poll() is not None:
                self._bury(running, now, say)
            elif now - running.started_at >= STEADY_SECONDS:
                running.deaths = 0

    def _bury(self, running: _Running, now: float, say: Callable[[str], None]) -> None:
        pause = seconds_to_restart(running.deaths)
        when = f"in {pause} s" if pause else "at once"
        say(f"{_ending(running)} and is started again {when}. {_last_words(running)}")
        # What it left behind is nobody's any more: runs of a code server, which are failed and asked for again.
        _signal_group(running.process, signal.SIGKILL)
        running.deaths += 1
        running.restart_at = now + pause

    def _revive(self, running: _Running) -> None:
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
            _signal_group(running.process, signal.SIGKILL)  # also what it started and left behind
            running.process.wait()
        self._running.clear()


class DatabaseWatch:
    """Starts an embedded server again that has died. What does not start is tried after longer and longer pauses."""

    def __init__(self, server: EmbeddedPostgres | None, say: Callable[[str], None]) -> None:
        self._server = server
        self._say = say
        self._failures = 0
        self._not_before = 0.0

    def look(self) -> None:
        """To be called every second or so; returns once the server is up again, or would not start."""
        if self._server is None or time.monotonic() < self._not_before:
            return
        try:
            revived = self._server.revive()
        except ConfigurationError as error:
            self._failures += 1
            pause = seconds_to_restart(self._failures)
            self._not_before = time.monotonic() + pause
            self._say(f"{error} Trying again in {pause} s.")
            return
        if revived:
            log = self._server.folder / "log"
            self._say(f"The embedded PostgreSQL had died and was started again; its log is {log}")
        self._failures = 0


def seconds_to_restart(deaths: int) -> int:
    """The pause before a program is started again that has died so many times before, and not run steadily since."""
    return min(2 ** (deaths - 1), LONGEST_PAUSE_SECONDS) if deaths else 0


def _ending(running: _Running) -> str:
    code = running.process.returncode
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended (exit code {code})"
    return f"{running.program.name} {how}"


def _begin() -> None:
    """Gives a new process the signals it expects, and an end with its parent.

    A shell without job control starts `logistics up &` with SIGINT ignored, Dagster makes its handler of SIGTERM from
    that of SIGINT, and what is ignored stays so in every process started from there: none could be asked to stop.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _last_words(running: _Running) -> str:
    with running.log.open("rb") as log:
        log.seek(max(0, running.log.stat().st_size - LAST_WORDS_BYTES))
        lines = log.read().decode(errors="replace").strip().splitlines()
    return f"Its log {running.log} ends with: {lines[-1]}" if lines else f"Its log {running.log} is empty."


@contextmanager
def running_system(environment: Environment, say: Callable[[str], None]) -> Iterator[Supervisor]:
    """Runs Dagster (code server, daemon, web UI) and the API; stops them when the block is left, however it is left.

    The database is up to date and the ports are free (`refuse_taken_ports`): commands see to both before they begin.
    What an earlier system left unfinished is set free: only one may run on a database.

    Raises:
        PipelineError: a program does not start.
    """
    settings = environment.settings
    code_port = settings.code_server_port or free_port()
    variables = environment.variables() | {"LOGISTICS_CODE_SERVER_PORT": str(code_port)}
    prepare_dagster(variables, nothing_runs=True)
    supervisor = Supervisor(settings.logs_dir, variables)
    try:
        for program in _programs(settings, code_port):
            supervisor.start(program)
            if program.name == "code-server":  # the others ask it what there is as they start
                supervisor.wait_until_ready(lambda name: say(f"starting {name}"))
        supervisor.wait_until_ready(lambda name: say(f"starting {name}"))
        yield supervisor
    finally:
        supervisor.stop()


def _programs(settings: Settings, code_port: int) -> list[Program]:
    python, bin_dir = sys.executable, Path(sys.executable).parent
    dagster_url, api_url = web_urls(settings)
    return [
        Program(
            "code-server",
            [python, "-m", "dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(code_port), "-m",
             "logistics_pipeline.orchestration.definitions"],
            lambda: _accepts("127.0.0.1", code_port),
        ),
        Program("dagster-daemon", [str(bin_dir / "dagster-daemon"), "run", "-w", "workspace.yaml"], lambda: True),
        Program(
            "dagster-webserver",
            [str(bin_dir / "dagster-webserver"), "-h", settings.dagster_host, "-p", str(settings.dagster_port), "-w",
             "workspace.yaml"],
            lambda: _answers(f"{dagster_url}/server_info"),
        ),
        Program("api", [python, "-m", "logistics_api"], lambda: _answers(f"{api_url}/ready")),
    ]  # fmt: skip


def web_urls(settings: Settings) -> tuple[str, str]:
    """Where a person on this machine finds the Dagster UI and the API."""
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
                f"Port {port} for {name} is taken by another program (perhaps another `logistics up`). "
                f"Stop that one, or choose another port: {variable}={port + 1}"
            )


def _accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def prepare_dagster(variables: dict[str, str], *, nothing_runs: bool = False) -> None:
    """Makes Dagster's tables and limits (`instance`), in a process of its own.

    With `nothing_runs`, runs that are still noted as started are failed: their processes cannot be alive.

    Raises:
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
    if done.returncode != 0:
        raise PipelineError(f"Dagster's database could not be prepared:\n{done.stderr.strip()[-2000:]}")


@contextmanager
def stop_signals() -> Iterator[None]:
    """Turns SIGTERM and SIGHUP into KeyboardInterrupt, so that being stopped in any way cleans up."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
