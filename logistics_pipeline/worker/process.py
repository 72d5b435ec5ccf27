"""The worker's process: one loop that listens for what is committed, in one session, until it is stopped.

Any number of workers may run on a database; the one that holds the lock of a duty does it, the others wait to take
over. A worker that is killed loses its lock with its session, and whatever it had not committed.
"""

import logging
from collections.abc import Callable
from threading import Event, Thread

from psycopg import Notify

from logistics_core.database_contract.channels import Channel
from logistics_core.database_contract.locks import ALERTS_LOCK
from logistics_core.settings import Settings
from logistics_pipeline.alerting.announcing import Publish
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.listening import wait_for_notification, work_in_sessions, work_in_turn
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.worker.alerts import AlertDuty
from logistics_pipeline.worker.bounces import BounceWorker
from logistics_pipeline.worker.heartbeats import HEARTBEAT_SECONDS, Heartbeat
from logistics_pipeline.worker.jobs import JobWorker
from logistics_pipeline.worker.messages import MessageWorker
from logistics_pipeline.worker.publishing import publish_announcement
from logistics_pipeline.worker.reports import ReportWorker
from logistics_pipeline.worker.watcher import Watcher

log = logging.getLogger("logistics.worker")

GATHER_SECONDS = 0.02
"""How long notifications are gathered: a load commits several things in a row."""
STOP_SECONDS = 10.0
"""How long a message that is being sent may take to end."""
FROZEN_SECONDS = 60
"""A session that is silent for so long loses its lock, and others take over: its worker is frozen, or asleep."""
ALERTS_DUTY = "alerts"

_HEARD = (
    Channel.FILES, Channel.DATA_VERSION, Channel.CONTRACTS, Channel.SOURCES, Channel.FORECASTS, Channel.MODELS,
    Channel.ALERTS,
)  # fmt: skip


class AlertWorker:
    """Does the duty of alerts, whenever no other worker does."""

    def __init__(self, settings: Settings, url: str, publish: Publish, stop: Event) -> None:
        self._settings = settings
        self._url = url
        self._publish = publish
        self._stop = stop
        self._heard: set[Channel] = set()
        self._heartbeat = Heartbeat(ALERTS_DUTY)

    def run(self) -> None:
        """Runs until it is stopped. Outlives restarts of the database."""
        work_in_sessions(
            self._url, "logistics worker", self._wait_for_turn, doing="evaluating alerts", stop=self._stop, log=log
        )

    def _wait_for_turn(self, connection: Connection) -> None:
        def say_so() -> None:
            log.info("Another worker evaluates the alerts of this database: waiting to take over.")

        work_in_turn(
            connection, ALERTS_LOCK, self._do_duty, on_wait=say_so, stop=self._stop, frozen_seconds=FROZEN_SECONDS
        )

    def _do_duty(self, connection: Connection) -> None:
        log.info("Evaluating alerts.")
        connection.add_notify_handler(self._hear)
        for channel in _HEARD:
            connection.execute(f"LISTEN {channel}".encode())
        duty = AlertDuty(connection, self._settings.alerts_dir, self._publish)
        while not self._stop.is_set():
            heard, self._heard = self._heard, set()
            duty.notice(heard)
            duty.turn()
            self._heartbeat.beat(connection, " ".join(duty.problems) or None)
            if not self._heard:
                wait_for_notification(connection, min(duty.seconds_until_next(), HEARTBEAT_SECONDS), GATHER_SECONDS)

    def _hear(self, notification: Notify) -> None:
        self._heard.add(Channel(notification.channel))


def run_worker(settings: Settings, url: str, stop: Event) -> None:
    """Does all duties of a worker until it is stopped: alerts here, the others and calls of a watcher in threads."""
    duties = {
        "messages": MessageWorker(settings, url, stop).run,
        "jobs": JobWorker(url, stop).run,
        "reports": ReportWorker(settings, url, stop).run,
        "bounces": BounceWorker(url, stop).run,
    }
    if settings.worker_watcher is not None:
        duties["watcher"] = Watcher(settings, url, stop).run
    failed: list[str] = []

    def supervised(name: str, run: Callable[[], None]) -> None:
        try:
            run()
        except Exception:  # a duty that has ended must not look as if it was done: the process ends, and is restarted
            log.exception("The duty of %s has failed.", name)
            failed.append(name)
            stop.set()

    threads = [Thread(target=supervised, args=each, name=each[0], daemon=True) for each in duties.items()]
    for thread in threads:
        thread.start()
    try:
        AlertWorker(settings, url, publish_announcement, stop).run()
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=STOP_SECONDS)
    if failed:
        raise PipelineError(f"The worker ends, as a duty of it has failed ({', '.join(failed)}); its log says why.")
