-- Adds to a raw table the column for values of columns that the contract does not know, unless it has it.
-- One row per key.
-- Filled by logistics_pipeline.loading.

ALTER TABLE {table} ADD COLUMN IF NOT EXISTS extras jsonb;
COMMENT ON COLUMN {table}.extras IS 'Values of columns that the contract does not know, by the names these have in the file';
