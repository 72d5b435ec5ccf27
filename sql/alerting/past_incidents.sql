-- Finds what incidents of a kind say of a day: those that were open on it for long enough, whichever rule opened them.
-- One row per subject: labels, value when it was opened, summary, path in the dashboard, when the first one was opened.
-- Reads alert.incidents, .rule_versions.

SELECT DISTINCT ON (incident.labels)
    incident.labels,
    incident.value,
    incident.summary,
    incident.path,
    incident.opened_at
FROM alert.incidents AS incident
INNER JOIN alert.rule_versions AS written
    ON incident.rule = written.name AND incident.rule_version = written.version
WHERE incident.kind = 'condition'
    AND written.definition #>> '{watch,kind}' = %(kind)s
    AND (%(dataset)s::text IS NULL OR incident.labels ->> 'dataset' = %(dataset)s)
    AND incident.opened_at < %(moment)s
    AND (incident.closed_at IS NULL OR incident.closed_at >= %(moment)s - interval '1 day')
    AND least(incident.closed_at, %(moment)s) - incident.opened_at >= %(hold)s
ORDER BY incident.labels ASC, incident.opened_at ASC
LIMIT %(most)s;
