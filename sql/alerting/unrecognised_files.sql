-- Finds the files that belong to no dataset, and that nobody has dismissed.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads ingest.files, by its indexes.

SELECT
    jsonb_build_object('file', path) AS labels,
    1::double precision AS value,
    CASE
        WHEN error IS NULL
            THEN jsonb_build_array(
                '{file} belongs to no dataset: its name matches none', NULL, jsonb_build_object('file', path)
            )
        ELSE jsonb_build_array(
            '{file} belongs to no dataset: {reason}', NULL, jsonb_build_object('file', path, 'reason', error)
        )
    END AS summary,
    jsonb_build_array(
        jsonb_build_array('File', path),
        jsonb_build_array('Bytes', size_bytes)
    ) AS facts,
    '/pipeline?file=' || file_id AS page
FROM ingest.files AS file
WHERE state = 'unrecognised' AND dismissed_at IS NULL
    AND NOT EXISTS (
        SELECT FROM ingest.files AS newer
        WHERE newer.path = file.path AND newer.version > file.version
    )
ORDER BY file_id DESC
LIMIT %(most)s;
