"""A PostgreSQL of the campaign's own that may be hurt: durable, so that what it survives it survives honestly."""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil
from psycopg import sql
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from logistics_pipeline.database.connections import TRANSIENT, Connection, connect, with_database
from logistics_pipeline.errors import TransientError
from logistics_pipeline.local.embedded_postgres import EmbeddedPostgres
from logistics_pipeline.migrations import migrate
from tests.campaigns import empty_tables
from tests.keyed import CATALOGUE

PATIENCE_SECONDS = 120
"""For what always comes: longer than any machine takes."""

APPLICATION = "fault campaign"
LINES_OF_LOG = 10

Found = TypeVar("Found")


class FragileServer:
    """An embedded server that can be restarted without mercy, and whose loaders' backends can be found and ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._restarting = threading.Lock()
        self._embedded = EmbeddedPostgres(folder)
        self._url = self._embedded.acquire()
        with self.connect("postgres") as connection:
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                row = connection.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone()
                assert row == ("on",), f"{name} is {row}: a crash would prove nothing"

    def url(self, database: str) -> str:
        return with_database(self._url, database)

    @property
    def socket_path(self) -> Path:
        """Where the server listens. Raises OSError while it starts."""
        lines = self._pid_file.read_text().splitlines()
        if len(lines) < 5:
            raise ConnectionRefusedError("The server has not written yet where it will listen.")
        return Path(lines[4]) / f".s.PGSQL.{lines[3]}"

    def make_database(self, name: str) -> None:
        migrate(self.url(name), catalogue=CATALOGUE)

    def connect(self, database: str) -> Connection:
        """Connects, waiting for a server that is just recovering."""
        return self.surviving(lambda: connect(self.url(database), application_name=APPLICATION))

    def surviving(self, do: Callable[[], Found]) -> Found:
        """Does something again that a crash of the server, which may follow another one at once, has ended.

        Raises:
            TransientError, psycopg.Error: it did not come back; what the server has said last stands beside it.
        """
        retrying = Retrying(
            retry=retry_if_exception_type((TransientError, *TRANSIENT)),
            stop=stop_after_delay(PATIENCE_SECONDS),
            wait=wait_fixed(0.02),
            reraise=True,
        )
        try:
            return retrying(do)
        except (TransientError, *TRANSIENT) as error:
            said = (self._folder / "log").read_text(errors="replace").splitlines()[-LINES_OF_LOG:]
            error.add_note("\n".join(["The server's log ends with:", *said]))
            raise

    def empty(self, database: str) -> None:
        """Takes everything out of a database that loads have put in."""
        with self.connect(database) as connection:
            empty_tables(connection, "raw", "ingest")

    # -- what is done to it ----------------------------------------------------------------------------------------

    def loader_backends(self, database: str) -> list[int]:
        """The processes that serve others than the campaign itself."""

        def find() -> list[int]:
            with self.connect(database) as connection:
                found = connection.execute(
                    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                    "AND backend_type = 'client backend' AND application_name <> %s",
                    (APPLICATION,),
                ).fetchall()
                return [pid for (pid,) in found]

        return self.surviving(find)

    def kill_backends(self, database: str) -> None:
        """kill -9: PostgreSQL then ends all others and recovers from its log, as it cannot trust the shared memory."""
        for pid in self.loader_backends(database):
            with suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()

    def terminate_backends(self, database: str) -> None:
        backends = self.loader_backends(database)

        def terminate() -> None:
            with self.connect(database) as connection:
                connection.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::integer[]) AS pid", (backends,))

        self.surviving(terminate)

    def restart_immediately(self) -> None:
        """What `pg_ctl restart -m immediate` does: no checkpoint, no goodbye, recovery at the start.

        Of several at once each waits for the one before it: there has to be a server to restart.
        """
        with self._restarting:
            os.kill(int(self._pid_file.read_text().splitlines()[0]), signal.SIGQUIT)
            wait_until(lambda: not self._pid_file.exists(), "the server to stop")
            self._start_again()

    def restart_if_ended(self) -> None:
        """What one run has lost for good, the next ones have again."""
        with self._restarting:
            if not self._pid_file.exists():
                self._start_again()

    @property
    def _pid_file(self) -> Path:
        return self._folder / "postmaster.pid"

    def _start_again(self) -> None:
        started = EmbeddedPostgres(self._folder)
        started.acquire()
        self._embedded.release()  # the new one holds the server already, so this does not stop it
        self._embedded = started

    def close(self) -> None:
        self._embedded.release()


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {PATIENCE_SECONDS} s in vain for {what}")
        time.sleep(0.005)
