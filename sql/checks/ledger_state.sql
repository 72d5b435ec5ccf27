-- Makes a text per dataset that changes whenever one of its files fails, fails again or is corrected.
-- One row per dataset that has failed files, and one named `no dataset` if there are unrecognised files.
-- Reads ingest.files, by its indexes.

SELECT coalesce(dataset, 'no dataset'), md5(string_agg(concat_ws(' ', file_id, finished_at), ',' ORDER BY file_id))
FROM ingest.files AS file
WHERE state IN ('failed', 'unrecognised') AND dismissed_at IS NULL
    AND NOT EXISTS (
        SELECT FROM ingest.files AS newer
        WHERE newer.path = file.path AND newer.version > file.version
    )
GROUP BY 1;
