-- Lists all values of a column that are kept in extras: they tell how each file writes them.
-- One row per record that has one.
-- Reads the raw table, or that of superseded records.

SELECT file_id, record_no, (extras -> %(name)s)::text
FROM {table}
WHERE extras ? %(name)s
