-- Earlier messages of a thread, by endpoint and recipient: whether any was or will be sent, and how urgent they were.
-- Reads notify.messages and notify.events.
SELECT
    message.endpoint_id,
    message.recipient,
    bool_and(message.state = 'suppressed') AS is_silent,
    coalesce(bool_or(event.severity = 'critical') FILTER (WHERE message.state <> 'suppressed'), false) AS is_urgent
FROM notify.messages AS message
INNER JOIN notify.events AS event ON message.event_id = event.event_id
WHERE message.thread = %(thread)s
GROUP BY message.endpoint_id, message.recipient
