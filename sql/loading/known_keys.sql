-- Looks up a sample of keys, given as a JSON array of objects of texts, in the raw table.
-- One row: whether it has one of them.
-- Reads the raw table by its key.

WITH sampled AS (
    SELECT * FROM json_populate_recordset(null::{table}, %(sample)s::json)
)

SELECT coalesce(bool_or(({existing_key}) IS NOT NULL), false)
FROM sampled
LEFT JOIN {table} AS existing -- noqa: AL05
    ON ({existing_key}) = ({sampled_key})
