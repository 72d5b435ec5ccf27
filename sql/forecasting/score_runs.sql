-- Sums up how right the forecasts of some periods were, by fit, level and step.
-- Reads forecast.scores, writes forecast.accuracy.

INSERT INTO forecast.accuracy (
    run_id, level, step, series, actual, error, absolute, naive_absolute, first_absolute, within_80, within_90,
    interval_score
)
SELECT
    run_id,
    level,
    step,
    count(*),
    sum(abs(actual)),
    sum(error),
    sum(abs(error)),
    sum(abs(naive_error)),
    coalesce(sum(abs(first_error)), 0),
    count(*) FILTER (WHERE is_within_80),
    count(*) FILTER (WHERE is_within_90),
    sum(interval_score)
FROM forecast.scores
WHERE series_id = ANY(%(series)s) AND period = ANY(%(periods)s::date[])
GROUP BY run_id, level, step
ON CONFLICT (run_id, level, step) DO UPDATE
SET series = excluded.series,
    actual = excluded.actual,
    error = excluded.error,
    absolute = excluded.absolute,
    naive_absolute = excluded.naive_absolute,
    first_absolute = excluded.first_absolute,
    within_80 = excluded.within_80,
    within_90 = excluded.within_90,
    interval_score = excluded.interval_score;
