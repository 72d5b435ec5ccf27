"""The duty of reports: makes the editions that are due. One worker at a time does it.

What asks and composes is loaded with the first report: a worker without any takes less memory.
"""

import logging
from functools import partial
from importlib import import_module
from threading import Event
from typing import Any

from logistics_core.database_contract.locks import REPORTS_LOCK
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.listening import work_in_sessions, work_in_turn
from logistics_pipeline.files.declared_files import FollowedFile
from logistics_pipeline.worker.heartbeats import Heartbeat

log = logging.getLogger("logistics.worker")

DUTY = "reports"
LOOK_SECONDS = 5.0
"""How often it is looked for windows that have come."""
FROZEN_SECONDS = 600
"""A session that is silent for so long loses its lock. Asking the API (four answers) and drawing take less."""


class ReportWorker:
    """Makes editions of reports until it is stopped."""

    def __init__(self, settings: Settings, url: str, stop: Event) -> None:
        self._settings = settings
        self._url = url
        self._stop = stop
        self._heartbeat = Heartbeat(DUTY)

    def run(self) -> None:
        """Runs until it is stopped. Outlives restarts of the database."""
        work_in_sessions(
            self._url, "logistics worker reports", self._wait_for_turn, doing="making reports", stop=self._stop, log=log
        )

    def _wait_for_turn(self, connection: Connection) -> None:
        work_in_turn(
            connection,
            REPORTS_LOCK,
            self._do_duty,
            on_wait=_stay_silent,
            stop=self._stop,
            frozen_seconds=FROZEN_SECONDS,
        )

    def _do_duty(self, connection: Connection) -> None:
        declarations = FollowedFile(self._settings.reports_file, log)
        runner: Any = None
        previews: Any = None
        while not self._stop.is_set():
            declarations.follow(partial(self._take_in, connection))
            if runner is None and _has_reports(connection):
                running: Any = import_module("logistics_pipeline.reporting.running")
                previews = import_module("logistics_pipeline.reporting.previews")
                runner = running.ReportRunner(connection, running.reader_of(self._settings))
            if runner is not None:
                runner.turn()
                previews.make_previews(runner)
            self._heartbeat.beat(connection, declarations.problem)
            self._stop.wait(LOOK_SECONDS)

    def _take_in(self, connection: Connection) -> list[str]:
        declaring: Any = import_module("logistics_pipeline.reporting.declaring")
        changes: list[str] = declaring.sync_reports(connection, self._settings.reports_file)
        return changes


def _has_reports(connection: Connection) -> bool:
    row = connection.execute("SELECT EXISTS (SELECT FROM notify.reports WHERE removed_at IS NULL)").fetchone()
    return row == (True,)


def _stay_silent() -> None:
    """The duty of alerts says already that another worker acts."""
