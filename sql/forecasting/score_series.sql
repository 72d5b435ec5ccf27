-- Sums up how right all forecasts of some periods were, by series and period.
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
)
UPDATE forecast.actuals
SET forecasts = scored.forecasts,
    error = scored.error,
    absolute = scored.absolute,
    naive_absolute = scored.naive_absolute,
    within_80 = scored.within_80,
    within_90 = scored.within_90,
    interval_score = scored.interval_score
FROM scored
WHERE actuals.series_id = scored.series_id AND actuals.period = scored.period;
