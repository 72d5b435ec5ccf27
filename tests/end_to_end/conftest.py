"""The whole system as users run it: real processes, real ports, started and stopped by the `logistics` command."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from tests.ports import free_port

LOGISTICS = [str(Path(sys.executable).parent / "logistics")]


@dataclass
class Installation:
    """A data folder and ports of its own."""

    data_dir: Path
    api_port: int
    dagster_port: int
    database_url: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    """Further variables of the environment."""
    folder: Path | None = None
    """Where programs are started, which find modules there first; None: where the tests are."""

    @property
    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
        return clean | {
            "LOGISTICS_DATA_DIR": str(self.data_dir),
            "LOGISTICS_API_PORT": str(self.api_port),
            "LOGISTICS_DAGSTER_PORT": str(self.dagster_port),
            "LOGISTICS_SENSOR_INTERVAL_SECONDS": "2",
            "LOGISTICS_SETTLE_SECONDS": "1",
            # A proxy for the world outside, which does not even exist: the system's parts must not look for it.
            "http_proxy": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
            **({"LOGISTICS_DATABASE_URL": self.database_url} if self.database_url else {}),
            **self.settings,
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            LOGISTICS + list(arguments),
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            LOGISTICS + list(arguments),
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout * PATIENCE,
            check=False,
        )

    def drop(self, name: str, records: list[dict[str, Any]] | bytes) -> None:
        """Puts a file into the raw folder as the manual says: written aside, renamed when complete."""
        path = self.data_dir / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.tmp")
        unfinished.write_bytes(records if isinstance(records, bytes) else json.dumps(records).encode())
        unfinished.rename(path)

    def get(self, path: str, **parameters: str) -> Any:
        url = f"http://127.0.0.1:{self.api_port}{path}"
        return httpx2.get(url, params=parameters, timeout=10, verify=False).json()  # it would read all authorities

    def graphql(self, query: str, **variables: Any) -> Any:
        answer = httpx2.post(
            f"http://127.0.0.1:{self.dagster_port}/graphql",
            json={"query": query, "variables": variables},
            timeout=30,
            verify=False,
        ).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def processes(self) -> list[psutil.Process]:
        """Whatever runs on this installation's data folder; not what has ended and only waits to be reaped."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                if str(self.data_dir) in " ".join(process.cmdline()) or (
                    process.environ().get("LOGISTICS_DATA_DIR") == str(self.data_dir)
                ):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found

    def cut_power(self) -> None:
        """Kills everything; also what was just being started while the first of them were killed."""
        while running := self.processes():
            for process in running:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(running, timeout=10 * PATIENCE)


PATIENCE = 4
"""Seconds in these tests are those of an idle machine; where CI shares its cores, all of it takes longer. Waiting ends
as soon as there is nothing to wait for, so patience costs time only where a test fails."""


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Asks until the answer is true; troubles with connections, files and processes count as not yet."""
    deadline = time.monotonic() + seconds * PATIENCE
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except (httpx2.HTTPError, LookupError, ValueError, OSError):
            pass
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds * PATIENCE} s")


@pytest.fixture
def installation(tmp_path: Path, give_vega: Callable[[Path], None]) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", free_port(), free_port())
    give_vega(made.data_dir)
    yield made
    made.cut_power()


@pytest.fixture
def running(installation: Installation) -> Iterator[Installation]:
    """An installation that is up."""
    process = installation.start("up")
    try:
        wait_for(lambda: installation.get("/ready")["status"] == "ready", 90, "the API is ready")
        wait_for(lambda: installation.graphql("{version}")["version"], 60, "Dagster is up")
        yield installation
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60 * PATIENCE)
        print(re.sub(r"\n+", "\n", output))
