"""Webhooks sent by one worker, and the time from publishing an event to its receipt."""

import threading
import time

from bench.comparing import spread
from bench.part import Bench, Part
from bench.results import Column, Findings, Table, Target
from bench.webhook_rate import WANTED_SECONDS, declared_receiver, event, send_many, webhooks_of
from bench.webhook_receiver import Receiver
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import connect
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.notifying.publishing import publish

_SINGLE = 300
_P99_MS = 250.0
_REPETITIONS = 3


def _measure(bench: Bench) -> Findings:
    url, count = bench.database.url, webhooks_of(bench)
    rates, latencies = [], []
    with declared_receiver(url) as receiver:
        for run in range(bench.repetitions(_REPETITIONS)):
            bench.say(f"{count:,} webhooks, then {_SINGLE} one by one")
            rates.append(send_many(url, count, f"{run} many").seconds)
            latencies += _send_each(url, receiver, str(run))
    seconds = spread(rates)
    latencies.sort()
    p50, p99 = (latencies[int(len(latencies) * share)] for share in (0.5, 0.99))
    table = Table(
        "Signed webhooks, one worker, the receiver on the same machine",
        [
            Column("webhooks", "count"), Column("runs", "count"), Column("seconds", "seconds"),
            Column("from–to", "text"), Column("publish to receipt, ms: median", "ms"), Column("99 %", "ms"),
        ],
        [[count, len(rates), seconds.median, str(seconds), p50, p99]],
    )  # fmt: skip
    return Findings(
        [table],
        [
            Target(f"{count:,} webhooks by one worker", "seconds", "at most", WANTED_SECONDS, seconds.median),
            Target("publish to receipt of one webhook, 99 %", "ms", "at most", _P99_MS, p99),
        ],
    )


def _send_each(url: str, receiver: Receiver, run: str) -> list[float]:
    """Milliseconds from before the publisher's commit to the receipt, while a worker listens."""
    is_over = threading.Event()
    worker = threading.Thread(target=_work, args=(url, is_over))
    worker.start()
    found = []
    try:
        with connect(url) as connection:
            time.sleep(1)
            for number in range(_SINGLE):
                before, began = len(receiver.received_at), time.time()
                publish(connection, event(f"{run} single {number}"))
                while len(receiver.received_at) == before:
                    time.sleep(0.0005)
                found.append((receiver.received_at[-1] - began) * 1_000)
    finally:
        is_over.set()
        worker.join()
    return found


def _work(url: str, is_over: threading.Event) -> None:
    """As `logistics work`: told of messages by a notification."""
    with connect(url) as listening, Delivery(url, Settings()) as delivery:
        listening.execute("LISTEN messages")
        while not is_over.is_set():
            delivery.run_due()
            for _ in listening.notifies(timeout=0.5, stop_after=1):
                pass


PART = Part(
    "notifications",
    "Notifications",
    """\
Events are published before the clock starts; then one worker claims, signs, sends and records them all. Afterwards
events are published one by one, each in a transaction of its own, while a worker listens: from before that transaction
until the receiver has the request. The receiver runs within the same process.""",
    _measure,
)
