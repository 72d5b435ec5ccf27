-- Counts the rows of a distributed table that a merge has overwritten.
-- One row.
-- Reads the rows that the merge concerned.

SELECT count(*) FROM {held} WHERE (file_id, record_no) <> ("_file_id", "_record_no")
