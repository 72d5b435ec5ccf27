-- Lists which fields that the contract does not know a dataset's newest files brought.
-- One row per file that was loaded to its end, the last registered first: path, fields.
-- Reads ingest.files.

SELECT path, unknown_fields
FROM ingest.files
WHERE dataset = %(dataset)s AND state = 'loaded' AND records_read > 0
ORDER BY file_id DESC
LIMIT %(most)s;
