"""The duty of messages: follows the endpoints that are declared, and sends what is due. Several workers may do it."""

import logging
import select
from contextlib import ExitStack
from datetime import UTC, datetime
from threading import Event
from time import monotonic

from logistics_core.database_contract.channels import Channel
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import TRANSIENT, Connection, connect
from logistics_pipeline.errors import ConfigurationError, TransientError
from logistics_pipeline.notifying.declaring.syncing import sync_endpoints
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.worker.heartbeats import HEARTBEAT_SECONDS, beat

log = logging.getLogger("logistics.worker")

DUTY = "messages"
POLL_SECONDS = 5.0
"""How often it is looked for messages without a notification, which can be lost."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0


class MessageWorker:
    """Sends messages until it is stopped."""

    def __init__(self, settings: Settings, url: str, stop: Event) -> None:
        self._settings = settings
        self._url = url
        self._stop = stop
        self._beaten_at = float("-inf")
        self._declared: tuple[int, int] | None = None
        self._problem: str | None = None

    def run(self) -> None:
        """Runs until it is stopped. Outlives restarts of the database."""
        pause = FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            try:
                with ExitStack() as stack:
                    connection = stack.enter_context(connect(self._url, application_name="logistics worker messages"))
                    delivery = stack.enter_context(Delivery(self._url, self._settings))
                    connection.execute(f"LISTEN {Channel.MESSAGES}".encode())
                    pause = FIRST_PAUSE_SECONDS
                    while not self._stop.is_set():
                        self._turn(connection, delivery)
            except (TransientError, *TRANSIENT) as error:
                log.warning("Messages: %s. Trying again in %.1f s.", str(error).strip().rstrip("."), pause)
                self._stop.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _turn(self, connection: Connection, delivery: Delivery) -> None:
        self._follow_endpoints(connection)
        delivery.run_due()
        if monotonic() - self._beaten_at >= HEARTBEAT_SECONDS:
            self._beaten_at = monotonic()
            beat(connection, DUTY, self._problem)
        self._wait(connection, delivery.next_due())

    def _wait(self, connection: Connection, due: datetime | None) -> None:
        """Until a message is due, or something is published."""
        seconds = POLL_SECONDS if due is None else min(POLL_SECONDS, (due - datetime.now(UTC)).total_seconds())
        if seconds <= 0:
            return
        arrived, _, _ = select.select([connection.fileno()], [], [], seconds)
        if arrived:
            connection.execute("SELECT")  # takes what has arrived out of the socket

    def _follow_endpoints(self, connection: Connection) -> None:
        path = self._settings.notifications_file
        try:
            status = path.stat()
            state = status.st_size, status.st_mtime_ns
        except OSError:
            state = (0, 0)
        if state == self._declared:
            return
        self._declared = state
        try:
            for sentence in sync_endpoints(connection, path):
                log.info(sentence)
            self._problem = None
        except ConfigurationError as error:
            self._problem = str(error)
            log.error(self._problem)
