"""Calls an outside watcher, such as healthchecks.io, as long as the worker works: silence is what it tells others of.

Only the worker that evaluates the alerts calls it, and only while the database says that every duty was done lately:
not a process that merely lives.
"""

import logging
from threading import Event

from logistics_core.settings import Settings
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import connect
from logistics_pipeline.errors import ConfigurationError, TransientError
from logistics_pipeline.notifying.channels.configuration import Configuration
from logistics_pipeline.notifying.channels.http import FAILURES, HttpSender, Unsendable
from logistics_pipeline.sources.faults import SourceFault
from logistics_pipeline.worker.heartbeats import name_of_process

log = logging.getLogger("logistics.worker")

CALL_SECONDS = 60.0
LATEST_HEARTBEAT_SECONDS = 60.0
_PRIVATE_ADVICE = "If that is right, set LOGISTICS_WORKER_WATCHER_PRIVATE=true."


class Watcher:
    """The one whose address `LOGISTICS_WORKER_WATCHER` refers to."""

    def __init__(self, settings: Settings, url: str, stop: Event, *, seconds: float = CALL_SECONDS) -> None:
        values = {"url": settings.worker_watcher, "private": settings.worker_watcher_private}
        self._configuration = Configuration(values)
        self._url = url
        self._stop = stop
        self._seconds = seconds
        self._http = HttpSender()
        self._said: str | None = None

    def run(self) -> None:
        """Calls it every minute until it is stopped."""
        try:
            while not self._stop.wait(self._seconds):
                if self._works():
                    self._say(self._call())
        finally:
            self._http.close()

    def _works(self) -> bool:
        parameters = {"worker": name_of_process(), "seconds": LATEST_HEARTBEAT_SECONDS}
        try:
            with connect(self._url, application_name="logistics worker watcher") as connection:
                row = connection.execute(read_sql("alerting/worker_works").encode(), parameters).fetchone()
        except TransientError:
            return False
        return row == (True,)

    def _call(self) -> str | None:
        """Why it has not heard of it, in a sentence without the address; None if it has."""
        try:
            reply = self._http.ask(self._configuration.text("url"), {}, b"", self._configuration)
        except (ConfigurationError, Unsendable) as error:
            return str(error)
        except SourceFault as fault:
            return f"{fault.message} {_PRIVATE_ADVICE}"
        except FAILURES as error:
            return f"{type(error).__name__}: {error}"
        return None if reply.status < 300 else f"It answers with the status {reply.status}."

    def _say(self, problem: str | None) -> None:
        """Says once what is wrong, and once that it is not any more."""
        words = None if problem is None else self._configuration.clean(problem)
        if words is not None and words != self._said:
            log.warning("The watcher of LOGISTICS_WORKER_WATCHER cannot be called: %s", words)
        elif words is None and self._said is not None:
            log.info("The watcher of LOGISTICS_WORKER_WATCHER was called again.")
        self._said = words
