"""The databases of a Citus cluster that somebody runs: made and dropped on all of its nodes."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from logistics_pipeline.contracts.folder import sync_folder
from logistics_pipeline.database.connections import Connection, connect, with_database
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.migrations import migrate
from logistics_pipeline.migrations.distribution import distribute
from tests import file_state_guard
from tests.conftest import options_of
from tests.database.conftest import FolderUnderTest
from tests.keyed import add_contracts

VARIABLE = "LOGISTICS_TEST_CITUS_URL"
OURS = f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
"""Part of the names of databases: others run tests on the same cluster."""


@dataclass(frozen=True)
class Cluster:
    """A coordinator and its workers: the URL of a database on each."""

    coordinator: str
    workers: tuple[str, ...]

    @classmethod
    def of_environment(cls) -> "Cluster":
        """The one that `LOGISTICS_TEST_CITUS_URL` names: a database on the coordinator that knows the workers."""
        if VARIABLE not in os.environ:
            pytest.skip(f"needs a Citus cluster: {VARIABLE} is not set")
        url = os.environ[VARIABLE]
        with connect(url) as connection:
            nodes = connection.execute("SELECT node_name, node_port FROM citus_get_active_worker_nodes()").fetchall()
        assert len(nodes) >= 2, f"{VARIABLE} must name the coordinator of at least two workers"
        return cls(url, tuple(f"{with_database(url, 'postgres')}?host={host}&port={port}" for host, port in nodes))

    @property
    def nodes(self) -> Iterator[Connection]:
        """A connection to each, the coordinator first."""
        for url in (self.coordinator, *self.workers):
            with psycopg.connect(with_database(url, "postgres"), autocommit=True) as connection:
                yield connection

    def url(self, database: str) -> str:
        """The URL of a database on the coordinator."""
        return with_database(self.coordinator, database)

    def create(self, name: str) -> None:
        """Makes a database in which the coordinator knows the workers."""
        for node in self.nodes:
            node.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            node.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name)))
        for url in (self.coordinator, *self.workers):
            with psycopg.connect(with_database(url, name), autocommit=True) as connection:
                connection.execute("CREATE EXTENSION citus")
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            info = connection.info
            connection.execute("SELECT citus_set_coordinator_host(%s, %s)", (info.host, info.port))
            for url in self.workers:
                worker = psycopg.conninfo.conninfo_to_dict(url)
                connection.execute("SELECT citus_add_node(%s, %s)", (worker["host"], int(worker["port"] or 5432)))

    def copy(self, template: str, name: str) -> None:
        """Makes a database like another one, with its tables on all nodes."""
        for node in self.nodes:
            _while_nobody_is_there(
                node,
                template,
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(template)
                ),
            )

    def drop(self, name: str) -> None:
        """Drops a database on all nodes."""
        for node in self.nodes:
            _while_nobody_is_there(
                node, name, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


def make_template(cluster: Cluster, name: str) -> None:
    """A migrated database with distributed tables, which refuses changes of state against the contract."""
    cluster.create(name)
    migrate(cluster.url(name))
    distribute(cluster.url(name))
    with connect(cluster.url(name)) as connection:
        file_state_guard.install(connection)


def prepared_folder(url: str, raw_dir: Path) -> FolderUnderTest:
    """A folder of a database that knows two datasets of a user's own beside the built-in ones, see `tests.keyed`."""
    raw_dir.mkdir(parents=True)
    add_contracts(raw_dir.parent)
    with connect(url) as connection:
        report = sync_folder(connection, raw_dir.parent / "contracts")
        assert not report.problems, report.problems
        return FolderUnderTest(url, replace(options_of(raw_dir), catalogue=catalogue_in_force(connection)))


@contextmanager
def database(cluster: Cluster, template: str, name: str) -> Iterator[str]:
    """The URL of a database like another one, while the block runs."""
    cluster.drop(name)  # left by a test that was killed
    cluster.copy(template, name)
    try:
        yield cluster.url(name)
    finally:
        cluster.drop(name)


def _while_nobody_is_there(node: Connection, database: str, statement: sql.Composed) -> None:
    """Citus has a process in each database, which comes back soon after it was ended."""
    for _ in range(20):
        node.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,))
        try:
            node.execute(statement)
            return
        except psycopg.errors.ObjectInUse:
            time.sleep(0.1)
    raise AssertionError(f"somebody is always connected to {database}")
