-- Counts the references of some columns of a raw table to the records of another.
-- One row per file with references: file, references, those whose record is there.
-- Reads both tables.

SELECT referring.file_id, count(*), count({found})
FROM {table} AS referring
LEFT JOIN {target} AS target ON {is_target}
WHERE {is_given}
GROUP BY referring.file_id
