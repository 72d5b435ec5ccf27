-- Deletes the keys of a file's records, before the records are deleted.
-- No rows.
-- Reads the distributed table, writes the table of keys.

DELETE FROM {keys} AS existing
USING (SELECT {identity} FROM {table} WHERE file_id = {file_id} OFFSET 0) AS removed
WHERE ({existing_identity}) = ({removed_identity})
