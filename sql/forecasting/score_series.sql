-- Sums up how right all forecasts of some periods were, by series and period; nothing where the actual is not known any more.
-- Reads forecast.scores, writes forecast.actuals.

WITH scored AS (
    SELECT
        series_id,
        period,
        count(*) AS forecasts,
        sum(error) AS error,
        sum(abs(error)) AS absolute,
        sum(abs(naive_error)) AS naive_absolute,
        count(*) FILTER (WHERE is_within_80) AS within_80,
        count(*) FILTER (WHERE is_within_90) AS within_90,
        sum(interval_score) AS interval_score
    FROM forecast.scores
    WHERE series_id = ANY(%(series)s) AND period = ANY(%(periods)s::date[])
    GROUP BY series_id, period
),
asked AS (
    SELECT series_id, period
    FROM forecast.actuals
    WHERE series_id = ANY(%(series)s) AND period = ANY(%(periods)s::date[])
)
UPDATE forecast.actuals
SET forecasts = coalesce(scored.forecasts, 0),
    error = coalesce(scored.error, 0),
    absolute = coalesce(scored.absolute, 0),
    naive_absolute = coalesce(scored.naive_absolute, 0),
    within_80 = coalesce(scored.within_80, 0),
    within_90 = coalesce(scored.within_90, 0),
    interval_score = coalesce(scored.interval_score, 0)
FROM asked
LEFT JOIN scored ON asked.series_id = scored.series_id AND asked.period = scored.period
WHERE actuals.series_id = asked.series_id AND actuals.period = asked.period;
