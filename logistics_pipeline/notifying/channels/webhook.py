"""Webhooks to the letter of Standard Webhooks 1.0 (https://www.standardwebhooks.com): IDs, timestamps, signatures."""

import base64
import hashlib
import hmac
import time
from typing import Any

from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.notifying.channels.configuration import Configuration
from logistics_pipeline.notifying.channels.http import JSON, HttpSender, json_body
from logistics_pipeline.notifying.outgoing import Outcome, Outgoing
from logistics_pipeline.notifying.publishing import Event
from logistics_pipeline.notifying.rendering.links import link_of

_PREFIX = "whsec_"
_SHORTEST_SECRET = 24


def send_webhook(http: HttpSender, message: Outgoing, configuration: Configuration) -> Outcome:
    """Sends a message as a signed request. Several secrets make several signatures, so that one can take over."""
    body = json_body(document_of(message))
    timestamp = int(time.time())
    headers = {
        **JSON,
        **configuration.mapping("headers"),
        "webhook-id": message.standard_id,
        "webhook-timestamp": str(timestamp),
    }
    secrets = configuration.texts("secrets")
    if secrets:
        headers["webhook-signature"] = " ".join(
            signature(secret, message.standard_id, timestamp, body) for secret in secrets
        )
    return http.post(configuration.text("url"), headers, body, configuration)


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the HMAC-SHA256 of ID, timestamp and body.

    Raises:
        ConfigurationError: the secret is not one of Standard Webhooks.
    """
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    digest = hmac.digest(_key(secret), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if len(key) < _SHORTEST_SECRET:
        raise ConfigurationError(
            f"A secret in `secrets` is none of Standard Webhooks. Expected: {_PREFIX} and at least {_SHORTEST_SECRET} "
            "random bytes in base64, as `python -c 'import base64, secrets; "
            'print("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())\'` prints them.'
        )
    return key


def document_of(message: Outgoing) -> dict[str, Any]:
    """The body of a request: type, timestamp and data."""
    dashboard = message.configuration.get("dashboard") or ""
    documents = [_event(each, dashboard) for each in message.events]
    if message.is_digest:
        return {
            "type": "digest",
            "timestamp": message.published_at.isoformat(),
            "data": {"count": len(documents), "events": documents},
        }
    return {
        "type": message.events[0].topic,
        "timestamp": message.events[0].occurred_at.isoformat(),
        "data": documents[0],
    }


def _event(event: Event, dashboard: str) -> dict[str, Any]:
    return {
        "key": event.key,
        "topic": event.topic,
        "severity": event.severity.value,
        "title": event.title,
        "text": event.text,
        "facts": [{"name": name, "value": value} for name, value in event.facts],
        "labels": dict(event.labels),
        "url": link_of(event, dashboard),
        "thread": event.thread,
        "occurredAt": event.occurred_at.isoformat(),
    }
