"""Housekeeping of the database: shrinks what would only grow, once nobody needs its detail. Independent of Dagster.

This is PostgreSQL's side: the ledger, and the upkeep of tables. `orchestration.run_retention` clears Dagster's own
history of runs and partitions; `orchestration.schedules` says when both happen. Rows of the raw tables, unresolved
rejects and `ingest.files` are never touched: they are the data, what is still to be corrected, and what decides which
file wins a key.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter

from psycopg import sql

from logistics_core.database_contract.audit import DELETE_ENTRIES
from logistics_core.database_contract.locks import HOUSEKEEPING_LOCK
from logistics_core.database_contract.models import OPEN_DAYS
from logistics_core.settings import Settings
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection, advisory_lock, connect, transient_errors

FILES_PER_TRANSACTION = 1_000
REJECTS_PER_TRANSACTION = 10_000
EVENTS_PER_TRANSACTION = 5_000
PREDICTIONS_PER_TRANSACTION = 50_000
"""Limits of one transaction, so that loads never wait for long."""


@dataclass(frozen=True)
class Retention:
    """How many days detail is kept."""

    batches_days: int
    resolved_rejects_days: int | None
    """None: forever."""
    file_requests_days: int = 90
    forecasts_days: int = 90
    messages_days: int = 365
    sessions_days: int = 90
    predictions_days: int = 730
    audit_days: int | None = None
    """None: forever."""

    @classmethod
    def of(cls, settings: Settings) -> "Retention":
        """The retention that the settings give."""
        return cls(
            settings.keep_batches_days,
            settings.keep_resolved_rejects_days,
            settings.keep_file_requests_days,
            settings.keep_forecasts_days,
            settings.keep_messages_days,
            settings.keep_sessions_days,
            settings.keep_predictions_days,
            settings.keep_audit_days,
        )


@dataclass(frozen=True)
class Housekeeping:
    """What a housekeeping run did."""

    batches_removed: int
    """How many rows fewer the ledger of batches has."""
    rejects_deleted: int
    requests_deleted: int
    """About files, contracts and sources, and jobs of models."""
    fits_thinned: int
    """Old fits of forecasts of which a few steps are kept."""
    events_deleted: int
    """Of notifications, with their messages."""
    sessions_deleted: int
    """Of people."""
    predictions_deleted: int
    """Of models, with their scores."""
    executions_summed_up: int
    """Of models: how many rows fewer there are."""
    audit_entries_deleted: int
    vacuumed: list[str]
    """Tables, as schema.name."""
    seconds: float


def run_housekeeping(url: str, retention: Retention) -> Housekeeping:
    """Compacts the ledger, deletes what was resolved long ago, and vacuums what autovacuum does not.

    May run beside loads and refreshes; a second run waits for the first. If it is interrupted, the next run continues.

    Raises:
        TransientError: the database went away; what was committed stays.
    """
    started = perf_counter()
    with (
        transient_errors("housekeeping"),
        connect(url, application_name="logistics housekeeping") as connection,
        advisory_lock(connection, HOUSEKEEPING_LOCK),
    ):
        return Housekeeping(
            batches_removed=_compact_batches(connection, retention.batches_days),
            rejects_deleted=_delete_resolved_rejects(connection, retention.resolved_rejects_days),
            requests_deleted=_delete_served_requests(connection, retention.file_requests_days),
            fits_thinned=_thin_forecasts(connection, retention.forecasts_days),
            events_deleted=_delete_old_messages(connection, retention.messages_days),
            sessions_deleted=_delete_ended_sessions(connection, retention.sessions_days),
            predictions_deleted=_delete_old_predictions(connection, retention.predictions_days),
            executions_summed_up=_sum_up_executions(connection, retention.file_requests_days),
            audit_entries_deleted=_delete_old_audit_entries(connection, retention.audit_days),
            vacuumed=_vacuum(connection),
            seconds=perf_counter() - started,
        )


def _compact_batches(connection: Connection, days: int) -> int:
    """Merges the batches of a file that were refreshed long ago into one row."""
    query, parameters = (
        read_sql("housekeeping/compact_batches").encode(),
        {"days": days, "files": FILES_PER_TRANSACTION},
    )
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
    while deleted := connection.execute(query, {"days": days, "rejects": REJECTS_PER_TRANSACTION}).rowcount:
        total += deleted
    return total


def _delete_served_requests(connection: Connection, days: int) -> int:
    """Deletes requests about files, contracts and sources, and jobs of models."""
    names = (
        "delete_served_requests",
        "delete_served_contract_requests",
        "delete_served_pull_requests",
        "delete_ended_model_jobs",
    )
    queries = [read_sql(f"housekeeping/{name}").encode() for name in names]
    return sum(connection.execute(query, {"days": days}).rowcount for query in queries)


def _delete_old_messages(connection: Connection, days: int) -> int:
    query = read_sql("housekeeping/delete_old_messages").encode()
    total = 0
    while deleted := connection.execute(query, {"days": days, "events": EVENTS_PER_TRANSACTION}).rowcount:
        total += deleted
    for name in ("delete_old_digests", "delete_old_editions", "delete_old_observed_days"):
        connection.execute(read_sql(f"housekeeping/{name}").encode(), {"days": days})
    return total


def _delete_ended_sessions(connection: Connection, days: int) -> int:
    return connection.execute(read_sql("housekeeping/delete_ended_sessions").encode(), {"days": days}).rowcount


def _delete_old_predictions(connection: Connection, days: int) -> int:
    query = read_sql("housekeeping/delete_old_predictions").encode()
    parameters = {"days": days, "open_days": OPEN_DAYS, "predictions": PREDICTIONS_PER_TRANSACTION}
    total = 0
    while deleted := connection.execute(query, parameters).rowcount:
        total += deleted
    return total


def _sum_up_executions(connection: Connection, days: int) -> int:
    """After predictions: those that are kept keep their execution."""
    row = connection.execute(read_sql("housekeeping/sum_up_executions").encode(), {"days": days}).fetchone()
    assert row is not None
    return int(row[0])


def _delete_old_audit_entries(connection: Connection, days: int | None) -> int:
    if days is None:
        return 0
    before = datetime.now(UTC) - timedelta(days=days)
    return connection.execute(DELETE_ENTRIES.encode(), {"before": before}).rowcount


def _thin_forecasts(connection: Connection, days: int) -> int:
    """Keeps a few steps of forecasts that were scored long ago, fit by fit."""
    query = read_sql("housekeeping/thin_forecasts").encode()
    total = 0
    while connection.execute(query, {"days": days}).fetchone() != (0,):
        total += 1
    return total


def _vacuum(connection: Connection) -> list[str]:
    """Vacuums and analyses. A table that is locked, for example by a bulk load, waits for the next night."""
    tables = connection.execute(read_sql("housekeeping/tables_to_vacuum").encode()).fetchall()
    for schema, name in tables:
        connection.execute(sql.SQL("VACUUM (ANALYZE, SKIP_LOCKED) {}").format(sql.Identifier(schema, name)))
    return [f"{schema}.{name}" for schema, name in tables]


def files_closed_long_ago(connection: Connection, days: int) -> set[str]:
    """Paths of the files that were loaded or failed more than `days` ago and have not changed since."""
    query = read_sql("housekeeping/files_closed_long_ago").encode()
    return {path for (path,) in connection.execute(query, {"days": days}).fetchall()}
