-- Locks the rows that the staged ones will overwrite and counts them by the file they came from.
-- One row per file: file_id, rows.
-- Reads the raw table and its staging table.

-- Locked in the order of the key, so that two merges meet each other in the same order.
WITH locked AS MATERIALIZED (
    SELECT existing.file_id
    FROM {table} AS existing
    JOIN {stage} AS staged USING ({key})
    WHERE (existing.file_id, existing.record_no) < (staged.file_id, staged.record_no)
    ORDER BY {key}
    FOR UPDATE OF existing
)
SELECT file_id, count(*) FROM locked GROUP BY file_id ORDER BY file_id
