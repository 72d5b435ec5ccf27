-- Finds the incidents of the last day, of some rules, whose values were not looked up yet.
-- One row per incident, the oldest first: ID, rule, labels.
-- Reads alert.incidents, by its index.

SELECT incident_id, rule, labels
FROM alert.incidents
WHERE chart IS NULL AND kind = 'condition' AND rule = ANY(%(rules)s)
    AND opened_at > clock_timestamp() - interval '1 day'
ORDER BY opened_at, incident_id
LIMIT %(most)s
