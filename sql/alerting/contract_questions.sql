-- Counts the proposals about each dataset that wait for a decision.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads catalogue.proposals.

SELECT
    jsonb_build_object('dataset', dataset) AS labels,
    count(*)::double precision AS value,
    jsonb_build_array(
        '{count} proposed contract of {dataset} waits for a decision',
        '{count} proposed contracts of {dataset} wait for a decision',
        jsonb_build_object('count', count(*), 'dataset', dataset)
    ) AS summary,
    jsonb_build_array(
        jsonb_build_array('Dataset', dataset),
        jsonb_build_array('Since', jsonb_build_array('{at:moment}', NULL, jsonb_build_object('at', min(created_at))))
    ) AS facts,
    '/import' AS page
FROM catalogue.proposals
WHERE state = 'open' AND (%(dataset)s::text IS NULL OR dataset = %(dataset)s)
GROUP BY dataset
ORDER BY dataset
LIMIT %(most)s;
