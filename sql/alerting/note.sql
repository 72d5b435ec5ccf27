-- Adds an event to the timelines of some incidents.
-- No rows.
-- Writes alert.events.

INSERT INTO alert.events (incident_id, number, kind, author, text)
SELECT
    noted.incident_id,
    (SELECT coalesce(max(event.number), 0) + 1 FROM alert.events AS event WHERE event.incident_id = noted.incident_id),
    %(kind)s,
    %(author)s,
    left(%(text)s::text, 4000)
FROM unnest(%(ids)s::bigint[]) AS noted (incident_id)
