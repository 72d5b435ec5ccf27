"""The duty of jobs: serves what was asked of models through the API. Any number of workers may do it.

What computes is loaded with the first job: a worker without any takes half the memory.
"""

import logging
import select
from importlib import import_module
from threading import Event
from time import monotonic
from typing import Any

from logistics_core.database_contract.channels import Channel
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import TRANSIENT, Connection, connect
from logistics_pipeline.errors import TransientError
from logistics_pipeline.worker.heartbeats import HEARTBEAT_SECONDS, beat

log = logging.getLogger("logistics.worker")

DUTY = "jobs"
POLL_SECONDS = 5.0
"""How often it is looked for jobs without a notification, which can be lost, and for those whose worker has died."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0


class JobWorker:
    """Serves jobs until it is stopped."""

    def __init__(self, url: str, stop: Event) -> None:
        self._url = url
        self._stop = stop
        self._beaten_at = float("-inf")

    def run(self) -> None:
        """Runs until it is stopped. Outlives restarts of the database."""
        pause = FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            try:
                with connect(self._url, application_name="logistics worker jobs") as connection:
                    connection.execute(f"LISTEN {Channel.MODEL_JOBS}".encode())
                    pause = FIRST_PAUSE_SECONDS
                    while not self._stop.is_set():
                        self._turn(connection)
            except (TransientError, *TRANSIENT) as error:
                log.warning("Jobs: %s. Trying again in %.1f s.", str(error).strip().rstrip("."), pause)
                self._stop.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _turn(self, connection: Connection) -> None:
        if connection.execute(read_sql("models/job_waits").encode()).fetchone() == (True,):
            models: Any = import_module("logistics_pipeline.models.jobs")
            while not self._stop.is_set() and models.serve_next(connection):
                pass
        if monotonic() - self._beaten_at >= HEARTBEAT_SECONDS:
            self._beaten_at = monotonic()
            beat(connection, DUTY, None)
        arrived, _, _ = select.select([connection.fileno()], [], [], POLL_SECONDS)
        if arrived:
            connection.execute("SELECT")  # takes what has arrived out of the socket
