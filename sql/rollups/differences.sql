-- Counts the rows in which a rollup differs from what a full recompute would make of it.
-- One row: their number.
-- Reads the rollup and the raw tables that it sums up.

WITH stored AS (
    SELECT * FROM {table} WHERE {days}
),
computed AS (
    {recomputed}
),
too_many AS (
    SELECT * FROM stored
    EXCEPT ALL
    SELECT * FROM computed
),
lacking AS (
    SELECT * FROM computed
    EXCEPT ALL
    SELECT * FROM stored
)
SELECT (SELECT count(*) FROM too_many) + (SELECT count(*) FROM lacking)
