"""What all forms of a message say alike, in its language: heading, colour, time, and what a digest is called."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from logistics_core.database_contract.notifications import Severity
from logistics_core.languages.sentences import Sentence, joined
from logistics_core.languages.translating import Language
from logistics_pipeline.notifying.outgoing import Outgoing
from logistics_pipeline.notifying.publishing import Event

_OF_TOPICS = {"alert.resolved": "Resolved", "alert.unknown": "Unknown"}
_COLOURS = {Severity.CRITICAL: "#c62828", Severity.WARNING: "#b26a00", Severity.INFO: "#1f5fa8"}
_RESOLVED_COLOUR = "#2e7d32"
STATES = (*(severity.value.capitalize() for severity in Severity), *_OF_TOPICS.values())
"""All words about an event."""
MOST_EVENTS_SHOWN = 50
"""Of a digest, in texts for people."""


def state_of(event: Event) -> str:
    """One word about an event, in English: Critical, Warning, Resolved, Unknown or Info."""
    return _OF_TOPICS.get(event.topic, event.severity.value.capitalize())


def state_word(event: Event, language: Language) -> str:
    """The same in a language."""
    return language.say(state_of(event))


def heading(event: Event, language: Language) -> str:
    """The subject of a mail: the title, after a word in brackets where it matters."""
    return event.title if state_of(event) == "Info" else f"[{state_word(event, language)}] {event.title}"


def titled(event: Event, language: Language) -> str:
    """The title after a word about the event."""
    return f"{state_word(event, language)}: {event.title}"


def colour(event: Event) -> str:
    """As `#rrggbb`."""
    return _RESOLVED_COLOUR if event.topic == "alert.resolved" else _COLOURS[event.severity]


def worst(events: Sequence[Event]) -> Event:
    """The event that matters most; of several the earliest."""
    return max(reversed(events), key=lambda event: event.severity.rank)


def digest_heading(events: Sequence[Event], language: Language) -> str:
    """`7 events: 2 critical, 5 warning`; for a single event its own heading."""
    if len(events) == 1:
        return heading(events[0], language)
    counts = Counter(map(state_of, events))
    states = [
        Sentence("{count} critical", count=counts["Critical"]),
        Sentence("{count} warning", "{count} warning", count=counts["Warning"]),
        Sentence("{count} unknown", count=counts["Unknown"]),
        Sentence("{count} resolved", count=counts["Resolved"]),
        Sentence("{count} info", count=counts["Info"]),
    ]
    states = [each for each in states if each.arguments["count"]]
    return language.say(
        Sentence("{count} event: {states}", "{count} events: {states}", count=len(events), states=joined(states, ", "))
    )


def more_in_dashboard(count: int, language: Language) -> str:
    """What is said of events that a message does not show."""
    return language.say(
        Sentence("{count} more is in the dashboard.", "{count} more are in the dashboard.", count=count)
    )


def sent_to(message: Outgoing) -> str:
    """Why somebody gets a message, in a sentence."""
    if message.person_id is not None:
        return message.language.say("You chose this under My notifications in the Logistics Analytics Platform.")
    return message.language.say(
        Sentence("Sent to the endpoint {endpoint} by the Logistics Analytics Platform.", endpoint=message.endpoint)
    )


def shown_time(instant: datetime, message: Outgoing) -> str:
    """`30 Nov 2026 08:15 CET`: by the clocks of the recipient."""
    try:
        local = instant.astimezone(ZoneInfo(message.time_zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        local = instant.astimezone(UTC)
    return message.language.time(local)
