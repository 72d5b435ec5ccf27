-- Counts the references of a column of a raw table to the records of another.
-- One row per file with references: file, references, those whose record is there.
-- Reads both tables.

SELECT referring.file_id, count(*), count(target.{key})
FROM {table} AS referring
LEFT JOIN {target} AS target ON target.{key} = referring.{field}
WHERE referring.{field} IS NOT NULL
GROUP BY referring.file_id
