-- Keeps the rows that a merge overwrites: a part of the statement of loading/merge.sql.
-- No rows.
-- Reads the merge's part `due`, writes the table of superseded records.

INSERT INTO {history} ({all_columns}, {successor})
SELECT {existing_values}, file_id FROM due WHERE existing_at IS NOT null
