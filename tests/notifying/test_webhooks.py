"""Webhooks by Standard Webhooks, from the event to the receiver and back into the ledger."""

import socket
import time

import pytest
import standardwebhooks

from logistics_core.database_contract.notifications import EndpointChannel, Severity
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.notifying.declaring.declaration import Endpoint, Subscription
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.notifying.publishing import publish
from tests.notifying.events import NEW_SECRET, SECRET, declare, event, make_due, states, webhook
from tests.notifying.sink import Reply, Sink


def attempts(connection: Connection) -> list[tuple[str | None, int | None]]:
    rows = connection.execute("SELECT outcome, status FROM notify.attempts ORDER BY message_id, number").fetchall()
    return [(outcome, status) for outcome, status in rows]


def test_an_event_arrives_signed_and_its_message_is_delivered(
    connection: Connection, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, webhook(sink.url + "/hook"))
    assert publish(connection, event(thread="incident:17")) == 1
    assert delivery.run_due() == 1
    assert states(connection) == ["delivered"] and attempts(connection) == [("delivered", 200)]
    (received,) = sink.received
    document = standardwebhooks.Webhook(SECRET).verify(received.body, received.headers)
    assert document["type"] == "alert.firing"
    assert document["data"]["facts"] == [
        {"name": "dataset", "value": "shipments"},
        {"name": "rejected", "value": "7.5 %"},
    ]
    assert abs(int(received.headers["webhook-timestamp"]) - time.time()) < 5


def test_two_secrets_make_two_signatures_so_that_one_can_take_over(
    connection: Connection, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, webhook(sink.url, configuration={"secrets": [NEW_SECRET, SECRET]}))
    publish(connection, event())
    delivery.run_due()
    (received,) = sink.received
    for secret in (SECRET, NEW_SECRET):
        standardwebhooks.Webhook(secret).verify(received.body, received.headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(received.body + b" ", received.headers)


def test_publishing_the_same_key_twice_writes_nothing(connection: Connection, sink: Sink) -> None:
    declare(connection, webhook(sink.url))
    told = event()
    assert [publish(connection, told), publish(connection, told)] == [1, 0]
    assert states(connection) == ["waiting"]


def test_an_event_belongs_to_the_transaction_of_its_publisher(
    connection: Connection, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, webhook(sink.url))
    with pytest.raises(ZeroDivisionError), connection.transaction():
        publish(connection, event())
        raise ZeroDivisionError
    assert delivery.run_due() == 0 and states(connection) == []


def test_subscriptions_choose_by_topic_severity_and_labels(connection: Connection, sink: Sink) -> None:
    chosen = {
        "all": Subscription(),
        "alerts": Subscription("alert.*"),
        "reports": Subscription("report"),
        "critical": Subscription("alert.*", Severity.CRITICAL),
        "shipments": Subscription("*", labels={"dataset": ("shipments", "vehicles")}),
        "other": Subscription("*", labels={"dataset": ("vehicles",)}),
        "unlabelled": Subscription("*", labels={"source": ("x",)}),
    }
    declare(connection, *(webhook(sink.url, name, subscriptions=(each,)) for name, each in chosen.items()))
    assert publish(connection, event()) == 3
    rows = connection.execute("SELECT name FROM notify.messages JOIN notify.endpoints USING (endpoint_id)").fetchall()
    assert {name for (name,) in rows} == {"all", "alerts", "shipments"}


def test_a_receiver_that_fails_is_tried_again_with_the_same_id(
    connection: Connection, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, webhook(sink.url))
    publish(connection, event())
    sink.replies = [Reply(500), Reply(is_cut=True), Reply(408), Reply(200)]
    for _ in range(4):
        assert delivery.run_due() == 1
        make_due(connection)
    assert states(connection) == ["delivered"]
    assert [status for _, status in attempts(connection)] == [500, None, 408, 200]
    assert len(sink.received) == 4 and len(set(sink.ids())) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 422, 501, 301, 307])
def test_what_no_repetition_mends_ends_as_a_dead_letter(
    connection: Connection, delivery: Delivery, sink: Sink, status: int
) -> None:
    declare(connection, webhook(sink.url))
    publish(connection, event())
    sink.usual = Reply(status, {"Location": f"{sink.url}/elsewhere"}, b"no such hook")
    delivery.run_due()
    assert states(connection) == ["dead"] and attempts(connection) == [("refused", status)]
    assert [each.path for each in sink.received] == ["/"]


def test_the_pause_that_a_receiver_asks_for_holds_for_all_its_messages(
    connection: Connection, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, webhook(sink.url))
    publish(connection, event())
    sink.replies = [Reply(429, {"Retry-After": "600"})]
    delivery.run_due()
    publish(connection, event())
    assert delivery.run_due() == 0
    row = connection.execute(
        "SELECT extract(epoch FROM min(due_at) FILTER (WHERE tries = 1) - clock_timestamp())::float, "
        "extract(epoch FROM (SELECT paused_until FROM notify.endpoints) - clock_timestamp())::float "
        "FROM notify.messages"
    ).fetchone()
    assert row is not None and all(595 < seconds < 725 for seconds in row)
    due = delivery.next_due()
    assert due is not None and due.timestamp() > time.time() + 590


def test_a_receiver_that_is_gone_is_disabled_and_the_others_are_told(
    connection: Connection, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, webhook(sink.url + "/gone"), webhook(sink.url + "/other", "other"))
    sink.by_path["/gone"] = lambda _: Reply(410, body=b"unsubscribed")
    publish(connection, event())
    delivery.run_due()
    rows = connection.execute("SELECT name FROM notify.endpoints WHERE disabled_at IS NOT NULL").fetchall()
    assert rows == [("desk",)]
    told = [each.document for each in sink.received if each.path == "/other"]
    assert [each["type"] for each in told] == ["alert.firing", "notifications.disabled"]
    publish(connection, event())
    assert states(connection)[-2:] in (["suppressed", "waiting"], ["waiting", "suppressed"])
    declare(connection, webhook(sink.url + "/new"), webhook(sink.url + "/other", "other"))
    publish(connection, event())
    delivery.run_due()
    assert "/new" in [each.path for each in sink.received]


def test_an_endpoint_that_fails_for_days_is_disabled(connection: Connection, delivery: Delivery, sink: Sink) -> None:
    declare(connection, webhook(sink.url), webhook(sink.url + "/other", "other"))
    sink.by_path["/"] = lambda _: Reply(503)
    for _ in range(9):
        publish(connection, event())
        make_due(connection)
        delivery.run_due()
    connection.execute("UPDATE notify.endpoints SET failing_since = failing_since - interval '5 days', failures = 8")
    publish(connection, event())
    for _ in range(3):
        make_due(connection)
        delivery.run_due()
    row = connection.execute("SELECT disabled_reason FROM notify.endpoints WHERE name = 'desk'").fetchone()
    assert row is not None and row[0].startswith("It has failed for 5 days")
    waiting = connection.execute("SELECT count(*) FROM notify.messages WHERE state = 'waiting'").fetchone()
    assert waiting == (0,)
    assert "notifications.disabled" in [each.document["type"] for each in sink.received]


def test_a_message_is_given_up_after_three_days_of_attempts(
    connection: Connection, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, webhook(sink.url))
    sink.usual = Reply(500)
    publish(connection, event())
    for _ in range(10):
        assert delivery.run_due() == 1
        make_due(connection)
    assert states(connection) == ["dead"]
    assert delivery.run_due() == 0 and len(set(sink.ids())) == 1


def test_what_hangs_does_not_hold_up_other_endpoints(connection: Connection, delivery: Delivery, sink: Sink) -> None:
    declare(connection, webhook(sink.url + "/slow"), webhook(sink.url + "/fast", "fast"))
    sink.by_path["/slow"] = lambda _: Reply(before=lambda: time.sleep(1.0))
    publish(connection, event())
    delivery.run_due()
    slow, fast = (next(each.at for each in sink.received if each.path == path) for path in ("/slow", "/fast"))
    assert abs(slow - fast) < 0.5
    assert states(connection) == ["delivered", "delivered"]


def test_an_endpoint_whose_secret_is_missing_harms_no_other(
    connection: Connection, delivery: Delivery, sink: Sink
) -> None:
    broken = webhook(sink.url, configuration={"secrets": ["env:NO_SUCH_VARIABLE"]})
    unzoned = webhook(sink.url + "/zone", "unzoned")
    unknown = Endpoint("strange", EndpointChannel.WEBHOOK, configuration={"url": "ftp://[", "private": True})
    declare(connection, broken, unzoned, unknown, webhook(sink.url + "/other", "other"))
    connection.execute(
        "UPDATE notify.endpoints SET time_zone = 'Mars/Olympus', quiet_from = '00:00', quiet_until = '23:59' "
        "WHERE name = 'unzoned'"
    )
    assert publish(connection, event()) == 4
    delivery.run_due()
    rows = connection.execute(
        "SELECT name, state, reason FROM notify.messages JOIN notify.endpoints USING (endpoint_id)"
    ).fetchall()
    found = {name: (state, reason) for name, state, reason in rows}
    assert found["desk"][0] == "waiting" and "NO_SUCH_VARIABLE" in found["desk"][1]
    assert found["strange"][0] == "dead"
    assert found["other"][0] == found["unzoned"][0] == "delivered"


def test_nothing_that_a_secret_is_made_of_is_stored(
    connection: Connection, delivery: Delivery, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "s3cr3t-token-value")
    declare(connection, webhook(sink.url, configuration={"headers": {"Authorization": "env:HOOK_TOKEN"}}))
    sink.usual = Reply(500, body=b"bad token s3cr3t-token-value\r\nX: y")
    publish(connection, event())
    delivery.run_due()
    assert sink.received[0].headers["authorization"] == "s3cr3t-token-value"
    row = connection.execute("SELECT detail FROM notify.attempts").fetchone()
    assert row == ("bad token *** X: y",)


def test_only_the_begin_of_a_long_answer_is_read(connection: Connection, delivery: Delivery, sink: Sink) -> None:
    declare(connection, webhook(sink.url))
    sink.usual = Reply(200, body=b"x" * (8 << 20))
    publish(connection, event())
    delivery.run_due()
    row = connection.execute("SELECT length(detail) FROM notify.attempts").fetchone()
    assert row is not None and row[0] < 400 and states(connection) == ["delivered"]


def test_a_resolved_alert_never_overtakes_the_firing_one(
    connection: Connection, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, webhook(sink.url))
    sink.replies = [Reply(500)]
    publish(connection, event(thread="incident:1"))
    delivery.run_due()
    publish(connection, event("alert.resolved", Severity.INFO, thread="incident:1"))
    assert delivery.run_due() == 0
    due = delivery.next_due()
    assert due is not None and due.timestamp() > time.time() + 2, "nobody has to look before that"
    make_due(connection)
    delivery.run_due()
    assert [each.document["type"] for each in sink.received] == ["alert.firing", "alert.firing", "alert.resolved"]


def test_a_connection_that_is_refused_is_a_passing_failure(connection: Connection, delivery: Delivery) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    declare(connection, webhook(f"http://127.0.0.1:{port}/"))
    publish(connection, event())
    delivery.run_due()
    assert states(connection) == ["waiting"] and attempts(connection) == [("passing", None)]
