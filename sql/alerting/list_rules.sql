-- Lists the rules that are not removed, with what is open of each.
-- One row per rule: name, severity, kind, enabled, open incidents, subjects, time of the last evaluation, error, problem.
-- Reads alert.rules, .evaluations, .incidents.

SELECT
    rule.name,
    rule.definition ->> 'title' AS title,
    coalesce(rule.definition ->> 'severity', 'warning') AS severity,
    rule.definition -> 'watch' ->> 'kind' AS kind,
    rule.version,
    rule.origin,
    rule.enabled,
    (
        SELECT count(*)
        FROM alert.incidents AS incident
        WHERE incident.rule = rule.name AND incident.closed_at IS NULL
    ) AS open,
    evaluation.subjects,
    evaluation.evaluated_at,
    evaluation.error,
    rule.problem
FROM alert.rules AS rule
LEFT JOIN alert.evaluations AS evaluation ON rule.name = evaluation.rule
WHERE rule.removed_at IS NULL
ORDER BY rule.name COLLATE "C";
