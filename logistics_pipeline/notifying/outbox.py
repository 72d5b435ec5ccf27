"""The messages in the database, as a sender sees them: claimed with a lease, read, and ended or put off.

The lease ends by itself: what a killed sender had is sent by another one, with the same IDs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from logistics_core.database_contract.notifications import (
    AttemptOutcome,
    EndpointChannel,
    MessageState,
    Severity,
)
from logistics_core.editions import decode_edition
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.notifying.local_times import QuietHours
from logistics_pipeline.notifying.outgoing import Browser, Outcome, Outgoing
from logistics_pipeline.notifying.publishing import Event, in_words

LEASE_SECONDS = 120.0
MOST_OF_FAILING = 2
"""Messages of an endpoint that fails which are taken at once."""


@dataclass(frozen=True)
class Result:
    """What becomes of a message after an attempt."""

    message: Outgoing
    outcome: Outcome
    seconds: float
    state: MessageState
    pause: float | None = None
    """Seconds until it is sent again."""


def claim(
    connection: Connection,
    lease: UUID,
    most: int,
    seconds: float = LEASE_SECONDS,
    reading_groups: Sequence[str] | None = None,
) -> list[Outgoing]:
    """Takes up to `most` messages that are due.

    Args:
        reading_groups: groups whose people may read; None: everybody may.
    """
    parameters = {"lease": lease, "most": most, "most_of_failing": MOST_OF_FAILING, "seconds": seconds}
    with connection.transaction():
        claimed: dict[int, int] = dict(
            connection.execute(read_sql("notifying/claim_messages").encode(), parameters).fetchall()
        )
        for ended in _end_unwanted(connection, lease, list(claimed), reading_groups):
            del claimed[ended]
        if not claimed:
            return []
        rows = _read(connection, list(claimed))
        carrying = {message_id for message_id, is_digest in rows if is_digest}
        closed = _close_digests(connection, list(claimed)) if carrying or len(rows) < len(claimed) else set()
        put_off = [each for each in claimed if (each, True) in rows and each not in closed]
        empty = [each for each in claimed if (each, True) not in rows and (each, False) not in rows]
        _give_back(connection, lease, put_off, empty)
        if closed:  # what was committed until they were closed
            rows = _read(connection, list(claimed))
    return [
        _outgoing(found, claimed[message_id]) for (message_id, _), found in rows.items() if message_id not in put_off
    ]


def _end_unwanted(
    connection: Connection, lease: UUID, message_ids: Sequence[int], reading_groups: Sequence[str] | None
) -> list[int]:
    """Ends what recipients do not get by now; returns which of the messages have ended."""
    if not message_ids:
        return []
    groups = None if reading_groups is None else list(reading_groups)
    parameters = {"message_ids": list(message_ids), "reading_groups": groups}
    rows = connection.execute(read_sql("notifying/end_unwanted").encode(), parameters).fetchall()
    ended = [message_id for (message_id,) in rows if message_id in message_ids]
    release(connection, lease, ended)
    return ended


def _read(connection: Connection, message_ids: Sequence[int]) -> dict[tuple[int, bool], list[dict[str, Any]]]:
    """What messages consist of, by number and whether it is a digest."""
    found: dict[tuple[int, bool], list[dict[str, Any]]] = {}
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(read_sql("notifying/outgoing").encode(), {"message_ids": list(message_ids)})
        for row in cursor:
            found.setdefault((row["message_id"], row["is_digest"]), []).append(row)
    return found


def _close_digests(connection: Connection, message_ids: Sequence[int]) -> set[int]:
    """Closes the digests that messages carry, except those that somebody puts something into at this moment."""
    parameters = {"message_ids": list(message_ids)}
    rows = connection.execute(read_sql("notifying/close_digests").encode(), parameters).fetchall()
    return {message_id for (message_id,) in rows}


def _give_back(connection: Connection, lease: UUID, put_off: Sequence[int], empty: Sequence[int]) -> None:
    release(connection, lease, [*put_off, *empty])
    if put_off:
        connection.execute(
            "UPDATE notify.messages SET due_at = clock_timestamp() + interval '1 second' WHERE message_id = ANY(%s)",
            (put_off,),
        )
    if empty:
        connection.execute(
            "UPDATE notify.messages SET state = 'suppressed', reason = 'Nothing was left to tell.', due_at = NULL, "
            "ended_at = clock_timestamp() WHERE message_id = ANY(%s)",
            (empty,),
        )


def _outgoing(rows: Sequence[dict[str, Any]], number: int) -> Outgoing:
    first = rows[0]
    return Outgoing(
        message_id=first["message_id"], public_id=first["public_id"], endpoint=first["endpoint"],
        endpoint_id=first["endpoint_id"], channel=EndpointChannel(first["channel"]),
        configuration=first["configuration"], recipient=first["recipient"],
        events=tuple(event_of(row) for row in rows), is_digest=first["is_digest"],
        published_at=first["published_at"], number=number, tries=first["tries"], time_zone=first["time_zone"],
        language_code=first["language"],
        quiet=None if first["quiet_from"] is None else QuietHours(first["quiet_from"], first["quiet_until"]),
        unsubscribe_code=first["unsubscribe_code"], bounce_code=first["bounce_code"],
        edition=None if first["edition"] is None or first["is_digest"] else decode_edition(first["edition"]),
        chart=None if first["is_digest"] else first["chart"], person_id=first["person_id"], browser=_browser(first),
        template_version=first["template_version"],
    )  # fmt: skip


def _browser(row: dict[str, Any]) -> Browser | None:
    if row["push_url"] is None:
        return None
    return Browser(row["push_url"], row["p256dh"], row["auth"], row["push_key"])


def event_of(row: dict[str, Any]) -> Event:
    """The event in a row of `notify.events`."""
    event = Event(
        topic=row["topic"], key=row["key"], severity=Severity(row["severity"]), title=row["title"], text=row["text"],
        occurred_at=row["occurred_at"], facts=tuple((name, value) for name, value in row["facts"]),
        labels=row["labels"], path=row["path"], thread=row["thread"],
    )  # fmt: skip
    return in_words(event, row["words"])


def release(connection: Connection, lease: UUID, message_ids: Sequence[int]) -> None:
    """Gives back messages that were not attempted."""
    if not message_ids:
        return
    parameters = {"lease": lease, "message_ids": list(message_ids)}
    connection.execute(
        "DELETE FROM notify.attempts WHERE message_id = ANY(%(message_ids)s) AND lease = %(lease)s AND outcome IS NULL",
        parameters,
    )
    connection.execute(
        "UPDATE notify.messages SET lease = NULL, locked_until = NULL, tries = tries - 1 "
        "WHERE message_id = ANY(%(message_ids)s) AND lease = %(lease)s",
        parameters,
    )


def record(connection: Connection, lease: UUID, results: Sequence[Result]) -> None:
    """Notes how attempts ended, in the transaction of the caller."""
    parameters = {
        "lease": lease,
        "message_ids": [each.message.message_id for each in results],
        "numbers": [each.message.number for each in results],
        "seconds": [each.seconds for each in results],
        "outcomes": [each.outcome.outcome.value for each in results],
        "statuses": [each.outcome.status for each in results],
        "details": [each.outcome.detail or each.outcome.outcome.value for each in results],
        "states": [each.state.value for each in results],
        "pauses": [each.pause for each in results],
        "template_versions": [each.message.template_version for each in results],
    }
    connection.execute(read_sql("notifying/record_attempts").encode(), parameters)
    for each in results:
        if each.outcome.suppress is not None:
            connection.execute(
                "INSERT INTO notify.suppressions (recipient, reason, message_id) VALUES (lower(%s), %s, %s) "
                "ON CONFLICT DO NOTHING",
                (each.message.recipient, each.outcome.suppress, each.message.message_id),
            )


def next_due(connection: Connection) -> datetime | None:
    """When the next message can be claimed, by the clock of this machine; None if none waits.

    What is due is decided by the clock of the database: whoever waits here needs the difference alone.
    """
    row = connection.execute(read_sql("notifying/next_due").encode()).fetchone()
    return None if row is None or row[0] is None else datetime.now(UTC) + timedelta(seconds=row[0])


STATES_AFTER = {
    AttemptOutcome.SENT: MessageState.SENT,
    AttemptOutcome.DELIVERED: MessageState.DELIVERED,
    AttemptOutcome.REFUSED: MessageState.DEAD,
    AttemptOutcome.BOUNCED: MessageState.BOUNCED,
    AttemptOutcome.GONE: MessageState.DEAD,
}
"""What ends a message; after a passing failure it waits."""
