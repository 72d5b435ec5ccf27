-- Finds the rules that were removed or disabled, and of which something is left.
-- One row per rule: name, whether it was removed.
-- Reads alert.rules, .evaluations, .states, .incidents.

SELECT name, removed_at IS NOT NULL AS is_removed
FROM alert.rules AS rule
WHERE (removed_at IS NOT NULL OR NOT enabled)
    AND (
        EXISTS (SELECT FROM alert.evaluations AS evaluation WHERE evaluation.rule = rule.name)
        OR EXISTS (SELECT FROM alert.states AS state WHERE state.rule = rule.name)
        OR EXISTS (SELECT FROM alert.incidents AS incident WHERE incident.rule = rule.name AND incident.closed_at IS NULL)
    )
ORDER BY name;
