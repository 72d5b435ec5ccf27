-- Finds whether the last refresh has failed: 1 if it has, else 0.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads analytics.status.

SELECT
    '{}'::jsonb AS labels,
    (error_message IS NOT NULL)::integer::double precision AS value,
    CASE
        WHEN error_message IS NULL THEN jsonb_build_array('The last refresh has ended well', NULL, '{}'::jsonb)
        ELSE jsonb_build_array(
            'The last refresh has failed: {reason}', NULL, jsonb_build_object('reason', error_message)
        )
    END AS summary,
    jsonb_build_array(jsonb_build_array('Data version', data_version::text)) AS facts,
    '/pipeline' AS page
FROM analytics.status
WHERE %(most)s > 0;
