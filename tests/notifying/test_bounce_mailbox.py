"""The mailbox for bounces, read by IMAP from a real server."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.notifying import bounce_mailbox
from logistics_pipeline.notifying.bounce_mailbox import MailboxFault, ReadMails, read_bounces
from logistics_pipeline.notifying.channels.configuration import Configuration
from logistics_pipeline.notifying.declaring.reading import parse_endpoints
from logistics_pipeline.notifying.declaring.syncing import store_shared_settings
from logistics_pipeline.worker.bounces import BounceWorker
from tests.notifying.dovecot import PASSWORD, USER, ImapServer, dovecot
from tests.notifying.events import states
from tests.notifying.test_bounces import report, send_another, sent
from tests.sources.servers.certificates import Certificates, make_certificates
from tests.temporary_folders import temporary_folder

__all__ = ["sent"]
OTHER = b"Subject: hello\n\nno report"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def _server(certificates: Certificates) -> Iterator[ImapServer]:
    with temporary_folder("logistics-dovecot-") as folder:
        pem = Path(folder) / "server.pem"
        shutil.copy(certificates.ca_file.parent / "good.pem", pem)
        with dovecot(Path(folder), pem) as server:
            yield server


@pytest.fixture
def server(_server: ImapServer, monkeypatch: pytest.MonkeyPatch) -> ImapServer:
    monkeypatch.setenv("IMAP_PASSWORD", PASSWORD)
    for path in (*(_server.folder / "Maildir" / "cur").iterdir(), *(_server.folder / "Maildir" / "new").iterdir()):
        path.unlink()
    return _server


@pytest.fixture
def declared(server: ImapServer, certificates: Certificates) -> dict[str, Any]:
    return {
        "server": "localhost", "port": server.tls_port, "username": USER, "password": "env:IMAP_PASSWORD",
        "caFile": str(certificates.ca_file), "private": True,
    }  # fmt: skip


def test_reports_are_read_once_and_nothing_in_the_mailbox_is_changed(
    connection: Connection, server: ImapServer, declared: dict[str, Any], sent: str
) -> None:
    for content in (OTHER, report(sent, "5.2.2"), report(sent, "5.2.2")):
        server.deliver(content)
    assert read_bounces(connection, Configuration(declared)) == ReadMails(3, 1)
    assert states(connection) == ["bounced"] and server.seen == []
    assert read_bounces(connection, Configuration(declared)) == ReadMails(0, 0)
    another = send_another(connection)
    server.deliver(report(another, "5.2.2"))
    starttls = declared | {"port": server.port, "security": "starttls"}
    assert read_bounces(connection, Configuration(starttls)) == ReadMails(1, 1)


def test_reading_goes_on_at_the_mail_where_it_broke_off(
    connection: Connection, server: ImapServer, declared: dict[str, Any], sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in (OTHER, report(sent), OTHER):
        server.deliver(content)
    read: list[bytes] = []

    def break_off(content: bytes) -> None:
        read.append(content)
        if len(read) == 2:
            raise OSError("the machine is gone")

    with monkeypatch.context() as patched:
        patched.setattr(bounce_mailbox, "parse_bounce", break_off)
        with pytest.raises(MailboxFault, match="cannot be read: the machine is gone"):
            read_bounces(connection, Configuration(declared))
    assert read_bounces(connection, Configuration(declared)) == ReadMails(2, 1)
    assert states(connection) == ["bounced"]


def test_mails_that_are_numbered_anew_are_read_again_and_count_once(
    connection: Connection, server: ImapServer, declared: dict[str, Any], sent: str
) -> None:
    server.deliver(report(sent))
    assert read_bounces(connection, Configuration(declared)) == ReadMails(1, 1)
    server.number_anew()
    assert read_bounces(connection, Configuration(declared)) == ReadMails(1, 0)
    assert connection.execute("SELECT count(*) FROM notify.bounces").fetchone() == (1,)


def test_a_large_mailbox_is_read_in_parts(
    connection: Connection, server: ImapServer, declared: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounce_mailbox, "MOST_MAILS", 2)
    monkeypatch.setattr(bounce_mailbox, "UIDS_OF_SEARCH", 1)
    for _ in range(3):
        server.deliver(OTHER)
    found = []
    while (part := read_bounces(connection, Configuration(declared))) and part.mails:
        found.append(part.mails)
    assert sum(found) == 3 and max(found) <= 2


def test_two_processes_take_turns(
    connection: Connection, database_url: str, server: ImapServer, declared: dict[str, Any]
) -> None:
    with connect(database_url) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('logistics bounces', 0))")
        assert read_bounces(connection, Configuration(declared)) is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"password": "env:WRONG"}, "cannot be read: .*Authentication failed"),
        ({"caFile": ""}, "certificate verify failed"),
        ({"private": False}, "private: true"),
        ({"port": 1}, "cannot be read: .*refused"),
        ({"folder": "Nowhere"}, "cannot be read: .*doesn't exist"),
        ({"password": "env:MISSING"}, "MISSING"),
    ],
)
def test_what_is_wrong_is_said_without_a_secret(
    connection: Connection,
    declared: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    says: str,
) -> None:
    monkeypatch.setenv("WRONG", "hunter2")
    with pytest.raises(PipelineError, match=says) as raised:
        read_bounces(connection, Configuration(declared | changes))
    assert "hunter2" not in str(raised.value) and PASSWORD not in str(raised.value)


def test_the_worker_reads_what_is_declared_and_says_what_is_wrong(
    connection: Connection, database_url: str, server: ImapServer, declared: dict[str, Any], sent: str
) -> None:
    worker = BounceWorker(database_url, Event())
    worker.look()
    assert connection.execute("SELECT duty FROM alert.heartbeats WHERE duty = 'bounces'").fetchall() == []
    server.deliver(report(sent))
    store_shared_settings(connection, {"mail": {"bounceMailbox": declared}})
    worker.look()
    assert states(connection) == ["bounced"]
    store_shared_settings(connection, {"mail": {"bounceMailbox": declared | {"port": 1}}})
    BounceWorker(database_url, Event()).look()
    ((problem,),) = connection.execute("SELECT problem FROM alert.heartbeats WHERE duty = 'bounces'").fetchall()
    assert "cannot be read" in problem


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("password: secret", "mail.bounceMailbox.password"),
        ("password: env:P, port: 0", "mail.bounceMailbox.port"),
        ("password: env:P, security: none", "mail.bounceMailbox.security"),
    ],
)
def test_a_mailbox_that_cannot_be_used_is_refused_where_it_is_declared(keys: str, says: str) -> None:
    text = (
        "mail: {server: s, from: a@example.org, bounces: b@example.org, "
        f"bounceMailbox: {{server: s, username: u, {keys}}}}}"
    )
    with pytest.raises(PipelineError, match=says):
        parse_endpoints(text, "notifications.yaml")
