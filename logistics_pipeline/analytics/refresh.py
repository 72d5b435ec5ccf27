"""Refreshes the analytics: recomputes the days that changed, in one transaction. Independent of Dagster.

Every committed batch waits in `ingest.batches` for a refresh. A refresh reads one snapshot: the batches it sees, the
days they made stale, the rows of those days. What commits meanwhile waits for the next refresh, so loads and refreshes
never wait for each other, and readers see the old figures until all the new ones are there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from time import perf_counter
from typing import Any

import psycopg
from psycopg import sql

from logistics_core.catalogue import built_in_catalogue
from logistics_core.database_contract.channels import Channel
from logistics_core.database_contract.locks import REFRESH_LOCK
from logistics_core.sql_files import read_sql
from logistics_pipeline.analytics.day_parts import ALL_DAYS, day_parts
from logistics_pipeline.analytics.rollups import datasets_to_remake, refresh_rollups
from logistics_pipeline.analytics.shared_groups import (
    SHARED_GROUPS,
    RollupsAtHand,
    further_states,
    keep_former_values,
)
from logistics_pipeline.analytics.stale_days import WaitingBatches
from logistics_pipeline.analytics.tables import REFRESH_STEPS, TABLES, Action
from logistics_pipeline.database.connections import (
    Connection,
    advisory_lock,
    connect,
    free_advisory_lock,
    reason_of,
    transient_errors,
)
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.database.day_indexes import summarize_block_ranges
from logistics_pipeline.database.distribution import NodeError, are_any_distributed, same_snapshot_on_all_nodes
from logistics_pipeline.identities.links import are_links_waiting, take_in_links
from logistics_pipeline.identities.proposing import propose_links

SORTED = "array_agg(page.delivery_time ORDER BY page.delivery_time)"
UNSORTED = "array_agg(page.delivery_time)"
"""Citus joins the arrays of several nodes. To sort one, it would bring every record to the coordinator."""


@dataclass(frozen=True)
class Refresh:
    """What a refresh did. If nothing had changed, `data_version` is the old one and nothing was written."""

    data_version: int
    full: bool
    days: int
    batches: int
    rows: dict[str, int]
    """Rows written per analytics table."""
    unassigned_shipments: int
    seconds: float
    changed: tuple[str, ...] = ()
    """The datasets whose records had changed, or may have."""
    relinked: int = 0
    """External ids that are linked otherwise than before."""

    def followed_by(self, other: "Refresh") -> "Refresh":
        """What both together did."""
        rows = {table: self.rows.get(table, 0) + other.rows.get(table, 0) for table in {**self.rows, **other.rows}}
        return replace(
            other,
            full=self.full or other.full,
            days=max(self.days, other.days),
            batches=self.batches + other.batches,
            rows=rows,
            seconds=self.seconds + other.seconds,
            changed=tuple(sorted({*self.changed, *other.changed})),
            relinked=self.relinked + other.relinked,
        )


def refresh(url: str, *, full: bool = False, on_wait: Callable[[], None] = lambda: None) -> Refresh:
    """Brings the analytics up to date with what is loaded; with `full`, recomputes every day.

    One refresh runs at a time: a second one calls `on_wait`, waits for the first, then refreshes what is left.

    Raises:
        TransientError: the database went away; nothing was changed.
    """
    with _session(url) as connection, advisory_lock(connection, REFRESH_LOCK, on_wait):
        return _bring_up_to_date(connection, full)


def refresh_unless_one_runs(url: str) -> Refresh | None:
    """Brings the analytics up to date with what is loaded; None if another refresh runs, and is not waited for.

    Raises:
        TransientError: the database went away; nothing was changed.
    """
    with _session(url) as connection, free_advisory_lock(connection, REFRESH_LOCK) as is_free:
        return _bring_up_to_date(connection, full=False) if is_free else None


def last_refresh_seconds(connection: Connection) -> float:
    """How long the last refresh took that changed something; 0 before the first one."""
    (seconds,) = _one(connection, "SELECT coalesce(seconds, 0)::double precision FROM analytics.status")
    return float(seconds)


@contextmanager
def _session(url: str) -> Iterator[Connection]:
    with (
        transient_errors("refreshing analytics"),
        connect(url, application_name="logistics refresh") as connection,
    ):
        yield connection


def _bring_up_to_date(connection: Connection, full: bool) -> Refresh:
    """A refresh, by whoever has the lock."""
    connection.execute(
        "UPDATE analytics.status SET started_calculating_at = clock_timestamp(), "
        "full_refresh_due = full_refresh_due OR %s",
        (full,),
    )
    try:
        _analyze(connection, "raw")
        _analyze(connection, "history")
        summarize_block_ranges(connection)
        done = _refresh(connection)
        if _propose(connection, done):
            done = done.followed_by(_refresh(connection))
        connection.execute("SELECT pg_stat_force_next_flush()")  # counts what this session has written
        _analyze(connection, "analytics")
        return done
    except (psycopg.Error, NodeError) as error:
        _store_failure(connection, error)
        raise


def _analyze(connection: Connection, schema: str) -> None:
    """Updates the statistics of tables that changed a lot: autovacuum may take a minute, and queries are slow."""
    wanted = connection.execute(read_sql("analytics/tables_to_analyze").encode(), {"schema": schema})
    for (table,) in wanted.fetchall():
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(schema, table)))


def _refresh(connection: Connection) -> Refresh:
    started = perf_counter()
    with same_snapshot_on_all_nodes(connection), connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        full, version = _one(connection, "SELECT full_refresh_due, data_version FROM analytics.status")
        waiting = connection.execute(
            "SELECT file_id, last_record FROM ingest.batches WHERE refreshed_as IS NULL"
        ).fetchall()
        catalogue = catalogue_in_force(connection)
        remade = datasets_to_remake(connection, catalogue)
        if not waiting and not full and not remade and not are_links_waiting(connection):
            (unassigned,) = _one(connection, "SELECT unassigned_shipments FROM analytics.status")
            return Refresh(version, False, 0, 0, {}, unassigned, perf_counter() - started)
        batches = WaitingBatches(connection)
        days = [] if full else _stale_days(batches)
        rows = _recompute(connection, days, full) if days or full else dict.fromkeys(TABLES, 0)
        changed = {*batches.files, *remade, *(catalogue if full else ())}
        relinked = take_in_links(connection, catalogue, changed, version + 1, full=full)
        at_hand = _rollups_at_hand(None if full else days)
        rows["rollups"] = refresh_rollups(
            connection, catalogue, batches, version + 1, relinked, full=full, at_hand=at_hand
        )
        if days:
            _store_days(connection, days)
        connection.execute(
            "UPDATE ingest.batches SET refreshed_as = %s, stale_keys = '{}' WHERE refreshed_as IS NULL", (version + 1,)
        )
        seconds = perf_counter() - started
        unassigned, day_count = _publish(connection, version + 1, seconds)
        return Refresh(
            version + 1,
            full,
            day_count if full else len(days),
            len(waiting),
            rows,
            unassigned,
            seconds,
            tuple(sorted(changed)),
            relinked.ids,
        )


def _propose(connection: Connection, done: Refresh) -> bool:
    """Proposes links of external ids after what a refresh has changed; whether rules have made some themselves."""
    if not done.changed and not done.relinked:
        return False
    return propose_links(connection, catalogue_in_force(connection), done.changed).accepted > 0


def stale_days(connection: Connection) -> list[date]:
    """The days of the analytics tables that are out of date because batches of logs or shipments wait."""
    return _stale_days(WaitingBatches(connection))


def _stale_days(batches: WaitingBatches) -> list[date]:
    return batches.stale_days(built_in_catalogue()["shipments"])


def _store_days(connection: Connection, days: list[date]) -> None:
    """Stores the days with the newest batch refreshed: the checks compare what changed last with the raw rows."""
    connection.execute(
        "UPDATE ingest.batches SET stale_days = %s "
        "WHERE batch_id = (SELECT max(batch_id) FROM ingest.batches WHERE refreshed_as IS NULL)",
        (days,),
    )


def _recompute(connection: Connection, days: list[date], full: bool) -> dict[str, int]:
    """Brings every table up to date for the given days (all days where `full`); returns the rows written to each."""
    written = dict.fromkeys(TABLES, 0)
    if not full:
        keep_former_values(connection, days)
    for action, table in REFRESH_STEPS:
        match action:
            case Action.COMPUTE:
                compute(connection, table, days, full=full, with_states=table in SHARED_GROUPS)
            case Action.REPLACE:
                written[table] = _replace(connection, table, days, full)
            case Action.UPDATE:
                written[table] = _execute(connection, read_sql(f"analytics/{table}.refresh"), days, full)
    return written


def compute(
    connection: Connection, table: str, days: list[date], *, full: bool = False, with_states: bool = False
) -> None:
    """Computes the rows that a daily table is to have on the given days (all days where `full`), for `fresh_rows`.

    They go into a temporary table, which lasts as long as the transaction: CREATE TABLE AS computes them in several
    processes, INSERT in only one. `with_states` of the rollup that has the same groups. On a cluster, the nodes sum up
    what they have.
    """
    statement = select_rows(connection, table, days, full=full, with_states=with_states)
    is_sorted_here = SORTED in statement and are_any_distributed(connection)
    if is_sorted_here:
        statement = statement.replace(SORTED, UNSORTED)
    connection.execute(f"CREATE TEMPORARY TABLE fresh_{table} ON COMMIT DROP AS {statement}".encode())
    if is_sorted_here:
        connection.execute(read_sql("analytics/sort_delivery_times").encode())


def select_rows(
    connection: Connection, table: str, days: list[date], *, full: bool = False, with_states: bool = False
) -> str:
    """The statement that computes the rows of a daily table on some days, or on all: in parts that run side by side."""
    statement = f"({read_sql(f'analytics/{table}.refresh').rstrip().removesuffix(';')})"
    further = further_states(table).as_string(connection) if with_states else ""
    parts = day_parts(connection, built_in_catalogue()["vehicle_logs"]) if full else [ALL_DAYS]
    with psycopg.ClientCursor(connection) as cursor:  # CREATE TABLE takes no parameters, and the planner sees the days
        selects = (
            cursor.mogrify(statement.encode(), {"full": full, "stale_days": days, **part._asdict()}) for part in parts
        )
        return "\nUNION ALL\n".join(select.replace("{further_states}", further) for select in selects)


def fresh_rows(connection: Connection, table: str) -> str:
    """The SELECT of the rows that `compute` has made, with the table's columns in their order."""
    columns = connection.execute(read_sql("raw/columns").encode(), {"table": f"analytics.{table}"}).fetchall()
    listed = ", ".join("routes.route" if name == "route" else f"fresh.{name}" for name, _ in columns)
    # New routes get their numbers after daily_routes was computed.
    joined = "LEFT JOIN analytics.routes USING (origin, destination)" if table == "daily_routes" else ""
    return f"SELECT {listed} FROM pg_temp.fresh_{table} AS fresh {joined}"


def _rollups_at_hand(days: list[date] | None) -> RollupsAtHand:
    """The rollups whose rows on some days, or all, have been computed with those of a daily table."""
    tables = {groups: sql.Identifier("pg_temp", f"fresh_{table}") for table, groups in SHARED_GROUPS.items()}
    return RollupsAtHand(tables, None if days is None else frozenset(days))


def _replace(connection: Connection, table: str, days: list[date], full: bool) -> int:
    """Replaces rows of a daily table by those computed; returns how many were written."""
    target = f"analytics.{table}"
    _execute(connection, f"DELETE FROM {target} WHERE %(full)s OR day = ANY(%(stale_days)s)", days, full)
    return _execute(connection, f"INSERT INTO {target} {fresh_rows(connection, table)}", days, full)


def _execute(connection: Connection, statement: str, days: list[date], full: bool) -> int:
    with psycopg.ClientCursor(connection) as cursor:  # the planner sees the days
        return cursor.execute(statement.encode(), {"full": full, "stale_days": days}).rowcount


def _publish(connection: Connection, version: int, seconds: float) -> tuple[int, int]:
    """Stores the new version and notifies listeners. Returns (unassigned shipments, days with logs)."""
    unassigned, days = _one(connection, read_sql("analytics/publish"), {"version": version, "seconds": seconds})
    connection.execute("SELECT pg_notify(%s, %s)", (Channel.DATA_VERSION, str(version)))
    return unassigned, days


def _store_failure(connection: Connection, error: psycopg.Error | NodeError) -> None:
    reason = reason_of(error) if isinstance(error, psycopg.Error) else str(error)
    if not connection.closed:
        connection.execute("UPDATE analytics.status SET error_message = %s", (reason,))


def _one(connection: Connection, query: str, parameters: dict[str, object] | None = None) -> tuple[Any, ...]:
    row = connection.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return row
