-- Deletes digests that were sent long ago, and whose parts were deleted.
-- Reads and writes notify.digests and notify.messages.
WITH old AS (
    SELECT digest.digest_id
    FROM notify.digests AS digest
    WHERE
        digest.ends_at < clock_timestamp() - make_interval(days => %(days)s)
        AND NOT EXISTS (
            SELECT
            FROM notify.messages AS message
            WHERE
                message.digest_id = digest.digest_id
                AND (message.event_id IS NOT NULL OR message.ended_at IS NULL)
        )
),

messages AS (
    DELETE FROM notify.messages AS message
    USING old
    WHERE message.digest_id = old.digest_id
)

DELETE FROM notify.digests AS digest
USING old
WHERE digest.digest_id = old.digest_id
