-- Finds whether the last refresh has failed: 1 if it has, else 0.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads analytics.status.

SELECT
    '{}'::jsonb AS labels,
    (error_message IS NOT NULL)::integer::double precision AS value,
    coalesce('The last refresh has failed: ' || error_message, 'The last refresh has ended well') AS summary,
    jsonb_build_array(jsonb_build_array('Data version', data_version::text)) AS facts,
    '/pipeline' AS page
FROM analytics.status
WHERE %(most)s > 0;
