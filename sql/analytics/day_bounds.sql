-- Finds days that divide the records of a dataset into parts of about the same size.
-- One row per part but the last one, in order: its last day, the first day of the next part.
-- Reads some blocks of the raw table, whose records hold their day themselves.

SELECT DISTINCT
    bound::text AS last_day,
    (bound + 1)::text AS next_day,
    bound
FROM (
    SELECT unnest(percentile_disc({shares}::double precision[]) WITHIN GROUP (ORDER BY {day})) AS bound
    FROM {table} TABLESAMPLE SYSTEM ({percent}) REPEATABLE (0)
) AS found
WHERE bound IS NOT NULL
ORDER BY bound
