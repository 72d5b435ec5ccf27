"""Events as an Atom feed (RFC 4287), for feed readers and chats that subscribe to one."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape, quoteattr

MEDIA_TYPE = "application/atom+xml"

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NEVER = "1970-01-01T00:00:00Z"


def atom_feed(events: Sequence[Mapping[str, Any]], address: str, prefix: str) -> str:
    """The document. `address` is that of the feed, `prefix` stands before the places in the dashboard."""
    updated = events[0]["published_at"] if events else _NEVER
    entries = "".join(_entry(each, prefix) for each in events)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<title>Logistics events</title>\n<id>{_id(address)}</id>\n<updated>{_text(updated)}</updated>\n"
        f'<link rel="self" href={_attribute(address)}/>\n'
        f"<author><name>Logistics Analytics Platform</name></author>\n{entries}</feed>\n"
    )


def _entry(event: Mapping[str, Any], prefix: str) -> str:
    lines = [event["text"], *(f"{name}: {value}" for name, value in event["facts"])]
    path = event["path"] or ""
    is_place = path.startswith("/") and not path.startswith("//")
    link = f"<link href={_attribute(prefix + path)}/>" if is_place else ""
    return (
        f"<entry><id>{_id(event['key'])}</id><title>{_text(event['title'])}</title>{link}"
        f"<published>{_text(event['occurred_at'])}</published><updated>{_text(event['published_at'])}</updated>"
        f"<category term={_attribute(event['topic'])}/><category term={_attribute(event['severity'])}/>"
        f"<content>{_text(chr(10).join(lines))}</content></entry>\n"
    )


def _id(name: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'logistics:{name}')}"


def _text(value: str) -> str:
    return escape(_NO_XML.sub("", value))


def _attribute(value: str) -> str:
    return quoteattr(_NO_XML.sub("", value))
