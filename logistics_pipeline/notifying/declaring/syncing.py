"""Makes the database follow `notifications.yaml`. The tables are what everybody else reads."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.files.declared_files import store_declared
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.declaring.reading import read_endpoints, read_shared_settings
from logistics_pipeline.notifying.endpoint_health import end_open_messages


def sync_endpoints(connection: Connection, path: Path) -> list[str]:
    """Reads the file and notes in the database what it says. Returns what has changed, a sentence each.

    A changed declaration enables an endpoint again that was disabled. If the file cannot be used, nothing changes.

    Raises:
        DefinitionError: it cannot.
    """
    endpoints, shared = read_endpoints(path), read_shared_settings(path)
    with connection.transaction():
        store_shared_settings(connection, shared)
        return store_endpoints(connection, endpoints)


def store_shared_settings(connection: Connection, settings: Mapping[str, Any]) -> None:
    """Notes in the database what the endpoints of people are sent with: `dashboard`, `mail` and `push` of the file."""
    connection.execute(
        "UPDATE notify.shared_settings SET settings = %(settings)s WHERE settings <> %(settings)s",
        {"settings": Jsonb(dict(settings))},
    )


def store_endpoints(connection: Connection, endpoints: list[Endpoint]) -> list[str]:
    """Notes in the database which endpoints there are."""
    with connection.transaction():
        rows = connection.execute(
            "SELECT name, sha256 FROM notify.endpoints WHERE removed_at IS NULL AND person_id IS NULL"
        ).fetchall()
        return store_declared(
            "endpoint", dict(rows), endpoints, partial(_store, connection), partial(_remove, connection)
        )


def _store(connection: Connection, endpoint: Endpoint, digest: str) -> None:
    row = connection.execute(
        read_sql("notifying/store_endpoint").encode(),
        {
            "name": endpoint.name, "title": endpoint.title, "channel": endpoint.channel.value,
            "configuration": Jsonb(dict(endpoint.configuration)), "recipients": list(endpoint.recipients),
            "time_zone": endpoint.time_zone, "language": endpoint.language,
            "quiet_from": endpoint.quiet.begin if endpoint.quiet else None,
            "quiet_until": endpoint.quiet.until if endpoint.quiet else None, "digest": endpoint.digest,
            "digest_at": endpoint.digest_at, "per_hour": endpoint.per_hour, "sha256": digest,
        },
    ).fetchone()  # fmt: skip
    assert row is not None
    _store_templates(connection, row[0], endpoint.configuration)
    connection.execute("DELETE FROM notify.subscriptions WHERE endpoint_id = %s", (row[0],))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO notify.subscriptions (endpoint_id, topic, severity, labels) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT DO NOTHING",
            [
                (
                    row[0],
                    each.topic,
                    each.severity.value,
                    Jsonb({name: list(chosen) for name, chosen in each.labels.items()}),
                )
                for each in endpoint.subscriptions
            ],
        )


def _store_templates(connection: Connection, endpoint_id: int, configuration: Mapping[str, Any]) -> None:
    """Notes the declared templates; earlier ones that somebody went back to stay in force until these change."""
    connection.execute(
        read_sql("notifying/store_templates").encode(),
        {
            "endpoint_id": endpoint_id,
            "title_template": configuration.get("titleTemplate") or None,
            "text_template": configuration.get("textTemplate") or None,
        },
    )
    connection.execute("SELECT notify.use_newest_templates(%s)", (endpoint_id,))


def _remove(connection: Connection, name: str) -> None:
    row = connection.execute(
        "UPDATE notify.endpoints SET removed_at = clock_timestamp() WHERE name = %s RETURNING endpoint_id", (name,)
    ).fetchone()
    assert row is not None
    end_open_messages(connection, row[0], "The endpoint is not declared any more.")
