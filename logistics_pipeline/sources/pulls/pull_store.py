"""What a running pull writes to the database: its beginning, each page with the checkpoint, its end.

Pages that arrive within `GATHER_SECONDS` are committed together, and without waiting for the disk: pages that a killed
process or a power cut takes away again are asked for again. The end waits. Threads share one connection.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple

from psycopg import sql

from logistics_core.database_contract.pull_states import PullState
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.sources.ledger.pulls import Pull, fetch_pulls, pull_by_id
from logistics_pipeline.sources.pages.page_content import PageContent
from logistics_pipeline.sources.pages.pagination import Token
from logistics_pipeline.sources.requests.client import Response

GATHER_SECONDS = 0.05
"""A source that takes longer for a page has each page committed by itself."""
_HEARD_SECONDS = 1.0


class Checkpoint(NamedTuple):
    """Where a part of a pull stands."""

    pages: int
    records: int
    token: Token | None
    """Of the page that comes next; None: the part is complete."""
    digest: str
    total: int | None


@dataclass
class PullStore:
    """A pull in the database while it runs."""

    connection: Connection
    pull: Pull
    lock: Lock = field(default_factory=Lock)
    _heard: float = 0.0
    _waiting: list[tuple[Any, ...]] = field(default_factory=list)
    """Pages that are not written yet."""
    _written: float = 0.0

    def checkpoints(self) -> dict[int, Checkpoint]:
        """The checkpoint of each part that has pages."""
        rows = self.connection.execute(
            "SELECT DISTINCT ON (part) part, number, sum(records) OVER (PARTITION BY part), next, sha256, total "
            "FROM source.pages WHERE pull_id = %s ORDER BY part, number DESC",
            (self.pull.pull_id,),
        ).fetchall()
        return {row[0]: Checkpoint(row[1], int(row[2]), row[3], row[4], row[5]) for row in rows}

    def tokens(self, part: int) -> list[Token]:
        """The tokens that the pages of a part lead to."""
        with self.lock:
            self._write()
            rows = self.connection.execute(
                "SELECT next FROM source.pages WHERE pull_id = %s AND part = %s AND next IS NOT NULL ORDER BY number",
                (self.pull.pull_id, part),
            ).fetchall()
        return [row[0] for row in rows]

    def fix_end(self, end: datetime) -> None:
        """Stores the end of the window, once."""
        with self.lock:
            self.connection.execute(
                "UPDATE source.pulls SET window_end = %s WHERE pull_id = %s AND window_end IS NULL",
                (end, self.pull.pull_id),
            )

    def save_page(
        self, part: int, number: int, parent: str | None, method: str, response: Response, content: PageContent,
        token: Token | None,
    ) -> None:  # fmt: skip
        """Stores a page and, with it, where the part goes on."""
        values = (
            self.pull.pull_id, part, number, parent, response.body.sha256, method, response.url, response.status,
            json.dumps(response.kept_headers()), response.received_at, response.seconds, response.attempts,
            response.body.size, content.records, content.total,
            None if token is None else json.dumps(token, default=str),
        )  # fmt: skip
        with self.lock:
            self._waiting.append(values)
            if monotonic() - self._written >= GATHER_SECONDS:
                self._write()

    def flush(self) -> None:
        """Writes the pages that wait."""
        with self.lock:
            self._write()

    def _write(self) -> None:
        """The caller holds the lock. What cannot be written still waits."""
        if self._waiting:
            with self.connection.cursor() as cursor:
                cursor.executemany(_SAVE, self._waiting)
            self._waiting.clear()
        self._written = monotonic()

    def close_part(self, part: int, number: int) -> None:
        """Makes a page the last one of its part."""
        with self.lock:
            self._write()
            self.connection.execute(
                "UPDATE source.pages SET next = NULL WHERE pull_id = %s AND part = %s AND number = %s",
                (self.pull.pull_id, part, number),
            )

    def drop_part(self, part: int) -> None:
        """Forgets the pages of a part: it begins anew."""
        with self.lock:
            self._write()
            self.connection.execute(
                "DELETE FROM source.pages WHERE pull_id = %s AND part = %s", (self.pull.pull_id, part)
            )

    def note_progress(self, values: Mapping[str, Any], *, now: bool = False) -> None:
        """Stores counts of the pull, once a second at most unless `now`."""
        with self.lock:
            if not now and monotonic() - self._heard < _HEARD_SECONDS:
                return
            self._heard = monotonic()
            _update(self.connection, self.pull.pull_id, {**values, "heard_at": datetime.now(UTC)})

    def totals(self) -> tuple[int, int, int]:
        """Pages, records and bytes so far."""
        with self.lock:
            self._write()
            row = self.connection.execute(
                "SELECT count(*), coalesce(sum(records), 0)::bigint, coalesce(sum(bytes), 0)::bigint "
                "FROM source.pages WHERE pull_id = %s",
                (self.pull.pull_id,),
            ).fetchone()
        assert row is not None
        return row

    def reload(self) -> Pull:
        """The pull as it stands in the database."""
        with self.lock:
            self.pull = pull_by_id(self.connection, self.pull.pull_id)
        return self.pull


_SAVE = (
    "INSERT INTO source.pages (pull_id, part, number, parent, sha256, method, url, status, headers, received_at, "
    "seconds, attempts, bytes, records, total, next) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


def update_pull(connection: Connection, pull_id: int, values: Mapping[str, Any]) -> None:
    """Changes columns of a pull."""
    _update(connection, pull_id, values)


def _update(connection: Connection, pull_id: int, values: Mapping[str, Any]) -> None:
    assignments = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values
    )
    connection.execute(
        sql.SQL("UPDATE source.pulls SET {} WHERE pull_id = %(pull_id)s").format(assignments),
        {**values, "pull_id": pull_id},
    )


def open_pulls(connection: Connection, source: str, resource: str, *, is_backfill: bool) -> list[Pull]:
    """The pulls of a resource that were begun and not ended, the oldest first."""
    return fetch_pulls(
        connection,
        "WHERE source = %(source)s AND resource = %(resource)s AND is_backfill = %(is_backfill)s "
        "AND state IN ('running', 'failed', 'paused') ORDER BY pull_id",
        {"source": source, "resource": resource, "is_backfill": is_backfill},
    )


def begin_pull(connection: Connection, values: Mapping[str, Any]) -> Pull:
    """A new pull."""
    names = sql.SQL(", ").join(map(sql.Identifier, values))
    places = sql.SQL(", ").join(map(sql.Placeholder, values))
    row = connection.execute(
        sql.SQL("INSERT INTO source.pulls ({}) VALUES ({}) RETURNING pull_id").format(names, places), dict(values)
    ).fetchone()
    assert row is not None
    return pull_by_id(connection, row[0])


def go_on(connection: Connection, pull: Pull, run_id: str | None) -> Pull:
    """The pull, running again."""
    update_pull(
        connection,
        pull.pull_id,
        {
            "state": PullState.RUNNING, "attempts": pull.attempts + 1, "attempted_at": datetime.now(UTC),
            "heard_at": datetime.now(UTC), "finished_at": None, "paused_until": None, "error_kind": None,
            "error": None, "advice": None, "run_id": run_id,
        },
    )  # fmt: skip
    return pull_by_id(connection, pull.pull_id)


def abandon(connection: Connection, pull: Pull) -> None:
    """Gives up a pull that another one takes the place of."""
    update_pull(
        connection,
        pull.pull_id,
        {"state": PullState.ABANDONED, "finished_at": datetime.now(UTC), "paused_until": None},
    )


STALE = timedelta(hours=24)
"""Pages of two attempts that are further apart are not put together."""


def number_records(connection: Connection, pull_id: int) -> None:
    """Numbers the records of a complete pull: each page gets the number of its first one."""
    connection.execute(
        "UPDATE source.pages SET first_record = numbered.first FROM (SELECT part, number, "
        "1 + sum(records) OVER (ORDER BY part, number) - records AS first FROM source.pages WHERE pull_id = %(pull_id)s"
        ") AS numbered WHERE pages.pull_id = %(pull_id)s AND (pages.part, pages.number) = "
        "(numbered.part, numbered.number)",
        {"pull_id": pull_id},
    )


def note_snapshot(connection: Connection, pull: Pull, keys: list[str]) -> int:
    """Notes the keys of a snapshot; returns how many of the one before it does not have."""
    names = {"source": pull.source, "resource": pull.resource, "pull_id": pull.pull_id}
    before = connection.execute(
        "SELECT max(last_pull) FROM source.snapshot_keys "
        "WHERE source = %(source)s AND resource = %(resource)s AND last_pull < %(pull_id)s",
        names,
    ).fetchone()
    connection.execute("CREATE TEMPORARY TABLE snapshot (key text) ON COMMIT DROP")
    with connection.cursor().copy("COPY snapshot FROM STDIN") as copy:
        for key in keys:
            copy.write_row((key,))
    connection.execute(
        "INSERT INTO source.snapshot_keys AS known (source, resource, key, first_pull, last_pull) "
        "SELECT DISTINCT %(source)s, %(resource)s, key, %(pull_id)s::bigint, %(pull_id)s::bigint FROM snapshot "
        "ON CONFLICT (source, resource, key) DO UPDATE SET last_pull = excluded.last_pull",
        names,
    )
    vanished = connection.execute(
        "SELECT count(*) FROM source.snapshot_keys "
        "WHERE source = %(source)s AND resource = %(resource)s AND last_pull = %(before)s",
        {**names, "before": before[0] if before else None},
    ).fetchone()
    assert vanished is not None
    return int(vanished[0])
