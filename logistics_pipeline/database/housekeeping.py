"""Housekeeping of the database: what only ever grows is made small once nobody needs its detail. Knows no Dagster.

What belongs here is PostgreSQL's side: the ledger and the tables' upkeep. Dagster's own history of runs and partitions
is cleared by `run_retention`; when both happen stands in `schedules`. Rows of the raw tables, unresolved rejects and
`ingest.files` are never touched: they are the data, what is still to be mended, and what tells which file wins a key.
"""

from dataclasses import dataclass
from time import perf_counter

from psycopg import sql

from logistics_core.database_contract.locks import HOUSEKEEPING_LOCK
from logistics_core.settings import Settings
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection, advisory_lock, connect, transient_errors

FILES_AT_A_TIME = 1_000
REJECTS_AT_A_TIME = 10_000
"""What one transaction takes: loads that go on meanwhile never wait for long."""


@dataclass(frozen=True)
class Retention:
    """For how many days detail is kept."""

    batches_days: int
    resolved_rejects_days: int | None
    """None keeps them for ever."""

    @classmethod
    def of(cls, settings: Settings) -> "Retention":
        return cls(settings.keep_batches_days, settings.keep_resolved_rejects_days)


@dataclass(frozen=True)
class Housekeeping:
    """What was done."""

    batches_removed: int
    """Rows that the ledger of batches has become shorter by."""
    rejects_deleted: int
    vacuumed: list[str]
    """Tables, as schema.name."""
    seconds: float


def keep_house(url: str, retention: Retention) -> Housekeeping:
    """Compacts the ledger, deletes what was resolved long ago, and vacuums what autovacuum leaves alone.

    May run beside loads and refreshes; a second one waits for the first. Whatever interrupts it, the next one goes on.

    Raises:
        TransientError: the database went away; what was committed stays.
    """
    started = perf_counter()
    with (
        transient_errors("keeping house"),
        connect(url, application_name="logistics housekeeping") as connection,
        advisory_lock(connection, HOUSEKEEPING_LOCK),
    ):
        return Housekeeping(
            batches_removed=_compact_batches(connection, retention.batches_days),
            rejects_deleted=_delete_resolved_rejects(connection, retention.resolved_rejects_days),
            vacuumed=_vacuum(connection),
            seconds=perf_counter() - started,
        )


def _compact_batches(connection: Connection, days: int) -> int:
    """Makes one row of the batches that a file had and that are contained in the figures since long."""
    query, parameters = read_sql("housekeeping/compact_batches").encode(), {"days": days, "files": FILES_AT_A_TIME}
    total = 0
    while True:
        row = connection.execute(query, parameters).fetchone()
        assert row is not None
        if row[0] == 0:
            return total
        total += row[0]


def _delete_resolved_rejects(connection: Connection, days: int | None) -> int:
    if days is None:
        return 0
    query = read_sql("housekeeping/delete_resolved_rejects").encode()
    total = 0
    while deleted := connection.execute(query, {"days": days, "rejects": REJECTS_AT_A_TIME}).rowcount:
        total += deleted
    return total


def _vacuum(connection: Connection) -> list[str]:
    """Vacuums and analyses; a table that somebody has locked, such as by a bulk load, waits for the next night."""
    tables = connection.execute(read_sql("housekeeping/tables_to_vacuum").encode()).fetchall()
    for schema, name in tables:
        connection.execute(sql.SQL("VACUUM (ANALYZE, SKIP_LOCKED) {}").format(sql.Identifier(schema, name)))
    return [f"{schema}.{name}" for schema, name in tables]


def files_closed_long_ago(connection: Connection, days: int) -> set[str]:
    """Paths of the files that were loaded, or failed, so long ago and have not changed since."""
    query = read_sql("housekeeping/files_closed_long_ago").encode()
    return {path for (path,) in connection.execute(query, {"days": days}).fetchall()}
