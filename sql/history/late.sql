-- Keeps the records that a merge finds superseded as they arrive: a part of the statement of loading/merge.sql.
-- No rows.
-- Reads the merge's part `compared`, writes the table of superseded records.

INSERT INTO {history} ({columns}, {successor})
SELECT {columns}, existing_file_id FROM compared
WHERE NOT "_is_due" AND (existing_file_id, existing_record_no) <> (file_id, record_no)
