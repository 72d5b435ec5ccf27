-- Adds to a rollup of values what further records contribute: numbers of records are added, registers become the greater.
-- One row: how many rows were changed, and how many were added.
-- Reads pg_temp.fresh, the further records, and the raw table of the dataset that dates them, if one does.

WITH added AS MATERIALIZED (
    {contribution}
),
changed AS (
    UPDATE {table} AS stored
    SET {state} = {merged}
    FROM added
    WHERE {which_stored} AND stored.{value} = added.{value} AND {same_group} AND {changes}
    RETURNING 1
),
inserted AS (
    INSERT INTO {table} ({columns})
    SELECT {columns}
    FROM added
    WHERE NOT EXISTS (
        SELECT FROM {table} AS stored
        WHERE {which_stored} AND stored.{value} = added.{value} AND {same_group}
    )
    RETURNING 1
)
SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM inserted)
