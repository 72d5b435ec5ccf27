-- The staged rows, of several with an equal key the one registered last: 1 and 1.0 are one key of numbers.
-- One row per key.
-- Reads the staging table, or whatever rows are given instead.

SELECT DISTINCT ON ({key}) {columns}
FROM {stage}
ORDER BY {key}, file_id DESC, record_no DESC
