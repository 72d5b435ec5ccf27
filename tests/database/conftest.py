"""Fixtures for tests of the loading core: a raw folder to drop files into, and what the database holds afterwards."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
import tenacity.nap
from psycopg import sql

from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import PIPELINE, Connection, with_database
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.loading.loader import LoadReport, load_file
from logistics_pipeline.loading.options import LoadOptions
from tests.conftest import options_of
from tests.database.alerts import Alerts
from tests.database.records import as_array
from tests.datasets import DATASETS


@dataclass
class FolderUnderTest:
    """A raw folder and the database it is loaded into."""

    url: str
    options: LoadOptions
    _times: Any = field(default_factory=lambda: count(1_700_000_000_000_000_000, 1_000_000_000))

    def drop(self, name: str, content: bytes | Sequence[object]) -> FoundFile:
        """Writes a file (records become a JSON array, one per line), always with a later time than the last one."""
        path = self.options.raw_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else as_array(content))
        return self.touch(path)

    def touch(self, path: Path) -> FoundFile:
        """Gives a file a new modification time."""
        time = next(self._times)
        os.utime(path, ns=(time, time))
        found = self.options.folder.look_at(path)
        assert found is not None
        return found

    def load(self, found: FoundFile, **changes: Any) -> LoadReport:
        """Loads a file; keywords are those of `load_file` or of `LoadOptions`."""
        ours = {name: changes.pop(name) for name in list(changes) if name in LoadOptions.__dataclass_fields__}
        return load_file(self.url, found, replace(self.options, **ours), **changes)

    def drop_and_load(self, name: str, content: bytes | Sequence[object], **changes: Any) -> LoadReport:
        return self.load(self.drop(name, content), **changes)


@pytest.fixture
def raw_folder(database_url: str, options: LoadOptions) -> FolderUnderTest:
    return FolderUnderTest(database_url, options)


Fill = Callable[[FolderUnderTest], None]


@pytest.fixture
def alerts(connection: Connection) -> Alerts:
    return Alerts(connection)


@pytest.fixture
def add_file(connection: Connection) -> Callable[..., int]:
    """add_file(path, state): an entry of the ledger."""

    def add(path: str, state: str, dataset: str | None = "shipments", **columns: Any) -> int:
        values = {
            "path": path, "state": state, "dataset": dataset, "size_bytes": 10, "modified_ns": 1, "version": 1,
        } | columns  # fmt: skip
        names = ", ".join(values)
        row = connection.execute(
            f"INSERT INTO ingest.files ({names}) VALUES ({', '.join(['%s'] * len(values))}) RETURNING file_id".encode(),
            list(values.values()),
        ).fetchone()
        assert row is not None
        return int(row[0])

    return add


@pytest.fixture(scope="session")
def new_template(
    server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Fill], str]:
    """new_template(name, fill): a database with rows, made once, that those of several tests are copied from."""

    def make(name: str, fill: Fill) -> str:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy".encode())
        raw_dir = tmp_path_factory.mktemp(name) / "data" / "raw"
        raw_dir.mkdir(parents=True)
        fill(FolderUnderTest(with_database(server_url, name), options_of(raw_dir)))
        return name

    return make


@pytest.fixture(scope="module")
def filled_template(request: pytest.FixtureRequest, new_template: Callable[[str, Fill], str]) -> str:
    """A database that has the `FILES` of the module, with figures that are up to date."""

    def fill(folder: FolderUnderTest) -> None:
        for name, records in request.module.FILES.items():
            folder.drop_and_load(name, records)
        refresh(folder.url)

    return new_template(f"filled_for_{request.module.__name__.rpartition('.')[2]}", fill)


@pytest.fixture
def copied(request: pytest.FixtureRequest, template: str) -> str:
    has_rows = "filled" in request.fixturenames
    return str(request.getfixturevalue("filled_template")) if has_rows else template


@dataclass(frozen=True)
class Contents:
    """What a load leaves behind, without times, attempts and the gaps in numbers that a rollback leaves: loads that
    did the same leave the same. Files are named by path and version, and stand in the order of registration."""

    rows: dict[str, list[tuple[Any, ...]]]
    rejects: list[tuple[Any, ...]]
    files: list[tuple[Any, ...]]


@pytest.fixture
def contents(connection: Connection) -> Callable[[], Contents]:
    """Reads what the database holds now."""

    def read() -> Contents:
        files = connection.execute(
            "SELECT file_id, path, version, state, error, warning, content_hash, format, records_read, "
            "records_loaded, records_superseded, records_rejected, bytes_read, unknown_fields, notes "
            "FROM ingest.files ORDER BY 1"
        ).fetchall()
        names = {file_id: (path, version) for file_id, path, version, *_ in files}
        return Contents(
            rows={
                name: [
                    (*values, names[file_id], number)
                    for *values, file_id, number in connection.execute(
                        sql.SQL("SELECT * FROM {} ORDER BY 1").format(sql.Identifier("raw", name))
                    ).fetchall()
                ]
                for name in DATASETS
            },
            rejects=[
                (names[file_id], *values)
                for file_id, *values in connection.execute(
                    "SELECT file_id, record_no, byte_offset, field, reason, raw FROM ingest.rejects ORDER BY 1, 2"
                ).fetchall()
            ],
            files=[tuple(file[1:]) for file in files],
        )

    return read


@pytest.fixture
def empty(connection: Connection) -> Callable[[], None]:
    """Empties the database, so that one test can load the same files again and again."""

    def run() -> None:
        connection.execute(
            "TRUNCATE raw.vehicles, raw.vehicle_logs, raw.shipments, ingest.files RESTART IDENTITY CASCADE"
        )

    return run


@pytest.fixture
def limit_lock_waits(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes sessions of this process give up waiting for a lock after a time such as `50ms`."""

    def limit(time: str) -> None:
        monkeypatch.setitem(PIPELINE.settings, "lock_timeout", time)  # type: ignore[arg-type]  # it is a dict

    return limit


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""

    class Clock:
        @staticmethod
        def sleep(seconds: float) -> None:
            """Does not."""

    monkeypatch.setattr(tenacity.nap, "time", Clock)


class Interrupted(BaseException):
    """Stands for whatever ends a loader from outside; nothing in the product catches it."""


def _text(query: Any, connection: Connection) -> str:
    if isinstance(query, bytes):
        return query.decode()
    return query if isinstance(query, str) else str(query.as_string(connection))


@contextmanager
def at_statement(number: int, act: Callable[[Connection], None], *, of: str = "logistics load") -> Iterator[list[str]]:
    """Does something to a connection right before its n-th statement (from 0), once: the loader's, or another's by its
    application name.

    Yields the list of the statements that were run, so that a test can tell whether there was an n-th one.
    """
    execute, seen = psycopg.Connection.execute, []

    def spy(self: Connection, query: Any, *arguments: Any, **keywords: Any) -> Any:
        if not self.closed and self.info.parameter_status("application_name") == of:
            seen.append(_text(query, self))
            if len(seen) == number + 1:
                act(self)
        return execute(self, query, *arguments, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", spy)
        yield seen


def raise_interrupted(_: Connection) -> None:
    """A trouble for `at_statement`: the process dies."""
    raise Interrupted


def terminate_backend(connection: Connection) -> None:
    """A trouble for `at_statement`: the server's process dies, as by an administrator or the out-of-memory killer."""
    with psycopg.connect(connection.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))


every_trouble = pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(raise_interrupted, id="process dies"),
        pytest.param(terminate_backend, id="backend dies", marks=pytest.mark.slow),
    ],
)
