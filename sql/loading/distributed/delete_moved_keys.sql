-- Deletes the keys of records that a merge has moved to another place: they are written again with that.
-- No rows.
-- Reads the rows that the merge concerned, writes the table of keys.

DELETE FROM {keys} AS existing
USING (
    SELECT {identity} FROM {held} WHERE "_file_id" IS NOT NULL AND {distributed_by}::text <> "_column" OFFSET 0
) AS changed
WHERE ({existing_identity}) = ({changed_identity})
