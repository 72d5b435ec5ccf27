-- Finds for how long places of files cannot be looked at, in seconds.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads ingest.places.

SELECT
    jsonb_build_object('source', name) AS labels,
    extract(EPOCH FROM %(moment)s - failing_since)::double precision AS value,
    jsonb_build_array(
        '{source} cannot be looked at: {reason}', NULL, jsonb_build_object('source', name, 'reason', error)
    ) AS summary,
    jsonb_build_array(jsonb_build_array('Source', name)) AS facts,
    '/sources' AS page
FROM ingest.places
WHERE failing_since IS NOT NULL
ORDER BY name
LIMIT %(most)s;
