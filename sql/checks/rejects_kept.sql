-- Finds files of which the ledger keeps fewer or more rejects than it has counted.
-- One row per such file among the newest (all if most is NULL): path, rejects counted, rejects kept.
-- Reads ingest.files, and of ingest.rejects as many records per file as most_rejects allows (NULL: all).

WITH newest AS (
    SELECT file_id, path, records_rejected
    FROM ingest.files
    WHERE dataset = %(dataset)s
        AND (%(most_rejects)s::bigint IS NULL OR records_rejected <= %(most_rejects)s::bigint)
    ORDER BY file_id DESC
    LIMIT %(most)s::bigint
)
SELECT path, records_rejected, kept.records
FROM newest
CROSS JOIN LATERAL (
    SELECT count(*) AS records
    FROM ingest.rejects
    WHERE rejects.file_id = newest.file_id AND resolved_at IS NULL
) AS kept
WHERE records_rejected <> kept.records
ORDER BY path;
