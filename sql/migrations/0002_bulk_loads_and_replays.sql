-- Lets bulk loads set indexes aside, and rejects be replayed: ingest.dropped_indexes; columns of files, batches, rejects.
-- One row per index that waits to be built again.
-- Written by logistics_pipeline.loading (indexes, replaying); read by the migration, which builds what is missing.

CREATE TABLE ingest.dropped_indexes (
    table_name text NOT NULL,
    index_name text NOT NULL,
    definition text NOT NULL,
    dropped_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (table_name, index_name)
);

COMMENT ON TABLE ingest.dropped_indexes IS 'One row per secondary index that a bulk load has dropped and not built again yet; written in the transaction that drops it';
COMMENT ON COLUMN ingest.dropped_indexes.definition IS 'The statement that builds it, from pg_get_indexdef';

ALTER TABLE ingest.files ADD COLUMN layout jsonb;
COMMENT ON COLUMN ingest.files.layout IS 'What it takes to read a rejected record by itself: {"kind": "elements" | "lines" | "objects" | "csv"}, of CSV also delimiter, newline, names, header. NULL while nothing of the file is loaded';
-- Of the CSV files loaded before nobody knows the header any more: their rejects are mended by hand.
UPDATE ingest.files
SET layout = jsonb_build_object('kind', CASE
    WHEN starts_with(format, 'json array') THEN 'elements'
    WHEN starts_with(format, 'json objects') THEN 'objects'
    ELSE 'lines'
END)
WHERE starts_with(format, 'json') OR starts_with(format, 'ndjson');

ALTER TABLE ingest.rejects
    ADD COLUMN resolved_at timestamptz,
    ADD COLUMN mended bytea,
    ADD CONSTRAINT only_resolved_are_mended CHECK (mended IS NULL OR resolved_at IS NOT NULL);
COMMENT ON COLUMN ingest.rejects.resolved_at IS 'When a replay accepted it; its file then counts it as loaded or superseded, no longer as rejected';
COMMENT ON COLUMN ingest.rejects.mended IS 'The record that went in instead, as JSON, where it was mended by hand';

-- A replay commits batches too, which end at no checkpoint.
ALTER TABLE ingest.batches
    DROP CONSTRAINT batches_pkey,
    ALTER COLUMN last_record DROP NOT NULL,
    ADD COLUMN batch_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ADD CONSTRAINT one_batch_per_checkpoint UNIQUE (file_id, last_record);
COMMENT ON TABLE ingest.batches IS 'One row per committed batch of a file: rows, rejects and checkpoint went in with it; or rejects of it that a replay accepted';
COMMENT ON COLUMN ingest.batches.last_record IS 'Number of the last record of the batch, counted from 1 in the file; NULL for a replay';
COMMENT ON COLUMN ingest.batches.stale_logs IS 'Logs that this batch took shipments from, or, as a replay, gave them to: the refresh dates them, then empties this';
