-- Moves values from extras to the column of their field. The rows are locked, so they are where they were found.
-- No rows.
-- Reads and writes the raw table.

UPDATE {table} AS existing
SET {field} = moved.value::{type}, extras = nullif(existing.extras - %(name)s, '{{}}'::jsonb)
FROM unnest(%(places)s::tid[], %(values)s::text[]) AS moved (place, value)
WHERE existing.ctid = moved.place
