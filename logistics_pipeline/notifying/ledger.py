"""What became of messages: lists, dead letters that are sent again, and whether the sums of each day balance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from psycopg.rows import class_row, dict_row

from logistics_core.catalogue.contract_shapes import suggestion
from logistics_core.database_contract.channels import Channel
from logistics_core.database_contract.notifications import RESTORE_TEMPLATES, EndpointChannel, MessageState
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.notifying.outbox import event_of
from logistics_pipeline.notifying.outgoing import Outgoing


@dataclass(frozen=True)
class Message:
    """A message as people see it."""

    message_id: int
    published_at: datetime
    endpoint: str
    channel: str
    recipient: str
    topic: str
    severity: str | None
    title: str
    state: str
    reason: str | None
    due_at: datetime | None
    ended_at: datetime | None
    attempts: int
    last_status: int | None


def list_messages(
    connection: Connection,
    *,
    states: Sequence[MessageState] | None = None,
    endpoint: str | None = None,
    message_id: int | None = None,
    most: int = 50,
) -> list[Message]:
    """Messages, the newest first."""
    parameters = {
        "states": None if states is None else [each.value for each in states],
        "endpoint": endpoint, "message_id": message_id, "most": most,
    }  # fmt: skip
    with connection.cursor(row_factory=class_row(Message)) as cursor:
        return cursor.execute(read_sql("notifying/list_messages").encode(), parameters).fetchall()


def list_attempts(connection: Connection, message_id: int) -> list[dict[str, Any]]:
    """Every attempt to send a message, the first one first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT number, begun_at, seconds, outcome, status, detail, template_version FROM notify.attempts "
            "WHERE message_id = %s ORDER BY number",
            (message_id,),
        ).fetchall()


def list_endpoints(connection: Connection) -> list[dict[str, Any]]:
    """The endpoints that are declared, each with how it does."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(read_sql("notifying/list_endpoints").encode()).fetchall()


def endpoint_id_of(connection: Connection, name: str) -> int:
    """The ID of an endpoint that is declared.

    Raises:
        ConfigurationError: none of this name is.
    """
    rows = connection.execute("SELECT name, endpoint_id FROM notify.endpoints WHERE removed_at IS NULL").fetchall()
    known: dict[str, int] = dict(rows)
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise ConfigurationError(f"There is no endpoint {name!r}. There are: {names}.{suggestion(name, known)}")
    return known[name]


def event_of_message(connection: Connection, message_id: int) -> int:
    """The ID of the event that a message is about.

    Raises:
        ConfigurationError: there is no such message, or it is a digest.
    """
    row = connection.execute("SELECT event_id FROM notify.messages WHERE message_id = %s", (message_id,)).fetchone()
    if row is None or row[0] is None:
        raise ConfigurationError(
            f"There is no message {message_id} about a single event. `logistics notifications list` lists messages."
        )
    return int(row[0])


def list_template_versions(connection: Connection, endpoint: str) -> list[dict[str, Any]]:
    """Every version of the templates of an endpoint, the newest first; empty if it never had any."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(read_sql("notifying/list_template_versions").encode(), {"endpoint": endpoint}).fetchall()


def template_version(versions: list[dict[str, Any]], endpoint: str, version: int) -> dict[str, Any]:
    """One of the versions of an endpoint's templates, of which the newest is the first.

    Raises:
        ConfigurationError: there is no such version.
    """
    for each in versions:
        if each["version"] == version:
            return each
    known = ", ".join(str(each["version"]) for each in reversed(versions)) or "none"
    raise ConfigurationError(f"The templates of {endpoint} have no version {version}. There are: {known}.")


def restore_templates(connection: Connection, endpoint: str, version: int, restored_by: str) -> int | None:
    """Makes a new version with the templates of an earlier one; returns the version in force, None if there is none."""
    row = connection.execute(
        f"SELECT {RESTORE_TEMPLATES}".encode(),
        {"endpoint": endpoint, "version": version, "restored_by": restored_by},
    ).fetchone()
    return None if row is None else row[0]


def resend(connection: Connection, message_ids: Sequence[int] | None = None, endpoint: str | None = None) -> list[int]:
    """Sends dead letters again: those named, or all of an endpoint. Returns which ones; the worker sends them."""
    parameters = {"message_ids": None if message_ids is None else list(message_ids), "endpoint": endpoint}
    with connection.transaction():
        rows = connection.execute(read_sql("notifying/resend_messages").encode(), parameters).fetchall()
        if rows:
            connection.execute("SELECT pg_notify(%s, %s)", (Channel.MESSAGES, str(len(rows))))
    return sorted(message_id for (message_id,) in rows)


def enable(connection: Connection, endpoint: str) -> bool:
    """Sends to an endpoint again that was disabled; whether it was."""
    return bool(
        connection.execute(
            "UPDATE notify.endpoints SET disabled_at = NULL, disabled_reason = NULL, failures = 0, "
            "failing_since = NULL, paused_until = NULL WHERE name = %s AND disabled_at IS NOT NULL",
            (endpoint,),
        ).rowcount
    )


def list_suppressions(connection: Connection) -> list[dict[str, Any]]:
    """Addresses that do not get all mails, the newest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(read_sql("notifying/list_suppressions").encode()).fetchall()


def lift_suppressions(connection: Connection, address: str, endpoint: str | None = None) -> int:
    """Sends mails to an address again, of one endpoint or all; returns how many entries that has ended."""
    return connection.execute(
        "DELETE FROM notify.suppressions WHERE recipient = lower(%(address)s) AND (%(endpoint)s::text IS NULL OR "
        "endpoint_id = (SELECT endpoint_id FROM notify.endpoints WHERE name = %(endpoint)s))",
        {"address": address.strip(), "endpoint": endpoint},
    ).rowcount


@dataclass(frozen=True)
class DayBalance:
    """The messages of the events of a day (UTC), by where they are now."""

    day: date
    events: int
    messages: int
    waiting: int
    held: int
    sent: int
    delivered: int
    bounced: int
    suppressed: int
    dead: int
    missing: int
    """Messages that an event made, and that are not there."""
    stranded: int
    """Parts of a digest that nothing carries any more."""
    unproven: int
    """Messages that count as sent, without an attempt that succeeded."""

    @property
    def is_balanced(self) -> bool:
        """Whether every message is there, and ended as its attempts say."""
        states = self.waiting + self.held + self.sent + self.delivered + self.bounced + self.suppressed + self.dead
        return self.messages == states and not (self.missing or self.stranded or self.unproven)


def balances(connection: Connection, days: int = 7) -> list[DayBalance]:
    """The balance of each of the last days that had events, the newest first."""
    with connection.cursor(row_factory=class_row(DayBalance)) as cursor:
        return cursor.execute(read_sql("notifying/balance").encode(), {"days": days}).fetchall()


def example(connection: Connection, endpoint_id: int, event_id: int | None = None) -> Outgoing | None:
    """A message to an endpoint about an event, or the newest, neither stored nor sent; None if there is none."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT endpoint.endpoint_id, endpoint.name, endpoint.channel, endpoint.configuration, endpoint.time_zone, "
            "endpoint.language, "
            "event.* FROM notify.endpoints AS endpoint CROSS JOIN notify.events AS event "
            "WHERE endpoint.endpoint_id = %(endpoint_id)s "
            "AND coalesce(event.person_id, endpoint.person_id) IS NOT DISTINCT FROM endpoint.person_id "
            "AND (%(event_id)s::bigint IS NULL OR event.event_id = %(event_id)s) "
            "ORDER BY event.event_id DESC LIMIT 1",
            {"endpoint_id": endpoint_id, "event_id": event_id},
        ).fetchone()
    if row is None:
        return None
    return Outgoing(
        message_id=0, public_id=uuid4(), endpoint=row["name"], endpoint_id=endpoint_id,
        channel=EndpointChannel(row["channel"]), configuration=row["configuration"], recipient="",
        events=(event_of(row),), is_digest=False, published_at=row["published_at"], number=1, tries=1,
        time_zone=row["time_zone"], language_code=row["language"],
    )  # fmt: skip
