-- Writes the rows that a merge has added or overwritten to their nodes.
-- No rows.
-- Reads the rows that the merge concerned, writes the distributed table.

INSERT INTO {table} ({columns})
SELECT {columns} FROM {held}
WHERE "_file_id" IS NULL OR (file_id, record_no) <> ("_file_id", "_record_no")
