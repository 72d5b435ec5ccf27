-- Finds the loaded files of a dataset of which more records were rejected than LOGISTICS_WARN_REJECTS allows.
-- One row per file, the most rejects first: path, records read, rejected; in every row the number of these files and
-- the records of all loaded files, read and rejected. One row without a path if there is no such file.
-- Reads ingest.files.

WITH current_files AS (
    SELECT
        path,
        records_read,
        records_rejected,
        records_rejected > 0 AND CASE
            WHEN %(warn_records)s::bigint IS NULL
                THEN 100 * records_rejected > %(warn_per_cent)s::numeric * records_read
            ELSE records_rejected > %(warn_records)s::bigint
        END AS has_many
    FROM ingest.files AS file
    WHERE dataset = %(dataset)s AND state = 'loaded'
        AND NOT EXISTS (
            SELECT FROM ingest.files AS newer
            WHERE newer.path = file.path AND newer.version > file.version
        )
),

totals AS (
    SELECT
        count(*) FILTER (WHERE has_many) AS files,
        coalesce(sum(records_read), 0)::bigint AS all_read,
        coalesce(sum(records_rejected), 0)::bigint AS all_rejected
    FROM current_files
),

worst AS (
    SELECT path, records_read, records_rejected
    FROM current_files
    WHERE has_many
    ORDER BY records_rejected DESC, path
    LIMIT %(most)s
)

SELECT worst.path, worst.records_read, worst.records_rejected, totals.files, totals.all_read, totals.all_rejected
FROM totals
LEFT JOIN worst ON true
ORDER BY worst.records_rejected DESC, worst.path;
