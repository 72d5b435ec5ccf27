"""An IMAP server as people run it: Dovecot, in a folder of its own, with one user and TLS."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ports import free_port

USER, PASSWORD = "bounces", "correct-horse"
_OWNER = "nobody"
_SECONDS = 30
_CONFIGURATION = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
login_trusted_networks = 192.0.2.0/24
ssl = required
ssl_cert = <{pem}
ssl_key = <{pem}
disable_plaintext_auth = yes
mail_location = maildir:{folder}/Maildir
mail_uid = {owner}
mail_gid = nogroup
first_valid_uid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={owner} gid=nogroup home={folder}
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


@dataclass(frozen=True)
class ImapServer:
    """A running server with an empty mailbox."""

    folder: Path
    port: int
    tls_port: int

    def deliver(self, content: bytes) -> None:
        """As a mail server does: whole, by renaming."""
        name = f"{time.time_ns()}.{os.getpid()}.test"
        path = self.folder / "Maildir" / "tmp" / name
        path.write_bytes(content)
        shutil.chown(path, _OWNER, "nogroup")
        path.rename(self.folder / "Maildir" / "new" / name)

    def number_anew(self) -> None:
        """Forgets UIDs, as a mailbox does that was restored: UIDVALIDITY is another one."""
        for path in (self.folder / "Maildir").glob("dovecot*"):
            path.unlink()
        time.sleep(1.1)  # UIDVALIDITY is a time in seconds

    @property
    def seen(self) -> list[Path]:
        """Mails that some client has read."""
        return [path for path in (self.folder / "Maildir" / "cur").iterdir() if "S" in path.name.rpartition(",")[2]]


@contextmanager
def dovecot(folder: Path, pem: Path) -> Iterator[ImapServer]:
    """Skips the test where it is not installed; LOGISTICS_TEST_DOVECOT says that it has to be."""
    program = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
    if program is None or os.getuid() != 0:
        message = "It takes Dovecot (Debian: dovecot-imapd), started by root."
        if os.environ.get("LOGISTICS_TEST_DOVECOT"):
            pytest.fail(message)
        pytest.skip(message)
    server = ImapServer(folder, free_port(), free_port())
    for name in ("", "run", "state", "Maildir", "Maildir/cur", "Maildir/new", "Maildir/tmp"):
        (folder / name).mkdir(exist_ok=True)
    for each in (folder / "Maildir", *(folder / "Maildir").iterdir()):
        shutil.chown(each, _OWNER, "nogroup")
    folder.chmod(0o755)  # the user of the mailbox passes through it
    path = folder / "dovecot.conf"
    path.write_text(
        _CONFIGURATION.format(
            folder=folder, pem=pem, owner=_OWNER, password=PASSWORD, port=server.port, tls_port=server.tls_port
        )
    )
    with subprocess.Popen([program, "-F", "-c", str(path)]) as process:
        try:
            _wait(server, process)
            yield server
        finally:
            process.terminate()


def _wait(server: ImapServer, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", server.tls_port), 1).close()
            return
        except OSError:
            log = server.folder / "log"
            assert process.poll() is None and time.monotonic() < end, log.read_text() if log.exists() else "no log"
            time.sleep(0.05)
