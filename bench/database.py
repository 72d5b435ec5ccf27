"""The benchmark's own PostgreSQL: the product's embedded server with its stock settings, in a folder that goes away."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from bench.processes import children, children_cpu_seconds
from logistics_core.catalogue import Dataset
from logistics_core.metrics.rollups import SCHEMA
from logistics_pipeline.analytics.tables import TABLES
from logistics_pipeline.database.connections import Connection, connect, with_database
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.loading.write.indexes import build_missing
from logistics_pipeline.local.embedded_postgres import EmbeddedPostgres
from logistics_pipeline.migrations import migrate

_SECONDARY_INDEXES = """
    SELECT c.relname, i.indexrelid::bigint, pg_get_indexdef(i.indexrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = %s::regclass AND NOT i.indisprimary
    ORDER BY c.relname
"""


@dataclass(frozen=True)
class Index:
    """A secondary index. One that was built anew has another `oid`."""

    name: str
    oid: int
    definition: str


class Database:
    """A migrated database that the benchmark may do anything with."""

    def __init__(self, url: str, connection: Connection, postmaster: int | None) -> None:
        self.url = url
        self.connection = connection
        self._postmaster = postmaster

    def reset(self) -> None:
        """Empties every table and writes the rest to disk, so that no run pays for the one before it."""
        self.wait_until_idle()
        datasets = catalogue_in_force(self.connection).values()
        tables = [dataset.table for dataset in datasets]
        tables += [each.history_table for each in datasets if self.value("SELECT to_regclass(%s)", each.history_table)]
        tables += ["ingest.files", "ingest.rejects"]
        self.connection.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE".encode())
        for dataset in datasets:
            build_missing(self.connection, dataset)  # what a killed bulk load has left behind
        self.connection.execute("CHECKPOINT")

    def forget_figures(self) -> None:
        """Empties the analytics, so that the next refresh is the first one."""
        tables = ", ".join(f"analytics.{table}" for table in (*TABLES, "rollup_datasets"))
        self.connection.execute(f"TRUNCATE {tables} RESTART IDENTITY".encode())
        for (name,) in self.connection.execute("DELETE FROM analytics.rollups RETURNING table_name").fetchall():
            self.connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(SCHEMA, name)))
        self.connection.execute("UPDATE analytics.status SET full_refresh_due = true")

    def secondary_indexes(self, dataset: Dataset) -> list[Index]:
        return [Index(*row) for row in self.connection.execute(_SECONDARY_INDEXES, (dataset.table,)).fetchall()]

    def value(self, query: str, *parameters: object) -> Any:
        """The only value of the only row."""
        row = self.connection.execute(query.encode(), parameters).fetchone()
        return row[0] if row is not None else None

    def count(self, table: str) -> int:
        return int(self.value(f"SELECT count(*) FROM {table}"))

    def wait_until_idle(self, seconds: float = 60) -> None:
        """Waits for the server processes of earlier runs to end, killed ones included."""
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        deadline = time.monotonic() + seconds
        while self.value(others) or self._is_one_ending():
            if time.monotonic() > deadline:
                raise RuntimeError(f"Connections of an earlier run are still open after {seconds:.0f} s.")
            time.sleep(0.02)

    def _is_one_ending(self) -> bool:
        """A process is gone from the view a moment before it has ended, and its CPU time counts."""
        if self._postmaster is None:
            return False
        started = children(self._postmaster)
        known = {pid for (pid,) in self.connection.execute("SELECT pid FROM pg_stat_activity").fetchall()}
        return not started <= known

    def cpu_seconds(self) -> float:
        """CPU time of all server processes that have ended so far: those of runs that are over. Wait for them first."""
        return children_cpu_seconds(self._postmaster) if self._postmaster is not None else 0.0

    def rows_written(self, dataset: Dataset) -> int:
        """Rows ever inserted into a table, those of transactions that were rolled back included."""
        self.connection.execute("SELECT pg_stat_clear_snapshot()")
        query = "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relid = %s::regclass"
        return int(self.value(query, dataset.table))


def another_database(database: Database, name: str) -> str:
    """The address of a migrated database beside the benchmark's own, with nothing in it."""
    url = with_database(database.url, name)
    migrate(url)
    return url


@contextmanager
def open_database(folder: Path) -> Iterator[Database]:
    """Starts a server in the folder, migrates it, and stops it at the end."""
    server = EmbeddedPostgres(folder)
    url = server.acquire()
    try:
        migrate(url)
        postmaster = int((folder / "postmaster.pid").read_text().splitlines()[0])
        with connect(url, application_name="logistics bench") as connection:
            yield Database(url, connection, postmaster)
    finally:
        server.release()
