"""Fixtures for every test that needs a database: one embedded server per session, one migrated database per test.

And what all tests rely on: time for generated examples, the usual signals.
"""

import fcntl
import gc
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from logistics_api.dashboard.vega_bundle import VegaBundle
from logistics_pipeline.database.connections import Connection, connect, with_database
from logistics_pipeline.loading.options import BatchLimits, LoadOptions
from logistics_pipeline.local.embedded_postgres import EmbeddedPostgres
from logistics_pipeline.migrations import migrate
from tests import file_state_guard
from tests.postgres_servers import PostgresServer
from tests.temporary_folders import temporary_folder

_numbers = count(1)

# What is slow is the machine: no example has to be found or tried within a time. A developer's run tries fewer examples
# than CI, and others each time.
settings.register_profile(
    "tests", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True, max_examples=40
)
settings.register_profile(
    "same-every-time", settings.get_profile("tests"), derandomize=True, database=None, max_examples=100
)
settings.load_profile("tests")


def pytest_collection_finish() -> None:
    """What was imported stays to the end: collections of garbage in the tests need not look through it again.

    And they are rare: with Python's own thresholds they took a tenth of the time of all tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


@pytest.fixture(autouse=True)
def _usual_signals() -> Iterator[None]:
    """Dagster makes its handler of SIGTERM from that of SIGINT, which a shell without job control has ignored for
    `pytest &`; what is ignored stays so in every process that later tests start, and none of them could be stopped."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    for number, handler in usual.items():
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """URL of the `postgres` database of a server of the tests' own; durability off, as nothing needs to last."""
    with temporary_folder("logistics-tests-") as folder:
        yield from _serve(Path(folder) / "postgres")


def _serve(folder: Path) -> Iterator[str]:
    if "LOGISTICS_TEST_POSTGRES" in os.environ:
        other = PostgresServer(folder)
        other.create()
        other.start()
        yield other.url
        other.stop()
        return
    server = EmbeddedPostgres(folder)
    url = with_database(server.acquire(), "postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET synchronous_commit = off")
        connection.execute("ALTER SYSTEM SET full_page_writes = off")
        connection.execute("ALTER SYSTEM SET autovacuum = off")  # it holds locks, and counts, when nobody expects it
        connection.execute("ALTER SYSTEM SET max_connections = 400")  # many APIs at once, each with its pools
    server.release()
    server.acquire()  # a restart applies all of this
    yield url
    server.release()


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """Name of a migrated database that others are copied from; it refuses changes of state against the contract."""
    url = with_database(server_url, "template_migrated")
    migrate(url)
    with connect(url) as connection:
        file_state_guard.install(connection)
    return "template_migrated"


@pytest.fixture
def copied(template: str) -> str:
    """Name of the database that the test's own is copied from; a module may have others, with rows in them."""
    return template


@pytest.fixture
def database_url(server_url: str, copied: str) -> Iterator[str]:
    """URL of a migrated database for one test, empty unless `copied` is not."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {copied} STRATEGY file_copy".encode())
    yield with_database(server_url, name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection to the test's database, in autocommit mode."""
    with connect(database_url) as opened:
        yield opened


@pytest.fixture
def raw_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "raw"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def options(raw_dir: Path) -> LoadOptions:
    """Loader options with batches so small that every test sees several, of chunks of a single record."""
    return options_of(raw_dir)


def options_of(raw_dir: Path) -> LoadOptions:
    """Those of the fixture `options`, for another folder."""
    return LoadOptions(
        raw_dir=raw_dir,
        failed_dir=raw_dir.parent / "failed",
        batch=BatchLimits(records=7, bytes=1 << 20),
        max_record_bytes=1 << 20,
        date_order=None,
        retry_seconds=60.0,
        chunk_bytes=16,
    )


@pytest.fixture(scope="session")
def give_vega(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Puts Vega into the cache of a data folder, where an API that is started would spend seconds on making it.

    It is made once for all workers.
    """
    of_worker = tmp_path_factory.getbasetemp()
    folder = of_worker.parent if "PYTEST_XDIST_WORKER" in os.environ else of_worker

    def give(data_dir: Path) -> None:
        with (folder / "vega.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            VegaBundle(folder / "vega").files()
        shutil.copytree(folder / "vega", data_dir / "cache", dirs_exist_ok=True)

    return give
