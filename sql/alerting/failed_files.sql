-- Finds the files whose newest version is failed, and that nobody has dismissed.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads ingest.files, by its indexes.

SELECT
    jsonb_build_object('dataset', dataset, 'file', path) AS labels,
    1::double precision AS value,
    CASE
        WHEN error IS NULL THEN jsonb_build_array('{file} has failed', NULL, jsonb_build_object('file', path))
        ELSE jsonb_build_array('{file} has failed: {reason}', NULL, jsonb_build_object('file', path, 'reason', error))
    END AS summary,
    jsonb_build_array(
        jsonb_build_array('File', path),
        jsonb_build_array('Dataset', dataset),
        jsonb_build_array('Records loaded before', records_loaded),
        jsonb_build_array('Attempts', attempts)
    ) AS facts,
    '/pipeline?file=' || file_id AS page
FROM ingest.files AS file
WHERE state = 'failed' AND dismissed_at IS NULL AND dataset IS NOT NULL
    AND (%(dataset)s::text IS NULL OR dataset = %(dataset)s)
    AND NOT EXISTS (
        SELECT FROM ingest.files AS newer
        WHERE newer.path = file.path AND newer.version > file.version
    )
ORDER BY file_id DESC
LIMIT %(most)s;
