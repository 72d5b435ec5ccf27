-- Finds the datasets of which batches wait for a refresh, with their files.
-- One row per dataset: its name, the files whose rows such batches wrote (one that was unloaded has none).
-- Reads ingest.batches, ingest.files.

SELECT file.dataset, coalesce(array_agg(DISTINCT file.file_id) FILTER (WHERE batch.last_record IS NOT NULL), '{}')
FROM ingest.batches AS batch
JOIN ingest.files AS file USING (file_id)
WHERE batch.refreshed_as IS NULL
GROUP BY file.dataset
