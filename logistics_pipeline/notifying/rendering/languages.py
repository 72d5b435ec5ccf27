"""Messages in the language of who gets them: titles, texts and facts of their events, and reports."""

from dataclasses import replace

from logistics_pipeline.notifying.outgoing import Outgoing
from logistics_pipeline.notifying.publishing import bounded


def in_own_language(message: Outgoing) -> Outgoing:
    """The message with the texts of its events in its language; what has no translation stays in English."""
    language = message.language
    edition = None if message.edition is None else message.edition.told(language.code)
    return replace(
        message, events=tuple(bounded(event.told(language.say)) for event in message.events), edition=edition
    )
