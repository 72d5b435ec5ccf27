-- Finds the files of shipments with batches that no refresh has included yet.
-- One row per file.
-- Reads ingest.batches, ingest.files.

SELECT DISTINCT file_id
FROM ingest.batches
JOIN ingest.files USING (file_id)
WHERE batches.refreshed_as IS NULL AND batches.last_record IS NOT NULL AND files.dataset = 'shipments';
