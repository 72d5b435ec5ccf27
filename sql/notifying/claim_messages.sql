-- Takes messages that are due for one sender, with a lease and an attempt for each, and returns their numbers.
-- Changes notify.messages and notify.attempts.
-- Of an endpoint that fails, few at a time: it must not keep others waiting. Of a thread, one after the other.
WITH candidates AS (
    SELECT due.message_id
    FROM notify.endpoints AS endpoint
    CROSS JOIN LATERAL (
        SELECT message.message_id
        FROM notify.messages AS message
        WHERE
            message.endpoint_id = endpoint.endpoint_id
            AND message.state = 'waiting'
            AND message.due_at <= clock_timestamp()
            AND (message.locked_until IS NULL OR message.locked_until <= clock_timestamp())
            AND NOT EXISTS (
                SELECT
                FROM notify.messages AS earlier
                WHERE
                    earlier.thread = message.thread
                    AND earlier.endpoint_id = message.endpoint_id
                    AND earlier.recipient = message.recipient
                    AND earlier.message_id < message.message_id
                    AND earlier.state = 'waiting'
            )
        ORDER BY message.due_at
        LIMIT CASE WHEN endpoint.failures > 0 THEN least(%(most)s, %(most_of_failing)s) ELSE %(most)s END
    ) AS due
    WHERE
        endpoint.removed_at IS NULL
        AND endpoint.disabled_at IS NULL
        AND coalesce(endpoint.paused_until, '-infinity') <= clock_timestamp()
    LIMIT %(most)s * 20
),

locked AS (
    SELECT message.message_id
    FROM notify.messages AS message
    WHERE
        message.message_id IN (SELECT candidates.message_id FROM candidates)
        AND message.state = 'waiting'
        AND message.due_at <= clock_timestamp()
        AND (message.locked_until IS NULL OR message.locked_until <= clock_timestamp())
    ORDER BY message.due_at
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
),

claimed AS (
    UPDATE notify.messages AS message
    SET
        lease = %(lease)s,
        locked_until = clock_timestamp() + make_interval(secs => %(seconds)s),
        tries = message.tries + 1
    FROM locked
    WHERE message.message_id = locked.message_id
    RETURNING message.message_id
)

INSERT INTO notify.attempts (message_id, number, lease)
SELECT
    claimed.message_id,
    1 + coalesce((
        SELECT max(attempt.number) FROM notify.attempts AS attempt WHERE attempt.message_id = claimed.message_id
    ), 0),
    %(lease)s
FROM claimed
RETURNING message_id, number
