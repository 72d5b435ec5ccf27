-- Writes the keys of records that a merge has added, or moved to another place.
-- No rows.
-- Reads the rows that the merge concerned, writes the table of keys.

INSERT INTO {keys} ({key_columns})
SELECT {key_columns} FROM {held}
WHERE "_file_id" IS NULL OR {distributed_by}::text <> "_column"
