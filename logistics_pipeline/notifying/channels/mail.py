"""E-mail by SMTP: with TLS unless the server is of a private network, in threads, and so that machines do not answer.

A server that accepts a mail (250) has not delivered it: such a message is `sent`, never `delivered`.
"""

import re
import smtplib
import socket
from collections.abc import Mapping
from contextlib import suppress
from email.errors import MessageError
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, getaddresses
from hashlib import sha256
from io import BufferedReader
from time import monotonic
from typing import Any
from uuid import UUID

import httpcore2

from logistics_core.database_contract.notifications import AttemptOutcome
from logistics_core.editions import Edition
from logistics_core.signed_ids import UNSUBSCRIBE_PATH, signed_id
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.notifying.channels import pictures
from logistics_pipeline.notifying.channels.configuration import Configuration
from logistics_pipeline.notifying.channels.guarded_sockets import SocketGuard
from logistics_pipeline.notifying.channels.http import tls_context
from logistics_pipeline.notifying.channels.pictures import picture_of
from logistics_pipeline.notifying.outgoing import Outcome, Outgoing
from logistics_pipeline.notifying.rendering.html_pages import html_page
from logistics_pipeline.notifying.rendering.incident_charts import NAME, chart_of
from logistics_pipeline.notifying.rendering.texts import plain_text, subject
from logistics_pipeline.sources.faults import SourceFault

SESSION_SECONDS = 45.0
"""From the look-up of the server to its last answer."""
LONGEST_SECONDS = SESSION_SECONDS + 2 * pictures.LONGEST_SECONDS
"""With the picture before it."""
_STEP_SECONDS = 20.0
BOUNCE_HEADER = "X-Logistics-Bounce"
"""Names the message in a mail that comes back to an address that does not."""
LONGEST_BOUNCES = 24
"""Characters before the @ of the mailbox for bounces, so that there is place for the message."""
_MOST_BYTES = 64 << 10
"""Of one answer."""
_PORTS = {"tls": 465, "starttls": 587, "none": 25}
_NO_SUCH_ADDRESS = re.compile(r"\b5\.1\.\d{1,3}\b")
_POLICY = re.compile(r"\b5\.7\.\d{1,3}\b")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_ADDRESS_CODES = frozenset({550, 551, 553})


def send_mail(message: Outgoing, configuration: Configuration) -> Outcome:
    """Sends a message to its recipient, in a session of its own."""
    mail, recipient = mail_of(message), mailbox(message.recipient).addr_spec
    server = configuration.inner("mail")
    end = monotonic() + SESSION_SECONDS
    try:
        with _session(server, end) as session:
            session.send_message(mail, from_addr=_envelope_sender(message, server), to_addrs=[recipient])
    except SourceFault as fault:
        advice = "If that is right, add `private: true` to `mail`."
        return Outcome(AttemptOutcome.REFUSED, configuration.clean(f"{fault.message} {advice}"))
    except smtplib.SMTPRecipientsRefused as error:
        return _refused_recipient(*next(iter(error.recipients.values())), configuration)
    except (smtplib.SMTPException, httpcore2.NetworkError, OSError) as error:
        return _failed(error, configuration)
    return Outcome(AttemptOutcome.SENT, "The server has accepted it.", 250)


def _failed(error: Exception, configuration: Configuration) -> Outcome:
    """Only an answer to sender or content ends a message; whatever else is wrong may be mended while it waits."""
    if isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError) and error.smtp_code >= 500:
        said = _said(error.smtp_error)
        return Outcome(AttemptOutcome.REFUSED, configuration.clean(said), error.smtp_code)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        said = f"The server does not accept name and password: {_said(error.smtp_error)}"
        return Outcome(AttemptOutcome.PASSING, configuration.clean(said), error.smtp_code)
    if isinstance(error, smtplib.SMTPResponseException):
        return Outcome(AttemptOutcome.PASSING, configuration.clean(_said(error.smtp_error)), error.smtp_code)
    reason = str(error).rstrip(".") or "the connection was lost"
    return Outcome(AttemptOutcome.PASSING, configuration.clean(f"There was no answer: {reason}."))


def _refused_recipient(code: int, answer: bytes | str, configuration: Configuration) -> Outcome:
    said = configuration.clean(_said(answer))
    if code < 500:
        return Outcome(AttemptOutcome.PASSING, said, code)
    is_unknown = bool(_NO_SUCH_ADDRESS.search(said)) or (code in _ADDRESS_CODES and not _POLICY.search(said))
    return Outcome(AttemptOutcome.BOUNCED, said, code, suppress=f"{code} {said}" if is_unknown else None)


def _said(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return text[:500]


# -- the session -----------------------------------------------------------------------------------------------------


class _GuardedSmtp(smtplib.SMTP):
    """Has its connection opened by a guard, which ends with the session."""

    def __init__(self, host: str, port: int, guard: SocketGuard) -> None:
        self._guard = guard
        super().__init__(host, port, local_hostname=None, timeout=_STEP_SECONDS)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._guard.open(host, port, timeout)

    def getreply(self) -> tuple[int, bytes]:
        """One answer, of bounded length: a server may go on for ever."""
        if self.file is None:
            assert self.sock is not None
            self.file = _BoundedLines(self.sock.makefile("rb"))
        self.file.left = _MOST_BYTES
        return super().getreply()

    def __exit__(self, *args: Any) -> None:
        try:
            with suppress(smtplib.SMTPException, OSError):
                super().__exit__(*args)
        finally:
            self._guard.stop()


class _BoundedLines:
    """The lines of a server, of which each answer may have so many bytes."""

    def __init__(self, lines: BufferedReader) -> None:
        self._lines = lines
        self.left = 0

    def readline(self, most: int) -> bytes:
        """The next line. Raises OSError if the answer is too long, or was cut off: half of a 250 accepts nothing."""
        line = self._lines.readline(most)
        self.left -= len(line)
        if self.left < 0:
            raise OSError(f"the answer has more than {_MOST_BYTES:,} bytes")
        if line and len(line) < most and not line.endswith(b"\n"):
            raise OSError("the answer was cut off")
        return line

    def close(self) -> None:
        self._lines.close()


def _session(server: Configuration, end: float) -> smtplib.SMTP:
    """An SMTP session in which a mail can be sent.

    Raises:
        ConfigurationError: a secret is missing.
        SMTPException, OSError, SourceFault: there is none.
    """
    security = server.text("security", "starttls")
    context = None if security == "none" else tls_context(server.text("caFile"))
    guard = SocketGuard(private=server.is_true("private"), context=context if security == "tls" else None, end=end)
    session = _GuardedSmtp(server.text("server"), server.number("port", _PORTS[security]), guard)
    try:
        if security == "starttls":
            session.starttls(context=context)
        if username := server.text("username"):
            session.login(username, server.text("password"))
    except BaseException:
        guard.stop()
        session.close()
        raise
    return session


# -- the mail --------------------------------------------------------------------------------------------------------


class _AddressesHeader(UnstructuredHeader, BaseHeader):
    """Addresses in a header, one a line: a longer one would be encoded as if it were words, and would be none."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {str(self).replace(', ', f',{policy.linesep} ')}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _AddressesHeader)
_SMTP_POLICY = SMTP.clone(header_factory=_HEADERS)


def mail_of(message: Outgoing) -> EmailMessage:
    """The mail, the same for every attempt.

    Raises:
        ConfigurationError: an address cannot be used.
    """
    server: Mapping[str, Any] = message.configuration.get("mail") or {}
    sender = mailbox(str(server.get("from") or ""))
    domain = sender.domain
    mail = EmailMessage(policy=_SMTP_POLICY)
    mail["From"] = sender
    mail["To"] = mailbox(message.recipient)
    mail["Subject"] = subject(message)
    mail["Date"] = format_datetime(message.published_at)
    mail["Message-ID"] = f"<{message.public_id.hex}@{domain}>"
    if message.thread is not None:
        root = f"<thread.{sha256(message.thread.encode()).hexdigest()[:32]}@{domain}>"
        mail["In-Reply-To"] = root
        mail["References"] = root
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    link = _unsubscribe_link(message)
    _add_list_headers(mail, [each for each in (link, server.get("unsubscribe")) if each])
    if message.bounce_code is not None:
        mail[BOUNCE_HEADER] = _bounce_token(message.public_id, message.bounce_code)
    unsubscribe = "" if link is None else f"\n\n{message.language.say('Unsubscribe')}: {link}"
    text = plain_text(message) + unsubscribe
    mail.set_content(text, cte="quoted-printable")
    chart = chart_of(message.chart)
    png = None if chart is None else picture_of(chart, message.language)
    words = None if chart is None or png is None else message.language.say(chart.alt)
    mail.add_alternative(html_page(message, unsubscribe=link, picture=words), subtype="html", cte="quoted-printable")
    if png is not None:
        _add_picture(mail, NAME, png)
    if message.edition is not None:
        _add_edition(mail, message.edition)
    mail["Content-Language"] = message.language.code  # at last: what makes parts of a mail moves such headers
    return mail


def _add_picture(mail: EmailMessage, name: str, png: bytes) -> None:
    """A picture beside the HTML that shows it."""
    html = mail.get_body(("html",))
    assert isinstance(html, EmailMessage)
    html.add_related(png, "image", "png", cid=f"<{name}>", filename=f"{name}.png", disposition="inline")


def _add_edition(mail: EmailMessage, edition: Edition) -> None:
    """Pictures beside the HTML that shows them, and tables as files."""
    for each in edition.pictures:
        _add_picture(mail, each.name, each.png)
    for table in edition.tables:
        mail.add_attachment(table.csv.encode(), "text", "csv", filename=table.file_name, params={"charset": "utf-8"})


def _unsubscribe_link(message: Outgoing) -> str | None:
    dashboard = message.configuration.get("dashboard")
    if not dashboard or message.unsubscribe_code is None:
        return None
    return f"{dashboard.rstrip('/')}{UNSUBSCRIBE_PATH}{signed_id(message.public_id, message.unsubscribe_code)}"


def _add_list_headers(mail: EmailMessage, addresses: list[str]) -> None:
    """How programs of mail unsubscribe (RFC 2369), also with one click (RFC 8058), which https alone allows."""
    if not addresses:
        return
    mail["List-Unsubscribe"] = ", ".join(f"<{each}>" for each in addresses)
    if UNSUBSCRIBE_PATH in addresses[0] and addresses[0].startswith("https://"):
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def mailbox(text: str) -> Address:
    """An address, with a name before it or without one. Its domain is written as names of hosts are: xn--...

    Raises:
        ConfigurationError: it is none, or more than one.
    """
    found = getaddresses([text])
    name, spec = found[0] if len(found) == 1 else ("", "")
    local, _, domain = spec.rpartition("@")
    try:
        domain = domain.encode("idna").decode()
        address = Address(name, addr_spec=f"{_BEYOND_ASCII.sub('x', local)}@{domain}")
        if not local.isascii():  # RFC 6531; the library takes such as parts alone
            address = Address(name, username=local, domain=domain)
    except (ValueError, IndexError, AttributeError, TypeError, MessageError):
        address = Address()
    if not address.username or not address.domain or any(each in text for each in "\r\n"):
        raise ConfigurationError(f"{text!r} is no address of mail. Expected: name@example.org.")
    return address


def _envelope_sender(message: Outgoing, server: Configuration) -> str:
    """Where bounces go: an address that names the message, if there is a mailbox for them."""
    bounces = server.text("bounces")
    if not bounces:
        return mailbox(server.text("from")).addr_spec
    name, _, domain = bounces.rpartition("@")
    if message.bounce_code is None:
        return bounces
    return f"{name}+{_bounce_token(message.public_id, message.bounce_code)}@{domain}"


def _bounce_token(public_id: UUID, code: bytes) -> str:
    """Half of the code: what stands before the @ has 64 characters at most (RFC 5321)."""
    return signed_id(public_id, code[:8])
