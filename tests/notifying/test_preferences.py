"""Quiet hours, digests and limits: what is held back, put together, left out, and sent all the same."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from logistics_core.database_contract.notifications import EndpointChannel, MessageState, Severity
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.notifying.declaring.declaration import Endpoint, Subscription
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.notifying.local_times import QuietHours
from logistics_pipeline.notifying.planning import Circumstances, Plan, Preferences, plan_message
from logistics_pipeline.notifying.publishing import publish
from tests.notifying.events import declare, event, make_due, states, webhook
from tests.notifying.sink import Reply, Sink

NIGHT = QuietHours(time(22), time(6, 30))
BERLIN = "Europe/Berlin"
MIDNIGHT = datetime(2024, 6, 3, 0, 0, tzinfo=ZoneInfo(BERLIN))
NOON = MIDNIGHT + timedelta(hours=12)


def plan(now: datetime, severity: Severity = Severity.WARNING, **preferences: Any) -> Plan:
    topic = preferences.pop("topic", "alert.firing")
    names = Circumstances.__dataclass_fields__.keys()
    circumstances = Circumstances(now, **{name: preferences.pop(name) for name in names if name in preferences})
    wanted = Preferences(1, EndpointChannel.EMAIL, BERLIN, **preferences)
    return plan_message(topic, severity, wanted, circumstances)


def test_what_is_not_critical_waits_for_the_end_of_the_quiet_hours() -> None:
    found = plan(MIDNIGHT, quiet=NIGHT)
    assert found.due_at == MIDNIGHT + timedelta(hours=6, minutes=30) and found.is_quiet
    assert plan(NOON, quiet=NIGHT).due_at == NOON
    assert plan(MIDNIGHT, Severity.CRITICAL, quiet=NIGHT).due_at == MIDNIGHT


def test_a_resolved_alert_follows_a_critical_one_at_once() -> None:
    assert plan(MIDNIGHT, topic="alert.resolved", quiet=NIGHT, is_thread_urgent=True).due_at == MIDNIGHT
    assert plan(MIDNIGHT, topic="alert.resolved", quiet=NIGHT).is_quiet


def test_digests_end_at_their_time_and_never_within_quiet_hours() -> None:
    assert plan(NOON, digest="15m").window == plan(NOON + timedelta(minutes=14), digest="15m").window
    daily = plan(NOON, digest="daily", digest_at=time(8)).window
    assert daily is not None and daily.ends_at == MIDNIGHT + timedelta(hours=32)
    night = plan(MIDNIGHT, digest="15m", quiet=NIGHT).window
    assert night is not None and night.ends_at == MIDNIGHT + timedelta(hours=6, minutes=30)
    assert night == plan(MIDNIGHT + timedelta(hours=3), digest="15m", quiet=NIGHT).window
    weekly = plan(NOON, digest="weekly", digest_at=time(8)).window
    assert weekly is not None and weekly.ends_at == MIDNIGHT + timedelta(days=7, hours=8)
    assert plan(NOON, Severity.CRITICAL, digest="weekly").state is MessageState.WAITING


def test_above_the_limit_events_are_put_together_critical_ones_by_the_minute() -> None:
    assert plan(NOON, per_hour=20, in_last_hour=19).state is MessageState.WAITING
    over, critical = (plan(NOON, each, per_hour=20, in_last_hour=20) for each in (Severity.WARNING, Severity.CRITICAL))
    assert over.window is not None and critical.window is not None
    assert over.window.ends_at == NOON + timedelta(minutes=15) and critical.window.ends_at == NOON + timedelta(
        minutes=1
    )


def test_nothing_is_sent_where_that_was_decided_and_the_reason_is_kept() -> None:
    found = [
        plan(NOON, disabled_reason="gone"),
        plan(NOON, suppression="550 no such user"),
        plan(NOON, topic="alert.resolved", is_thread_silent=True),
    ]
    assert {each.state for each in found} == {MessageState.SUPPRESSED} and all(each.reason for each in found)
    assert plan(NOON, is_thread_silent=True).state is MessageState.WAITING, "it fires again"


# -- from publishing to the receiver -----------------------------------------------------------------------------------


def always_quiet(url: str, **changes: Any) -> Endpoint:
    """Quiet hours that began an hour ago, and end in 22 hours."""
    now = datetime.now(UTC)
    quiet = QuietHours((now - timedelta(hours=1)).time(), (now - timedelta(hours=2)).time())
    return webhook(url, quiet=quiet, **changes)


def types(sink: Sink) -> list[str]:
    return [each.document["type"] for each in sink.received]


def test_an_alert_that_is_over_before_the_quiet_hours_end_is_not_told_at_all(
    connection: Connection, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, always_quiet(sink.url))
    publish(connection, event(thread="incident:1"))
    assert delivery.run_due() == 0 and states(connection) == ["waiting"]
    publish(connection, event("alert.resolved", thread="incident:1"))
    assert states(connection) == ["suppressed", "suppressed"]
    assert delivery.next_due() is None


def test_an_end_of_a_part_of_an_alert_silences_nothing_of_the_rest(
    connection: Connection, delivery: Delivery, sink: Sink
) -> None:
    """Two incidents begin together in quiet hours; one of them ends before the hours do, or both."""
    declare(connection, always_quiet(sink.url))
    for thread in ("incident:1", "incident:2"):
        publish(connection, event(thread=thread))
        publish(connection, event("alert.resolved", thread=thread, ends_thread=False))
    assert states(connection) == ["waiting"] * 4
    publish(connection, event("alert.resolved", thread="incident:2"))
    assert states(connection) == ["waiting"] * 2 + ["suppressed"] * 3
    make_due(connection)
    while delivery.run_due():
        pass
    assert types(sink) == ["alert.firing", "alert.resolved"]


def test_an_alert_that_lasts_is_told_with_its_end(connection: Connection, delivery: Delivery, sink: Sink) -> None:
    declare(connection, always_quiet(sink.url))
    publish(connection, event(thread="incident:1"))
    make_due(connection)
    delivery.run_due()
    publish(connection, event("alert.resolved", thread="incident:1"))
    make_due(connection)
    delivery.run_due()
    assert types(sink) == ["alert.firing", "alert.resolved"]


def test_a_critical_alert_and_its_end_ignore_quiet_hours(
    connection: Connection, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, always_quiet(sink.url, subscriptions=(Subscription("alert.*", Severity.CRITICAL),)))
    publish(connection, event(severity=Severity.CRITICAL, thread="incident:1"))
    publish(connection, event("alert.resolved", Severity.INFO, thread="incident:1"))
    publish(connection, event("alert.resolved", Severity.INFO, thread="incident:2"))
    delivery.run_due()
    delivery.run_due()
    assert types(sink) == ["alert.firing", "alert.resolved"]


def test_a_resolved_alert_is_told_while_its_firing_is_on_its_way(
    connection: Connection, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, webhook(sink.url))
    publish(connection, event(thread="incident:1"))
    publish(connection, event("alert.resolved", thread="incident:1"))
    assert states(connection) == ["waiting", "waiting"]
    while delivery.run_due():
        pass
    assert types(sink) == ["alert.firing", "alert.resolved"]


def test_a_digest_is_one_message_with_all_events_of_its_window(
    connection: Connection, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, webhook(sink.url, digest="daily"))
    for _ in range(3):
        publish(connection, event())
    publish(connection, event(severity=Severity.CRITICAL))
    assert states(connection).count("held") == 3
    delivery.run_due()
    assert types(sink) == ["alert.firing"], "the critical one"
    make_due(connection)
    assert delivery.run_due() == 1
    assert types(sink) == ["alert.firing", "digest"] and sink.received[1].document["data"]["count"] == 3
    assert set(states(connection)) == {"delivered"}


def test_a_digest_that_failed_is_sent_again_with_the_same_content_and_id(
    connection: Connection, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, webhook(sink.url, digest="daily"))
    publish(connection, event())
    sink.replies = [Reply(500)]
    make_due(connection)
    delivery.run_due()
    publish(connection, event())
    connection.execute("UPDATE notify.messages SET due_at = clock_timestamp() WHERE state = 'waiting' AND tries = 1")
    delivery.run_due()
    first, second = sink.received
    assert (first.id, first.body) == (second.id, second.body)
    digests = connection.execute("SELECT count(*), count(closed_at) FROM notify.digests").fetchone()
    assert digests == (2, 1), "what came later goes into another one"
    make_due(connection)
    delivery.run_due()
    assert len(sink.received) == 3 and sink.received[2].id != first.id


def test_a_digest_waits_for_whoever_puts_something_into_it(
    connection: Connection, database_url: str, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, webhook(sink.url, digest="daily"))
    publish(connection, event())
    with connect(database_url) as other, other.transaction():
        publish(other, event())
        make_due(connection)
        assert delivery.run_due() == 0
    make_due(connection)
    delivery.run_due()
    assert sink.received[0].document["data"]["count"] == 2 and set(states(connection)) == {"delivered"}


def test_a_storm_becomes_a_digest(connection: Connection, delivery: Delivery, sink: Sink) -> None:
    declare(connection, webhook(sink.url, per_hour=5))
    for _ in range(60):
        publish(connection, event())
    delivery.run_due()
    assert len(sink.received) == 5 and states(connection).count("held") == 55
    make_due(connection)
    delivery.run_due()
    assert sum(each.document["data"].get("count", 1) for each in sink.received) == 60
    assert len(sink.received) <= 7, "one digest, or two where a window ended meanwhile"


def test_an_inbox_has_its_message_at_once(connection: Connection, delivery: Delivery) -> None:
    declare(connection, Endpoint("inbox", EndpointChannel.INBOX, quiet=NIGHT, digest="weekly"))
    publish(connection, event())
    assert states(connection) == ["delivered"] and delivery.run_due() == 0


@pytest.mark.parametrize("topic", ["alert.firing", "alert.unknown"])
def test_an_alert_that_fires_again_after_a_silent_night_is_told(
    connection: Connection, delivery: Delivery, sink: Sink, topic: str
) -> None:
    declare(connection, always_quiet(sink.url))
    publish(connection, event(topic, thread="incident:1"))
    publish(connection, event("alert.resolved", thread="incident:1"))
    publish(connection, event(topic, thread="incident:1"))
    make_due(connection)
    delivery.run_due()
    publish(connection, event("alert.resolved", thread="incident:1"))
    make_due(connection)
    delivery.run_due()
    assert types(sink) == [topic, "alert.resolved"]
