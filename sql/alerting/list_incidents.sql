-- Lists incidents, the newest first: the open ones, or all of them (%(every)s).
-- One row per incident.
-- Reads alert.incidents, by its index.

SELECT
    incident_id, rule, kind, labels, severity, title, summary, value, opened_at, closed_at, closed_because,
    announced_at, held_because, acknowledged_at, acknowledged_by, assigned_to
FROM alert.incidents
WHERE closed_at IS NULL OR %(every)s
ORDER BY opened_at DESC, incident_id DESC
LIMIT %(most)s;
