-- Adds up the records of a dataset's newest files (all if most is NULL), and finds files that do not balance.
-- One row: files, records by what became of them, unbalanced files and one of them.
-- Reads ingest.files.

WITH newest AS (
    SELECT *, records_read <> records_loaded + records_superseded + records_rejected AS is_unbalanced
    FROM ingest.files
    WHERE dataset = %(dataset)s
    ORDER BY file_id DESC
    LIMIT %(most)s::bigint
)
SELECT
    count(*) AS files,
    coalesce(sum(records_read), 0)::bigint AS records_read,
    coalesce(sum(records_loaded), 0)::bigint AS records_loaded,
    coalesce(sum(records_superseded), 0)::bigint AS records_superseded,
    coalesce(sum(records_rejected), 0)::bigint AS records_rejected,
    count(*) FILTER (WHERE is_unbalanced) AS unbalanced_files,
    min(path) FILTER (WHERE is_unbalanced) AS example
FROM newest;
