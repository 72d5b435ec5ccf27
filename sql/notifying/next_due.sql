-- When the next message can be claimed: one row, NULL if none waits.
-- Reads notify.messages and notify.endpoints.
SELECT min(greatest(message.due_at, message.locked_until, endpoint.paused_until))
FROM notify.messages AS message
INNER JOIN notify.endpoints AS endpoint ON message.endpoint_id = endpoint.endpoint_id
WHERE message.state = 'waiting' AND endpoint.removed_at IS NULL AND endpoint.disabled_at IS NULL
