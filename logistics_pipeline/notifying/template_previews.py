"""What an event looks like to an endpoint, with any version of its templates. Nothing is sent.

Commands show it at once. Who asks through the API gets it from the worker of messages, which renders templates anyway.
"""

import logging
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from logistics_core.database_contract.notifications import EndpointChannel, PreviewState
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import ConfigurationError, TransientError
from logistics_pipeline.notifying import ledger
from logistics_pipeline.notifying.rendering.languages import in_own_language
from logistics_pipeline.notifying.rendering.templates import template_problems, with_templates
from logistics_pipeline.notifying.rendering.texts import plain_text, subject

TEMPLATE_KEYS = {"title_template": "titleTemplate", "text_template": "textTemplate"}
"""Columns of versions, and the keys that they are in `notifications.yaml`."""
WITHOUT_TEMPLATES = frozenset({EndpointChannel.WEBHOOK, EndpointChannel.INBOX})
"""Programs get events as they are; in an inbox, everybody reads them in the dashboard."""
MOST_TRIES = 3
MOST_AT_ONCE = 3
"""Then messages have their turn."""

log = logging.getLogger("logistics.notifications")


@dataclass(frozen=True)
class Preview:
    """A message as it would be sent."""

    title: str
    text: str
    problems: tuple[str, ...]
    """Why templates were left out, a sentence each."""


@dataclass(frozen=True)
class _Request:
    preview_id: UUID
    endpoint: str
    version: int | None
    message_id: int | None
    tries: int


def preview(
    connection: Connection, endpoint: str, version: int | None = None, message_id: int | None = None
) -> Preview:
    """The newest event, or that of a message, as an endpoint would be told of it.

    Args:
        version: of its templates; None: those in force.

    Raises:
        ConfigurationError: there is no such endpoint, version or message, or no event yet.
    """
    endpoint_id = ledger.endpoint_id_of(connection, endpoint)
    event_id = None if message_id is None else ledger.event_of_message(connection, message_id)
    found = ledger.example(connection, endpoint_id, event_id)
    if found is None:
        raise ConfigurationError("There is no event yet to show.")
    if version is not None:
        templates = ledger.template_version(ledger.list_template_versions(connection, endpoint), endpoint, version)
        chosen = {key: templates[column] for column, key in TEMPLATE_KEYS.items()}
        found = replace(found, configuration={**found.configuration, **chosen})
    if found.channel in WITHOUT_TEMPLATES and any(found.configuration.get(key) for key in TEMPLATE_KEYS.values()):
        return Preview(subject(found), plain_text(found), (f"The channel {found.channel} does not use templates.",))
    shown = with_templates(in_own_language(found))
    return Preview(subject(shown), plain_text(shown), tuple(template_problems(found)))


def make_previews(connection: Connection) -> int:
    """Makes a few of the previews that wait, the one that has waited longest first. Returns how many.

    One that ends its worker is begun twice more.

    Raises:
        TransientError, psycopg.Error: the database is gone; what waits is made later.
    """
    for made in range(MOST_AT_ONCE):
        with connection.cursor(row_factory=class_row(_Request)) as cursor:
            request = cursor.execute(read_sql("notifying/begin_template_preview").encode()).fetchone()
        if request is None:
            return made
        result = {"preview_id": request.preview_id, **_make(connection, request)}
        connection.execute(read_sql("notifying/end_template_preview").encode(), result)
    return MOST_AT_ONCE


def _make(connection: Connection, request: _Request) -> dict[str, Any]:
    if request.tries >= MOST_TRIES:
        return _failed(f"It has ended its worker {MOST_TRIES} times, and is not made again.")
    try:
        made = preview(connection, request.endpoint, request.version, request.message_id)
    except ConfigurationError as error:
        return _failed(str(error))
    except (TransientError, psycopg.Error):
        raise
    except Exception as error:  # nothing here must keep the worker from sending
        log.exception("The preview of the templates of %s could not be made.", request.endpoint)
        return _failed(f"It failed because of an error in the program: {error!r}"[:500])
    problem = " ".join(made.problems) or None
    return {"state": PreviewState.DONE, "title": made.title, "text": made.text, "problem": problem}


def _failed(problem: str) -> dict[str, Any]:
    return {"state": PreviewState.FAILED, "title": None, "text": None, "problem": problem}
