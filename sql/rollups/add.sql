-- Adds to a rollup of values what has changed: numbers of records by which there are more or fewer, or further registers,
-- of which the greater one stays. A value that no record has any more goes.
-- One row: how many rows were changed, added and removed.
-- Reads pg_temp.added, which has been computed before: what new records contribute, or values that come and go.

WITH found AS MATERIALIZED (
    SELECT
        added.*,
        stored.ctid AS {place},
        stored.{state} AS {before},
        {merged} AS {now}
    FROM {added} AS added
    LEFT JOIN {table} AS stored ON {which_stored} AND stored.{value} = added.{value} AND {same_group}
),
changed AS (
    UPDATE {table} AS stored
    SET {state} = found.{now}
    FROM found
    WHERE {which_stored} AND stored.ctid = found.{place} AND found.{now} <> 0 AND found.{now} <> found.{before}
    RETURNING 1
),
removed AS (
    DELETE FROM {table} AS stored
    USING found
    WHERE {which_stored} AND stored.ctid = found.{place} AND found.{now} = 0
    RETURNING 1
),
inserted AS (
    INSERT INTO {table} ({columns})
    SELECT {columns}
    FROM found
    WHERE {place} IS NULL AND {now} <> 0
    RETURNING 1
)
SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM inserted), (SELECT count(*) FROM removed)
