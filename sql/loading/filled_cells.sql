-- Counts the cells with a value of a raw table.
-- One row per file with rows: file, the counts in the order of the columns.
-- Reads the whole raw table.

SELECT file_id, ARRAY[{counts}] FROM {table} GROUP BY file_id
