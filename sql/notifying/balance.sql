-- How many messages each day's events made, and where they are now: one row per day (UTC), the newest first.
-- Reads notify.events, notify.messages and notify.attempts.
-- All is well where missing, stranded and unproven are 0: every message is there, can end, and ended as was recorded.
WITH by_event AS (
    SELECT
        event.event_id,
        (event.published_at AT TIME ZONE 'UTC')::date AS day,
        event.messages AS expected,
        count(message.message_id) AS messages,
        count(*) FILTER (WHERE message.state = 'waiting') AS waiting,
        count(*) FILTER (WHERE message.state = 'held') AS held,
        count(*) FILTER (WHERE message.state = 'sent') AS sent,
        count(*) FILTER (WHERE message.state = 'delivered') AS delivered,
        count(*) FILTER (WHERE message.state = 'bounced') AS bounced,
        count(*) FILTER (WHERE message.state = 'suppressed') AS suppressed,
        count(*) FILTER (WHERE message.state = 'dead') AS dead,
        count(*) FILTER (
            WHERE message.state = 'held' AND coalesce(carrier.state, 'none') <> 'waiting'
        ) AS stranded,
        count(*) FILTER (
            WHERE message.state IN ('sent', 'delivered') AND message.channel <> 'inbox' AND NOT EXISTS (
                SELECT
                FROM notify.attempts AS attempt
                WHERE
                    attempt.message_id IN (message.message_id, carrier.message_id)
                    AND attempt.outcome IN ('sent', 'delivered')
            )
        ) AS unproven
    FROM notify.events AS event
    LEFT JOIN notify.messages AS message ON event.event_id = message.event_id
    LEFT JOIN notify.messages AS carrier ON message.digest_id = carrier.digest_id AND carrier.event_id IS NULL
    WHERE event.published_at >= clock_timestamp() - make_interval(days => %(days)s)
    GROUP BY event.event_id
)

SELECT
    day,
    count(*) AS events,
    sum(messages)::bigint AS messages,
    sum(waiting)::bigint AS waiting,
    sum(held)::bigint AS held,
    sum(sent)::bigint AS sent,
    sum(delivered)::bigint AS delivered,
    sum(bounced)::bigint AS bounced,
    sum(suppressed)::bigint AS suppressed,
    sum(dead)::bigint AS dead,
    sum(abs(expected - messages))::bigint AS missing,
    sum(stranded)::bigint AS stranded,
    sum(unproven)::bigint AS unproven
FROM by_event
GROUP BY day
ORDER BY day DESC
