-- Takes up dead letters again: they are due now, with all attempts of the schedule before them, and with their old IDs.
-- Changes notify.messages: those that were sent by themselves, and digests with their parts. Returns their numbers.
WITH chosen AS (
    SELECT
        message.message_id,
        message.event_id,
        message.digest_id,
        CASE WHEN message.event_id IS NULL THEN message.digest_id END AS carried
    FROM notify.messages AS message
    INNER JOIN notify.endpoints AS endpoint ON message.endpoint_id = endpoint.endpoint_id
    WHERE
        message.state IN ('dead', 'bounced')
        AND endpoint.removed_at IS NULL
        AND endpoint.disabled_at IS NULL
        AND (%(message_ids)s::bigint[] IS NULL OR message.message_id = ANY(%(message_ids)s))
        AND (%(endpoint)s::text IS NULL OR endpoint.name = %(endpoint)s)
    FOR UPDATE OF message
),

parts AS (
    UPDATE notify.messages AS part
    SET state = 'held', reason = NULL, ended_at = NULL
    FROM chosen
    WHERE
        chosen.carried IS NOT NULL
        AND part.digest_id = chosen.carried
        AND part.event_id IS NOT NULL
        AND part.state IN ('dead', 'bounced')
)

UPDATE notify.messages AS message
SET
    state = 'waiting',
    reason = NULL,
    due_at = clock_timestamp(),
    tries = 0,
    ended_at = NULL,
    digest_id = CASE WHEN message.event_id IS NULL THEN message.digest_id END
FROM chosen
WHERE
    message.message_id = chosen.message_id
    AND (message.event_id IS NULL OR message.digest_id IS NULL OR NOT EXISTS (
        SELECT FROM chosen AS carrier WHERE carrier.carried = message.digest_id
    ))
RETURNING message.message_id
