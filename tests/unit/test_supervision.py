"""The supervisor with small real processes: what dies is started again, at once or after a pause, and said."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from logistics_pipeline.errors import PipelineError
from logistics_pipeline.local import supervisor as supervisor_module
from logistics_pipeline.local.supervisor import LONGEST_PAUSE_SECONDS, STEADY_SECONDS, Program, Supervisor
from tests.checkout import PROJECT_ROOT
from tests.end_to_end.conftest import wait_for

LINGER = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
LINGER_WITH_CHILD = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {LINGER!r}]); {LINGER}"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path, {})
    yield made
    made.stop()


def program(code: str) -> Program:
    return Program("worker", [sys.executable, "-c", code], lambda: True)


def pids(folder: Path, count: int) -> list[int]:
    """What the processes have written to their log, once so many have."""

    def look() -> list[int]:
        found = [int(line) for line in (folder / "worker.log").read_text().split()]
        return found if len(found) >= count else []

    found: list[int] = wait_for(look, 30, f"{count} processes have said their number")
    return found


def test_a_process_that_was_killed_is_started_again_at_once_and_that_is_said(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(program(LINGER))
    (first,) = pids(tmp_path, 1)
    said: list[str] = []
    supervisor.restart_dead(said.append)
    assert said == []

    os.kill(first, signal.SIGKILL)
    wait_for(lambda: supervisor.restart_dead(said.append) or said, 10, "the death is noticed")
    supervisor.restart_dead(said.append)

    _, second = pids(tmp_path, 2)
    assert psutil.pid_exists(second)
    log = tmp_path / "worker.log"
    assert said == [f"worker was killed by SIGKILL and will be restarted at once. Its log {log} ends with: {first}"]


def test_what_a_dead_process_left_behind_is_killed_before_it_is_started_again(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(program(LINGER_WITH_CHILD))
    numbers = set(pids(tmp_path, 2))
    parent = next(number for number in numbers if psutil.Process(number).ppid() == os.getpid())
    (child,) = numbers - {parent}

    os.kill(parent, signal.SIGKILL)
    said: list[str] = []
    wait_for(lambda: supervisor.restart_dead(said.append) or said, 10, "the death is noticed")

    wait_for(lambda: is_gone(child), 10, "the child is gone")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="signals of a process are read from /proc")
def test_a_process_can_be_asked_to_stop_even_where_a_shell_had_the_signals_ignored(tmp_path: Path) -> None:
    """As a script has them for `logistics up &`."""
    code = (
        "import signal, sys, time; from pathlib import Path; from tests.unit.test_supervision import *;"
        "[signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)];"
        "made = Supervisor(Path(sys.argv[1]), {}); made.start(program(LINGER));"
        "(pid,) = pids(Path(sys.argv[1]), 1); print(Path(f'/proc/{pid}/status').read_text());"
        "made.stop()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT
    )
    (ignored,) = (int(line.split()[1], 16) for line in done.stdout.splitlines() if line.startswith("SigIgn:"))
    for number in (signal.SIGINT, signal.SIGTERM):
        assert not ignored & 1 << number - 1


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_what_dies_again_and_again_is_started_after_longer_and_longer_pauses_but_always(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(supervisor_module.time, "monotonic", lambda: clock[0])
    supervisor.start(program("print('no database'); raise SystemExit(3)"))
    said: list[str] = []
    starts = [0.0]
    for _ in range(9):
        (running,) = supervisor._running
        running.process.wait()
        heard = len(said)
        while running.restart_at is None or len(said) == heard:
            supervisor.restart_dead(said.append)
        while running.restart_at is not None:
            supervisor.restart_dead(said.append)
            clock[0] += running.restart_at is not None
        starts.append(clock[0])

    pauses = [after - before for before, after in pairwise(starts)]
    assert pauses == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert max(pauses) == LONGEST_PAUSE_SECONDS
    assert "worker ended (exit code 3) and will be restarted in 60 s" in said[-1]
    assert said[-1].endswith("ends with: no database")


def test_what_has_run_steadily_is_started_again_at_once(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(supervisor_module.time, "monotonic", lambda: clock[0])
    supervisor.start(program(LINGER))
    (running,) = supervisor._running
    running.deaths = 7
    clock[0] = STEADY_SECONDS
    supervisor.restart_dead(print)
    assert running.deaths == 0


def test_while_a_system_starts_a_process_that_ends_is_an_error_that_names_its_log(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(program("raise SystemExit('the port is taken')"))
    (running,) = supervisor._running
    running.process.wait()
    with pytest.raises(
        PipelineError, match=r"^worker ended \(exit code 1\)\. Its log .*worker\.log ends with: the port"
    ):
        supervisor.refuse_dead()


def test_stopping_leaves_nothing_running_even_between_two_starts(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(program(LINGER))
    (pid,) = pids(tmp_path, 1)
    os.kill(pid, signal.SIGKILL)
    said: list[str] = []
    wait_for(lambda: supervisor.restart_dead(said.append) or said, 10, "the death is noticed")

    supervisor.stop()

    assert len(pids(tmp_path, 1)) == 1
