-- Endpoints that get an event, with what decides when: one row per endpoint and recipient.
-- Reads notify.endpoints, notify.subscriptions, notify.messages, notify.suppressions and notify.push_subscriptions, and of
-- access who the person of an endpoint is: nobody is told what they may not see.
-- An event that goes on with a thread also goes to endpoints that got an earlier one of it as it was more severe.
SELECT
    endpoint.endpoint_id,
    endpoint.channel,
    endpoint.time_zone,
    endpoint.quiet_from,
    endpoint.quiet_until,
    endpoint.digest,
    endpoint.digest_at,
    endpoint.per_hour,
    endpoint.disabled_reason,
    recipient.address AS recipient,
    coalesce(lately.events, 0) AS in_last_hour,
    suppression.reason AS suppression
FROM notify.endpoints AS endpoint
CROSS JOIN LATERAL unnest(
    CASE WHEN endpoint.channel = 'email' THEN endpoint.recipients ELSE ARRAY[''] END
) AS recipient (address)
LEFT JOIN LATERAL (
    SELECT count(*) AS events
    FROM notify.messages AS message
    WHERE
        endpoint.per_hour IS NOT NULL
        AND message.endpoint_id = endpoint.endpoint_id
        AND message.recipient = recipient.address
        AND message.published_at > %(now)s - interval '1 hour'
        AND message.event_id IS NOT NULL
        AND message.state <> 'suppressed'
) AS lately ON true
LEFT JOIN LATERAL (
    SELECT entry.reason
    FROM notify.suppressions AS entry
    WHERE
        entry.recipient = lower(recipient.address)
        AND coalesce(entry.endpoint_id, endpoint.endpoint_id) = endpoint.endpoint_id
        AND notify.topic_fits(coalesce(entry.topic, '*'), %(topic)s)
    LIMIT 1
) AS suppression ON endpoint.channel = 'email'
WHERE
    endpoint.removed_at IS NULL
    AND notify.why_not_told(endpoint.person_id, %(person_id)s::bigint, NULL, %(about_rows)s::jsonb) IS NULL
    AND (
        endpoint.channel <> 'push'
        OR endpoint.endpoint_id IN (SELECT subscription.endpoint_id FROM notify.push_subscriptions AS subscription)
    )
    AND endpoint.endpoint_id <> ALL(%(without)s::bigint[])
    AND (%(only_endpoints)s::bigint[] IS NULL OR endpoint.endpoint_id = ANY(%(only_endpoints)s))
    AND (
        %(only_endpoints)s::bigint[] IS NOT NULL
        OR endpoint.endpoint_id = ANY(%(also_endpoints)s)
        OR EXISTS (
            SELECT
            FROM notify.subscriptions AS subscription
            WHERE
                subscription.endpoint_id = endpoint.endpoint_id
                AND notify.topic_fits(subscription.topic, %(topic)s)
                AND (
                    array_position(ARRAY['info', 'warning', 'critical'], subscription.severity)
                    <= array_position(ARRAY['info', 'warning', 'critical'], %(severity)s)
                    OR EXISTS (
                        SELECT
                        FROM notify.messages AS earlier
                        WHERE earlier.thread = %(thread)s AND earlier.endpoint_id = endpoint.endpoint_id
                    )
                )
                AND NOT EXISTS (
                    SELECT
                    FROM jsonb_each(subscription.labels) AS wanted (name, chosen)
                    WHERE NOT coalesce(wanted.chosen ? (%(labels)s::jsonb ->> wanted.name), false)
                )
        )
    )
ORDER BY endpoint.endpoint_id, recipient.address
