"""Senders that are killed, and several at once: every message arrives, a second copy only with the same ID."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import wait
from uuid import uuid4

import pytest

from logistics_core.settings import Settings
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.notifying import outbox
from logistics_pipeline.notifying.channels.sending import LONGEST_SECONDS
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.notifying.publishing import publish
from tests.notifying.events import declare, event, states, webhook
from tests.notifying.sink import Reply, Sink


def start(url: str, lease_seconds: float = LONGEST_SECONDS + 1, seconds: float = 60) -> "subprocess.Popen[str]":
    arguments = [sys.executable, "-m", "tests.notifying.delivering_process", url, str(lease_seconds), str(seconds)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    return process


def kill(process: "subprocess.Popen[str]") -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def end_leases(connection: Connection) -> None:
    """As time does."""
    connection.execute("UPDATE notify.messages SET locked_until = clock_timestamp() - interval '1 second' "
                       "WHERE locked_until IS NOT NULL")  # fmt: skip


@pytest.mark.slow
def test_a_sender_that_dies_between_the_answer_and_its_commit_leaves_the_message_to_the_next(
    connection: Connection, database_url: str, delivery: Delivery, sink: Sink
) -> None:
    declare(connection, webhook(sink.url))
    with connect(database_url) as other, other.transaction():  # the sender cannot commit what it notes of the endpoint
        other.execute("SELECT FROM notify.endpoints FOR NO KEY UPDATE")
        publish(connection, event())
        process = start(database_url)
        deadline = time.monotonic() + 10
        while not sink.received and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(0.05)
        kill(process)
    assert states(connection) == ["waiting"]
    assert delivery.run_due() == 0, "its lease has not ended yet"
    end_leases(connection)
    assert delivery.run_due() == 1
    assert states(connection) == ["delivered"]
    assert len(sink.received) == 2 and len(set(sink.ids())) == 1
    rows = connection.execute("SELECT outcome FROM notify.attempts ORDER BY number").fetchall()
    assert rows == [(None,), ("delivered",)]


@pytest.mark.slow
def test_senders_that_are_killed_lose_nothing_and_send_second_copies_with_the_same_id_alone(
    connection: Connection, database_url: str, delivery: Delivery, sink: Sink
) -> None:
    chance = random.Random(7)
    declare(connection, webhook(sink.url))
    sink.usual = Reply(before=lambda: time.sleep(chance.random() / 50))
    published = 0
    for _ in range(12):
        process = start(database_url)
        for _ in range(40):
            published += publish(connection, event())
        time.sleep(chance.random() / 4)
        kill(process)
        end_leases(connection)
    while delivery.run_due():
        pass
    assert states(connection) == ["delivered"] * published
    rows = connection.execute("SELECT 'msg_' || replace(public_id::text, '-', '') FROM notify.messages").fetchall()
    assert set(sink.ids()) == {each for (each,) in rows}
    repeated = [each for each, times in Counter(sink.ids()).items() if times > 1]
    attempted_again = connection.execute("SELECT count(*) FROM notify.messages WHERE tries > 1").fetchone()
    assert attempted_again is not None and len(repeated) <= attempted_again[0]
    interrupted = connection.execute("SELECT count(*) FROM notify.attempts WHERE outcome IS NULL").fetchone()
    assert interrupted is not None and interrupted[0] > 0


@pytest.mark.slow
def test_two_senders_at_once_send_every_message_once(connection: Connection, database_url: str, sink: Sink) -> None:
    declare(connection, webhook(sink.url))
    for _ in range(150):
        publish(connection, event())
    attempted = []

    def run() -> None:
        with Delivery(database_url, Settings()) as delivery:
            while done := delivery.run_due():
                attempted.append(done)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert states(connection) == ["delivered"] * 150
    assert sum(attempted) == len(sink.received) == len(set(sink.ids())) == 150


def test_a_sender_outlives_a_lost_connection(connection: Connection, delivery: Delivery, sink: Sink) -> None:
    declare(connection, webhook(sink.url))
    publish(connection, event())
    delivery.run_due()
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'logistics notifications'"
    )
    publish(connection, event())
    with pytest.raises(Exception, match="notifications"):
        delivery.run_due()
    delivery.run_due()
    assert states(connection) == ["delivered"] * 2


def test_an_attempt_that_could_outlast_its_lease_is_not_begun(
    connection: Connection, database_url: str, sink: Sink
) -> None:
    declare(connection, webhook(sink.url))
    publish(connection, event())
    with Delivery(database_url, Settings(), lease_seconds=LONGEST_SECONDS - 1) as delivery:
        delivery._begin()
        done, _ = wait(delivery._running)
        assert delivery._record(done) == 0
    assert sink.received == [] and states(connection) == ["waiting"]
    row = connection.execute("SELECT tries, lease FROM notify.messages").fetchone()
    assert row == (0, None)


def test_what_is_due_can_be_claimed_at_the_very_moment_a_lease_ends(connection: Connection, sink: Sink) -> None:
    declare(connection, webhook(sink.url))
    publish(connection, event())
    with connection.transaction(force_rollback=True):
        connection.execute("CREATE SCHEMA clock")
        connection.execute(
            "CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql "
            "RETURN '2080-03-04 09:00:00Z'::timestamptz"
        )
        connection.execute("SET LOCAL search_path = clock, pg_catalog, public")
        connection.execute("UPDATE notify.messages SET locked_until = clock_timestamp()")
        row = connection.execute(read_sql("notifying/next_due").encode()).fetchone()
        assert row == (0,)
        assert len(outbox.claim(connection, uuid4(), 1)) == 1
