-- Deletes the rows of the raw table that staged rows supersede: those with an equal key that were registered earlier.
-- One row per file that they come from (file_id) and old dating value of rows whose dating value changes (touched): their
-- number, and the cells with a value that the file loses, by column, as negative numbers (lost).
-- Reads the staged rows (one per key); logistics_pipeline.loading.write.replacing copies these into the table afterwards.

WITH gone AS (
    DELETE FROM {table} AS existing
    USING (SELECT {columns} FROM {stage} ORDER BY {key}) AS staged  -- two loaders lock the same rows in the same order
    WHERE ({existing_key}) = ({staged_key})
    AND (existing.file_id, existing.record_no) < (staged.file_id, staged.record_no)
    RETURNING existing.file_id, {touched} AS touched, {had_values} AS had_values
)

SELECT file_id, touched, count(*), ARRAY[{lost}] AS lost
FROM gone
GROUP BY file_id, touched
