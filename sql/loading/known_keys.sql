-- Looks up a sample of keys, given as a JSON array of objects of texts, in the raw table.
-- One row: whether it has one of them.
-- Reads the raw table by its key.

SELECT coalesce(bool_or(found.is_known), false)
FROM json_populate_recordset(null::{table}, %(sample)s::json) AS sampled
CROSS JOIN LATERAL (
    SELECT true AS is_known FROM {table} AS existing WHERE ({existing_key}) = ({sampled_key}) LIMIT 1
) AS found
