-- Finds the series that are set back to repeating the last season.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads forecast.series.

SELECT
    jsonb_build_object(
        'dataset', dataset, 'metric', metric, 'grain', grain, 'by', level::text, 'series', key::text
    ) AS labels,
    1::double precision AS value,
    format('%%s of %%s, %%s: %%s', metric, dataset, key::text, coalesce(naive_reason, 'it lost for four weeks')) AS summary,
    jsonb_build_array(jsonb_build_array('Since', naive_since::text)) AS facts,
    '/forecasts' AS page
FROM forecast.series
WHERE naive_since IS NOT NULL AND (%(dataset)s::text IS NULL OR dataset = %(dataset)s)
ORDER BY series_id
LIMIT %(most)s;
