-- Moves values from extras to the column of their field, in rows that are where they were found.
-- No rows.
-- Reads and writes the raw table.

UPDATE {table} AS existing
SET {field} = moved.value::{type}, extras = nullif(existing.extras - %(name)s, '{{}}'::jsonb)
FROM unnest(%(places)s::tid[], %(files)s::int[], %(numbers)s::bigint[], %(values)s::text[])
    AS moved (place, file_id, record_no, value)
WHERE existing.ctid = moved.place  -- on a cluster, other nodes have other rows in that place
    AND existing.file_id = moved.file_id AND existing.record_no = moved.record_no
