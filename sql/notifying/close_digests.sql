-- Closes the digests that claimed messages carry: what comes later goes into others. Returns the messages.
-- Changes notify.digests. One that somebody puts something into at this moment stays open.
WITH free AS (
    SELECT
        digest.digest_id,
        message.message_id
    FROM notify.digests AS digest
    INNER JOIN notify.messages AS message ON digest.digest_id = message.digest_id
    WHERE message.message_id = ANY(%(message_ids)s) AND message.event_id IS NULL
    FOR UPDATE OF digest SKIP LOCKED
)

UPDATE notify.digests AS digest
SET closed_at = coalesce(digest.closed_at, clock_timestamp())
FROM free
WHERE digest.digest_id = free.digest_id
RETURNING free.message_id
