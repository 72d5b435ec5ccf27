-- Finds and locks the incidents of a rule whose beginning or end may have to be announced: all open ones, and those that
-- have just ended.
-- One row per incident, the oldest first.
-- Reads alert.incidents, by its index.

SELECT
    incident_id, kind, labels, severity, title, summary, facts, opened_at, closed_at, closed_because, announced_at,
    held_because
FROM alert.incidents
WHERE rule = %(rule)s AND settled_at IS NULL
ORDER BY incident_id
FOR UPDATE
