-- Counts the proposals about each dataset that wait for a decision.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads catalogue.proposals.

SELECT
    jsonb_build_object('dataset', dataset) AS labels,
    count(*)::double precision AS value,
    format('%%s proposed contracts of %%s wait for a decision', count(*), dataset) AS summary,
    jsonb_build_array(
        jsonb_build_array('Dataset', dataset),
        jsonb_build_array('Since', to_char(min(created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'))
    ) AS facts,
    '/import' AS page
FROM catalogue.proposals
WHERE state = 'open' AND (%(dataset)s::text IS NULL OR dataset = %(dataset)s)
GROUP BY dataset
ORDER BY dataset
LIMIT %(most)s;
