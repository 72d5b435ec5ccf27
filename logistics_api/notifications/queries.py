"""Statements about what notifications.yaml declares, and what came of it.

They only read, but for the functions that links and previews call. What is of people is nobody else's:
`my_notifications`.
"""

from collections.abc import Collection

from logistics_api.ingestion.filters import where
from logistics_api.row_access.permitted import is_about_permitted
from logistics_core.database_contract.notifications import READ_LINK as READ_LINK_CALL
from logistics_core.database_contract.notifications import REQUEST_PREVIEW, REQUEST_TEMPLATE_PREVIEW
from logistics_core.database_contract.notifications import RESTORE_TEMPLATES as RESTORE_TEMPLATES_CALL
from logistics_core.database_contract.notifications import SUBSCRIBE_AGAIN as SUBSCRIBE_AGAIN_CALL
from logistics_core.database_contract.notifications import UNSUBSCRIBE as UNSUBSCRIBE_CALL
from logistics_core.sql_files import read_sql

_FILTERS = {
    "declared": "endpoint.person_id IS NULL",
    "state": "message.state = ANY(%(state)s)",
    "endpoint": "endpoint.name = %(endpoint)s",
    "topic": "event.topic = %(topic)s",
    "after": "message.message_id < %(after)s",
}


def messages(given: Collection[str]) -> str:
    """One row: messages as a JSON array, the ID of the last one, and whether there are more."""
    return f"""
WITH page AS (
    SELECT
        message.message_id,
        message.channel,
        message.recipient,
        message.thread,
        message.state,
        message.reason,
        message.published_at,
        message.due_at,
        message.ended_at,
        endpoint.name AS endpoint,
        event.topic,
        event.severity,
        event.title,
        event.path,
        digest.kind
    FROM notify.messages AS message
    INNER JOIN notify.endpoints AS endpoint ON message.endpoint_id = endpoint.endpoint_id
    LEFT JOIN notify.events AS event ON message.event_id = event.event_id
    LEFT JOIN notify.digests AS digest ON message.digest_id = digest.digest_id AND message.event_id IS NULL
    {where(_FILTERS, ["declared", *given])}
    ORDER BY message.message_id DESC
    LIMIT %(limit)s + 1
),
shown AS (
    SELECT * FROM page ORDER BY message_id DESC LIMIT %(limit)s
)
SELECT
    coalesce(json_agg(json_build_object(
        'message_id', message_id,
        'endpoint', endpoint,
        'channel', channel,
        'recipient', nullif(recipient, ''),
        'topic', coalesce(topic, 'digest'),
        'severity', severity,
        'title', coalesce(title, 'Digest (' || kind || ')'),
        'path', path,
        'thread', thread,
        'state', state,
        'reason', reason,
        'published_at', published_at,
        'due_at', due_at,
        'ended_at', ended_at,
        'attempts', (
            SELECT coalesce(json_agg(json_build_object(
                'number', attempt.number,
                'begun_at', attempt.begun_at,
                'seconds', round(attempt.seconds::numeric, 3),
                'outcome', attempt.outcome,
                'status', attempt.status,
                'detail', attempt.detail,
                'template_version', attempt.template_version
            ) ORDER BY attempt.number), '[]')
            FROM notify.attempts AS attempt
            WHERE attempt.message_id = shown.message_id
        )
    ) ORDER BY message_id DESC), '[]')::text,
    min(message_id),
    (SELECT count(*) FROM page) > %(limit)s
FROM shown
"""


ENDPOINTS = """
SELECT json_build_object(
    'endpoints', (
        SELECT coalesce(json_agg(json_build_object(
            'name', endpoint.name,
            'title', endpoint.title,
            'channel', endpoint.channel,
            'state', CASE
                WHEN endpoint.disabled_at IS NOT NULL THEN 'disabled'
                WHEN endpoint.failures > 0 THEN 'failing'
                WHEN endpoint.paused_until > clock_timestamp() THEN 'paused'
                ELSE 'active'
            END,
            'disabled_reason', endpoint.disabled_reason,
            'failures', endpoint.failures,
            'failing_since', endpoint.failing_since,
            'paused_until', endpoint.paused_until,
            'time_zone', endpoint.time_zone,
            'digest', endpoint.digest,
            'topics', (
                SELECT coalesce(json_agg(DISTINCT subscription.topic), '[]')
                FROM notify.subscriptions AS subscription
                WHERE subscription.endpoint_id = endpoint.endpoint_id
            ),
            'waiting', lately.waiting,
            'dead', lately.dead,
            'last_sent_at', lately.last_sent_at
        ) ORDER BY endpoint.name COLLATE "C"), '[]')
        FROM notify.endpoints AS endpoint
        CROSS JOIN LATERAL (
            SELECT
                count(*) FILTER (WHERE message.state IN ('waiting', 'held')) AS waiting,
                count(*) FILTER (WHERE message.state IN ('dead', 'bounced')) AS dead,
                max(message.ended_at) FILTER (WHERE message.state IN ('sent', 'delivered')) AS last_sent_at
            FROM notify.messages AS message
            WHERE message.endpoint_id = endpoint.endpoint_id
        ) AS lately
        WHERE endpoint.removed_at IS NULL AND endpoint.person_id IS NULL
    ),
    'days', (
        SELECT coalesce(json_agg(row_to_json(by_day) ORDER BY by_day.day DESC), '[]')
        FROM (
            SELECT
                (event.published_at AT TIME ZONE 'UTC')::date AS day,
                count(DISTINCT event.event_id) AS events,
                count(message.message_id) AS messages,
                count(*) FILTER (WHERE message.state = 'waiting') AS waiting,
                count(*) FILTER (WHERE message.state = 'held') AS held,
                count(*) FILTER (WHERE message.state = 'sent') AS sent,
                count(*) FILTER (WHERE message.state = 'delivered') AS delivered,
                count(*) FILTER (WHERE message.state = 'bounced') AS bounced,
                count(*) FILTER (WHERE message.state = 'suppressed') AS suppressed,
                count(*) FILTER (WHERE message.state = 'dead') AS dead
            FROM notify.events AS event
            LEFT JOIN notify.messages AS message ON event.event_id = message.event_id
            WHERE event.published_at >= clock_timestamp() - interval '7 days'
            GROUP BY 1
        ) AS by_day
    )
)::text
"""
"""One row: all endpoints and the messages of the last days, as JSON."""

EVENTS = f"""
SELECT coalesce(json_agg(json_build_object(
    'key', key,
    'topic', topic,
    'severity', severity,
    'title', title,
    'text', text,
    'facts', facts,
    'path', path,
    'occurred_at', occurred_at,
    'published_at', published_at
) ORDER BY event_id DESC), '[]')
FROM (
    SELECT event_id, key, topic, severity, title, text, facts, path, occurred_at, published_at
    FROM notify.events
    WHERE person_id IS NULL AND (%(topic)s::text IS NULL OR topic = %(topic)s)
        AND {is_about_permitted("about_rows")}
    ORDER BY event_id DESC
    LIMIT %(limit)s
) AS event
"""
"""One row: the newest events as JSON."""

TEMPLATE_VERSIONS = f"""
SELECT coalesce(json_agg(json_build_object(
    'version', version,
    'title_template', title_template,
    'text_template', text_template,
    'restored_from', restored_from,
    'restored_by', restored_by,
    'origin', origin,
    'made_at', made_at,
    'is_in_force', is_in_force,
    'is_declared', is_declared,
    'messages', messages
) ORDER BY version DESC), '[]')
FROM ({read_sql("notifying/list_template_versions")}) AS known
"""
"""One row: the versions of the templates of an endpoint as a JSON array, the newest first."""

IS_ENDPOINT = """
SELECT EXISTS (
    SELECT FROM notify.endpoints WHERE name = %(endpoint)s AND removed_at IS NULL AND person_id IS NULL
)
"""
"""One row: whether an endpoint of this name is declared."""

CAN_PREVIEW_TEMPLATES = """
SELECT
    %(version)s::integer IS NULL
    OR EXISTS (
        SELECT
        FROM notify.template_versions AS known
        INNER JOIN notify.endpoints AS endpoint ON known.endpoint_id = endpoint.endpoint_id
        WHERE endpoint.name = %(endpoint)s AND known.version = %(version)s::integer
    ),
    %(message)s::bigint IS NULL
    OR EXISTS (
        SELECT
        FROM notify.messages AS message
        INNER JOIN notify.endpoints AS endpoint ON message.endpoint_id = endpoint.endpoint_id
        WHERE message.message_id = %(message)s::bigint AND message.event_id IS NOT NULL AND endpoint.person_id IS NULL
    )
"""
"""One row: whether an endpoint has a version of its templates, and whether a message is about one event."""

PREVIEW_TEMPLATES = f"SELECT {REQUEST_TEMPLATE_PREVIEW}"

ONE_TEMPLATE_PREVIEW = """
SELECT (
    SELECT json_build_object(
        'preview_id', preview_id, 'endpoint', endpoint, 'version', version, 'message_id', message_id, 'state', state,
        'requested_at', requested_at, 'requested_by', requested_by, 'finished_at', finished_at,
        'title', title, 'text', text, 'problem', problem
    )
    FROM notify.template_previews
    WHERE preview_id = %(preview_id)s AND endpoint = %(endpoint)s
)
"""
"""One row: a preview of templates as JSON, NULL if there is none."""

RESTORE_TEMPLATES = f"SELECT {RESTORE_TEMPLATES_CALL}"
"""One row: the version in force from then on, NULL if there is no such version."""

READ_LINK = f"SELECT {READ_LINK_CALL}"
UNSUBSCRIBE = f"SELECT {UNSUBSCRIBE_CALL}"
SUBSCRIBE_AGAIN = f"SELECT {SUBSCRIBE_AGAIN_CALL}"
"""One row each: what the link is about, NULL if it is unknown."""

SUPPRESSIONS = """
SELECT coalesce(json_agg(json_build_object(
    'recipient', entry.recipient,
    'endpoint', endpoint.name,
    'topic', entry.topic,
    'kind', entry.kind,
    'reason', entry.reason,
    'suppressed_at', entry.suppressed_at
) ORDER BY entry.suppressed_at DESC, entry.suppression_id DESC), '[]')::text
FROM (
    SELECT suppression_id, recipient, endpoint_id, topic, kind, reason, suppressed_at
    FROM notify.suppressions AS known
    WHERE
        endpoint_id IN (SELECT declared.endpoint_id FROM notify.endpoints AS declared WHERE declared.person_id IS NULL)
        OR (
            endpoint_id IS NULL
            AND (
                NOT EXISTS (SELECT FROM access.people AS person WHERE lower(person.email) = known.recipient)
                OR EXISTS (
                    SELECT
                    FROM notify.endpoints AS declared
                    CROSS JOIN unnest(declared.recipients) AS declared_recipient (address)
                    WHERE declared.person_id IS NULL AND lower(declared_recipient.address) = known.recipient
                )
            )
        )
    ORDER BY suppressed_at DESC, suppression_id DESC
    LIMIT 1000
) AS entry
LEFT JOIN notify.endpoints AS endpoint ON entry.endpoint_id = endpoint.endpoint_id
"""
"""One row: the newest entries as a JSON array."""

REPORTS = """
SELECT coalesce(json_agg(json_build_object(
    'name', report.name,
    'title', report.title,
    'board', report.board,
    'schedule', report.schedule,
    'time_zone', report.time_zone,
    'days', report.days,
    'endpoints', report.endpoints,
    'editions', (
        SELECT coalesce(json_agg(json_build_object(
            'edition_id', edition.edition_id,
            'window_at', edition.window_at,
            'outcome', edition.outcome,
            'reason', edition.reason,
            'tries', edition.tries,
            'data_version', edition.data_version,
            'ended_at', edition.ended_at,
            'messages', told.messages,
            'accepted', told.accepted
        ) ORDER BY edition.window_at DESC), '[]')
        FROM (
            SELECT edition_id, window_at, outcome, reason, tries, data_version, ended_at, event_id
            FROM notify.editions
            WHERE report_id = report.report_id
            ORDER BY window_at DESC
            LIMIT 10
        ) AS edition
        CROSS JOIN LATERAL (
            SELECT
                count(*) AS messages,
                count(*) FILTER (WHERE message.state IN ('sent', 'delivered')) AS accepted
            FROM notify.messages AS message
            WHERE message.event_id = edition.event_id
        ) AS told
    )
) ORDER BY report.name), '[]')::text
FROM notify.reports AS report
WHERE report.removed_at IS NULL
"""
"""One row: the reports that are declared as a JSON array, each with its ten newest editions."""

EDITION = """
SELECT
    (
        SELECT coalesce(event.title, report.name)
        FROM notify.editions AS edition
        INNER JOIN notify.reports AS report ON edition.report_id = report.report_id
        LEFT JOIN notify.events AS event ON edition.event_id = event.event_id
        WHERE edition.edition_id = %(edition_id)s
    ),
    (SELECT content FROM notify.editions WHERE edition_id = %(edition_id)s)
"""
"""One row: the title of an edition and what it holds, NULL if there is none."""

IS_REPORT = "SELECT EXISTS (SELECT FROM notify.reports WHERE name = %(name)s AND removed_at IS NULL)"
"""One row: whether a report of this name is declared."""

PREVIEW = f"SELECT {REQUEST_PREVIEW}"

ONE_PREVIEW = """
SELECT (
    SELECT json_build_object(
        'preview_id', preview_id, 'report', report, 'state', state, 'requested_at', requested_at,
        'requested_by', requested_by, 'finished_at', finished_at, 'problem', problem
    )
    FROM notify.previews
    WHERE preview_id = %(preview_id)s
)
"""
"""One row: a preview of a report as JSON, NULL if there is none."""

PREVIEW_PAGE = """
SELECT
    (SELECT title FROM notify.previews WHERE preview_id = %(preview_id)s),
    (SELECT content FROM notify.previews WHERE preview_id = %(preview_id)s)
"""
"""One row: the title of a preview and what it holds, NULL if there is none."""
