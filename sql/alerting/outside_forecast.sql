-- Counts in how many of the newest periods the total of a metric was outside the 90 per cent interval that the newest fit
-- before each period had forecast. Unknown as long as fewer periods were scored.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads forecast.series, .scores, .runs.

WITH forecast_of_period AS (
    SELECT DISTINCT ON (scores.period)
        series.dataset, series.metric, scores.period, scores.actual, scores.is_within_90, scores.point
    FROM forecast.series AS series
    INNER JOIN forecast.scores AS scores ON series.series_id = scores.series_id
    INNER JOIN forecast.runs AS run ON scores.run_id = run.run_id
    WHERE series.dataset = %(dataset)s AND series.metric = %(metric)s AND series.grain = %(grain)s
        AND series.level = '[]'::jsonb AND scores.actual IS NOT NULL
        AND scores.period > %(moment)s::date - 400
        AND (
            %(past)s::timestamptz IS NULL
            OR (scores.period + ('1 ' || %(grain)s)::interval <= %(past)s AND run.issued_at <= %(past)s)
        )
    ORDER BY scores.period DESC, scores.run_id DESC
    LIMIT %(over)s
)

SELECT
    jsonb_build_object('dataset', %(dataset)s::text, 'metric', %(metric)s::text) AS labels,
    CASE WHEN count(*) = %(over)s THEN (count(*) FILTER (WHERE NOT is_within_90))::double precision END AS value,
    jsonb_build_array(
        'In {outside} of the last {periods} periods, {metric} of {dataset} was outside the 90 %% interval of its forecast',
        NULL,
        jsonb_build_object(
            'outside', count(*) FILTER (WHERE NOT is_within_90), 'periods', count(*), 'metric', %(metric)s::text,
            'dataset', %(dataset)s::text
        )
    ) AS summary,
    coalesce(jsonb_agg(jsonb_build_array(
        jsonb_build_array('{on:day}', NULL, jsonb_build_object('on', period)),
        jsonb_build_array(
            '{actual}, forecast {point}', NULL,
            jsonb_build_object('actual', actual, 'point', round(point::numeric, 1))
        )
    ) ORDER BY period), '[]') AS facts,
    '/forecasts?forecast=' || %(dataset)s::text || '.' || %(metric)s::text || '.' || %(grain)s::text AS page
FROM forecast_of_period
WHERE %(most)s > 0;
