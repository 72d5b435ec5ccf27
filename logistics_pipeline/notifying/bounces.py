"""Mails that came back later: reports of mail servers (RFC 3464) end messages that had been accepted as bounced.

A report counts only if it names a message by its random ID, in the address that it came to (`bounces+ID@…`) or as the
`Message-ID` of the mail that it returns: nobody else knows that ID, so nobody can have an address suppressed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from uuid import UUID

from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection

MOST_BYTES = 10 << 20
_IN_ADDRESS = re.compile(r"\+([0-9a-f]{32})@", re.IGNORECASE)
_IN_MESSAGE_ID = re.compile(r"<([0-9a-f]{32})@", re.IGNORECASE)
_ADDRESSED = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
_MAY_PASS = re.compile(r"5\.(2\.2|3\.|7\.)")
"""A full mailbox, a system in trouble, a policy: the address itself may be right."""


@dataclass(frozen=True)
class Bounce:
    """What a report says of one message."""

    public_id: UUID
    status: str
    """Such as 5.1.1."""
    diagnostic: str

    @property
    def is_of_address(self) -> bool:
        """Whether the address should get no mail from now on."""
        return self.status.startswith("5") and not _MAY_PASS.match(self.status)


def parse_bounce(content: bytes) -> Bounce | None:
    """What a mail reports; None if it is no report about a message of ours that was given up."""
    mail = message_from_bytes(content[:MOST_BYTES], policy=default)
    public_id = _id_of(mail)
    if public_id is None:
        return None
    for fields in _reports(mail):
        action, status = (str(fields.get(name) or "").strip() for name in ("Action", "Status"))
        if action.lower() == "failed" and re.match(r"[45]\.\d{1,3}\.\d{1,3}", status):
            diagnostic = str(fields.get("Diagnostic-Code") or "").partition(";")[2] or str(fields.get("Action"))
            return Bounce(public_id, status.split()[0], " ".join(diagnostic.split())[:500])
    return None


def _reports(mail: EmailMessage | Message) -> Iterator[Message]:
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status":
            content = part.get_payload()
            yield from (each for each in content if isinstance(each, Message)) if isinstance(content, list) else ()


def _id_of(mail: EmailMessage | Message) -> UUID | None:
    for name in _ADDRESSED:
        for value in mail.get_all(name) or ():
            if found := _IN_ADDRESS.search(str(value)):
                return UUID(found[1])
    for part in list(mail.walk())[1:]:
        if found := _IN_MESSAGE_ID.search(_returned_id(part)):
            return UUID(found[1])
    return None


def _returned_id(part: Message) -> str:
    """The `Message-ID` of a mail that is returned, whole or only its headers."""
    if part.get_content_type() == "text/rfc822-headers":
        content = part.get_payload(decode=True)
        headers = message_from_bytes(content if isinstance(content, bytes) else b"")
        return str(headers.get("Message-ID") or "")
    return str(part.get("Message-ID") or "")


def note_bounce(connection: Connection, bounce: Bounce) -> int | None:
    """Ends the message of a report as bounced, and suppresses its address if that is at fault.

    Returns its number; None if there is no such message, or it had not been sent.
    """
    reason = f"{bounce.status} {bounce.diagnostic}".strip()
    parameters = {"public_id": bounce.public_id, "reason": reason, "suppress": bounce.is_of_address}
    row = connection.execute(read_sql("notifying/note_bounce").encode(), parameters).fetchone()
    return None if row is None else int(row[0])
