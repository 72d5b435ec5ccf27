"""Statements about the notifications of a person. Each names the person in its condition."""

from logistics_api.ingestion.filters import where
from logistics_core.database_contract.notifications import (
    ADD_PUSH_SUBSCRIPTION,
    CHANGE_PREFERENCES,
    MARK_MESSAGES,
    REMOVE_PUSH_SUBSCRIPTION,
    SEND_TEST,
    SUBSCRIBE_PERSON_AGAIN,
)

_RESTRICTED = """
EXISTS (
    SELECT
    FROM access.people AS person
    INNER JOIN access.group_row_access AS access ON access.group_name = ANY(person.groups)
    WHERE person.person_id = %(person_id)s
)
"""
"""Whether the person may see some rows only, at this moment."""

PREFERENCES = f"""
-- Returns what a person has chosen, and how their channels do.
-- One row: a JSON object, NULL if there is no such person.
-- Reads access.people and the tables of notify.
SELECT (
    SELECT json_build_object(
        'version', preferences.version,
        'is_restricted', {_RESTRICTED},
        'time_zone', preferences.time_zone,
        'usual_time_zone', coalesce(person.zone, 'UTC'),
        'language', preferences.language,
        'locale', person.locale,
        'quiet_hours', CASE WHEN preferences.quiet_from IS NOT NULL THEN json_build_object(
            'from', to_char(preferences.quiet_from, 'HH24:MI'), 'until', to_char(preferences.quiet_until, 'HH24:MI')
        ) END,
        'channels', json_build_object(
            'inbox', preferences.channels -> 'inbox',
            'email', preferences.channels -> 'email',
            'push', preferences.channels -> 'push'
        ),
        'email', json_build_object(
            'address', person.email,
            'has_server', shared.settings ? 'mail',
            'disabled_reason', (
                SELECT endpoint.disabled_reason
                FROM notify.endpoints AS endpoint
                WHERE endpoint.person_id = person.person_id AND endpoint.channel = 'email'
                    AND endpoint.removed_at IS NULL
            ),
            'bounced_reason', (
                SELECT min(entry.reason)
                FROM notify.suppressions AS entry
                WHERE entry.recipient = lower(person.email) AND entry.endpoint_id IS NULL
            ),
            'unsubscribed_topics', (
                SELECT coalesce(json_agg(entry.topic ORDER BY entry.topic), '[]')
                FROM notify.suppressions AS entry
                INNER JOIN notify.endpoints AS endpoint ON entry.endpoint_id = endpoint.endpoint_id
                WHERE endpoint.person_id = person.person_id AND entry.kind = 'unsubscribed'
                    AND entry.recipient = lower(person.email)
            )
        ),
        'push', json_build_object(
            'public_key', (SELECT push_key.public_key FROM notify.push_keys AS push_key),
            'subscriptions', (
                SELECT coalesce(json_agg(json_build_object(
                    'subscription_id', browser.subscription_id,
                    'name', browser.name,
                    'digest', browser.digest,
                    'added_at', browser.added_at,
                    'failures', coalesce(endpoint.failures, 0),
                    'disabled_reason', endpoint.disabled_reason,
                    'last_sent_at', (
                        SELECT max(message.ended_at)
                        FROM notify.messages AS message
                        WHERE message.endpoint_id = browser.endpoint_id AND message.state = 'sent'
                    )
                ) ORDER BY browser.subscription_id), '[]')
                FROM notify.push_subscriptions AS browser
                LEFT JOIN notify.endpoints AS endpoint ON browser.endpoint_id = endpoint.endpoint_id
                WHERE browser.person_id = person.person_id
            )
        )
    )
    FROM notify.preferences AS preferences
    INNER JOIN access.people AS person ON preferences.person_id = person.person_id
    CROSS JOIN notify.shared_settings AS shared
    WHERE preferences.person_id = %(person_id)s
)
"""

CHANGE = f"SELECT {CHANGE_PREFERENCES}"
SUBSCRIBE_AGAIN = f"SELECT {SUBSCRIBE_PERSON_AGAIN}"
MARK = f"SELECT {MARK_MESSAGES}"
ADD_BROWSER = f"SELECT {ADD_PUSH_SUBSCRIPTION}"
REMOVE_BROWSER = f"SELECT {REMOVE_PUSH_SUBSCRIPTION}"
TEST = f"SELECT {SEND_TEST}"
"""One row each: what the function returns."""

PUSH_HOSTS = """
-- Returns the push services that are declared beside the known ones.
-- One row: a JSON array of host names.
-- Reads notify.shared_settings.
SELECT coalesce((SELECT settings -> 'push' -> 'hosts' FROM notify.shared_settings), '[]')
"""

_MINE = "endpoint.person_id = %(person_id)s AND message.channel = 'inbox' AND message.state = 'delivered'"
_GRANTED = """
SELECT grants.row_access
FROM access.people AS person
INNER JOIN access.group_row_access AS grants ON grants.group_name = ANY(person.groups)
WHERE person.person_id = %(person_id)s
"""
_PERMITTED = (
    f"(event.person_id = %(person_id)s OR NOT {_RESTRICTED} "
    f"OR access.are_rows_permitted(event.about_rows, ARRAY({_GRANTED})))"
)
_INBOX = f"""
FROM notify.messages AS message
INNER JOIN notify.endpoints AS endpoint ON message.endpoint_id = endpoint.endpoint_id
INNER JOIN notify.events AS event ON message.event_id = event.event_id
{{}} {_MINE} AND {_PERMITTED}
"""

UNREAD = f"""
-- Counts what is unread in the inbox of a person, up to a thousand.
-- One row: the number.
-- Reads notify.messages, notify.endpoints and notify.events.
SELECT count(*) FROM (
    SELECT 1 {_INBOX.format("WHERE message.read_at IS NULL AND")} LIMIT 1000
) AS unread
"""

_FILTERS = {"unread": "message.read_at IS NULL", "after": "message.message_id < %(after)s"}


def inbox(*, is_unread: bool, is_after: bool) -> str:
    """One row: messages as a JSON array, the ID of the last one, and whether there are more."""
    given = [name for name, is_given in (("unread", is_unread), ("after", is_after)) if is_given]
    condition = f"{where(_FILTERS, given)} AND" if given else "WHERE"
    return f"""
WITH page AS (
    SELECT message.message_id, message.read_at, event.topic, event.severity, event.title, event.text, event.facts,
        event.path, event.thread, event.occurred_at, event.published_at
    {_INBOX.format(condition)}
    ORDER BY message.message_id DESC
    LIMIT %(limit)s + 1
),
shown AS (
    SELECT * FROM page ORDER BY message_id DESC LIMIT %(limit)s
)
SELECT
    coalesce(json_agg(json_build_object(
        'message_id', message_id,
        'topic', topic,
        'severity', severity,
        'title', title,
        'text', text,
        'facts', (
            SELECT coalesce(json_agg(json_build_object('name', fact.pair -> 0, 'value', fact.pair -> 1)), '[]')
            FROM jsonb_array_elements(facts) AS fact (pair)
        ),
        'path', path,
        'thread', thread,
        'occurred_at', occurred_at,
        'published_at', published_at,
        'read_at', read_at
    ) ORDER BY message_id DESC), '[]')::text,
    min(message_id),
    (SELECT count(*) FROM page) > %(limit)s
FROM shown
"""
