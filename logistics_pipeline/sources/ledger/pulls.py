"""Pulls in the database: what there is, and how to find it. `pulling` makes the pulls."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import sql
from psycopg.rows import class_row

from logistics_core.database_contract.pull_states import PullState as PullState
from logistics_pipeline.database.connections import Connection


@dataclass(frozen=True)
class Pull:
    """One pull of a resource: a row of `source.pulls`, whose columns are described there."""

    pull_id: int
    source: str
    resource: str
    dataset: str | None
    mode: str
    is_backfill: bool
    state: PullState
    definition_sha256: str
    request_sha256: str
    window_start: datetime | None
    window_end: datetime | None
    start_cursor: str | None
    end_cursor: str | None
    parent_pull_id: int | None
    attempts: int
    started_at: datetime
    attempted_at: datetime
    heard_at: datetime
    finished_at: datetime | None
    paused_until: datetime | None
    pages: int
    records: int
    records_landed: int | None
    records_unmapped: int | None
    unmapped: Mapping[str, int] | None
    records_vanished: int | None
    expected_records: int | None
    requests: int
    retries: int
    rate_limited: int
    bytes_received: int
    seconds: float
    seconds_waited: float
    seconds_retrying: float
    newest_record_at: datetime | None
    warnings: list[str]
    error_kind: str | None
    error: str | None
    advice: str | None
    path: str | None
    content_sha256: str | None
    mapping_sha256: str | None
    remapped_at: datetime | None
    run_id: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", PullState(self.state))  # a row of the table has the text

    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
            for name, value in found.items()
        }


@dataclass(frozen=True)
class PullReport:
    """What a run of a pull did."""

    pull: Pull
    """As it stands now."""
    file: Path | None = None
    """Its file in the raw folder, if it landed one."""
    was_resumed: bool = False
    """Whether an earlier run had begun it."""


@dataclass(frozen=True)
class PageRow:
    """One page in the archive: a row of `source.pages`, whose columns are described there."""

    pull_id: int
    part: int
    number: int
    parent: str | None
    sha256: str
    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    received_at: datetime
    seconds: float
    attempts: int
    bytes: int
    records: int
    first_record: int | None
    total: int | None
    next: Mapping[str, Any] | None


PULL_COLUMNS = sql.SQL(", ").join(sql.Identifier(each.name) for each in fields(Pull))
_PAGE_COLUMNS = sql.SQL(", ").join(sql.Identifier(each.name) for each in fields(PageRow))


def fetch_pulls(connection: Connection, clauses: str, parameters: Mapping[str, Any]) -> list[Pull]:
    """The pulls that `WHERE`, `ORDER BY` and `LIMIT` select."""
    query = sql.SQL("SELECT {} FROM source.pulls ").format(PULL_COLUMNS) + sql.SQL(clauses)
    with connection.cursor(row_factory=class_row(Pull)) as cursor:
        return cursor.execute(query, parameters).fetchall()


def list_pulls(
    connection: Connection, *, source: str | None = None, resource: str | None = None, limit: int = 50
) -> list[Pull]:
    """The newest pulls, the last one first."""
    return fetch_pulls(
        connection,
        "WHERE (%(source)s::text IS NULL OR source = %(source)s) "
        "AND (%(resource)s::text IS NULL OR resource = %(resource)s) ORDER BY pull_id DESC LIMIT %(limit)s",
        {"source": source, "resource": resource, "limit": limit},
    )


def latest_pulls(connection: Connection) -> dict[tuple[str, str], Pull]:
    """The newest pull of each resource, by source and resource."""
    found = fetch_pulls(
        connection,
        "WHERE pull_id IN (SELECT max(pull_id) FROM source.pulls GROUP BY source, resource) ORDER BY source, resource",
        {},
    )
    return {(each.source, each.resource): each for each in found}


def pull_by_id(connection: Connection, pull_id: int) -> Pull:
    """One pull, which must exist."""
    return fetch_pulls(connection, "WHERE pull_id = %(pull_id)s", {"pull_id": pull_id})[0]


def last_done(connection: Connection, source: str, resource: str, *, before: int | None = None) -> Pull | None:
    """The newest pull of a resource that has read all that there was, backfills left out."""
    found = fetch_pulls(
        connection,
        "WHERE source = %(source)s AND resource = %(resource)s AND state IN ('complete', 'unchanged') "
        "AND NOT is_backfill AND (%(before)s::bigint IS NULL OR pull_id < %(before)s) ORDER BY pull_id DESC LIMIT 1",
        {"source": source, "resource": resource, "before": before},
    )
    return found[0] if found else None


def last_landed(connection: Connection, source: str, resource: str, *, before: int) -> Pull | None:
    """The pull of a resource that ended last of those that had records for their dataset, backfills among them."""
    found = fetch_pulls(
        connection,
        "WHERE source = %(source)s AND resource = %(resource)s AND state IN ('complete', 'unchanged') "
        "AND records_landed > 0 AND pull_id <> %(before)s ORDER BY finished_at DESC LIMIT 1",
        {"source": source, "resource": resource, "before": before},
    )
    return found[0] if found else None


def overlapping_pulls(connection: Connection, pull: Pull) -> list[Pull]:
    """Pulls of the same resource that ended before this one began and may hold some of the same events."""
    if pull.window_start is None:
        last = last_done(connection, pull.source, pull.resource, before=pull.pull_id)
        return [last] if last is not None and pull.start_cursor is None else []
    return fetch_pulls(
        connection,
        "WHERE source = %(source)s AND resource = %(resource)s AND state IN ('complete', 'unchanged') "
        "AND pull_id < %(pull_id)s AND window_end >= %(start)s "
        "AND (window_start IS NULL OR window_start <= %(end)s) ORDER BY pull_id",
        {
            "source": pull.source,
            "resource": pull.resource,
            "pull_id": pull.pull_id,
            "start": pull.window_start,
            "end": pull.window_end,
        },
    )


def pages_of(connection: Connection, pull_id: int) -> list[PageRow]:
    """The pages of a pull, in order."""
    query = sql.SQL("SELECT {} FROM source.pages WHERE pull_id = %s ORDER BY part, number").format(_PAGE_COLUMNS)
    with connection.cursor(row_factory=class_row(PageRow)) as cursor:
        return cursor.execute(query, (pull_id,)).fetchall()
