-- Finds how old the oldest rows are that no figure counts, in seconds: 0 if all are counted.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads ingest.batches, by its index.

SELECT
    '{}'::jsonb AS labels,
    coalesce(extract(EPOCH FROM %(moment)s - min(committed_at)), 0)::double precision AS value,
    jsonb_build_array(
        '{count} batch of rows is in no figure, for {minutes} minutes',
        '{count} batches of rows are in no figure, the oldest for {minutes} minutes',
        jsonb_build_object(
            'count', count(*),
            'minutes', round(coalesce(extract(EPOCH FROM %(moment)s - min(committed_at)), 0) / 60)::bigint
        )
    ) AS summary,
    jsonb_build_array(jsonb_build_array('Batches that wait', count(*))) AS facts,
    '/pipeline' AS page
FROM ingest.batches
WHERE refreshed_as IS NULL AND %(most)s > 0;
