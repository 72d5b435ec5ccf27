"""How declared places are looked at, as people see it; and how a look is asked for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from logistics_pipeline.database.connections import Connection


@dataclass(frozen=True)
class PlaceState:
    """What came of the last attempt to look at a place."""

    name: str
    url: str
    looked_at: datetime | None
    """When the last whole look ended."""
    seconds: float | None
    """That it took."""
    files: int | None
    next_look_in_seconds: float
    error: str | None


def note_looks(connection: Connection, states: Iterable[PlaceState]) -> None:
    """Notes what came of looks."""
    for state in states:
        connection.execute(
            "INSERT INTO ingest.places AS place "
            "(name, url, looked_at, next_look_at, look_seconds, files, error, failing_since) "
            "VALUES (%(name)s, %(url)s, %(looked_at)s, %(next)s, %(seconds)s, %(files)s, %(error)s, "
            "CASE WHEN %(error)s::text IS NOT NULL THEN clock_timestamp() END) "
            "ON CONFLICT (name) DO UPDATE SET url = excluded.url, next_look_at = excluded.next_look_at, "
            "looked_at = coalesce(excluded.looked_at, place.looked_at), "
            "look_seconds = coalesce(excluded.look_seconds, place.look_seconds), "
            "files = coalesce(excluded.files, place.files), error = excluded.error, "
            "failing_since = CASE WHEN excluded.error IS NOT NULL "
            "THEN coalesce(place.failing_since, excluded.failing_since) END",
            {
                "name": state.name,
                "url": state.url,
                "looked_at": state.looked_at,
                "seconds": state.seconds,
                "files": state.files,
                "error": state.error,
                "next": datetime.now(UTC) + timedelta(seconds=state.next_look_in_seconds),
            },
        )


def request_look(connection: Connection, name: str) -> bool:
    """Asks the file sensor to look at a place at its next evaluation; False if it has never looked at such a place.

    A notification of the store that something has changed is a hint of this kind: what counts is what the look finds.
    """
    asked = "UPDATE ingest.places SET look_requested_at = clock_timestamp() WHERE name = %s"
    return connection.execute(asked, (name,)).rowcount == 1


def take_requested_looks(connection: Connection) -> list[str]:
    """The names of the places that somebody wants looked at; each request is taken once."""
    taken = "UPDATE ingest.places SET look_requested_at = NULL WHERE look_requested_at IS NOT NULL RETURNING name"
    return [name for (name,) in connection.execute(taken)]


def forget_places(connection: Connection, declared: Iterable[str]) -> None:
    """Removes what is known of places that are not declared any more."""
    connection.execute("DELETE FROM ingest.places WHERE name <> ALL(%s)", (list(declared),))
