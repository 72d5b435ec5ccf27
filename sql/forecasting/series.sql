-- Finds series, and makes those that were never forecast.
-- One row per series asked for, in that order: ID, width, the newest period that has adapted it, since when it is set
-- back to seasonal naive.
-- Reads and writes forecast.series.

WITH asked AS (
    SELECT level::jsonb AS level, key::jsonb AS key, is_rest, number
    FROM unnest(%(levels)s::text[], %(keys)s::text[], %(rests)s::boolean[])
        WITH ORDINALITY AS given (level, key, is_rest, number)
),
made AS (
    INSERT INTO forecast.series AS known (dataset, metric, grain, level, key, is_rest)
    SELECT %(dataset)s, %(metric)s, %(grain)s, level, key, is_rest
    FROM asked
    ON CONFLICT (dataset, metric, grain, level, key, is_rest) DO UPDATE SET width = known.width
    RETURNING series_id, level, key, is_rest, width, scored_until, naive_since
)
SELECT made.series_id, made.width, made.scored_until, made.naive_since
FROM asked
INNER JOIN made ON made.level = asked.level AND made.key = asked.key AND made.is_rest = asked.is_rest
ORDER BY asked.number;
