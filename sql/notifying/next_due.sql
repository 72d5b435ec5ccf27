-- In how many seconds the next message can be claimed: one row, NULL if none waits.
-- Reads notify.messages and notify.endpoints.
SELECT
    extract(
        EPOCH FROM min(greatest(message.due_at, message.locked_until, endpoint.paused_until)) - clock_timestamp()
    )::double precision
FROM notify.messages AS message
INNER JOIN notify.endpoints AS endpoint ON message.endpoint_id = endpoint.endpoint_id
WHERE
    message.state = 'waiting'
    AND endpoint.removed_at IS NULL
    AND endpoint.disabled_at IS NULL
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
