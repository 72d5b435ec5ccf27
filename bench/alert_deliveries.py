"""A worker with rules and a webhook: how long it takes from what has happened until the receiver has the message."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.database import another_database
from bench.part import Bench
from bench.webhook_rate import SECRET
from bench.webhook_receiver import Receiver, receiving
from bench.workers import running_worker
from logistics_core.database_contract.channels import Channel
from logistics_core.settings import Settings
from logistics_pipeline.alerting.rules_in_force import rules_in_force
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import connect
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions, load_options

_DATABASE = "alert_deliveries"
_RULE = "driven_far"
_FAR = 1_000
_REST_SECONDS = 0.7
"""A rule rests for half a second after it was evaluated; a refresh seldom follows another one so closely."""
_PATIENCE_SECONDS = 30.0
_RULE_FILE = f"""\
title: A vehicle has driven far
watch: {{kind: metric, dataset: vehicle_logs, metric: distance, by: [vehicle_id]}}
when: {{above: {_FAR}}}
"""
_ENDPOINTS = """\
endpoints:
  receiver:
    channel: webhook
    url: {url}
    private: true
    secrets: [env:RECEIVER_SECRET]
"""


class DeliveryTimes:
    """The times of a running worker, in seconds."""

    def __init__(self, url: str, receiver: Receiver, options: LoadOptions) -> None:
        self._url = url
        self._receiver = receiver
        self._options = options
        self._moves = 0

    def after_refresh(self) -> float:
        """From the commit of a refresh, by which a rule begins or ceases to fire, until the message is received."""
        self._moves += 1
        self._load("vehicle_logs", [_log(2 * _FAR if self._moves % 2 else 1)])
        time.sleep(_REST_SECONDS)
        before = len(self._receiver.received_at)
        with _noting(self._url, Channel.DATA_VERSION) as committed_at:
            refresh(self._url)
            received_at = self._next_receipt(before)
            _wait(lambda: bool(committed_at), "the commit of the refresh")
        return received_at - committed_at[-1]

    def after_broken_file(self) -> float:
        """From before a file is loaded that ends too early, until the message about its failure is received."""
        self._moves += 1
        time.sleep(_REST_SECONDS)
        before, began = len(self._receiver.received_at), time.time()
        self._load("shipments", [{"shipment_id": str(self._moves)}], cut=3)
        return self._next_receipt(before) - began

    def _next_receipt(self, before: int) -> float:
        _wait(lambda: len(self._receiver.received_at) > before, "a message")
        return self._receiver.received_at[before]

    def _load(self, dataset: str, records: list[dict[str, object]], *, cut: int = 0) -> None:
        path = self._options.raw_dir / dataset / f"{self._moves if cut else 0}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(records)
        path.write_text(text[: len(text) - cut])
        os.utime(path, (self._moves, self._moves))
        found = self._options.folder.look_at(path)
        assert found is not None
        load_file(self._url, found, self._options)


def _log(mileage: int) -> dict[str, object]:
    return {"log_id": "1", "vehicle_id": "1", "trip_date": "2026-02-27", "mileage": mileage, "fuel_used": 1}


@contextmanager
def delivering(bench: Bench) -> Iterator[DeliveryTimes]:
    """A worker on a database of its own, once its rules and endpoints are in force."""
    url = another_database(bench.database, _DATABASE)
    data_dir = bench.folder / _DATABASE
    with receiving() as receiver:
        (data_dir / "alerts").mkdir(parents=True)
        (data_dir / "alerts" / f"{_RULE}.yaml").write_text(_RULE_FILE)
        (data_dir / "notifications.yaml").write_text(_ENDPOINTS.format(url=receiver.url))
        times = DeliveryTimes(url, receiver, load_options(Settings(data_dir=data_dir)))
        with running_worker(url, LOGISTICS_DATA_DIR=str(data_dir), RECEIVER_SECRET=SECRET):
            _wait(lambda: _is_ready(url), "the worker")
            times.after_refresh()  # the first one loads what evaluates metrics
            yield times


def _is_ready(url: str) -> bool:
    with connect(url) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM notify.endpoints), (SELECT count(*) FROM alert.evaluations WHERE rule = %s)",
            (_RULE,),
        ).fetchone()
        return row == (1, 1) and _RULE in rules_in_force(connection).rules


@contextmanager
def _noting(url: str, channel: Channel) -> Iterator[list[float]]:
    """When notifications of a channel arrived."""
    arrived: list[float] = []
    is_over = threading.Event()

    def listen() -> None:
        while not is_over.is_set():
            for _ in connection.notifies(timeout=0.2, stop_after=1):
                arrived.append(time.time())

    with connect(url) as connection:
        connection.execute(f"LISTEN {channel}".encode())
        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield arrived
        finally:
            is_over.set()
            thread.join()


def _wait(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"Waited {_PATIENCE_SECONDS:.0f} s in vain for {what}.")
        time.sleep(0.001)
