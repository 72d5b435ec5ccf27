-- Deletes events of long ago with their messages and attempts, if none of these is still to be sent.
-- One row per event is deleted, at most %(events)s.
-- Reads and writes notify.events, notify.messages and notify.editions, which stay without their content: a window is known.
WITH old AS (
    SELECT event.event_id
    FROM notify.events AS event
    WHERE
        event.published_at < clock_timestamp() - make_interval(days => %(days)s)
        AND NOT EXISTS (
            SELECT
            FROM notify.messages AS message
            WHERE message.event_id = event.event_id AND message.ended_at IS NULL
        )
    ORDER BY event.event_id
    LIMIT %(events)s
),

messages AS (
    DELETE FROM notify.messages AS message
    USING old
    WHERE message.event_id = old.event_id
),

contents AS (
    UPDATE notify.editions AS edition
    SET content = NULL
    FROM old
    WHERE edition.event_id = old.event_id
)

DELETE FROM notify.events AS event
USING old
WHERE event.event_id = old.event_id
