-- What a merge adds where superseded records are kept: the rows that it overwrites, and those that arrive too late.
-- No rows of their own: parts of the statement of loading/merge.sql.
-- Reads its parts `due` and `compared`, writes the table of superseded records.

, overwritten AS (
    INSERT INTO {history} ({all_columns})
    SELECT {existing_values} FROM due WHERE existing_at IS NOT null
),
late AS (
    INSERT INTO {history} ({columns})
    SELECT {columns} FROM compared
    WHERE NOT "_is_due" AND (existing_file_id, existing_record_no) <> (file_id, record_no)
)
