-- Finds and locks the incidents of a rule of which the beginning, or the end, is not announced yet.
-- One row per incident, the oldest first.
-- Reads alert.incidents, by its index.

SELECT
    incident_id, kind, labels, severity, title, summary, facts, opened_at, closed_at, closed_because, announced_at,
    held_because, coalesce(announced_with, incident_id) AS announced_with, words, about_rows
FROM alert.incidents
WHERE rule = %(rule)s AND settled_at IS NULL AND (announced_at IS NULL OR closed_at IS NOT NULL)
ORDER BY incident_id
FOR UPDATE
