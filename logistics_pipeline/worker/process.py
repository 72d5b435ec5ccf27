"""The worker's process: one loop that listens for what is committed, in one session, until it is stopped.

Any number of workers may run on a database; the one that holds the lock of a duty does it, the others wait to take
over. A worker that is killed loses its lock with its session, and whatever it had not committed.
"""

import logging
import select
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic

import psycopg
from psycopg import Notify

from logistics_core.database_contract.channels import Channel
from logistics_core.database_contract.locks import ALERTS_LOCK
from logistics_core.settings import Settings
from logistics_pipeline.alerting.announcing import Publish
from logistics_pipeline.database.connections import (
    TRANSIENT,
    Connection,
    connect,
    free_advisory_lock,
    reason_of,
)
from logistics_pipeline.errors import PipelineError, TransientError
from logistics_pipeline.worker.alerts import AlertDuty
from logistics_pipeline.worker.heartbeats import HEARTBEAT_SECONDS, beat
from logistics_pipeline.worker.jobs import JobWorker
from logistics_pipeline.worker.messages import MessageWorker
from logistics_pipeline.worker.publishing import publish_announcement

log = logging.getLogger("logistics.worker")

LOCK_SECONDS = 2.0
GATHER_SECONDS = 0.02
"""How long notifications are gathered: a load commits several things in a row."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
STOP_SECONDS = 10.0
"""How long a message that is being sent may take to end."""
ALERTS_DUTY = "alerts"

_HEARD = (
    Channel.FILES, Channel.DATA_VERSION, Channel.CONTRACTS, Channel.SOURCES, Channel.FORECASTS, Channel.ALERTS,
)  # fmt: skip


class AlertWorker:
    """Does the duty of alerts, whenever no other worker does."""

    def __init__(self, settings: Settings, url: str, publish: Publish, stop: Event) -> None:
        self._settings = settings
        self._url = url
        self._publish = publish
        self._stop = stop
        self._heard: set[Channel] = set()
        self._beaten_at = float("-inf")

    def run(self) -> None:
        """Runs until it is stopped. Outlives restarts of the database."""
        pause = FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            try:
                with connect(self._url, application_name="logistics worker") as connection:
                    pause = FIRST_PAUSE_SECONDS
                    self._wait_for_turn(connection, self._do_duty)
            except (TransientError, *TRANSIENT) as error:
                reason = reason_of(error) if isinstance(error, psycopg.Error) else str(error)
                log.warning("%s. Trying again in %.1f s.", reason.rstrip("."), pause)
                self._stop.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _wait_for_turn(self, connection: Connection, do: Callable[[Connection], None]) -> None:
        has_waited = False
        while not self._stop.is_set():
            with free_advisory_lock(connection, ALERTS_LOCK) as is_free:
                if is_free:
                    log.info("Evaluating alerts.")
                    do(connection)
                    return
            if not has_waited:
                log.info("Another worker evaluates the alerts of this database: waiting to take over.")
                has_waited = True
            self._stop.wait(LOCK_SECONDS)

    def _do_duty(self, connection: Connection) -> None:
        connection.add_notify_handler(self._hear)
        for channel in _HEARD:
            connection.execute(f"LISTEN {channel}".encode())
        duty = AlertDuty(connection, self._settings.alerts_dir, self._publish)
        while not self._stop.is_set():
            heard, self._heard = self._heard, set()
            duty.notice(heard)
            duty.turn()
            self._beat(connection, duty)
            if not self._heard:
                self._listen(connection, duty.seconds_until_next())

    def _hear(self, notification: Notify) -> None:
        self._heard.add(Channel(notification.channel))

    def _listen(self, connection: Connection, seconds: float) -> None:
        arrived, _, _ = select.select([connection.fileno()], [], [], min(seconds, HEARTBEAT_SECONDS))
        if arrived:
            self._stop.wait(GATHER_SECONDS)
            connection.execute("SELECT")  # has the handler called for what has arrived

    def _beat(self, connection: Connection, duty: AlertDuty) -> None:
        if monotonic() - self._beaten_at < HEARTBEAT_SECONDS:
            return
        self._beaten_at = monotonic()
        beat(connection, ALERTS_DUTY, " ".join(duty.problems) or None)


def run_worker(settings: Settings, url: str, stop: Event) -> None:
    """Does all duties of a worker until it is stopped: alerts here, messages and jobs in threads of their own."""
    duties = {"messages": MessageWorker(settings, url, stop).run, "jobs": JobWorker(url, stop).run}
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
