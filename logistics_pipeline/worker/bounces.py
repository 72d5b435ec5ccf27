"""The duty of bounces: reads the mailbox for bounces every minute, if one is declared. One worker at a time does it."""

import logging
from threading import Event

from logistics_pipeline.database.connections import connect
from logistics_pipeline.errors import PipelineError, TransientError
from logistics_pipeline.notifying.bounce_mailbox import mailbox_of, read_bounces
from logistics_pipeline.worker.heartbeats import Heartbeat

log = logging.getLogger("logistics.worker")

DUTY = "bounces"
LOOK_SECONDS = 60.0


class BounceWorker:
    """Reads the mailbox until it is stopped."""

    def __init__(self, url: str, stop: Event) -> None:
        self._url = url
        self._stop = stop
        self._heartbeat = Heartbeat(DUTY)
        self._said: str | None = None

    def run(self) -> None:
        """Runs until it is stopped. Outlives restarts of the database, and of the mail server."""
        while not self._stop.is_set():
            try:
                self.look()
            except TransientError as error:
                log.warning("Bounces are not read now: %s", error)
            self._stop.wait(LOOK_SECONDS)

    def look(self) -> None:
        """Reads what has come, and says what is wrong with the mailbox.

        Raises:
            TransientError: the database is gone.
        """
        with connect(self._url, application_name="logistics worker bounces") as connection:
            server = mailbox_of(connection)
            if server is None:
                return
            problem = None
            try:
                found = read_bounces(connection, server)
                if found is not None and found.bounces:
                    log.info("%d mails have come back.", found.bounces)
            except TransientError:
                raise
            except PipelineError as error:
                problem = str(error)
                if problem != self._said:
                    log.warning(problem)
            self._said = problem
            self._heartbeat.beat(connection, problem)
