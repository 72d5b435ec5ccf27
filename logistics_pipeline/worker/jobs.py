"""The duty of jobs: serves what was asked of models, and trials of rules, through the API. Any number may do it.

What computes is loaded with the first job: a worker without any takes half the memory.
"""

import logging
from collections.abc import Callable
from importlib import import_module
from threading import Event
from typing import Any

from logistics_core.database_contract.channels import Channel
from logistics_core.sql_files import read_sql
from logistics_pipeline.alerting.trials import serve_next_trial
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.listening import wait_for_notification, work_in_sessions
from logistics_pipeline.worker.heartbeats import Heartbeat

log = logging.getLogger("logistics.worker")

DUTY = "jobs"
POLL_SECONDS = 5.0
"""How often it is looked for jobs without a notification, which can be lost, and for those whose worker has died."""


class JobWorker:
    """Serves jobs until it is stopped."""

    def __init__(self, url: str, stop: Event) -> None:
        self._url = url
        self._stop = stop
        self._heartbeat = Heartbeat(DUTY)

    def run(self) -> None:
        """Runs until it is stopped. Outlives restarts of the database."""
        work_in_sessions(
            self._url, "logistics worker jobs", self._do_duty, doing="serving jobs", stop=self._stop, log=log
        )

    def _do_duty(self, connection: Connection) -> None:
        for channel in (Channel.MODEL_JOBS, Channel.ALERT_TRIALS):
            connection.execute(f"LISTEN {channel}".encode())
        while not self._stop.is_set():
            self._serve_all(connection)
            self._heartbeat.beat(connection)
            wait_for_notification(connection, POLL_SECONDS)

    def _serve_all(self, connection: Connection) -> None:
        if _waits(connection, "alerting/trial_waits"):
            self._serve(connection, serve_next_trial)
        if _waits(connection, "models/job_waits"):
            models: Any = import_module("logistics_pipeline.models.jobs")
            self._serve(connection, models.serve_next)

    def _serve(self, connection: Connection, serve_next: Callable[[Connection], bool]) -> None:
        while not self._stop.is_set() and serve_next(connection):
            pass


def _waits(connection: Connection, statement: str) -> bool:
    return connection.execute(read_sql(statement).encode()).fetchone() == (True,)
