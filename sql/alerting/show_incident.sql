-- Returns an incident with its timeline.
-- One row, or none.
-- Reads alert.incidents, .events.

SELECT
    incident.incident_id,
    incident.rule,
    incident.rule_version,
    incident.kind,
    incident.labels,
    incident.severity,
    incident.title,
    incident.summary,
    incident.facts,
    incident.path,
    incident.value,
    incident.data_version,
    incident.opened_at,
    incident.closed_at,
    incident.closed_because,
    incident.announced_at,
    incident.held_because,
    incident.acknowledged_by,
    incident.assigned_to,
    (
        SELECT json_agg(json_build_object(
            'at', event.at, 'kind', event.kind, 'author', event.author, 'text', event.text, 'value', event.value
        ) ORDER BY event.number)
        FROM alert.events AS event
        WHERE event.incident_id = incident.incident_id
    ) AS timeline
FROM alert.incidents AS incident
WHERE incident.incident_id = %(incident)s;
