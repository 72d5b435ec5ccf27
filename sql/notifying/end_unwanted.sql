-- Ends claimed mails, and parts of claimed digests, that their recipients do not get by now. Returns their numbers.
-- Reads notify.suppressions; changes notify.messages. An address may have been suppressed after they were published.
WITH unwanted AS (
    SELECT
        message.message_id,
        min(entry.reason) AS reason
    FROM notify.messages AS message
    INNER JOIN notify.events AS event ON message.event_id = event.event_id
    INNER JOIN notify.suppressions AS entry
        ON
            lower(message.recipient) = entry.recipient
            AND message.endpoint_id = coalesce(entry.endpoint_id, message.endpoint_id)
            AND notify.topic_fits(coalesce(entry.topic, '*'), event.topic)
    WHERE
        message.channel = 'email'
        AND (
            message.message_id = ANY(%(message_ids)s)
            OR (
                message.state = 'held'
                AND message.digest_id IN (
                    SELECT carrier.digest_id
                    FROM notify.messages AS carrier
                    WHERE carrier.message_id = ANY(%(message_ids)s) AND carrier.event_id IS NULL
                )
            )
        )
    GROUP BY message.message_id
)

UPDATE notify.messages AS message
SET
    state = 'suppressed',
    reason = 'The address gets no mail: ' || unwanted.reason,
    due_at = NULL,
    is_quiet = false,
    ended_at = clock_timestamp()
FROM unwanted
WHERE message.message_id = unwanted.message_id
RETURNING message.message_id
