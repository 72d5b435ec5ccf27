"""The API as a process of its own, a bare server beside it, and clients: all as other programs see them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx2

from bench.processes import cpu_seconds
from bench.run_clients import Order, Outcome
from logistics_pipeline.local.supervisor import free_port

_START_SECONDS = 60


@dataclass(frozen=True)
class Served:
    """A server that answers."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """CPU time so far, user and system: on Linux to the nanosecond, of the thread that serves; else of them all."""
        return cpu_seconds(self.pid)


@contextmanager
def api_of(database_url: str, folder: Path, **variables: str) -> Iterator[Served]:
    """`python -m logistics_api` over a database, with its defaults but for the variables given (without prefix)."""
    port = free_port()
    ours = {"DATABASE_URL": database_url, "DATA_DIR": str(folder), "API_PORT": str(port), **variables}
    environment = {f"LOGISTICS_{name}": value for name, value in ours.items()}
    with server_of([sys.executable, "-m", "logistics_api"], port, "/ready", environment) as served:
        yield served


@contextmanager
def bare_server(body: Path) -> Iterator[Served]:
    """The least that can send the bytes of a file."""
    port = free_port()
    with server_of([sys.executable, "-m", "bench.run_bare", str(port), str(body)], port, "/") as served:
        yield served


@contextmanager
def server_of(
    command: Sequence[str], port: int, probe: str, environment: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """Runs a server as long as the block lasts; `probe` is a path that it answers with 200."""
    with subprocess.Popen(command, env=os.environ | (environment or {}), stderr=subprocess.DEVNULL) as process:
        try:
            served = Served(port, process.pid)
            deadline = time.monotonic() + _START_SECONDS
            while not _answers(served.url + probe):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{' '.join(command)} does not answer {probe}.")
                time.sleep(0.05)
            yield served
        finally:
            process.terminate()
            process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def clients(*orders: Order, turns: int = 1) -> list[Outcome]:
    """Sends the given requests from clients in a separate process; several requests take turns."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.run_clients"],
        input=json.dumps({"orders": [asdict(order) for order in orders], "turns": turns}),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    return [Outcome(**outcome) for outcome in json.loads(done.stdout)]
