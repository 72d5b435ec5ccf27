"""What the containers of deploy/replica run makes a replica of a server that only lets in who is in its rules."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.checkout import PROJECT_ROOT
from tests.ports import free_port
from tests.postgres_servers import NOT_DURABLE, START_SECONDS, PostgresServer, client_program, programs
from tests.temporary_folders import temporary_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="an address of this machine for each server"),
]

VARIANT = PROJECT_ROOT / "deploy/replica"
USER = "pgserver" if os.geteuid() == 0 else None


ADDRESS = f"127.{os.getpid() % 250 + 1}.{os.getpid() // 250 % 250 + 1}.1"
"""Of the primary: whoever connects to it has the same address, and is not taken for this machine's own."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder("logistics-variant-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def primary(folder: Path) -> Iterator[PostgresServer]:
    """As the service `postgres` is configured."""
    shutil.copy(VARIANT / "pg_hba.conf", folder)
    settings = {"listen_addresses": f"'{ADDRESS}'", "hba_file": f"'{folder}/pg_hba.conf'", "max_connections": "50"}
    server = PostgresServer(folder / "primary", NOT_DURABLE | settings | {"synchronous_commit": "on"})
    server.create()
    server.start()
    server.execute("CREATE TABLE noted AS SELECT 1 AS number")
    yield server
    server.stop()


def make_login(primary: PostgresServer, password: str) -> None:
    """As the service `replicator` does."""
    command = [client_program("psql"), "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--file={VARIANT}/replicator.sql"]
    environment = os.environ | {"PGHOST": str(primary.sockets), "PGUSER": "postgres", "REPLICATION_PASSWORD": password}
    subprocess.run(command, env=environment, check=True, capture_output=True)


@contextmanager
def replica(folder: Path, password: str) -> Iterator[str]:
    """The URL of a replica, as the service `replica` starts it."""
    shutil.copy(VARIANT / "start.sh", folder)
    data, port = folder / "replica/18/docker", free_port()
    data.parent.parent.mkdir(exist_ok=True)
    if USER is not None:
        shutil.chown(data.parent.parent, USER)
    environment = {
        "PATH": f"{programs()}:{client_program('pg_basebackup').parent}:{os.environ['PATH']}",
        "PGDATA": str(data),
        "PRIMARY_HOST": ADDRESS,
        "REPLICATION_PASSWORD": password,
        "PORT": str(port),
    }
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            ["sh", folder / "start.sh"], cwd="/", env=environment, user=USER, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(START_SECONDS)


def numbers(url: str) -> list[int]:
    try:
        with psycopg.connect(url) as connection:
            return [number for (number,) in connection.execute("SELECT number FROM noted ORDER BY number")]
    except psycopg.OperationalError:
        return []


def wait_for(url: str, expected: list[int], folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while numbers(url) != expected:
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.05)


def test_it_follows_the_primary_and_goes_on_after_it_was_away_with_another_password(
    primary: PostgresServer, folder: Path
) -> None:
    make_login(primary, "first")
    with replica(folder, "first") as url:
        wait_for(url, [1], folder)
        primary.execute("INSERT INTO noted VALUES (2)")
        wait_for(url, [1, 2], folder)
    primary.execute("INSERT INTO noted VALUES (3)")
    make_login(primary, "second")
    with replica(folder, "second") as url:
        wait_for(url, [1, 2, 3], folder)
        assert primary.execute("SELECT application_name FROM pg_stat_replication") == ("replica",)
    assert (folder / "log").read_text().count("starting backup recovery") <= 1


def test_nobody_gets_a_copy_without_the_password(primary: PostgresServer, folder: Path) -> None:
    make_login(primary, "right")
    with replica(folder, "wrong") as url:
        deadline = time.monotonic() + START_SECONDS
        while "password authentication failed" not in (folder / "log").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert numbers(url) == []
