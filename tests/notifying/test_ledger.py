"""What became of messages: the balance of each day, dead letters, and the commands."""

import json
import os
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from logistics_core.database_contract.notifications import EndpointChannel, MessageState
from logistics_pipeline.cli import app
from logistics_pipeline.cli import notifications as cli_notifications
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.housekeeping import Retention, run_housekeeping
from logistics_pipeline.notifying import ledger
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.notifying.publishing import publish
from tests.notifying.events import declare, event, make_due, states, webhook
from tests.notifying.sink import Reply, Sink


def balance(connection: Connection) -> ledger.DayBalance:
    (found,) = ledger.balances(connection)
    return found


def test_every_message_of_a_day_is_somewhere(connection: Connection, delivery: Delivery, sink: Sink) -> None:
    declare(
        connection,
        webhook(sink.url + "/good", "good"),
        webhook(sink.url + "/bad", "bad"),
        webhook(sink.url + "/digest", "digest", digest="daily"),
        Endpoint("inbox", EndpointChannel.INBOX),
    )
    sink.by_path["/bad"] = lambda _: Reply(404)
    for _ in range(3):
        publish(connection, event())
    delivery.run_due()
    found = balance(connection)
    assert (found.events, found.messages, found.delivered, found.held, found.dead) == (3, 12, 6, 3, 3)
    assert found.is_balanced
    make_due(connection)
    delivery.run_due()
    found = balance(connection)
    assert found.delivered == 9 and found.is_balanced


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM notify.messages WHERE message_id = (SELECT min(message_id) FROM notify.messages)",
        "UPDATE notify.messages SET state = 'delivered', due_at = NULL, ended_at = now() WHERE state = 'waiting' "
        "AND event_id IS NOT NULL",
        "UPDATE notify.messages SET state = 'suppressed', reason = 'x', due_at = NULL, ended_at = now() "
        "WHERE event_id IS NULL",
    ],
)
def test_whatever_loses_a_message_shows_in_the_balance(connection: Connection, sink: Sink, harm: str) -> None:
    declare(connection, webhook(sink.url), webhook(sink.url, "digest", digest="daily"))
    publish(connection, event())
    assert balance(connection).is_balanced
    connection.execute(harm.encode())
    assert not balance(connection).is_balanced


def test_dead_letters_are_sent_again_with_their_ids(connection: Connection, delivery: Delivery, sink: Sink) -> None:
    declare(connection, webhook(sink.url), webhook(sink.url + "/digest", "digest", digest="daily"))
    sink.usual = Reply(404)
    publish(connection, event())
    publish(connection, event())
    make_due(connection)
    delivery.run_due()
    assert set(states(connection)) == {"dead"} and balance(connection).is_balanced
    first = sink.ids()
    sink.usual = Reply(200)
    assert len(ledger.resend(connection)) == 3, "two messages, and the digest of two others"
    assert balance(connection).is_balanced
    delivery.run_due()
    assert set(states(connection)) == {"delivered"} and set(sink.ids()[3:]) == set(first)
    assert ledger.resend(connection) == [] and balance(connection).is_balanced


def test_a_part_of_a_dead_digest_can_be_sent_by_itself(connection: Connection, delivery: Delivery, sink: Sink) -> None:
    declare(connection, webhook(sink.url, digest="daily"))
    sink.replies = [Reply(404)]
    publish(connection, event())
    make_due(connection)
    delivery.run_due()
    part = next(each for each in ledger.list_messages(connection) if each.topic == "alert.firing")
    assert ledger.resend(connection, [part.message_id]) == [part.message_id]
    delivery.run_due()
    assert [each.document["type"] for each in sink.received] == ["digest", "alert.firing"]


# -- commands ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(database_url: str, tmp_path: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("LOGISTICS_DATABASE_URL", database_url)
    monkeypatch.setenv("LOGISTICS_DATA_DIR", str(tmp_path))
    (tmp_path / "notifications.yaml").write_text(
        "endpoints:\n"
        f"  good: {{channel: webhook, url: '{sink.url}/good', private: true, digest: weekly, quietHours: 00:00-23:59"
        "}\n"
        f"  bad: {{channel: webhook, url: '{sink.url}/bad', private: true}}\n"
    )
    sink.by_path["/bad"] = lambda _: Reply(404, body=b"no such hook")

    def invoke(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["notifications", *arguments], env=dict(os.environ))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    return invoke


@pytest.mark.slow
def test_an_endpoint_is_tried_out_and_dead_letters_are_resent(run, sink: Sink) -> None:  # type: ignore[no-untyped-def]
    assert run("test", "good")[0] == 0 and [each.path for each in sink.received] == ["/good"]
    code, said = run("test", "bad", "--json")
    assert code == 1
    message = json.loads(said)
    assert (message["state"], message["reason"]) == (MessageState.DEAD, "404: no such hook")
    assert [json.loads(line)["message_id"] for line in run("dead", "--json")[1].splitlines()] == [message["message_id"]]
    shown = json.loads(run("show", str(message["message_id"]), "--json")[1])
    assert [(each["outcome"], each["status"]) for each in shown["attempts"]] == [("refused", 404)]
    sink.by_path.clear()
    assert "1 dead letter is sent again" in run("resend", str(message["message_id"]))[1]
    assert "1 attempt." in run("deliver")[1]
    assert run("dead", "--json")[1] == ""
    assert json.loads(run("balance", "--json")[1].splitlines()[0])["is_balanced"]
    assert "good" in run("endpoints")[1] and run("list", "--state", "delivered")[0] == 0
    assert "title" in run("schema")[1]
    assert run("preview", "good")[1].startswith("[Critical] This is a test")


def test_a_test_waits_for_a_worker_that_was_faster(
    run: Any, connection: Connection, delivery: Delivery, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(_: object) -> Reply:
        time.sleep(0.4)
        return Reply(204)

    sink.by_path["/good"] = slowly
    original, worker = cli_notifications._hurry, Thread(target=delivery.run_due)

    def overtaken(*given: Any) -> list[int]:
        numbers = original(*given)
        worker.start()
        is_taken = "SELECT count(*) FROM notify.messages WHERE locked_until IS NOT NULL"
        while connection.execute(is_taken).fetchone() == (0,):
            time.sleep(0.01)
        return numbers

    monkeypatch.setattr(cli_notifications, "_hurry", overtaken)
    code, said = run("test", "good", "--json")
    worker.join()
    assert (code, json.loads(said)["state"]) == (0, MessageState.DELIVERED)


def test_old_events_go_with_their_messages_unless_one_waits(
    connection: Connection, database_url: str, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, webhook(sink.url), webhook(sink.url + "/digest", "digest", digest="daily"))
    publish(connection, event())
    publish(connection, event())
    make_due(connection)
    delivery.run_due()
    publish(connection, event())
    connection.execute("UPDATE notify.events SET published_at = published_at - interval '400 days'")
    connection.execute("UPDATE notify.digests SET ends_at = ends_at - interval '400 days'")
    done = run_housekeeping(database_url, Retention(30, None))
    assert done.events_deleted == 2
    left = {table: count(connection, table) for table in ("events", "messages", "digests")}
    assert left == {"events": 1, "messages": 3, "digests": 1}


def count(connection: Connection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM notify.{table}".encode()).fetchone()
    assert row is not None
    return int(row[0])
