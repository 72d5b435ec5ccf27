"""Hands what alerts announce over to the outbox of messages, in the transaction that has found it."""

from logistics_core.database_contract.notifications import Severity
from logistics_pipeline.alerting.announcing import Announcement
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.notifying.publishing import Event, publish


def publish_announcement(connection: Connection, announcement: Announcement) -> int:
    """Publishes an announcement as an event; says how many messages that makes."""
    return publish(
        connection,
        Event(
            topic=announcement.topic,
            key=announcement.key,
            severity=Severity(announcement.severity),
            title=announcement.title,
            text=announcement.text,
            facts=announcement.facts,
            labels=announcement.labels,
            path=announcement.page,
            thread=announcement.thread,
            ends_thread=announcement.ends_thread,
            occurred_at=announcement.occurred_at,
            about_rows=announcement.about_rows,
            has_chart=announcement.has_chart,
        ),
    )
