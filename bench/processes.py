"""Processes from outside: run one, watch its memory and that of its children, kill it. All of psutil is here."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

SAMPLE_SECONDS = 0.02
_LOOK_FOR_CHILDREN_EVERY = 5
"""Samples: to find the children takes a look at every process of the system, too much to do each time."""
_MEASURE_PSS_EVERY = 10


@dataclass
class Memory:
    """Peaks, in bytes, of a process and its children together."""

    rss: int = 0
    pss: int = 0
    processes: int = 0

    @property
    def rss_mib(self) -> float:
        return self.rss / 2**20

    @property
    def pss_mib(self) -> float:
        return self.pss / 2**20


@dataclass(frozen=True)
class Finished:
    """A process that has come to its end."""

    status: int
    output: str
    errors: str
    seconds: float
    memory: Memory


def run(arguments: Sequence[str], *, watch_memory: bool = False) -> Finished:
    """Runs a program to its end."""
    with started(arguments) as process:
        since = time.perf_counter()
        memory = Memory()
        with watching(process.pid, memory) if watch_memory else nullcontext():
            output, errors = process.communicate()
        return Finished(process.returncode, output, errors, time.perf_counter() - since, memory)


@contextmanager
def started(arguments: Sequence[str]) -> Iterator["subprocess.Popen[str]"]:
    """Starts a program in a process group of its own; whatever is left of the group at the end is killed."""
    with subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
        cwd=Path(__file__).parent.parent,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            kill_group(process)


def kill_group(process: "subprocess.Popen[str]") -> None:
    """SIGKILL to the process and its children, as when the machine runs out of memory."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def _environment() -> dict[str, str]:
    """Without this installation's settings: what is measured is the product as it comes."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}


@contextmanager
def watching(pid: int, memory: Memory) -> Iterator[None]:
    """Keeps the peaks of a process tree in `memory` until the block ends."""
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(pid, memory, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch(pid: int, memory: Memory, over: threading.Event) -> None:
    family: list[psutil.Process] = []
    sample = 0
    while not over.wait(SAMPLE_SECONDS):
        if sample % _LOOK_FOR_CHILDREN_EVERY == 0:
            family = _family(pid)
        memory.rss = max(memory.rss, sum(_rss(process) for process in family))
        memory.processes = max(memory.processes, len(family))
        if sample % _MEASURE_PSS_EVERY == 0:
            memory.pss = max(memory.pss, sum(_pss(process) for process in family))
        sample += 1


def _family(pid: int) -> list[psutil.Process]:
    try:
        head = psutil.Process(pid)
        return [head, *head.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _pss(process: psutil.Process) -> int:
    try:
        return int(getattr(process.memory_full_info(), "pss", 0))
    except psutil.Error:
        return 0


def children(pid: int) -> set[int]:
    """The processes that a process has started and that have not ended."""
    return {child.pid for child in psutil.Process(pid).children()}


def children_cpu_seconds(pid: int) -> float:
    """CPU time of the children of a process that have ended and been waited for."""
    times = psutil.Process(pid).cpu_times()
    return float(times.children_user + times.children_system)


def family_cpu_seconds(pid: int) -> float:
    """CPU time of a process, of all below it, and of those below it that have ended and been waited for."""
    return sum(_cpu(process) for process in _family(pid))


def _cpu(process: psutil.Process) -> float:
    try:
        return float(sum(process.cpu_times()[:4]))
    except psutil.Error:
        return 0


def system_times() -> tuple[float, float | None]:
    """All CPU time of the machine so far, and what of it the host gave to others; None where it does not tell."""
    times = psutil.cpu_times()
    return sum(times), getattr(times, "steal", None)


def cpu_seconds(pid: int, *, all_threads: bool = False) -> float:
    """CPU time so far, user and system: on Linux to the nanosecond, of the main thread; elsewhere of them all.

    With `all_threads`, of them all on Linux too: only where none of them ends meanwhile, as that takes its time away.
    """
    process = Path(f"/proc/{pid}")
    if not (process / "schedstat").exists():
        return float(sum(psutil.Process(pid).cpu_times()[:2]))
    threads = (process / "task").iterdir() if all_threads else [process]
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def resident_bytes(pid: int) -> int:
    """The resident set size of one process."""
    return _rss(psutil.Process(pid))
