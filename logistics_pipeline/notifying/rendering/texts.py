"""The plain text of a message."""

from collections.abc import Iterator, Sequence

from logistics_pipeline.notifying.outgoing import Outgoing
from logistics_pipeline.notifying.publishing import Event
from logistics_pipeline.notifying.rendering.links import link_of
from logistics_pipeline.notifying.rendering.words import (
    MOST_EVENTS_SHOWN,
    digest_heading,
    heading,
    more_in_dashboard,
    shown_time,
    titled,
)


def subject(message: Outgoing) -> str:
    """One line."""
    if message.is_digest:
        return digest_heading(message.events, message.language)
    return heading(message.events[0], message.language)


def plain_text(message: Outgoing) -> str:
    """The whole message as a text."""
    if message.is_digest:
        return "\n".join(_digest(message.events, message))
    if message.edition is not None:
        return "\n".join([message.events[0].title, "", message.edition.text, *_foot(message.events[0], message)])
    return "\n".join(_single(message.events[0], message))


def _single(event: Event, message: Outgoing) -> Iterator[str]:
    yield titled(event, message.language)
    yield ""
    if event.text:
        yield event.text
        yield ""
    width = max((len(name) for name, _ in event.facts), default=0)
    for name, value in event.facts:
        yield f"{name:<{width}}  {value}"
    if event.facts:
        yield ""
    yield from _foot(event, message)


def _foot(event: Event, message: Outgoing) -> Iterator[str]:
    yield shown_time(event.occurred_at, message)
    if (link := link_of(event, message.configuration.get("dashboard") or "")) is not None:
        yield link


def _digest(events: Sequence[Event], message: Outgoing) -> Iterator[str]:
    yield digest_heading(events, message.language)
    for event in events[:MOST_EVENTS_SHOWN]:
        yield ""
        yield titled(event, message.language)
        if event.text:
            yield event.text
        yield from _foot(event, message)
    if len(events) > MOST_EVENTS_SHOWN:
        yield ""
        yield more_in_dashboard(len(events) - MOST_EVENTS_SHOWN, message.language)
