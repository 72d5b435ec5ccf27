"""An SMTP server that keeps mails and answers as a test asks: in clear, with STARTTLS, or with TLS at once."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.ports import free_port


@dataclass
class Mailbox:
    """What the server got, and what it answers: to recipients by their address, to contents one after the other."""

    mails: list[EmailMessage] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    is_encrypted: list[bool] = field(default_factory=list)
    to_recipients: dict[str, list[str]] = field(default_factory=dict)
    to_contents: list[str] = field(default_factory=list)
    dies_after: int = 0
    """After so many of the next mails, which it keeps, it ends the connection instead of answering."""
    port: int = 0

    @property
    def lists(self) -> tuple[Any, ...]:
        """All that is kept from one test to the next."""
        return self.mails, self.senders, self.is_encrypted, self.to_recipients, self.to_contents

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        answers = self.to_recipients.get(address)
        if answers:
            answer = answers.pop(0)
            if answer:
                return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        if self.to_contents and (answer := self.to_contents.pop(0)):
            return answer
        mail = message_from_bytes(envelope.content, policy=default)
        self.mails.append(mail)
        self.senders.append(envelope.mail_from or "")
        self.is_encrypted.append(_is_encrypted(server, session))
        if self.dies_after:
            self.dies_after -= 1
            assert server.transport is not None
            server.transport.close()
        return "250 OK: queued"


def _is_encrypted(server: SMTP, session: Session) -> bool:
    assert server.transport is not None
    return session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None


NAME, PASSWORD = "logistics", "correct horse"


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (NAME.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=is_right)


@contextmanager
def mail_server(security: str, context: ssl.SSLContext | None = None, *, with_login: bool = False) -> Iterator[Mailbox]:
    mailbox = Mailbox()
    mailbox.port = free_port()
    options: dict[str, Any] = {"hostname": "127.0.0.1", "port": mailbox.port}
    if with_login:
        options |= {"authenticator": _authenticate, "auth_required": True, "auth_require_tls": security == "starttls"}
    if security == "tls":
        options["ssl_context"] = context
    if security == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    controller = Controller(mailbox, **options)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop(no_assert=True)
