-- Merges the staged rows into the raw table: the record registered last wins its key.
-- One row per file written (file_id) and, of updated rows, per file overwritten (overwritten_file_id) and old dating value
-- of rows whose dating value changed (touched): their number. One more row, without either: how many there should be.
-- Where nobody has confirmed the key, one row per file without file_id: the staged rows that have the key of a row of
-- that file (overwritten_file_id) and other values, whichever of the two wins.
-- Then one row per file written and per file overwritten, both as file_id: the cells with a value that it gains or, as
-- negative numbers, loses, by column (filled).
-- Keeps superseded records where the dataset wants that: see history/overwritten.sql and history/late.sql.
-- Reads the staged rows (one per key) and the raw table.

WITH compared AS MATERIALIZED (
    SELECT staged.*, existing.ctid AS existing_at, existing.file_id AS existing_file_id,
           {touched} AS touched,
           {had_values} AS had_values,
           {is_due} AS "_is_due",  -- no field begins with an underscore
           {is_conflict} AS "_is_conflict"{existing_row}
    FROM {stage} AS staged
    LEFT JOIN {table} AS existing ON ({existing_key}) = ({staged_key})
    WHERE {is_compared}
    ORDER BY {staged_key}  -- two merges lock the same rows in the same order
),
due AS NOT MATERIALIZED (
    SELECT * FROM compared WHERE "_is_due"
),
updated AS (
    -- By its position: a row that another loader has changed since is no longer there, which the counts reveal.
    UPDATE {table} AS existing SET {assignments}
    FROM due
    WHERE existing.ctid = due.existing_at
    RETURNING due.file_id, due.existing_file_id, due.touched
),
inserted AS (
    INSERT INTO {table} ({columns})
    SELECT {columns} FROM due WHERE existing_at IS NULL
    RETURNING file_id
)
{superseding}
SELECT file_id, existing_file_id AS overwritten_file_id, count(*), touched, NULL::bigint[] AS filled
FROM updated GROUP BY file_id, existing_file_id, touched
UNION ALL
SELECT file_id, NULL, count(*), NULL, NULL FROM inserted GROUP BY file_id
UNION ALL
SELECT NULL, NULL, count(*), NULL, NULL FROM due
UNION ALL
SELECT file_id, NULL, 0, NULL, ARRAY[{gained}] FROM due GROUP BY file_id
UNION ALL
SELECT existing_file_id, NULL, 0, NULL, ARRAY[{lost}] FROM due
WHERE existing_at IS NOT NULL
GROUP BY existing_file_id
UNION ALL
SELECT NULL, existing_file_id, count(*), NULL, NULL FROM compared
WHERE "_is_conflict"
GROUP BY existing_file_id
