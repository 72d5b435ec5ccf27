"""What a browser is sent to show: JSON for the service worker of the dashboard, small enough for every push service."""

import json
from typing import Any

from logistics_pipeline.notifying.outgoing import Outgoing
from logistics_pipeline.notifying.rendering.texts import subject
from logistics_pipeline.notifying.rendering.words import titled

_MOST_EVENTS = 5
_LONGEST_TITLE = 400
_LONGEST_TEXT = 1_600
"""Bytes: services take 4,096 with what encryption adds, and JSON may double a text."""
OWN_PAGE = "/my-notifications"


def browser_note(message: Outgoing) -> bytes:
    """A message as the service worker reads it."""
    first = message.events[0]
    text = first.text
    if message.is_digest:
        text = "\n".join(titled(event, message.language) for event in message.events[:_MOST_EVENTS])
    path = OWN_PAGE if message.is_digest else first.path
    note: dict[str, Any] = {
        "id": message.public_id.hex,
        "title": _cut(subject(message), _LONGEST_TITLE),
        "text": _cut(text, _LONGEST_TEXT),
        "path": path if path and len(path) <= 300 else OWN_PAGE,
        "tag": message.thread or message.public_id.hex,
        "urgent": message.is_urgent,
    }
    return json.dumps(note, ensure_ascii=False, separators=(",", ":")).encode()


def _cut(text: str, most_bytes: int) -> str:
    """The text, or its begin and three dots: so many bytes in UTF-8 at most."""
    content = text.encode()
    return text if len(content) <= most_bytes else content[: most_bytes - 3].decode("utf-8", "ignore") + "..."
