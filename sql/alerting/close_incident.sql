-- Closes the open incident of a rule, subject and kind, with an event of its timeline.
-- No rows.
-- Writes alert.incidents, alert.events.

WITH closed AS (
    UPDATE alert.incidents
    SET closed_at = greatest(%(moment)s, opened_at), closed_because = %(because)s,
        words = words || %(words)s
    WHERE rule = %(rule)s AND labels = %(labels)s AND kind = %(kind)s AND closed_at IS NULL
    RETURNING incident_id, closed_at, closed_because
)

INSERT INTO alert.events (incident_id, number, kind, at, author, text)
SELECT
    closed.incident_id,
    (SELECT max(event.number) + 1 FROM alert.events AS event WHERE event.incident_id = closed.incident_id),
    'closed',
    closed.closed_at,
    %(author)s,
    left(closed.closed_because, 4000)
FROM closed
