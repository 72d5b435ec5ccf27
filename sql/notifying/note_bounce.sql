-- Ends a mail that was accepted and came back, and suppresses its address. Returns the number of its message.
-- Changes notify.messages (of a digest with its parts) and notify.suppressions.
WITH bounced AS (
    UPDATE notify.messages AS message
    SET state = 'bounced', reason = %(reason)s, ended_at = clock_timestamp()
    WHERE message.public_id = %(public_id)s AND message.state = 'sent' AND message.channel = 'email'
    RETURNING message.message_id, message.recipient, message.event_id, message.digest_id
),

parts AS (
    UPDATE notify.messages AS part
    SET state = 'bounced', reason = %(reason)s, ended_at = clock_timestamp()
    FROM bounced
    WHERE
        bounced.event_id IS NULL
        AND part.digest_id = bounced.digest_id
        AND part.event_id IS NOT NULL
        AND part.state = 'sent'
),

suppressed AS (
    INSERT INTO notify.suppressions (recipient, reason, message_id)
    SELECT
        lower(bounced.recipient),
        %(reason)s,
        bounced.message_id
    FROM bounced
    WHERE %(suppress)s
    ON CONFLICT DO NOTHING
)

SELECT bounced.message_id
FROM bounced
