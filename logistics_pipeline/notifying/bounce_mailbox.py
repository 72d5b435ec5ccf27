"""The mailbox for bounces, read by IMAP (RFC 3501): each mail once, in the order of UIDs. Nothing in it is changed.

Where it was read until is stored with what a mail has led to, in one transaction. If the server numbers its mails anew
(UIDVALIDITY), all are read again: a report that was noted before changes nothing.
"""

import imaplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

from logistics_core.database_contract.locks import BOUNCES_LOCK
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection, free_advisory_lock
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.notifying.bounces import MOST_BYTES, note_bounce, parse_bounce
from logistics_pipeline.notifying.channels.configuration import Configuration
from logistics_pipeline.notifying.channels.guarded_sockets import SocketGuard
from logistics_pipeline.notifying.channels.http import tls_context
from logistics_pipeline.sources.faults import SourceFault

SESSION_SECONDS = 60.0
"""What is not read until then is read the next time."""
MOST_MAILS = 500
"""Of one session."""
UIDS_OF_SEARCH = 50_000
_STEP_SECONDS = 20.0
_PORTS = {"tls": 993, "starttls": 143}


class MailboxFault(PipelineError):
    """The mailbox cannot be read; a sentence says why, without secrets."""


@dataclass(frozen=True)
class ReadMails:
    """What a session has read."""

    mails: int
    bounces: int


def mailbox_of(connection: Connection) -> Configuration | None:
    """The mailbox that `notifications.yaml` declares, if it does."""
    row = connection.execute("SELECT settings #> '{mail,bounceMailbox}' FROM notify.shared_settings").fetchone()
    return None if row is None or row[0] is None else Configuration(row[0])


def read_bounces(connection: Connection, server: Configuration) -> ReadMails | None:
    """Notes the reports that have come since the last session; None if another process reads at this moment.

    Raises:
        MailboxFault: the mailbox cannot be read; what was read until then is noted.
        ConfigurationError: a secret is missing.
    """
    with free_advisory_lock(connection, BOUNCES_LOCK) as is_free:
        return _read(connection, server) if is_free else None


def _read(connection: Connection, server: Configuration) -> ReadMails:
    name, folder = _name_of(server), server.text("folder", "INBOX")
    mails = bounces = 0
    end = monotonic() + SESSION_SECONDS
    try:
        with _session(server, end) as session:
            validity, uids = _new_mails(connection, session, name, folder)
            for uid in uids:
                content = _fetch(session, uid)
                found = parse_bounce(content)
                with connection.transaction():
                    noted = None if found is None else note_bounce(connection, found)
                    _store_position(connection, name, validity, uid)
                mails, bounces = mails + 1, bounces + (noted is not None)
    except SourceFault as fault:
        advice = "If that is right, add `private: true` to `bounceMailbox`."
        raise MailboxFault(server.clean(f"{fault.message} {advice}")) from None
    except (imaplib.IMAP4.error, OSError, ValueError) as error:
        said = error.args[0] if error.args and isinstance(error.args[0], bytes) else str(error)  # imaplib gives both
        reason = (said.decode("utf-8", "replace") if isinstance(said, bytes) else said).rstrip(".")
        reason = reason or "the connection was lost"
        raise MailboxFault(server.clean(f"The mailbox {name} cannot be read: {reason}.")) from None
    return ReadMails(mails, bounces)


def _name_of(server: Configuration) -> str:
    """What its position is stored by."""
    return f"{server.text('username')}@{server.text('server')}/{server.text('folder', 'INBOX')}"


# -- the position ----------------------------------------------------------------------------------------------------


def _new_mails(connection: Connection, session: imaplib.IMAP4, name: str, folder: str) -> tuple[int, list[int]]:
    """UIDVALIDITY, and the mails that were not read yet, the oldest first."""
    quoted = '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
    _checked(session.select(quoted, readonly=True))
    (answer,) = session.response("UIDVALIDITY")[1] or [None]
    if answer is None:
        raise MailboxFault(f"The mailbox {name} has no UIDVALIDITY: what was read cannot be told from what is new.")
    validity = int(answer)
    row = connection.execute(
        "SELECT last_uid FROM notify.bounce_mailboxes WHERE mailbox = %s AND uid_validity = %s", (name, validity)
    ).fetchone()
    last = 0 if row is None else row[0]
    (next_uid,) = session.response("UIDNEXT")[1] or [None]
    return validity, _search(session, last + 1, None if next_uid is None else int(next_uid))


def _search(session: imaplib.IMAP4, first: int, next_uid: int | None) -> list[int]:
    """The first mails from a UID on. A server answers in one line, so a large mailbox is searched in parts."""
    while next_uid is None or first < next_uid:
        last = "*" if next_uid is None else str(first + UIDS_OF_SEARCH - 1)
        found = _checked(session.uid("SEARCH", "UID", f"{first}:{last}"))[0] or b""
        uids = sorted(uid for uid in map(int, found.split()) if uid >= first)  # `*` is the newest, also if it is older
        if uids or next_uid is None:
            return uids[:MOST_MAILS]
        first += UIDS_OF_SEARCH
    return []


def _store_position(connection: Connection, name: str, validity: int, uid: int) -> None:
    parameters = {"mailbox": name, "uid_validity": validity, "last_uid": uid}
    connection.execute(read_sql("notifying/store_mailbox_position").encode(), parameters)


def _fetch(session: imaplib.IMAP4, uid: int) -> bytes:
    """A mail, or its begin; empty if it was deleted meanwhile."""
    parts = _checked(session.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{MOST_BYTES}>)"))
    return next((part[1] for part in parts if isinstance(part, tuple)), b"")


def _checked(answer: tuple[str, list[Any]]) -> list[Any]:
    kind, parts = answer
    if kind != "OK":
        said = b" ".join(part for part in parts if isinstance(part, bytes))
        raise imaplib.IMAP4.error(said.decode("utf-8", "replace"))
    return parts


# -- the session -----------------------------------------------------------------------------------------------------


class _GuardedImap(imaplib.IMAP4):
    """Has its connection opened by a guard."""

    def __init__(self, host: str, port: int, guard: SocketGuard) -> None:
        self._guard = guard
        super().__init__(host, port, timeout=_STEP_SECONDS)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self._guard.open(self.host, self.port, timeout)


@contextmanager
def _session(server: Configuration, end: float) -> Iterator[imaplib.IMAP4]:
    """A session of somebody who has signed in, always over TLS."""
    security = server.text("security", "tls")
    context = tls_context(server.text("caFile"))
    context.set_alpn_protocols(["imap"])
    guard = SocketGuard(private=server.is_true("private"), context=context if security == "tls" else None, end=end)
    session = _GuardedImap(server.text("server"), server.number("port", _PORTS[security]), guard)
    try:
        if security == "starttls":
            session.starttls(ssl_context=context)
        session.login(server.text("username"), server.text("password"))
        yield session
    finally:
        with suppress(imaplib.IMAP4.error, OSError):
            session.logout()
        guard.stop()
