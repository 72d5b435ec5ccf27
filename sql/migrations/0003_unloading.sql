-- Lets a file's rows be taken out again, and a load be asked for: ingest.mends; a state and columns of files; batches.
-- One row per mended record of a file that was taken out, until a load of the file has put it back.
-- Written by logistics_pipeline.loading.unload, .retrying and .loading; the file sensor reads what is asked for.

ALTER TABLE ingest.files
    DROP CONSTRAINT files_state_check,
    ADD CONSTRAINT files_state_check
        CHECK (state IN ('registered', 'loading', 'loaded', 'failed', 'unrecognised', 'unloaded')),
    ADD CONSTRAINT nothing_of_an_unloaded_file CHECK (state <> 'unloaded' OR records_read = 0),
    ADD COLUMN is_reload_due boolean NOT NULL DEFAULT false,
    ADD COLUMN retry_requested_at timestamptz;
COMMENT ON COLUMN ingest.files.is_reload_due IS 'Rows of a file registered later were taken out that may have taken keys from this one: its next load begins anew';
COMMENT ON COLUMN ingest.files.retry_requested_at IS 'When somebody asked for a load (`logistics retry`); NULL again when it has begun';

-- A file that is loaded again commits batches up to the same records once more. That none is counted twice is kept by the
-- file's account, which a batch can only move on from where it began.
ALTER TABLE ingest.batches DROP CONSTRAINT one_batch_per_checkpoint;
CREATE INDEX batches_by_file ON ingest.batches (file_id);
COMMENT ON TABLE ingest.batches IS 'One row per committed batch of a file: rows, rejects and checkpoint went in with it; or rejects of it that a replay accepted; or rows of it that were taken out';
COMMENT ON COLUMN ingest.batches.last_record IS 'Number of the last record of the batch, counted from 1 in the file; NULL for a replay, and for what was taken out';

-- No reference to ingest.files: what is remembered here outlives whatever else is cleared away of a file.
CREATE TABLE ingest.mends (
    file_id   integer NOT NULL,
    record_no bigint NOT NULL,
    raw       bytea NOT NULL,
    mended    bytea NOT NULL,
    PRIMARY KEY (file_id, record_no)
);
COMMENT ON TABLE ingest.mends IS 'Rejects that a person had mended when their file was taken out: the next load of it puts them back';
COMMENT ON COLUMN ingest.mends.raw IS 'The record as it stood in the file, byte for byte: a mend is of this text and of no other';
COMMENT ON COLUMN ingest.mends.mended IS 'The record that went in instead, as JSON';
