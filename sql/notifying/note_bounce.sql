-- Ends a mail that was accepted and came back, and suppresses its address at once or, of what may pass, the second time.
-- Changes notify.messages (of a digest with its parts), notify.bounces and notify.suppressions. Returns the number of its
-- message and whether its address is suppressed.
WITH bounced AS (
    UPDATE notify.messages AS message
    SET state = 'bounced', reason = %(reason)s, ended_at = clock_timestamp()
    WHERE
        message.public_id = %(public_id)s
        AND message.state = 'sent'
        AND message.channel = 'email'
        AND notify.is_signed('bounce', message.public_id, %(code)s)
    RETURNING message.message_id, lower(message.recipient) AS recipient, message.event_id, message.digest_id
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

noted AS (
    INSERT INTO notify.bounces (message_id, recipient, status, diagnostic)
    SELECT
        bounced.message_id,
        bounced.recipient,
        %(status)s,
        %(diagnostic)s
    FROM bounced
),

hopeless AS (
    SELECT
        bounced.message_id,
        bounced.recipient
    FROM bounced
    WHERE
        %(is_permanent)s
        OR EXISTS (
            SELECT
            FROM notify.bounces AS earlier
            WHERE
                earlier.recipient = bounced.recipient
                AND earlier.noted_at > clock_timestamp() - make_interval(secs => %(seconds)s)
        )
),

suppressed AS (
    INSERT INTO notify.suppressions (recipient, reason, message_id)
    SELECT
        hopeless.recipient,
        %(reason)s,
        hopeless.message_id
    FROM hopeless
    ON CONFLICT DO NOTHING
)

SELECT
    bounced.message_id,
    hopeless.message_id IS NOT NULL AS is_suppressed
FROM bounced
LEFT JOIN hopeless ON bounced.message_id = hopeless.message_id
