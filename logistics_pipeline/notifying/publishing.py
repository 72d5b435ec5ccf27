"""Publishes an event: the event and one message per matching endpoint, in the transaction of the caller.

Whatever an endpoint is like, publishing succeeds: what is wrong with it shows when its message is sent.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from logistics_core.database_contract.channels import Channel
from logistics_core.database_contract.notifications import EndpointChannel, Severity
from logistics_core.languages.sentences import Sentence, document_of, sentence_of
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.notifying.local_times import QuietHours
from logistics_pipeline.notifying.planning import (
    RESOLVED,
    Circumstances,
    Plan,
    Preferences,
    Window,
    plan_message,
    with_chart,
)

logger = logging.getLogger("logistics.notifications")

_LONGEST_TITLE = 300
_LONGEST_TEXT = 10_000
_MOST_FACTS = 100
_LONGEST_FACT = 1_000
_LONGEST_WORDS = 100_000


@dataclass(frozen=True)
class Event:
    """Something to tell. Texts are plain: no channel reads markup in them."""

    topic: str
    """Dotted: `alert.firing`, `alert.resolved`, `alert.unknown`, `report`, `test`."""
    key: str
    """Unique: publishing the same key twice writes nothing."""
    severity: Severity
    title: str
    """One line."""
    text: str
    """Some sentences."""
    occurred_at: datetime
    facts: tuple[tuple[str, str], ...] = ()
    """Name and value, shown as a list or a table."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """`rule`, `dataset`, `source`: what subscriptions choose by."""
    path: str | None = None
    """Place in the dashboard: `/alerts?incident=17`."""
    thread: str | None = None
    """Events of one incident share it."""
    ends_thread: bool = True
    """Of `alert.resolved`: whether everything that the thread has told of is over."""
    person_id: int | None = None
    """Whom alone it is for; None: everybody who may see all rows."""
    about_rows: Sequence[Mapping[str, Any]] | None = None
    """Rows that all of it is about, `dataset` and `fields` of each; None: who may see some rows only is not told."""
    has_chart: bool = False
    """Whether the chart of its incident follows in a moment: mails wait for it, some seconds at most."""

    def told(self, say: Callable[[str], str]) -> "Event":
        """The event with what is said for each of its texts. Plain values of facts are data, and stay."""
        facts = tuple((say(name), say(value) if isinstance(value, Sentence) else value) for name, value in self.facts)
        return replace(self, title=say(self.title), text=say(self.text), facts=facts)


@dataclass(frozen=True)
class _Recipient:
    preferences: Preferences
    address: str
    circumstances: Circumstances

    def alone(self) -> "_Recipient":
        """The same, whose messages are never put together."""
        return replace(self, preferences=replace(self.preferences, digest=None, per_hour=None))


@dataclass(frozen=True)
class _Choice:
    """Which endpoints get an event, beside those that have subscribed to it; see `publish_to`."""

    only: Sequence[int] | None
    also: Sequence[int]
    without: Sequence[int]


def publish(connection: Connection, event: Event) -> int:
    """Writes an event and its messages; returns how many there are, 0 if the event was published before.

    It belongs to the transaction of the caller, if there is one; otherwise it is one by itself.
    """
    return publish_to(connection, event)


def publish_to(
    connection: Connection,
    event: Event,
    *,
    only: Sequence[int] | None = None,
    also: Sequence[int] = (),
    without: Sequence[int] = (),
    is_alone: bool = False,
) -> int:
    """The same with a choice of endpoints, by their numbers.

    Args:
        only: these, whatever they have subscribed to.
        also: these as well.
        without: not these.
        is_alone: it is a message of its own, whatever digests and limits an endpoint has.
    """
    words, event = words_of(event), bounded(event)
    with connection.transaction():
        event_id = _insert_event(connection, event, words)
        if event_id is None:
            return 0
        recipients = _recipients(connection, event, _Choice(only, also, without))
        if is_alone:
            recipients = [each.alone() for each in recipients]
        messages = [(each, _plan(event, each)) for each in recipients]
        _insert_messages(connection, event, event_id, messages)
        connection.execute("UPDATE notify.events SET messages = %s WHERE event_id = %s", (len(messages), event_id))
        connection.execute("SELECT pg_notify(%s, %s)", (Channel.MESSAGES, str(len(messages))))
    return len(messages)


def bounded(event: Event) -> Event:
    """The event as it is stored: without NUL, in bounded length, its title in one line."""
    one_line = "".join(each if each.isprintable() else " " for each in _storable(event.title, _LONGEST_TITLE))
    title = " ".join(one_line.split())
    facts = tuple((_storable(n, _LONGEST_FACT), _storable(v, _LONGEST_FACT)) for n, v in event.facts[:_MOST_FACTS])
    labels = {_storable(n, _LONGEST_FACT): _storable(v, _LONGEST_FACT) for n, v in event.labels.items()}
    return replace(event, title=title, text=_storable(event.text, _LONGEST_TEXT), facts=facts, labels=labels)


def _storable(text: str, longest: int) -> str:
    """PostgreSQL stores neither NUL nor halves of characters."""
    clean = str(text).replace("\0", "").encode("utf-8", "replace").decode()
    return clean if len(clean) <= longest else clean[: longest - 3] + "..."


def words_of(event: Event) -> dict[str, Any] | None:
    """The texts of an event as JSON, for other languages; None if there are no sentences, or too long ones."""
    if not any(isinstance(each, Sentence) for each in (event.title, event.text, *chain(*event.facts))):
        return None
    facts = [[document_of(name), document_of(value)] for name, value in event.facts[:_MOST_FACTS]]
    words = {"title": document_of(event.title), "text": document_of(event.text), "facts": facts}
    return words if len(json.dumps(words)) <= _LONGEST_WORDS else None


def in_words(event: Event, words: Mapping[str, Any] | None) -> Event:
    """The event with its texts as `words_of` has noted them."""
    if words is None:
        return event
    facts = tuple((sentence_of(name), sentence_of(value)) for name, value in words["facts"])
    return replace(event, title=sentence_of(words["title"]), text=sentence_of(words["text"]), facts=facts)


def _insert_event(connection: Connection, event: Event, words: dict[str, Any] | None) -> int | None:
    row = connection.execute(
        "INSERT INTO notify.events "
        "(key, topic, severity, title, text, facts, labels, path, thread, occurred_at, person_id, words, "
        "about_rows, messages) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0) "
        "ON CONFLICT (key) DO NOTHING RETURNING event_id",
        (
            event.key, event.topic, event.severity.value, event.title, event.text, Jsonb(list(map(list, event.facts))),
            Jsonb(dict(event.labels)), event.path, event.thread, event.occurred_at, event.person_id,
            None if words is None else Jsonb(words), _json_of_rows(event),
        ),
    ).fetchone()  # fmt: skip
    return None if row is None else row[0]


def _json_of_rows(event: Event) -> Jsonb | None:
    return None if event.about_rows is None else Jsonb([dict(each) for each in event.about_rows])


def _recipients(connection: Connection, event: Event, choice: _Choice) -> list[_Recipient]:
    now = _now(connection)
    threads = _thread_so_far(connection, event, now)
    parameters = {
        "topic": event.topic, "severity": event.severity.value, "labels": Jsonb(dict(event.labels)), "now": now,
        "thread": event.thread, "only_endpoints": None if choice.only is None else list(choice.only),
        "also_endpoints": list(choice.also), "without": list(choice.without), "person_id": event.person_id,
        "about_rows": _json_of_rows(event),
    }  # fmt: skip
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(read_sql("notifying/matching_endpoints").encode(), parameters).fetchall()
    found = []
    for row in rows:
        is_silent, is_urgent = threads.get((row["endpoint_id"], row["recipient"]), (False, False))
        circumstances = Circumstances(now, row["in_last_hour"], row["suppression"], is_silent, is_urgent)
        found.append(_Recipient(preferences_of(row), row["recipient"], circumstances))
    return found


def _now(connection: Connection) -> datetime:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    now: datetime = row[0]
    return now


def _thread_so_far(connection: Connection, event: Event, now: datetime) -> dict[tuple[int, str], tuple[bool, bool]]:
    """What became of earlier messages of the thread; when it is over, those still held back by quiet hours end."""
    if event.thread is None:
        return {}
    parameters = {"thread": event.thread, "now": now}
    if event.topic == RESOLVED and event.ends_thread:
        connection.execute(read_sql("notifying/silence_thread").encode(), parameters)
    rows = connection.execute(read_sql("notifying/thread_so_far").encode(), parameters).fetchall()
    return {(endpoint, recipient): (is_silent, is_urgent) for endpoint, recipient, is_silent, is_urgent in rows}


def preferences_of(row: Mapping[str, Any]) -> Preferences:
    """The preferences in a row of `notify.endpoints`."""
    quiet = None if row["quiet_from"] is None else QuietHours(row["quiet_from"], row["quiet_until"])
    return Preferences(
        endpoint_id=row["endpoint_id"], channel=EndpointChannel(row["channel"]), time_zone=row["time_zone"],
        quiet=quiet, digest=row["digest"], digest_at=row["digest_at"], per_hour=row["per_hour"],
        disabled_reason=row["disabled_reason"],
    )  # fmt: skip


def _plan(event: Event, recipient: _Recipient) -> Plan:
    try:
        plan = plan_message(event.topic, event.severity, recipient.preferences, recipient.circumstances)
        return with_chart(plan, recipient.preferences, recipient.circumstances.now) if event.has_chart else plan
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        logger.warning("Endpoint %d has no usable time zone (%s).", recipient.preferences.endpoint_id, error)
        unzoned = replace(recipient.preferences, time_zone="UTC", quiet=None)
        return plan_message(event.topic, event.severity, unzoned, recipient.circumstances)


def _insert_messages(
    connection: Connection, event: Event, event_id: int, messages: Sequence[tuple[_Recipient, Plan]]
) -> None:
    rows = []
    for recipient, plan in messages:
        digest_id = None if plan.window is None else _digest(connection, recipient, plan.window)
        preferences = recipient.preferences
        rows.append((
            preferences.endpoint_id, recipient.address, preferences.channel.value, event_id, digest_id, event.thread,
            plan.state.value, plan.reason, plan.due_at, plan.is_quiet, plan.awaits_chart, plan.state.is_open,
        ))  # fmt: skip
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO notify.messages (endpoint_id, recipient, channel, event_id, digest_id, thread, state, reason, "
            "due_at, is_quiet, awaits_chart, ended_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, "
            "CASE WHEN %s THEN NULL ELSE clock_timestamp() END)",
            rows,
        )


def _digest(connection: Connection, recipient: _Recipient, window: Window) -> int:
    """The digest of a window, with the message that will carry it.

    Nobody sends it before what goes into it is committed.
    """
    parameters: dict[str, Any] = {
        "endpoint_id": recipient.preferences.endpoint_id, "recipient": recipient.address, "kind": window.kind,
        "ends_at": window.ends_at, "channel": recipient.preferences.channel.value,
    }  # fmt: skip
    digest_id = _open_digest(connection, parameters)
    connection.execute(
        "INSERT INTO notify.messages (endpoint_id, recipient, channel, digest_id, state, due_at) "
        "SELECT endpoint_id, recipient, %(channel)s, digest_id, 'waiting', ends_at FROM notify.digests "
        "WHERE digest_id = %(digest_id)s ON CONFLICT (digest_id) WHERE event_id IS NULL DO NOTHING",
        {"digest_id": digest_id, "channel": parameters["channel"]},
    )
    return digest_id


def _open_digest(connection: Connection, parameters: dict[str, Any]) -> int:
    """A digest that was not closed when its row was locked.

    One that was sent while an event was published gives way to another that ends a moment later.
    """
    while True:
        connection.execute(
            "INSERT INTO notify.digests (endpoint_id, recipient, kind, ends_at) "
            "VALUES (%(endpoint_id)s, %(recipient)s, %(kind)s, %(ends_at)s) ON CONFLICT DO NOTHING",
            parameters,
        )
        row = connection.execute(read_sql("notifying/open_digest").encode(), parameters).fetchone()
        assert row is not None
        digest_id, closed_at = row
        if closed_at is None:
            return int(digest_id)
        parameters["ends_at"] += timedelta(microseconds=1)
