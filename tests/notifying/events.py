"""Events and endpoints that tests publish and declare."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from logistics_core.database_contract.notifications import EndpointChannel, Severity
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.declaring.syncing import store_endpoints
from logistics_pipeline.notifying.publishing import Event

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW_SECRET = "whsec_" + "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
_numbers = count(1)


def event(topic: str = "alert.firing", severity: Severity = Severity.WARNING, **changes: Any) -> Event:
    values: dict[str, Any] = {
        "topic": topic,
        "key": f"{topic}:{next(_numbers)}",
        "severity": severity,
        "title": "Rejects of shipments above 5 %",
        "text": "612 of 8,204 records of the last file were rejected.",
        "facts": (("dataset", "shipments"), ("rejected", "7.5 %")),
        "labels": {"rule": "rejects", "dataset": "shipments"},
        "path": "/alerts?incident=17",
        "thread": None,
        "occurred_at": datetime(2024, 6, 3, 8, 15, tzinfo=UTC),
    }
    return Event(**{**values, **changes})


def webhook(url: str, name: str = "desk", **changes: Any) -> Endpoint:
    configuration = {"url": url, "private": True, "secrets": [SECRET]} | changes.pop("configuration", {})
    return Endpoint(name, EndpointChannel.WEBHOOK, configuration=configuration, **changes)


def declare(connection: Connection, *endpoints: Endpoint) -> None:
    store_endpoints(connection, list(endpoints))


def states(connection: Connection) -> list[str]:
    rows = connection.execute("SELECT state FROM notify.messages ORDER BY message_id").fetchall()
    return [state for (state,) in rows]


def make_due(connection: Connection) -> None:
    """Time passes for all that waits, and for every pause."""
    connection.execute("UPDATE notify.messages SET due_at = clock_timestamp() WHERE state = 'waiting'")
    connection.execute("UPDATE notify.endpoints SET paused_until = NULL")
