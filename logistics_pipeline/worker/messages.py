"""The duty of messages: follows the endpoints that are declared, makes previews, and sends what is due.

Several workers may do it.
"""

import logging
from datetime import UTC, datetime
from functools import partial
from threading import Event

from logistics_core.database_contract.channels import Channel
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.listening import wait_for_notification, work_in_sessions
from logistics_pipeline.files.declared_files import FollowedFile
from logistics_pipeline.notifying.declaring.syncing import sync_endpoints
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.notifying.push_keys import keep_push_key
from logistics_pipeline.notifying.template_previews import MOST_AT_ONCE, make_previews
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
        self._endpoints = FollowedFile(settings.notifications_file, log)

    def run(self) -> None:
        """Runs until it is stopped. Outlives restarts of the database."""
        work_in_sessions(
            self._url, "logistics worker messages", self._do_duty, doing="sending messages", stop=self._stop, log=log
        )

    def _do_duty(self, connection: Connection) -> None:
        with Delivery(self._url, self._settings) as delivery:
            connection.execute(f"LISTEN {Channel.MESSAGES}".encode())
            while not self._stop.is_set():
                self._endpoints.follow(partial(self._take_in, connection))
                are_more_waiting = make_previews(connection) == MOST_AT_ONCE
                delivery.run_due()
                self._heartbeat.beat(connection, self._endpoints.problem)
                seconds = _seconds_until(delivery.next_due())
                if seconds > 0 and not are_more_waiting:
                    wait_for_notification(connection, min(seconds, POLL_SECONDS))

    def _take_in(self, connection: Connection) -> list[str]:
        return [*sync_endpoints(connection, self._settings.notifications_file), *keep_push_key(connection)]


def _seconds_until(due: datetime | None) -> float:
    return float("inf") if due is None else (due - datetime.now(UTC)).total_seconds()
