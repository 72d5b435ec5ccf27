"""Web push (RFC 8030): a message is encrypted for one browser (RFC 8291), signed, and left with its push service.

The service keeps it until the browser is there, and cannot read it. One that accepts it (201) has not delivered it.
"""

import base64
from email.utils import parseaddr
from hashlib import sha256
from importlib import import_module

from logistics_core.database_contract.notifications import AttemptOutcome, Severity
from logistics_core.push_services import is_push_address
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.notifying.channels.configuration import Configuration
from logistics_pipeline.notifying.channels.http import HttpSender
from logistics_pipeline.notifying.outgoing import Outcome, Outgoing
from logistics_pipeline.notifying.rendering.browser_notes import browser_note
from logistics_pipeline.notifying.rendering.words import worst

KEPT_SECONDS = 24 * 3600
"""How long a service keeps a message for a browser that is not there."""
_URGENCY = {Severity.CRITICAL: "high", Severity.WARNING: "normal", Severity.INFO: "low"}
_GONE = frozenset({404, 410})
"""The browser has ended its subscription, or was uninstalled (RFC 8030, 7.3)."""


def send_push(http: HttpSender, message: Outgoing, configuration: Configuration) -> Outcome:
    """Leaves a message with the push service of a browser."""
    browser, declared = message.browser, configuration.inner("push")
    if browser is None:
        return Outcome(AttemptOutcome.REFUSED, "The browser was removed.")
    if not is_push_address(browser.url, declared.texts("hosts")):
        return Outcome(AttemptOutcome.REFUSED, "Its push service is none that is known. `push` may name its host.")
    # the worker loads cryptography with the first message: most installations send none
    encryption, vapid = import_module(f"{__package__}.push_encryption"), import_module(f"{__package__}.vapid")
    try:
        body: bytes = encryption.encrypt(browser_note(message), browser.p256dh, browser.auth)
    except ValueError:
        return Outcome(AttemptOutcome.REFUSED, "The key of the browser cannot be used: it has to be added again.")
    key = declared.text("key") or browser.own_key
    if not key:
        raise ConfigurationError("There is no VAPID key: the worker makes one when it starts.")
    headers = {
        "Authorization": vapid.authorization(browser.url, key, _contact(configuration)),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(KEPT_SECONDS),
        "Urgency": _URGENCY[worst(message.events).severity],
    }
    if message.thread is not None:  # what waits there of the same incident gives way to this one
        headers["Topic"] = base64.urlsafe_b64encode(sha256(message.thread.encode()).digest())[:32].decode()
    outcome = http.post(browser.url, headers, body, declared)
    if outcome.status in _GONE:
        return Outcome(AttemptOutcome.GONE, "The browser takes no more messages.", outcome.status)
    if outcome.outcome is AttemptOutcome.DELIVERED:
        return Outcome(AttemptOutcome.SENT, "The push service has accepted it.", outcome.status)
    return outcome


def _contact(configuration: Configuration) -> str | None:
    """Whom a service may write to about what is sent: one that it refuses to know is refused by some."""
    contact = configuration.inner("push").text("contact")
    sender = parseaddr(configuration.inner("mail").text("from"))[1]
    return contact or (f"mailto:{sender}" if sender else None) or configuration.text("dashboard") or None
