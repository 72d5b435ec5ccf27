-- Adds to a rollup of values the rows of pg_temp.added that it has none for.
-- One row per group and value.
-- Reads pg_temp.added.

INSERT INTO {table} ({columns})
SELECT {columns}
FROM pg_temp.added
WHERE NOT EXISTS (
    SELECT FROM {table} AS stored
    WHERE {which_stored} AND stored.{value} = added.{value} AND {same_group}
)
