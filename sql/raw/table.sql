-- Makes the raw table of a dataset from its contract.
-- One row per key: the record that was registered last. Without a key one row per record.
-- Filled by logistics_pipeline.loading.

CREATE TABLE IF NOT EXISTS {table} (
    {column_definitions},
    file_id   integer NOT NULL,
    record_no bigint NOT NULL,
    PRIMARY KEY ({identity})
);

COMMENT ON TABLE {table} IS {description};
COMMENT ON COLUMN {table}.file_id IS 'The file (ingest.files) that the row came from';
COMMENT ON COLUMN {table}.record_no IS 'The number of the record in that file, from 1';
