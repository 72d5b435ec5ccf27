"""What all forms of a message say alike: its heading, colour, time, and what a digest is called."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from logistics_core.database_contract.notifications import Severity
from logistics_pipeline.notifying.outgoing import Outgoing
from logistics_pipeline.notifying.publishing import Event

_OF_TOPICS = {"alert.resolved": "Resolved", "alert.unknown": "Unknown"}
_COLOURS = {Severity.CRITICAL: "#c62828", Severity.WARNING: "#b26a00", Severity.INFO: "#1f5fa8"}
_RESOLVED_COLOUR = "#2e7d32"
MOST_EVENTS_SHOWN = 50
"""Of a digest, in texts for people."""


def state_word(event: Event) -> str:
    """One word about an event: Critical, Warning, Resolved, Unknown or Info."""
    return _OF_TOPICS.get(event.topic, event.severity.value.capitalize())


def heading(event: Event) -> str:
    """The subject of a mail: the title, after a word in brackets where it matters."""
    word = state_word(event)
    return event.title if word == "Info" else f"[{word}] {event.title}"


def colour(event: Event) -> str:
    """As `#rrggbb`."""
    return _RESOLVED_COLOUR if event.topic == "alert.resolved" else _COLOURS[event.severity]


def worst(events: Sequence[Event]) -> Event:
    """The event that matters most; of several the earliest."""
    return max(reversed(events), key=lambda event: event.severity.rank)


def digest_heading(events: Sequence[Event]) -> str:
    """`7 events: 2 critical, 5 warning`; for a single event its own heading."""
    if len(events) == 1:
        return heading(events[0])
    counts = Counter(state_word(event).lower() for event in events)
    order = ("critical", "warning", "unknown", "resolved", "info")
    return f"{len(events)} events: {', '.join(f'{counts[word]} {word}' for word in order if counts[word])}"


def sent_to(message: Outgoing) -> str:
    """Why somebody gets a message, in a sentence."""
    if message.person_id is not None:
        return "You chose this under My notifications in the Logistics Analytics Platform."
    return f"Sent to the endpoint {message.endpoint} by the Logistics Analytics Platform."


def shown_time(instant: datetime, time_zone: str) -> str:
    """`30 Nov 2026 08:15 CET`: by the clocks of the recipient."""
    try:
        local = instant.astimezone(ZoneInfo(time_zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        local = instant.astimezone(UTC)
    return f"{local.day} {local:%b %Y %H:%M %Z}"
