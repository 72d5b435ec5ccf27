-- Lists which fields that the contract does not know a dataset's newest files brought.
-- One row per file that was loaded to its end, in the order of registration: path, fields, whether it is new these days.
-- Reads ingest.files.

SELECT path, unknown_fields, coalesce(finished_at > clock_timestamp() - make_interval(days => %(days)s), false)
FROM (
    SELECT file_id, path, unknown_fields, finished_at
    FROM ingest.files
    WHERE dataset = %(dataset)s AND state = 'loaded' AND records_read > 0
    ORDER BY file_id DESC
    LIMIT %(most)s
) AS newest
ORDER BY file_id;
