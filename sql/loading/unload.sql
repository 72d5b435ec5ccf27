-- Deletes the rows of a file from its raw table. Notes for the next refresh the days that lost rows, or the keys of the
-- dataset that dates this one. Adds one row per 10,000 days or keys to ingest.batches.
-- One row: the number of rows deleted.
-- Reads and writes the raw table, writes ingest.batches.

WITH removed AS (
    DELETE FROM {table} WHERE file_id = %(file_id)s RETURNING {dated_by} AS touched
),
counted AS (
    -- In parts of a bounded size: a file of millions of rows may refer to as many keys.
    SELECT touched, count(*) AS records, (row_number() OVER (ORDER BY touched) - 1) / 10000 AS part
    FROM removed
    GROUP BY touched
),
noted AS (
    INSERT INTO ingest.batches (file_id, records, stale_days, stale_keys, merged)
    SELECT %(file_id)s, sum(records), {stale_days}, {stale_keys}, false
    FROM counted
    GROUP BY part
    RETURNING records
)
SELECT coalesce(sum(records), 0)::bigint FROM noted
