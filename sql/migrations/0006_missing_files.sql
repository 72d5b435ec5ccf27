-- Lets the ledger tell files that were not there from files at fault: ingest.files.is_missing.
-- Written by logistics_pipeline.ledger; read by the file sensor, which loads them when they are back.

ALTER TABLE ingest.files ADD COLUMN is_missing boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN ingest.files.is_missing IS 'The file was gone when it was to be loaded: it is loaded when it is found again';
COMMENT ON COLUMN ingest.files.attempts IS 'Loads begun for this version since it last got on by a batch; back to 0 when one of them comes to an end';
