-- Ends claimed messages, and parts of claimed digests, that their recipients do not get by now. Returns their numbers.
-- Reads notify.suppressions and what people may see; changes notify.messages. Since they were published, an address may
-- have been suppressed, and a person may have lost their rights.
WITH numbers AS (  -- each by its own index: together they would be looked for in all messages there ever were
    SELECT unnest(%(message_ids)s::bigint[]) AS message_id
    UNION ALL
    SELECT part.message_id
    FROM notify.messages AS carrier
    INNER JOIN notify.messages AS part ON carrier.digest_id = part.digest_id
    WHERE carrier.message_id = ANY(%(message_ids)s) AND carrier.event_id IS NULL AND part.state = 'held'
),

parts AS (
    SELECT
        message.message_id,
        message.endpoint_id,
        message.channel,
        message.recipient,
        event.topic,
        event.person_id,
        event.about_rows
    FROM numbers
    INNER JOIN notify.messages AS message ON numbers.message_id = message.message_id
    INNER JOIN notify.events AS event ON message.event_id = event.event_id
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
        notify.why_not_told(endpoint.person_id, parts.person_id, %(reading_groups)s::text[], parts.about_rows) AS reason
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
