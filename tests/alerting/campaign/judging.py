"""What receivers and the ledger say at the end: every incident told once, every message arrived, copies with one ID."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.notifying import ledger
from tests.alerting.campaign.stage import ADDRESSES, DIGESTS, EACH, ENDPOINTS, Stage
from tests.notifying.sink import Received

MESSAGES_OF_EVENT = len(ENDPOINTS) - 1 + len(ADDRESSES)
"""One for each endpoint, of mails one for each address."""


@dataclass
class Findings:
    """What was counted, and what is wrong."""

    incidents: int = 0
    messages: int = 0
    copies: int = 0
    troubles: list[str] = field(default_factory=list)


def judge_messages(connection: Connection, stage: Stage) -> Findings:
    """Compares incidents with events, events with messages, and messages with what has arrived."""
    findings = Findings()
    findings.troubles += _of_incidents(connection, findings)
    findings.troubles += _of_ledger(connection)
    findings.troubles += _of_receivers(connection, stage, findings)
    return findings


def incidents_of(key: str) -> tuple[str, list[int]]:
    """Topic and incidents that the key of an event names."""
    topic, _, numbers = key.partition(":")
    return topic, [int(each) for each in numbers.split(",")]


def _of_incidents(connection: Connection, findings: Findings) -> list[str]:
    told: Counter[tuple[int, str]] = Counter()
    for (key,) in connection.execute("SELECT key FROM notify.events"):
        topic, numbers = incidents_of(key)
        told.update((number, "end" if topic == "alert.resolved" else "begin") for number in numbers)
    troubles = []
    for number, is_open, is_announced in connection.execute(
        "SELECT incident_id, closed_at IS NULL, announced_at IS NOT NULL FROM alert.incidents"
    ).fetchall():
        findings.incidents += 1
        wanted = int(is_announced), int(is_announced and not is_open)
        found = told.pop((number, "begin"), 0), told.pop((number, "end"), 0)
        if found != wanted:
            troubles.append(f"incident {number}: begin and end were told {found} times, not {wanted}")
    if told:
        troubles.append(f"told was what there is not: {dict(told)}")
    timelines = connection.execute(
        "SELECT incident_id, kind FROM alert.events WHERE kind <> 'held' GROUP BY 1, 2 HAVING count(*) > 1"
    ).fetchall()
    return troubles + [f"incident {number} was {kind} twice" for number, kind in timelines]


def _of_ledger(connection: Connection) -> list[str]:
    troubles = [f"does not balance: {day}" for day in ledger.balances(connection, 400) if not day.is_balanced]
    leased = connection.execute("SELECT count(*) FROM notify.messages WHERE lease IS NOT NULL").fetchone()
    if leased != (0,):
        troubles.append(f"{leased} messages have a lease left")
    bad = connection.execute(
        "SELECT message_id, state, reason FROM notify.messages WHERE state NOT IN ('sent', 'delivered')"
    ).fetchall()
    troubles += [f"message {number} is {state}: {reason}" for number, state, reason in bad]
    counts = connection.execute(
        "SELECT event.key, count(*) FROM notify.events AS event LEFT JOIN notify.messages USING (event_id) "
        "GROUP BY event.key HAVING count(*) <> %s",
        (MESSAGES_OF_EVENT,),
    ).fetchall()
    return troubles + [f"{key} has {count} messages, not {MESSAGES_OF_EVENT}" for key, count in counts]


def _of_receivers(connection: Connection, stage: Stage, findings: Findings) -> list[str]:
    troubles = []
    sent: dict[str, list[str]] = defaultdict(list)
    tries: dict[str, int] = {}
    for public_id, key, attempts in connection.execute(_SENT).fetchall():
        sent[public_id].append(key)
        tries[public_id] = attempts
    copies: Counter[str] = Counter()
    contents: dict[str, set[bytes]] = defaultdict(set)
    for each in list(stage.sink.received):
        public_id = each.id.removeprefix("msg_")
        copies[public_id] += 1
        contents[public_id].add(each.body)
        if keys_of(each) != sorted(sent.get(public_id, [])):
            troubles.append(f"{each.path} got {keys_of(each)} as {public_id}, not {sent.get(public_id)}")
    for mail in list(stage.mailbox.mails):
        copies[str(mail["Message-ID"])[1:].partition("@")[0]] += 1
    findings.messages, findings.copies = len(sent), copies.total() - len(copies)
    troubles += [f"message {each} of {keys} has not arrived" for each, keys in sent.items() if each not in copies]
    troubles += [f"{each} arrived, and is no message" for each in copies if each not in sent]
    troubles += [f"copies of {each} differ" for each, bodies in contents.items() if len(bodies) > 1]
    troubles += [
        f"{each} arrived {count} times in {tries[each]} attempts"
        for each, count in copies.items()
        if each in tries and count > tries[each]
    ]
    return troubles + _overtaken([each for each in stage.sink.received if each.path == EACH])


def keys_of(received: Received) -> list[str]:
    """The keys of the events in a request."""
    data: Any = received.document["data"]
    return sorted(each["key"] for each in (data["events"] if received.path == DIGESTS and "events" in data else [data]))


def _overtaken(received: list[Received]) -> list[str]:
    """Ends that arrived before the begin of the same incident."""
    first: dict[tuple[int, bool], int] = {}
    for place, each in enumerate(received):
        for key in keys_of(each):
            topic, numbers = incidents_of(key)
            for number in numbers:
                first.setdefault((number, topic == "alert.resolved"), place)
    return [
        f"the end of incident {number} arrived before its begin"
        for (number, is_end), place in first.items()
        if is_end and place < first.get((number, False), place + 1)
    ]


_SENT = """
SELECT replace(message.public_id::text, '-', ''), event.key,
    (SELECT count(*) FROM notify.attempts AS attempt WHERE attempt.message_id = message.message_id)
FROM notify.messages AS message
INNER JOIN notify.messages AS content
    ON
        content.event_id IS NOT NULL AND (
            content.message_id = message.message_id
            OR (message.event_id IS NULL AND content.digest_id = message.digest_id)
        )
INNER JOIN notify.events AS event ON content.event_id = event.event_id
WHERE message.channel <> 'inbox' AND (message.event_id IS NULL OR message.digest_id IS NULL)
"""
"""What receivers must have got: ID of a message, and the key of each event in it."""
