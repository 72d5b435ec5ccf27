"""The duty of messages: follows the endpoints that are declared, and sends what is due. Several workers may do it."""

import logging
from datetime import UTC, datetime
from threading import Event

from logistics_core.database_contract.channels import Channel
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.listening import wait_for_notification, work_in_sessions
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.notifying.declaring.syncing import sync_endpoints
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.worker.heartbeats import Heartbeat

log = logging.getLogger("logistics.worker")

DUTY = "messages"
POLL_SECONDS = 5.0
"""How often it is looked for messages without a notification, which can be lost."""


class MessageWorker:
    """Sends messages until it is stopped."""

    def __init__(self, settings: Settings, url: str, stop: Event) -> None:
        self._settings = settings
        self._url = url
        self._stop = stop
        self._heartbeat = Heartbeat(DUTY)
        self._declared: tuple[int, int] | None = None
        self._problem: str | None = None

    def run(self) -> None:
        """Runs until it is stopped. Outlives restarts of the database."""
        work_in_sessions(
            self._url, "logistics worker messages", self._do_duty, doing="sending messages", stop=self._stop, log=log
        )

    def _do_duty(self, connection: Connection) -> None:
        with Delivery(self._url, self._settings) as delivery:
            connection.execute(f"LISTEN {Channel.MESSAGES}".encode())
            while not self._stop.is_set():
                self._follow_endpoints(connection)
                delivery.run_due()
                self._heartbeat.beat(connection, self._problem)
                seconds = _seconds_until(delivery.next_due())
                if seconds > 0:
                    wait_for_notification(connection, min(seconds, POLL_SECONDS))

    def _follow_endpoints(self, connection: Connection) -> None:
        path = self._settings.notifications_file
        try:
            status = path.stat()
            state = status.st_size, status.st_mtime_ns
        except OSError:
            state = (0, 0)
        if state == self._declared:
            return
        try:
            for sentence in sync_endpoints(connection, path):
                log.info(sentence)
            self._problem = None
        except ConfigurationError as error:
            self._problem = str(error)
            log.error(self._problem)
        self._declared = state  # not sooner: what the database lost on the way is read again


def _seconds_until(due: datetime | None) -> float:
    return float("inf") if due is None else (due - datetime.now(UTC)).total_seconds()
