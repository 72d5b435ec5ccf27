"""The duty of reports: makes the editions that are due. One worker at a time does it.

What asks and composes is loaded with the first report: a worker without any takes less memory.
"""

import logging
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import Any

from logistics_core.database_contract.locks import REPORTS_LOCK
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.listening import work_in_sessions, work_in_turn
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.worker.heartbeats import Heartbeat

log = logging.getLogger("logistics.worker")

DUTY = "reports"
LOOK_SECONDS = 5.0
"""How often it is looked for windows that have come."""


class ReportWorker:
    """Makes editions of reports until it is stopped."""

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
            self._url, "logistics worker reports", self._wait_for_turn, doing="making reports", stop=self._stop, log=log
        )

    def _wait_for_turn(self, connection: Connection) -> None:
        work_in_turn(connection, REPORTS_LOCK, self._do_duty, on_wait=_stay_silent, stop=self._stop)

    def _do_duty(self, connection: Connection) -> None:
        self._declared = None
        runner: Any = None
        while not self._stop.is_set():
            if self._follow(connection) and runner is None:
                running: Any = import_module("logistics_pipeline.reporting.running")
                runner = running.ReportRunner(connection, running.reader_of(self._settings))
            if runner is not None:
                runner.turn()
            self._heartbeat.beat(connection, self._problem)
            self._stop.wait(LOOK_SECONDS)

    def _follow(self, connection: Connection) -> bool:
        """Notes what the file says, if it has changed; whether there are reports."""
        state = _state(self._settings.reports_file)
        if state != self._declared:
            self._declared = state
            try:
                declaring: Any = import_module("logistics_pipeline.reporting.declaring")
                for sentence in declaring.sync_reports(connection, self._settings.reports_file):
                    log.info(sentence)
                self._problem = None
            except ConfigurationError as error:
                self._problem = str(error)
                log.error(self._problem)
        row = connection.execute("SELECT EXISTS (SELECT FROM notify.reports WHERE removed_at IS NULL)").fetchone()
        return row == (True,)


def _state(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return status.st_size, status.st_mtime_ns


def _stay_silent() -> None:
    """The duty of alerts says already that another worker acts."""
