-- Deletes the rows of a distributed table that a merge has overwritten, as they were when they were looked up.
-- No rows.
-- Reads the rows that the merge concerned, writes the distributed table.

DELETE FROM {table} AS existing
USING (
    SELECT {identity}, "_file_id", "_record_no"
    FROM {held}
    WHERE (file_id, record_no) <> ("_file_id", "_record_no") OFFSET 0
) AS changed
WHERE ({existing_identity}) = ({changed_identity})
    AND existing.file_id = changed."_file_id" AND existing.record_no = changed."_record_no"
