-- Makes a text per dataset that changes whenever one of its files fails, fails again or is corrected.
-- One row per dataset that has failed files.
-- Reads ingest.files, by its indexes.

SELECT dataset, md5(string_agg(concat_ws(' ', file_id, finished_at), ',' ORDER BY file_id))
FROM ingest.files AS file
WHERE state = 'failed' AND dismissed_at IS NULL
    AND NOT EXISTS (
        SELECT FROM ingest.files AS newer
        WHERE newer.path = file.path AND newer.version > file.version
    )
GROUP BY dataset;
