-- Finds the days on which a rule about messages to declared endpoints can be tried: since the first one was published.
-- One row: first_day, UTC; NULL if there is none.
-- Reads notify.messages, .endpoints.

SELECT min(message.published_at AT TIME ZONE 'UTC')::date AS first_day
FROM notify.messages AS message
INNER JOIN notify.endpoints AS endpoint ON message.endpoint_id = endpoint.endpoint_id
WHERE endpoint.person_id IS NULL;
