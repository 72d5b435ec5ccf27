"""Editions in the database: which windows were seen, what is tried, and how each ended. The window is the key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row

from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.reporting.declaration import Report


@dataclass(frozen=True)
class ReportInForce:
    """A declared report, and until when its windows have been seen."""

    report_id: int
    report: Report
    seen_until: datetime


@dataclass(frozen=True)
class OpenEdition:
    """An edition that is tried."""

    edition_id: int
    report_id: int
    window_at: datetime
    tries: int
    is_last: bool
    """Whether there is no time for another attempt."""


def reports_in_force(connection: Connection) -> list[ReportInForce]:
    """The declared reports, by name."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(read_sql("reporting/reports_in_force").encode()).fetchall()
    return [_in_force(row) for row in rows]


def _in_force(row: dict[str, Any]) -> ReportInForce:
    values = {name: row[name] for name in ("name", "board", "schedule", "title", "time_zone", "days", "fresh_within")}
    return ReportInForce(row["report_id"], Report(**values, endpoints=tuple(row["endpoints"])), row["seen_until"])


def open_windows(connection: Connection, report_id: int, windows: Sequence[datetime]) -> None:
    """Notes windows that have come: the last one is tried, earlier ones were missed. What is known stays as it is."""
    if not windows:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO notify.editions (report_id, window_at, outcome, reason, ended_at) VALUES (%(report_id)s, "
            "%(window)s, %(outcome)s, %(reason)s, CASE WHEN %(outcome)s::text IS NOT NULL THEN clock_timestamp() END) "
            "ON CONFLICT DO NOTHING",
            [
                {
                    "report_id": report_id,
                    "window": window,
                    "outcome": None if window == windows[-1] else "missed",
                    "reason": None if window == windows[-1] else "No worker ran before the next one was due.",
                }
                for window in windows
            ],
        )


def open_editions(connection: Connection, patience: float) -> list[OpenEdition]:
    """The editions that are to be tried now, the earliest first."""
    with connection.cursor(row_factory=class_row(OpenEdition)) as cursor:
        return cursor.execute(read_sql("reporting/open_editions").encode(), {"patience": patience}).fetchall()


def is_told(connection: Connection, report_id: int) -> bool:
    """Whether somebody was told within a day that a report fails, and it still does: once is enough."""
    row = connection.execute(read_sql("reporting/is_told").encode(), {"report_id": report_id}).fetchone()
    return row == (True,)


def put_off(connection: Connection, edition: OpenEdition, reason: str, seconds: float) -> None:
    """Notes why an edition is tried again, and when."""
    connection.execute(
        "UPDATE notify.editions SET tries = tries + 1, reason = %s, due_at = clock_timestamp() "
        "+ make_interval(secs => %s) WHERE edition_id = %s AND outcome IS NULL",
        (reason, seconds, edition.edition_id),
    )


def end_edition(
    connection: Connection, edition: OpenEdition, outcome: str, *, reason: str | None = None,
    data_version: int | None = None, content: bytes | None = None, event_key: str | None = None,
) -> bool:  # fmt: skip
    """Ends an edition, in the transaction that publishes its event; whether it had not ended before."""
    return bool(
        connection.execute(
            "UPDATE notify.editions SET outcome = %s, reason = %s, tries = tries + 1, ended_at = clock_timestamp(), "
            "data_version = %s, content = %s, event_id = (SELECT event_id FROM notify.events WHERE key = %s) "
            "WHERE edition_id = %s AND outcome IS NULL",
            (outcome, reason, data_version, content, event_key, edition.edition_id),
        ).rowcount
    )


def list_editions(connection: Connection, report: str | None = None, most: int = 20) -> list[dict[str, Any]]:
    """Editions with what became of their messages, the newest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(read_sql("reporting/list_editions").encode(), {"report": report, "most": most}).fetchall()
