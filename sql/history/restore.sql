-- Moves records back into the raw table. Notes for the next refresh the days that gain rows, or the keys of the dataset
-- that dates this one, with the file of each.
-- One row per file: its number, how many records, and by column how many cells have a value.
-- Reads the table that restorable.sql made, writes the raw table, the superseded records and ingest.batches.

WITH taken AS (
    DELETE FROM {history} AS older USING {restored} AS restored
    WHERE (older.file_id, older.record_no) = (restored.file_id, restored.record_no) AND ({older_key}) = ({restored_key})
),
returned AS (
    INSERT INTO {table} ({columns}) SELECT {columns} FROM {restored}
    RETURNING file_id, {dated_by} AS touched, ARRAY[{had_values}]::boolean[] AS had_values
),
counted AS (
    SELECT file_id, touched, count(*) AS records,
        (row_number() OVER (PARTITION BY file_id ORDER BY touched) - 1) / 10000 AS part
    FROM returned
    GROUP BY file_id, touched
),
noted AS (
    INSERT INTO ingest.batches (file_id, records, stale_days, stale_keys, merged)
    SELECT file_id, sum(records), {stale_days}, {stale_keys}, true
    FROM counted
    GROUP BY file_id, part
)
SELECT file_id, count(*), ARRAY[{filled}]::bigint[] AS filled
FROM returned
GROUP BY file_id
ORDER BY file_id
