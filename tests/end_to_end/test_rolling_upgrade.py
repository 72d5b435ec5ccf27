"""An upgrade while loads go on: the code before the newest migration and that of today, side by side on one schema.

docs/operations.md, *Upgrades*, says what is to be expected. The older code comes from the history of the repository;
without it, as in a shallow clone, there is nothing to compare with.
"""

import io
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from logistics_pipeline.migrations import head_version
from tests.checkout import PROJECT_ROOT
from tests.conftest import with_database
from tests.database.records import log, shipment
from tests.end_to_end.conftest import PATIENCE, Installation, wait_for
from tests.ports import free_port

pytestmark = pytest.mark.slow

CODE = ("logistics_core", "logistics_pipeline", "logistics_api", "sql", "dagster.yaml", "workspace.yaml")
LOGS = 60_000
INTERRUPTED = 130
SPAN = "start=2024-01-01&end=2024-12-31"
BOARD = {"title": "Fleet", "panels": [{"question": {"dataset": "vehicles", "metrics": "vehicle_count"}}]}


def git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=PROJECT_ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"the history of the repository is not there: git {arguments[0]}: {done.stderr.decode().strip()}")
    return done.stdout


@pytest.fixture(scope="module")
def code_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the last commit without the newest migration."""
    if shutil.which("git") is None or not (PROJECT_ROOT / ".git").exists():
        pytest.skip("the history of the repository is not there")
    (newest,) = (PROJECT_ROOT / "logistics_pipeline/migrations/versions").glob(f"{head_version()}_*.py")
    added = git("log", "--diff-filter=A", "--format=%H", "--", str(newest.relative_to(PROJECT_ROOT))).split()
    commit = f"{added[-1].decode()}^" if added else "HEAD"
    folder = tmp_path_factory.mktemp("before")
    tree = git("archive", commit, *CODE)
    with tarfile.open(fileobj=io.BytesIO(tree)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@dataclass
class Site:
    """One database and one folder, used by both versions."""

    old: Installation
    new: Installation
    url: str

    def scalar(self, query: str) -> int:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def batches(self) -> int:
        return self.scalar("SELECT count(*) FROM ingest.batches")

    def path(self, name: str) -> str:
        return str(self.new.data_dir / "raw" / name)

    def drop(self, name: str, records: list[dict[str, Any]]) -> str:
        self.new.drop(name, records)
        return self.path(name)


@pytest.fixture
def site(server_url: str, tmp_path: Path, code_before: Path, give_vega: Callable[[Path], None]) -> Iterator[Site]:
    url, data = with_database(server_url, "rolling_upgrade"), tmp_path / "data"
    give_vega(data)
    old, new = (Installation(data, free_port(), free_port(), url) for _ in range(2))
    for installation, code in ((old, code_before), (new, PROJECT_ROOT)):
        installation.folder = code
        installation.settings = {"PYTHONPATH": str(code)}
    old.settings["LOGISTICS_BATCH_RECORDS"] = "10"  # so slow that it is interrupted
    yield Site(old, new, url)
    new.cut_power()
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS rolling_upgrade WITH (FORCE)")


@contextmanager
def api(installation: Installation, status: int) -> Iterator[None]:
    """An API, once its `/ready` answers with this status."""
    process = installation.start("api")
    try:
        wait_for(lambda: ready(installation) == status, 30, f"/ready answers {status}")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30 * PATIENCE)


def ready(installation: Installation) -> int:
    return ask(installation, "GET", "/ready").status_code


def ask(installation: Installation, method: str, path: str, **options: Any) -> httpx2.Response:
    url = f"http://127.0.0.1:{installation.api_port}{path}"
    return httpx2.request(method, url, verify=False, timeout=10, **options)  # it would read all authorities


def test_loads_reads_and_changes_go_on_while_programs_are_replaced_one_by_one(site: Site) -> None:
    old, new = site.old, site.new
    succeed(old.run("migrate"))
    large = site.drop("vehicle_logs.json", [log(number) for number in range(LOGS)])
    with api(old, 200):
        loading = old.start("load", large)
        wait_for(site.batches, 30, "the old version loads")
        succeed(new.run("migrate"))
        before = site.batches()
        wait_for(lambda: loading.poll() is not None or site.batches() > before + 20, 30, "its load goes on")
        wait_for(lambda: ready(old) == 503, 30, "the old API asks to be replaced")
        with api(new, 200):
            for each in (old, new):
                assert each.get("/api/ingestion/files")["items"][0]["state"] in ("loading", "loaded")
                assert ask(each, "GET", f"/api/dashboard?{SPAN}").status_code == 200
                assert ask(each, "GET", "/api/exports/vehicle-logs.csv").text.count("\n") > before
                assert ask(each, "POST", "/api/boards", json=BOARD).status_code == 201
    loading.send_signal(signal.SIGINT)
    said, _ = loading.communicate(timeout=60 * PATIENCE)
    assert loading.returncode in (0, INTERRUPTED), said

    del old.settings["LOGISTICS_BATCH_RECORDS"]
    site.drop("shipments-old.json", [shipment(number) for number in range(500)])
    site.drop("shipments-new.json", [shipment(number) for number in range(250, 750)])
    for process in (
        old.start("load", site.path("shipments-old.json")),
        new.start("load", site.path("shipments-new.json")),
    ):
        said, _ = process.communicate(timeout=60 * PATIENCE)
        assert process.returncode == 0, said
    succeed(new.run("load", large))
    assert site.scalar("SELECT count(*) FROM raw.vehicle_logs") == LOGS
    assert site.scalar("SELECT count(*) FROM raw.shipments") == 750
    succeed(old.run("refresh", "--full"))
    succeed(new.run("check", "--all"))


def succeed(done: "subprocess.CompletedProcess[str]") -> None:
    assert done.returncode == 0, done.stdout + done.stderr
