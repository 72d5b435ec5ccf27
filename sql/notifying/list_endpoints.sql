-- Endpoints that are declared, each with how it does: one row per endpoint, by name.
-- Reads notify.endpoints, notify.subscriptions and notify.messages.
SELECT
    endpoint.endpoint_id,
    endpoint.name,
    endpoint.title,
    endpoint.channel,
    CASE
        WHEN endpoint.disabled_at IS NOT NULL THEN 'disabled'
        WHEN endpoint.failures > 0 THEN 'failing'
        WHEN endpoint.paused_until > clock_timestamp() THEN 'paused'
        ELSE 'active'
    END AS state,
    endpoint.disabled_reason,
    endpoint.failures,
    endpoint.failing_since,
    endpoint.paused_until,
    endpoint.time_zone,
    endpoint.digest,
    coalesce((
        SELECT jsonb_agg(DISTINCT subscription.topic)
        FROM notify.subscriptions AS subscription
        WHERE subscription.endpoint_id = endpoint.endpoint_id
    ), '[]') AS topics,
    lately.waiting,
    lately.dead,
    lately.last_sent_at
FROM notify.endpoints AS endpoint
LEFT JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE message.state IN ('waiting', 'held')) AS waiting,
        count(*) FILTER (WHERE message.state IN ('dead', 'bounced')) AS dead,
        max(message.ended_at) FILTER (WHERE message.state IN ('sent', 'delivered')) AS last_sent_at
    FROM notify.messages AS message
    WHERE message.endpoint_id = endpoint.endpoint_id
) AS lately ON true
WHERE endpoint.removed_at IS NULL
ORDER BY endpoint.name COLLATE "C"
