-- Finds the days of a dataset's records that a refresh computed anew.
-- One row per day, as far as the batches of that refresh are kept.
-- Reads ingest.batches, ingest.files.

SELECT DISTINCT unnest(batch.stale_days) AS day
FROM ingest.batches AS batch
JOIN ingest.files AS file USING (file_id)
WHERE batch.refreshed_as = %(version)s AND file.dataset = %(dataset)s
ORDER BY day
