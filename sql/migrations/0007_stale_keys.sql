-- Renames ingest.batches.stale_logs: what dates a dataset is a relation of its contract, not always a log.

ALTER TABLE ingest.batches RENAME COLUMN stale_logs TO stale_keys;
COMMENT ON COLUMN ingest.batches.stale_keys IS 'Keys of the dataset that dates this one whose records lost a row of this batch or, by a replay, gained one: the refresh turns them into days, then empties this';
