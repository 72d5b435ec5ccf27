-- Merges the staged rows into the raw table: the record registered last wins its key.
-- Returns one row: rows inserted, rows overwritten.
-- Reads the staging table; the raw rows that will be overwritten are locked already (overwritten.sql).

WITH merged AS (
    INSERT INTO {table} AS existing
    SELECT * FROM {stage} ORDER BY {key}
    ON CONFLICT ({key}) DO UPDATE SET {assignments}
    WHERE (existing.file_id, existing.record_no) < (excluded.file_id, excluded.record_no)
    RETURNING xmax = 0 AS is_new
)
SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM merged
