"""How endpoints do: failures in a row, pauses that they ask for, and the end of one that fails for days."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from logistics_core.database_contract.notifications import AttemptOutcome, Severity
from logistics_core.languages.sentences import Sentence
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.notifying.outbox import Result
from logistics_pipeline.notifying.publishing import Event, publish_to

LONGEST_FAILURE = timedelta(days=5)
FEWEST_FAILURES = 10
"""Fewer failures in a row do not disable an endpoint, however long ago the first one was."""
DISABLED_TOPIC = "notifications.disabled"
_REACHED = frozenset({AttemptOutcome.SENT, AttemptOutcome.DELIVERED, AttemptOutcome.BOUNCED})


def note_results(connection: Connection, results: Sequence[Result]) -> None:
    """Notes results at their endpoints, in the transaction of the caller, and disables those that need it."""
    by_endpoint: dict[int, list[Result]] = {}
    for each in results:
        by_endpoint.setdefault(each.message.endpoint_id, []).append(each)
    for endpoint_id in sorted(by_endpoint):  # in one order, so that two senders do not wait for each other
        _note(connection, endpoint_id, by_endpoint[endpoint_id])


def _note(connection: Connection, endpoint_id: int, results: Sequence[Result]) -> None:
    is_reached = any(each.outcome.outcome in _REACHED for each in results)
    failed = [each for each in results if each.outcome.outcome not in _REACHED]
    pauses = [each.pause for each in failed if each.outcome.is_throttled and each.outcome.wanted_seconds is not None]
    parameters = {
        "endpoint_id": endpoint_id, "is_reached": is_reached, "failures": len(failed),
        "pause": max((pause for pause in pauses if pause is not None), default=None),
        "longest": LONGEST_FAILURE.total_seconds(),
    }  # fmt: skip
    row = connection.execute(read_sql("notifying/note_endpoint").encode(), parameters).fetchone()
    if row is None:
        return
    failures, fails_for_long = row
    gone = next((each for each in failed if each.outcome.outcome is AttemptOutcome.GONE), None)
    if gone is not None:
        disable(connection, endpoint_id, f"The receiver wants no more messages ({gone.outcome.status}).")
    elif fails_for_long and failures >= FEWEST_FAILURES:
        last = failed[-1].outcome.detail or "it gave no reason"
        days = LONGEST_FAILURE.days
        disable(connection, endpoint_id, f"It has failed for {days} days, {failures} times in a row. Last: {last}")


def disable(connection: Connection, endpoint_id: int, reason: str) -> None:
    """Sends nothing more to an endpoint, ends what waits for it, and tells the others: of a person only theirs."""
    row = connection.execute(
        "UPDATE notify.endpoints SET disabled_at = clock_timestamp(), disabled_reason = %s "
        "WHERE endpoint_id = %s AND disabled_at IS NULL RETURNING name, disabled_at, person_id",
        (reason, endpoint_id),
    ).fetchone()
    if row is None:
        return
    name, disabled_at, person_id = row
    ended = end_open_messages(connection, endpoint_id, f"The endpoint is disabled: {reason}")
    if person_id is not None:
        _tell_person(connection, person_id, endpoint_id, disabled_at, reason)
        return
    event = Event(
        topic=DISABLED_TOPIC, key=f"{DISABLED_TOPIC}:{endpoint_id}:{disabled_at.isoformat()}",
        severity=Severity.WARNING, title=Sentence("Nothing is sent to {endpoint} any more", endpoint=name),
        text=Sentence(
            "The endpoint {endpoint} is disabled. {reason} Messages that waited for it are dead letters. Correct its "
            "declaration, or run `logistics notifications enable {endpoint}`, then resend them.",
            endpoint=name, reason=reason,
        ),
        facts=((Sentence("endpoint"), name), (Sentence("messages that waited"), Sentence("{value}", value=ended))),
        labels={"endpoint": name},
        path="/notifications", thread=f"endpoint:{endpoint_id}", occurred_at=disabled_at,
    )  # fmt: skip
    publish_to(connection, event, without=[endpoint_id])


def _tell_person(connection: Connection, person_id: int, endpoint_id: int, disabled_at: datetime, reason: str) -> None:
    rows = connection.execute(
        "SELECT coalesce(browser.name, 'mails to ' || endpoint.recipients[1]), other.endpoint_id "
        "FROM notify.endpoints AS endpoint LEFT JOIN notify.push_subscriptions AS browser USING (endpoint_id) "
        "LEFT JOIN notify.endpoints AS other ON other.person_id = endpoint.person_id "
        "AND other.endpoint_id <> endpoint.endpoint_id AND other.removed_at IS NULL WHERE endpoint.endpoint_id = %s",
        (endpoint_id,),
    ).fetchall()
    name = rows[0][0]
    event = Event(
        topic=DISABLED_TOPIC, key=f"{DISABLED_TOPIC}:{endpoint_id}:{disabled_at.isoformat()}",
        severity=Severity.WARNING, title=Sentence("Notifications have ended: {name}", name=name),
        text=Sentence("{reason} To get them there again, switch them on under My notifications.", reason=reason),
        labels={}, path="/my-notifications", thread=f"endpoint:{endpoint_id}", occurred_at=disabled_at,
        person_id=person_id,
    )  # fmt: skip
    publish_to(connection, event, only=[other for _, other in rows if other is not None])


def end_open_messages(connection: Connection, endpoint_id: int, reason: str) -> int:
    """Makes dead letters of what waits for an endpoint; returns how many."""
    return connection.execute(
        "UPDATE notify.messages SET state = 'dead', reason = %s, due_at = NULL, is_quiet = false, lease = NULL, "
        "locked_until = NULL, ended_at = clock_timestamp() "
        "WHERE endpoint_id = %s AND state IN ('waiting', 'held')",
        (reason, endpoint_id),
    ).rowcount
