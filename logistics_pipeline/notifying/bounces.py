"""Mails that came back later: reports of mail servers (RFC 3464) end messages that had been accepted as bounced.

A report counts only if it names a message by its signed ID, in the address that it came to (`bounces+ID@…`) or in a
header of the mail that it returns: nobody but its recipient knows that ID, so nobody can have an address suppressed.
"""

import mailbox
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from pathlib import Path
from uuid import UUID

from logistics_core.signed_ids import parse_signed_id
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.notifying.channels.mail import BOUNCE_HEADER

MOST_BYTES = 10 << 20
SOFT_SECONDS = 24 * 3600.0
"""What may pass suppresses an address the second time within this time."""
_IN_ADDRESS = re.compile(r"\+([a-z2-7]{39})@", re.IGNORECASE | re.ASCII)
_ADDRESSED = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
_MAY_PASS = re.compile(r"5\.(2\.2|3\.|7\.)")
"""A full mailbox, a system in trouble, a policy: the address itself may be right."""


@dataclass(frozen=True)
class Bounce:
    """What a report says of one message."""

    public_id: UUID
    code: bytes
    """What its ID is signed with."""
    status: str
    """Such as 5.1.1."""
    diagnostic: str

    @property
    def is_permanent(self) -> bool:
        """Whether the address should get no mail from now on: what it says is no passing trouble."""
        return self.status.startswith("5") and not _MAY_PASS.match(self.status)


@dataclass(frozen=True)
class Noted:
    """What a report has led to."""

    message_id: int
    is_suppressed: bool


def parse_bounce(content: bytes) -> Bounce | None:
    """What a mail reports; None if it is no report about a message of ours that was given up."""
    mail = message_from_bytes(content[:MOST_BYTES], policy=default)
    named = _id_of(mail)
    if named is None:
        return None
    for fields in _reports(mail):
        action, status = (str(fields.get(name) or "").strip() for name in ("Action", "Status"))
        if action.lower() == "failed" and re.match(r"[45]\.\d{1,3}\.\d{1,3}", status):
            diagnostic = str(fields.get("Diagnostic-Code") or "").partition(";")[2] or str(fields.get("Action"))
            diagnostic = " ".join(diagnostic.replace("\0", "").encode("utf-8", "replace").decode().split())[:500]
            return Bounce(*named, status.split()[0], diagnostic)
    return None


def read_mailbox(path: Path) -> Iterator[bytes]:
    """The mails of a Maildir or an mbox, which stays as it is.

    Raises:
        ConfigurationError: it cannot be read, or is neither.
    """
    is_maildir = (path / "cur").is_dir() and (path / "new").is_dir()
    if not is_maildir and not path.is_file():
        raise ConfigurationError(f"{path} is no mailbox. Expected: a Maildir, or a file in the form of mbox.")
    try:
        opened = mailbox.Maildir(path, create=False) if is_maildir else mailbox.mbox(path, create=False)
        with closing(opened):
            for key in opened.iterkeys():
                yield opened.get_bytes(key)[:MOST_BYTES]
    except (OSError, mailbox.Error) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from error


def _reports(mail: EmailMessage | Message) -> Iterator[Message]:
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status":
            content = part.get_payload()
            yield from (each for each in content if isinstance(each, Message)) if isinstance(content, list) else ()


def _id_of(mail: EmailMessage | Message) -> tuple[UUID, bytes] | None:
    for name in _ADDRESSED:
        for value in mail.get_all(name) or ():
            if (found := _IN_ADDRESS.search(str(value))) and (named := parse_signed_id(found[1])):
                return named
    for part in list(mail.walk())[1:]:
        if named := parse_signed_id(_returned_token(part).strip()):
            return named
    return None


def _returned_token(part: Message) -> str:
    """The header of a mail that is returned, whole or only its headers."""
    if part.get_content_type() == "text/rfc822-headers":
        content = part.get_payload(decode=True)
        headers = message_from_bytes(content if isinstance(content, bytes) else b"")
        return str(headers.get(BOUNCE_HEADER) or "")
    return str(part.get(BOUNCE_HEADER) or "")


def note_bounce(connection: Connection, bounce: Bounce) -> Noted | None:
    """Ends the message of a report as bounced, and suppresses its address if that is at fault, or fails again.

    None if there is no such message, it had not been sent, or the ID is not signed.
    """
    parameters = {
        "public_id": bounce.public_id, "code": bounce.code, "reason": f"{bounce.status} {bounce.diagnostic}".strip(),
        "status": bounce.status, "diagnostic": bounce.diagnostic, "is_permanent": bounce.is_permanent,
        "seconds": SOFT_SECONDS,
    }  # fmt: skip
    row = connection.execute(read_sql("notifying/note_bounce").encode(), parameters).fetchone()
    return None if row is None else Noted(*row)
