"""How fast one worker sends signed webhooks that wait: claims, signs, sends and records them all."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.part import Bench
from bench.webhook_receiver import Receiver, receiving
from logistics_core.database_contract.notifications import EndpointChannel, Severity
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import connect
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.declaring.syncing import store_endpoints
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.notifying.publishing import Event, publish

WEBHOOKS = 2_000
WANTED_SECONDS = 5.0
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True)
class Sending:
    """What it took to send them all."""

    seconds: float
    cpu_seconds: float
    """Of this process, the receiver included."""


def webhooks_of(bench: Bench) -> int:
    """How many are sent at the scale of a run."""
    return max(100, round(WEBHOOKS * bench.scale))


def event(key: str) -> Event:
    """An event as a rule announces it."""
    return Event(
        topic="alert.firing", key=key, severity=Severity.WARNING, title="Rejects of shipments above 5 %",
        text="612 of 8,204 records of the last file were rejected.", facts=(("dataset", "shipments"),),
        occurred_at=datetime.now(UTC),
    )  # fmt: skip


@contextmanager
def declared_receiver(url: str) -> Iterator[Receiver]:
    """A receiver in this process that gets every event."""
    with receiving() as receiver, connect(url) as connection:
        configuration = {"url": receiver.url, "private": True, "secrets": [SECRET]}
        store_endpoints(connection, [Endpoint("bench", EndpointChannel.WEBHOOK, configuration=configuration)])
        try:
            yield receiver
        finally:
            store_endpoints(connection, [])


def send_many(url: str, count: int, name: str) -> Sending:
    """Publishes so many events under a name of their own, then sends what they make."""
    with connect(url) as connection, connection.transaction():
        for number in range(count):
            publish(connection, event(f"{name} {number}"))
    began, cpu = time.perf_counter(), time.process_time()
    with Delivery(url, Settings()) as delivery:
        while delivery.run_due():
            pass
    return Sending(time.perf_counter() - began, time.process_time() - cpu)
