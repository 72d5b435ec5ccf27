-- Finds how long ago the newest file of each dataset came, in multiples of the gap that nine of ten of its gaps stay below.
-- Datasets with fewer than five files in that time have no rhythm. Files that come together count once.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads ingest.files, by its indexes.

WITH arrived AS (
    SELECT
        dataset,
        registered_at,
        extract(EPOCH FROM registered_at - lag(registered_at) OVER (
            PARTITION BY dataset ORDER BY registered_at
        )) AS gap
    FROM ingest.files
    WHERE dataset IS NOT NULL AND (%(dataset)s::text IS NULL OR dataset = %(dataset)s)
        AND registered_at > %(moment)s - make_interval(days => %(window_days)s)
        AND (%(past)s::timestamptz IS NULL OR registered_at <= %(past)s)
),

rhythms AS (
    SELECT
        dataset,
        count(*) FILTER (WHERE gap >= 60) AS gaps,
        percentile_disc(0.9) WITHIN GROUP (ORDER BY gap) FILTER (WHERE gap >= 60) AS usual,
        max(registered_at) AS newest
    FROM arrived
    GROUP BY dataset
)

SELECT
    jsonb_build_object('dataset', dataset) AS labels,
    (extract(EPOCH FROM %(moment)s - newest) / usual)::double precision AS value,
    jsonb_build_array(
        'The newest file of {dataset} came {ago} hours ago; usually one comes within {usual} hours', NULL,
        jsonb_build_object(
            'dataset', dataset, 'ago', round(extract(EPOCH FROM %(moment)s - newest) / 3600, 1),
            'usual', round(usual / 3600, 1)
        )
    ) AS summary,
    jsonb_build_array(
        jsonb_build_array('Dataset', dataset),
        jsonb_build_array('Newest file', jsonb_build_array('{at:moment}', NULL, jsonb_build_object('at', newest))),
        jsonb_build_array('Usual gap, hours', round(usual / 3600, 1))
    ) AS facts,
    '/pipeline?dataset=' || dataset AS page
FROM rhythms
WHERE gaps >= 4
ORDER BY dataset
LIMIT %(most)s;
