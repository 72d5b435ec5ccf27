-- Finds the days on which an analytics table is not what its recompute is.
-- One row per such day: rows that only the table has, rows that only the recompute has, one of either.
-- Reads the analytics table and the recompute, both for the days given (all where full).

WITH stored AS (
    SELECT * FROM {table} WHERE %(full)s OR day = ANY(%(days)s)
),
recomputed AS (
    {recomputed}
),
surplus AS (
    SELECT * FROM stored
    EXCEPT ALL
    SELECT * FROM recomputed
),
missing AS (
    SELECT * FROM recomputed
    EXCEPT ALL
    SELECT * FROM stored
),
differing AS (
    SELECT day, true AS is_stored, left(to_jsonb(surplus)::text, 1000) AS content FROM surplus
    UNION ALL
    SELECT day, false, left(to_jsonb(missing)::text, 1000) FROM missing
)
SELECT
    day,
    count(*) FILTER (WHERE is_stored) AS only_stored,
    count(*) FILTER (WHERE NOT is_stored) AS only_recomputed,
    min(content) FILTER (WHERE is_stored) AS stored_example,
    min(content) FILTER (WHERE NOT is_stored) AS recomputed_example
FROM differing
GROUP BY day
ORDER BY day;
