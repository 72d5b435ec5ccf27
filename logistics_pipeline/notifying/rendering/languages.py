"""Messages in the language of who gets them: titles, texts and facts of their events."""

from dataclasses import replace

from logistics_pipeline.notifying.outgoing import Outgoing
from logistics_pipeline.notifying.publishing import bounded


def in_own_language(message: Outgoing) -> Outgoing:
    """The message with the texts of its events in its language; what has no translation stays in English."""
    say = message.language.say
    return replace(message, events=tuple(bounded(event.told(say)) for event in message.events))
