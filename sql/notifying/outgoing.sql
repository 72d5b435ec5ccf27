-- What claimed messages consist of: one row per message and event, those of a digest by time.
-- Reads notify.messages, notify.endpoints, notify.template_versions and notify.events; for endpoints of people what is
-- declared for all, and browsers; the chart of an incident that is told alone.
SELECT
    message.message_id,
    message.public_id,
    message.endpoint_id,
    message.channel,
    message.recipient,
    message.published_at,
    message.tries,
    message.event_id IS NULL AS is_digest,
    CASE WHEN message.channel = 'email' THEN notify.sign('unsubscribe', message.public_id) END AS unsubscribe_code,
    CASE WHEN message.channel = 'email' THEN notify.sign('bounce', message.public_id) END AS bounce_code,
    endpoint.name AS endpoint,
    endpoint.person_id,
    CASE WHEN endpoint.person_id IS NULL THEN endpoint.configuration ELSE shared.settings END AS configuration,
    (
        SELECT max(known.version)
        FROM notify.template_versions AS known
        WHERE known.endpoint_id = endpoint.endpoint_id AND message.channel <> 'webhook'
    ) AS template_version,
    subscription.url AS push_url,
    subscription.p256dh,
    subscription.auth,
    CASE WHEN message.channel = 'push' THEN (SELECT push_key.private_key FROM notify.push_keys AS push_key) END
    AS push_key,
    endpoint.time_zone,
    endpoint.language,
    endpoint.quiet_from,
    endpoint.quiet_until,
    event.topic,
    event.key,
    event.severity,
    event.title,
    event.text,
    event.facts,
    event.labels,
    event.path,
    event.thread,
    event.occurred_at,
    event.words,
    edition.content AS edition,
    incident.chart
FROM notify.messages AS message
INNER JOIN notify.endpoints AS endpoint ON message.endpoint_id = endpoint.endpoint_id
INNER JOIN LATERAL (
    SELECT message.event_id
    WHERE message.event_id IS NOT NULL
    UNION ALL
    SELECT part.event_id
    FROM notify.messages AS part
    WHERE
        message.event_id IS NULL
        AND part.digest_id = message.digest_id
        AND part.event_id IS NOT NULL
        AND part.state = 'held'
) AS content ON true
INNER JOIN notify.events AS event ON content.event_id = event.event_id
CROSS JOIN notify.shared_settings AS shared
LEFT JOIN notify.push_subscriptions AS subscription ON message.endpoint_id = subscription.endpoint_id
LEFT JOIN notify.editions AS edition ON message.channel = 'email' AND edition.event_id = event.event_id
LEFT JOIN alert.incidents AS incident
    ON incident.incident_id = CASE
        WHEN message.channel = 'email' AND event.key ~ '^alert[.]firing:[0-9]{1,18}$'
            THEN split_part(event.key, ':', 2)::bigint
    END
WHERE message.message_id = ANY(%(message_ids)s)
ORDER BY message.message_id, event.occurred_at, event.event_id
