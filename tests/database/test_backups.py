"""Backups, restored: the pipeline goes on with new files, and the figures are those of a server that was never lost."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from logistics_core.catalogue import built_in_catalogue
from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline.analytics.checks import all_checks, run_checks
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import connect, with_database
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.migrations import migrate
from tests.conftest import options_of
from tests.database.records import log, shipment, vehicle
from tests.postgres_servers import NOT_DURABLE, PostgresServer, client_program
from tests.temporary_folders import temporary_folder

pytestmark = pytest.mark.slow

BEFORE = {
    "vehicles.json": [vehicle(number) for number in range(3)],
    "vehicle_logs.json": [log(number) for number in range(40)],
    "shipments.json": [shipment(number) for number in range(100)] + [shipment(100, weight=-1)],
}
AFTER = {
    "shipments-2.json": [shipment(number, cost=3.5 * number) for number in range(50, 150)],
    "vehicle_logs-2.json": [log(number) for number in range(30, 60)],
}
"""Some of the records were there before, and are superseded."""


class Site:
    """A database with the folder that its files come from."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    def load(self, files: dict[str, list[dict[str, Any]]]) -> list[str]:
        """Loads files and refreshes; returns the names of those that were not loaded before."""
        loaded = []
        for name, records in files.items():
            (self.folder / name).write_text(json.dumps(records))
            found = (options := options_of(self.folder)).folder.look_at(self.folder / name)
            assert found is not None
            report = load_file(self.url, found, options)
            assert report.is_loaded
            loaded += [] if report.was_loaded_before else [name]
        refresh(self.url)
        return loaded

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows and figures, without times."""
        checks = all_checks(built_in_catalogue(), RejectThreshold.parse("1%"))
        findings = [finding for _, finding in run_checks(self.url, checks, whole=True)]
        assert not [finding.sentence for finding in findings if finding.is_error]
        with connect(self.url) as connection:
            tables = connection.execute(
                "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('raw', 'analytics') "
                "AND tablename NOT IN ('status', 'refreshes') ORDER BY 1, 2"
            ).fetchall()
            query = sql.SQL("SELECT to_jsonb(found) - 'calculated_at' - 'loaded_at' FROM {} AS found ORDER BY 1")
            return {
                f"{schema}.{table}": connection.execute(query.format(sql.Identifier(schema, table))).fetchall()
                for schema, table in tables
            }


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with temporary_folder("logistics-backups-") as made:
        yield Path(made)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[PostgresServer]:
    """The server that is lost later. It holds the files of `BEFORE`."""
    server = PostgresServer(folder / "server", NOT_DURABLE)
    server.create()
    server.start()
    migrate(with_database(server.url, "logistics"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def site(server: PostgresServer, folder: Path) -> Site:
    (raw := folder / "data" / "raw").mkdir(parents=True)
    site = Site(with_database(server.url, "logistics"), raw)
    site.load(BEFORE)
    return site


@dataclass
class Backups:
    """A base backup, a dump of the database, and the roles of the server."""

    copy: PostgresServer
    dump: Path
    roles: Path


@pytest.fixture(scope="module")
def backups(server: PostgresServer, site: Site, folder: Path) -> Backups:
    """Taken after `BEFORE`; the site then goes on to `AFTER`."""
    made = Backups(PostgresServer(folder / "copy", NOT_DURABLE), folder / "logistics.dump", folder / "roles.sql")
    made.copy.copy_of(server, is_standby=False)
    run("pg_dumpall", "-d", server.url, "--roles-only", "-f", made.roles)
    run("pg_dump", "-Fc", "-d", site.url, "-f", made.dump)
    site.load(AFTER)
    assert len(site.content()["raw.shipments"]) == 150
    return made


def test_a_base_backup_goes_on_with_new_files(site: Site, backups: Backups) -> None:
    with started(backups.copy):
        restored = Site(with_database(backups.copy.url, "logistics"), site.folder)
        assert restored.load({**BEFORE, **AFTER}) == list(AFTER)
        assert restored.content() == site.content()


def test_a_dump_is_restored_into_an_empty_server(site: Site, backups: Backups, folder: Path) -> None:
    server = PostgresServer(folder / "new", NOT_DURABLE)
    server.create()
    with started(server):
        url = with_database(server.url, "logistics")
        run("psql", "-q", "-d", server.url, "-f", backups.roles)
        run("createdb", "--maintenance-db", server.url, "logistics")
        run("pg_restore", "-d", url, "-j", "2", "--exit-on-error", backups.dump)
        migrate(url)
        restored = Site(url, site.folder)
        assert restored.load({**BEFORE, **AFTER}) == list(AFTER)
        assert restored.content() == site.content()


@contextmanager
def started(server: PostgresServer) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        server.stop()


def run(program: str, *arguments: str | Path) -> None:
    """Runs a program as an operator does, without a name or a password to type."""
    done = subprocess.run([client_program(program), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
