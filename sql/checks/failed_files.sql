-- Finds the files of a dataset that stay failed until somebody does something: the newest version of each is failed.
-- One row per file, the last one first: path, version, error; and how many there are.
-- Reads ingest.files, by its indexes.

SELECT path, version, error, count(*) OVER () AS files
FROM ingest.files AS file
WHERE state = 'failed' AND dismissed_at IS NULL AND dataset = %(dataset)s
    AND NOT EXISTS (
        SELECT FROM ingest.files AS newer
        WHERE newer.path = file.path AND newer.version > file.version
    )
ORDER BY file_id DESC
LIMIT %(most)s;
