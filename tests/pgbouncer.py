"""A real PgBouncer before the tests' server."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.ports import free_port

LOGIN = "postgres"

CONFIGURATION = """
[databases]
* = host={host} port={server_port} user={login}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
{more}
"""


@contextmanager
def pgbouncer(server_url: str, mode: str, *, size: int = 20, more: str = "") -> Iterator[str]:
    """Starts it in a mode; yields the URL of the same database through it."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        if os.environ.get("LOGISTICS_TEST_PGBOUNCER"):
            pytest.fail("LOGISTICS_TEST_PGBOUNCER is set, but pgbouncer is not installed.")
        pytest.skip("pgbouncer is not installed")
    server, port = conninfo_to_dict(server_url), free_port()
    with tempfile.TemporaryDirectory(prefix="logistics-pgbouncer-") as folder:
        file = Path(folder) / "pgbouncer.ini"
        file.write_text(
            CONFIGURATION.format(
                host=server["host"], server_port=server["port"], login=LOGIN, port=port, mode=mode, size=size, more=more
            )
        )
        Path(folder).chmod(0o755)
        process = subprocess.Popen(
            [program, "-q", *_as_user_of(str(server["host"])), str(file)], stdout=subprocess.DEVNULL
        )
        try:
            _wait_for(port, process)
            yield f"postgresql://{LOGIN}@127.0.0.1:{port}/{server['dbname']}"
        finally:
            process.terminate()
            process.wait()


def _as_user_of(socket_folder: str) -> list[str]:
    """It refuses to run as root, and the folder of the server's socket is closed to others."""
    return ["-u", pwd.getpwuid(Path(socket_folder).stat().st_uid).pw_name] if os.geteuid() == 0 else []


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("pgbouncer did not start.")
