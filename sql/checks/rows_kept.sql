-- Finds files whose rows in the raw table are not as many as the ledger says.
-- One row per such file: path (NULL if the ledger has none), rows by the ledger, rows in the table.
-- Reads the whole raw table once, and ingest.files.

WITH kept AS (
    SELECT file_id, count(*) AS row_count FROM {table} GROUP BY file_id
),
accounts AS (
    SELECT file_id, path, records_loaded FROM ingest.files WHERE dataset = %(dataset)s
)
SELECT path, coalesce(records_loaded, 0), coalesce(row_count, 0)
FROM accounts
FULL JOIN kept USING (file_id)
WHERE coalesce(records_loaded, 0) <> coalesce(row_count, 0)
ORDER BY path;
