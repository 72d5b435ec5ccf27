"""The kinds of fault: what each does to workers, the database, the way to it, and receivers."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from logistics_pipeline.alerting.evaluating import evaluate
from logistics_pipeline.alerting.rules_in_force import rules_in_force
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.worker.publishing import publish_announcement
from tests.alerting.campaign.stage import DIGESTS, EACH
from tests.alerting.campaign.worker_process import FROZEN_SECONDS
from tests.notifying.sink import Received, Reply

if TYPE_CHECKING:
    from tests.alerting.campaign.run import Run

Fault = Callable[["Run", Random], None]


def _kill_worker(run: "Run", chance: Random) -> None:
    chance.choice(run.workers).kill()


def _kill_all_workers(run: "Run", chance: Random) -> None:
    for each in run.workers:
        each.kill()


def _freeze_worker(run: "Run", chance: Random) -> None:
    """For a while in which its leases may end, or for so long that others take over."""
    worker = chance.choice(run.workers)
    worker.freeze()
    time.sleep(chance.choice([0.05, 0.2, 0.5, FROZEN_SECONDS + 0.5]))
    worker.thaw()


def _kill_backend(run: "Run", chance: Random) -> None:
    run.stage.server.kill_backends(run.stage.database)


def _terminate_backends(run: "Run", chance: Random) -> None:
    run.stage.server.terminate_backends(run.stage.database)


def _restart_server(run: "Run", chance: Random) -> None:
    run.stage.server.restart_immediately()


def _cut_network(run: "Run", chance: Random) -> None:
    run.stage.proxy.cut(server_side_after_seconds=chance.choice([0, 0, 0.2]))


def evaluate_once_more(run: "Run", chance: Random) -> None:
    """As a second worker does that believes it is the one that acts."""

    def evaluate_all(connection: Connection) -> None:
        catalogue = catalogue_in_force(connection)
        for rule in rules_in_force(connection).rules.values():
            evaluate(connection, catalogue, rule, publish_announcement)

    run.stage.with_connection(evaluate_all)


def _receiver_dies(run: "Run", chance: Random) -> None:
    """It takes some messages, and ends the connection before it answers."""
    run.stage.sink.replies += [Reply(is_cut=True)] * chance.randint(1, 4)
    run.stage.mailbox.dies_after = chance.randint(0, 2)


def _receiver_fails(run: "Run", chance: Random) -> None:
    """It refuses all messages of an endpoint until it is mended at the end, or a few of them; and mails."""
    answers = [
        Reply(500), Reply(503, {"Retry-After": "90"}), Reply(429, {"Retry-After": "x"}), Reply(408),
        Reply(502, before=lambda: time.sleep(0.02)),
    ]  # fmt: skip
    if chance.random() < 0.5:
        path, answer = chance.choice([EACH, DIGESTS]), chance.choice(answers)

        def refuse(_: Received) -> Reply:
            return answer

        run.stage.sink.by_path[path] = refuse
    else:
        run.stage.sink.replies += [chance.choice(answers) for _ in range(chance.randint(1, 4))]
    run.stage.mailbox.to_contents += ["451 4.7.1 greylisted, try again"] * chance.randint(0, 2)


def _receiver_is_slow(run: "Run", chance: Random) -> None:
    delay = chance.uniform(0.05, 0.3)
    run.stage.sink.usual = Reply(before=lambda: time.sleep(delay))


def _two_at_once(run: "Run", chance: Random) -> None:
    """Two faults, one a moment after the other."""
    first, second = chance.sample(
        [each for each in FAULTS.values() if each not in (_two_at_once, evaluate_once_more)], 2
    )
    at = chance.uniform(0, 0.05)

    def strike_later() -> None:
        time.sleep(at)
        second(run, Random(at))

    other = threading.Thread(target=strike_later)
    other.start()
    try:
        first(run, chance)
    finally:
        other.join()


FAULTS: Mapping[str, Fault] = {
    "worker killed": _kill_worker,
    "all workers killed": _kill_all_workers,
    "worker frozen": _freeze_worker,
    "backend killed": _kill_backend,
    "backends terminated": _terminate_backends,
    "server restarted": _restart_server,
    "network cut": _cut_network,
    "evaluated twice": evaluate_once_more,
    "receiver dies before its answer": _receiver_dies,
    "receiver fails": _receiver_fails,
    "receiver is slow": _receiver_is_slow,
    "two at once": _two_at_once,
}
OWN_CLOCKS = (timedelta(0), timedelta(0), timedelta(hours=7), timedelta(days=-40))
"""How wrong the clock of a worker may be."""
