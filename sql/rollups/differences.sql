-- Counts the rows in which a rollup differs from what a full recompute would make of it.
-- One row: their number.
-- Reads the rollup and the raw tables that it sums up.

WITH stored AS (
    SELECT * FROM {table} WHERE {days}
),
computed AS (
    {computed}
)
SELECT (SELECT count(*) FROM (SELECT * FROM stored EXCEPT ALL SELECT * FROM computed) AS too_many)
     + (SELECT count(*) FROM (SELECT * FROM computed EXCEPT ALL SELECT * FROM stored) AS lacking)
