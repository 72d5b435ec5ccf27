-- Changes the rows of a rollup of values by what the rows of pg_temp.added add to them.
-- One row per group and value that both have: a number of records, or the content of a register that has become greater.
-- Reads pg_temp.added.

UPDATE {table} AS stored
SET {state} = {merged}
FROM pg_temp.added
WHERE {which_stored} AND stored.{value} = added.{value} AND {same_group} AND {changes}
