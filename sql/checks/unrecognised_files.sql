-- Finds the files in the raw folder that belong to no dataset, and so are in no table and no figure.
-- One row per file, the last one first: path, error; and how many there are.
-- Reads ingest.files, by its indexes.

SELECT path, error, count(*) OVER () AS files
FROM ingest.files AS file
WHERE state = 'unrecognised' AND dismissed_at IS NULL
    AND NOT EXISTS (
        SELECT FROM ingest.files AS newer
        WHERE newer.path = file.path AND newer.version > file.version
    )
ORDER BY file_id DESC
LIMIT %(most)s;
