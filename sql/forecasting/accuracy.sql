-- Returns how right the newest forecasts of a dataset are: in their back-test, and over the last periods that came true;
-- with %(past)s, those that had been issued, and the periods that were over, at an earlier moment.
-- One row per metric, grain and level: metric, grain, fields of the level, its back-test as JSON, forecasts scored in the
-- last periods (%(periods)s: how many, by grain, as JSON), sum of actuals, of absolute errors, of those of seasonal naive, within the central 90 per cent.
-- Reads forecast.runs, .accuracy.

WITH newest AS (
    SELECT DISTINCT ON (metric, grain, levels) run_id, metric, grain, levels, backtest, last_period
    FROM forecast.runs
    WHERE dataset = %(dataset)s AND (%(past)s::timestamptz IS NULL OR issued_at <= %(past)s)
    ORDER BY metric, grain, levels, run_id DESC
),
tracked AS (
    SELECT
        newest.run_id,
        accuracy.level,
        sum(accuracy.series) AS series,
        sum(accuracy.actual) AS actual,
        sum(accuracy.absolute) AS absolute,
        sum(accuracy.naive_absolute) AS naive_absolute,
        sum(accuracy.within_90) AS within_90
    FROM newest
    INNER JOIN forecast.runs AS runs
        ON runs.dataset = %(dataset)s AND newest.metric = runs.metric AND newest.grain = runs.grain
        AND newest.levels = runs.levels
    INNER JOIN forecast.accuracy AS accuracy ON runs.run_id = accuracy.run_id
    WHERE forecast.period_after(runs.last_period, runs.grain, accuracy.step)
        > forecast.period_after(newest.last_period, newest.grain, -(%(periods)s::jsonb ->> newest.grain)::integer)
        AND (
            %(past)s::timestamptz IS NULL
            OR (
                runs.issued_at <= %(past)s
                AND forecast.period_after(runs.last_period, runs.grain, accuracy.step + 1) <= %(past)s::date
            )
        )
    GROUP BY newest.run_id, accuracy.level
)
SELECT
    newest.metric,
    newest.grain,
    levels.fields,
    newest.backtest -> (levels.number - 1)::integer AS backtest,
    coalesce(tracked.series, 0) AS series,
    tracked.actual,
    tracked.absolute,
    tracked.naive_absolute,
    tracked.within_90
FROM newest
CROSS JOIN LATERAL jsonb_array_elements(newest.levels) WITH ORDINALITY AS levels (fields, number)
LEFT JOIN tracked ON newest.run_id = tracked.run_id AND tracked.level = levels.number - 1
ORDER BY newest.metric, newest.grain, levels.number;
