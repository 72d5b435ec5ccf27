"""Runs checks against the database. Independent of Dagster."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from logistics_pipeline.analytics.checks.model import Check, Finding
from logistics_pipeline.analytics.checks.queries import fetch_all
from logistics_pipeline.database.connections import Connection, connect, transient_errors
from logistics_pipeline.database.distribution import same_snapshot_on_all_nodes


def run_checks(url: str, checks: Iterable[Check], *, whole: bool = False) -> list[tuple[Check, Finding]]:
    """Runs checks in one snapshot of the database, so that ledger, rows and figures agree.

    Raises:
        TransientError: the database went away.
    """
    with (
        transient_errors("checking the tables"),
        connect(url, application_name="logistics check") as connection,
        same_snapshot_on_all_nodes(connection),
        snapshot(connection),
    ):
        return [(check, check.find(connection, whole)) for check in checks]


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """All queries in the block read one snapshot; nothing they change stays."""
    with connection.transaction(force_rollback=True):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def ledger_states(connection: Connection) -> dict[str, str]:
    """For each dataset with failed files a text that changes when another one fails, fails again or is corrected.

    Takes milliseconds.
    """
    return dict(fetch_all(connection, "ledger_state"))
