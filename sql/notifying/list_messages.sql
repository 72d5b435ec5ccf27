-- Messages with their endpoint, what they tell, and their last attempt: one row per message, the newest first.
-- Reads notify.messages, notify.endpoints, notify.events, notify.digests and notify.attempts.
SELECT
    message.message_id,
    message.published_at,
    endpoint.name AS endpoint,
    message.channel,
    message.recipient,
    coalesce(event.topic, 'digest') AS topic,
    event.severity,
    coalesce(event.title, 'Digest (' || digest.kind || ')') AS title,
    message.state,
    message.reason,
    message.due_at,
    message.ended_at,
    attempted.attempts,
    attempted.last_status
FROM notify.messages AS message
INNER JOIN notify.endpoints AS endpoint ON message.endpoint_id = endpoint.endpoint_id
LEFT JOIN notify.events AS event ON message.event_id = event.event_id
LEFT JOIN notify.digests AS digest ON message.digest_id = digest.digest_id
LEFT JOIN LATERAL (
    SELECT
        count(*) AS attempts,
        (array_agg(attempt.status ORDER BY attempt.number DESC))[1] AS last_status
    FROM notify.attempts AS attempt
    WHERE attempt.message_id = message.message_id
) AS attempted ON true
WHERE
    (%(states)s::text[] IS NULL OR message.state = ANY(%(states)s))
    AND (%(endpoint)s::text IS NULL OR endpoint.name = %(endpoint)s)
    AND (%(message_id)s::bigint IS NULL OR message.message_id = %(message_id)s)
ORDER BY message.message_id DESC
LIMIT %(most)s
