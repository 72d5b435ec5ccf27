"""What the sensor of sources goes by: newest pulls, what people ask for, and, as it finds it, when resources are due.

The API adds requests. Dagster's sensor ends each once there is a run that serves it, so none is lost or counts twice.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.sources.ledger.pulls import Pull, fetch_pulls


@dataclass(frozen=True)
class RequestedPull:
    """A pending request to pull a source now."""

    request_id: int
    source: str
    resource: str | None
    """None: all resources of the source."""


def newest_pulls(connection: Connection, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], Pull]:
    """The newest pull of each of these resources, by source and resource; backfills are not among them."""
    found = fetch_pulls(
        connection,
        "WHERE pull_id IN (SELECT newest.pull_id "
        "FROM unnest(%(sources)s::text[], %(resources)s::text[]) AS named (source, resource), LATERAL ("
        "SELECT pull_id FROM source.pulls AS pull WHERE pull.source = named.source AND pull.resource = named.resource "
        "AND NOT is_backfill ORDER BY pull_id DESC LIMIT 1) AS newest)",
        {"sources": [source for source, _ in names], "resources": [resource for _, resource in names]},
    )
    return {(pull.source, pull.resource): pull for pull in found}


def pending_requests(connection: Connection) -> list[RequestedPull]:
    """Requests that were not served yet, in the order in which they were made."""
    with connection.cursor(row_factory=class_row(RequestedPull)) as cursor:
        return cursor.execute(
            "SELECT request_id, source, resource FROM source.requests WHERE done_at IS NULL ORDER BY request_id"
        ).fetchall()


def end_request(
    connection: Connection, request_id: int, *, outcome: str | None = None, error: str | None = None
) -> None:
    """Ends a request with what was begun, or why nothing was; what has ended already stays as it is."""
    connection.execute(
        "UPDATE source.requests SET done_at = clock_timestamp(), outcome = %(outcome)s, error = %(error)s "
        "WHERE request_id = %(request_id)s AND done_at IS NULL",
        {"request_id": request_id, "outcome": outcome, "error": error},
    )


def note_due(connection: Connection, due: Mapping[tuple[str, str], datetime]) -> None:
    """Notes when resources are pulled next, by source and resource; of others, nothing is known any more."""
    known = {
        (source, resource): at
        for source, resource, at in connection.execute("SELECT source, resource, next_pull_at FROM source.due")
    }
    if known == due:
        return
    names = list(due)
    with connection.transaction():
        connection.execute(
            "DELETE FROM source.due WHERE (source, resource) NOT IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
            ([source for source, _ in names], [resource for _, resource in names]),
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO source.due (source, resource, next_pull_at) VALUES (%s, %s, %s) "
                "ON CONFLICT (source, resource) DO UPDATE SET next_pull_at = excluded.next_pull_at",
                [(*name, at) for name, at in due.items() if known.get(name) != at],
            )
