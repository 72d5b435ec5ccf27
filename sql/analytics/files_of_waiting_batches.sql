-- Finds the files whose rows batches wrote, brought back or removed that wait for a refresh.
-- One row per file: its identifier.
-- Reads ingest.batches, ingest.files.

SELECT DISTINCT file_id
FROM ingest.batches AS batch
JOIN ingest.files AS file USING (file_id)
WHERE batch.refreshed_as IS NULL AND file.dataset = %(dataset)s
