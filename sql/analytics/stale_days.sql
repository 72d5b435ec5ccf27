-- Finds the days that the waiting batches of a dataset made stale, where records hold their day themselves.
-- One row per day.
-- Reads ingest.batches, ingest.files.

SELECT DISTINCT unnest(batch.stale_days) AS day
FROM ingest.batches AS batch
JOIN ingest.files AS file USING (file_id)
WHERE batch.refreshed_as IS NULL AND file.dataset = {name}
