-- Finds the series that are set back to repeating the last season.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads forecast.series.

SELECT
    jsonb_build_object(
        'dataset', dataset, 'metric', metric, 'grain', grain, 'by', level::text, 'series', key::text
    ) AS labels,
    1::double precision AS value,
    CASE
        WHEN naive_reason IS NULL
            THEN jsonb_build_array(
                '{metric} of {dataset}, {series}: it lost for four weeks', NULL,
                jsonb_build_object('metric', metric, 'dataset', dataset, 'series', key::text)
            )
        ELSE jsonb_build_array(
            '{metric} of {dataset}, {series}: {reason}', NULL,
            jsonb_build_object('metric', metric, 'dataset', dataset, 'series', key::text, 'reason', naive_reason)
        )
    END AS summary,
    jsonb_build_array(jsonb_build_array(
        'Since', jsonb_build_array('{on:day}', NULL, jsonb_build_object('on', naive_since))
    )) AS facts,
    '/forecasts' AS page
FROM forecast.series
WHERE naive_since IS NOT NULL AND (%(dataset)s::text IS NULL OR dataset = %(dataset)s)
ORDER BY series_id
LIMIT %(most)s;
