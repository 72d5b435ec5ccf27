-- Ends claimed messages, and parts of claimed digests, that their recipients do not get by now. Returns their numbers.
-- Reads notify.suppressions and what people may see; changes notify.messages. Since they were published, an address may
-- have been suppressed, and a person may have lost their rights.
WITH parts AS (
    SELECT
        message.message_id,
        message.endpoint_id,
        message.channel,
        message.recipient,
        event.topic,
        event.person_id
    FROM notify.messages AS message
    INNER JOIN notify.events AS event ON message.event_id = event.event_id
    WHERE
        message.message_id = ANY(%(message_ids)s)
        OR (
            message.state = 'held'
            AND message.digest_id IN (
                SELECT carrier.digest_id
                FROM notify.messages AS carrier
                WHERE carrier.message_id = ANY(%(message_ids)s) AND carrier.event_id IS NULL
            )
        )
),

reasons AS (
    SELECT
        parts.message_id,
        'The address gets no mail: ' || entry.reason AS reason
    FROM parts
    INNER JOIN notify.suppressions AS entry
        ON
            lower(parts.recipient) = entry.recipient
            AND parts.endpoint_id = coalesce(entry.endpoint_id, parts.endpoint_id)
            AND notify.topic_fits(coalesce(entry.topic, '*'), parts.topic)
    WHERE parts.channel = 'email'
    UNION ALL
    SELECT
        parts.message_id,
        notify.why_not_told(endpoint.person_id, parts.person_id, %(reading_groups)s::text[]) AS reason
    FROM parts
    INNER JOIN notify.endpoints AS endpoint ON parts.endpoint_id = endpoint.endpoint_id
    WHERE endpoint.person_id IS NOT NULL
),

unwanted AS (
    SELECT
        reasons.message_id,
        min(reasons.reason) AS reason
    FROM reasons
    WHERE reasons.reason IS NOT NULL
    GROUP BY reasons.message_id
)

UPDATE notify.messages AS message
SET
    state = 'suppressed',
    reason = unwanted.reason,
    due_at = NULL,
    is_quiet = false,
    ended_at = clock_timestamp()
FROM unwanted
WHERE message.message_id = unwanted.message_id
RETURNING message.message_id
