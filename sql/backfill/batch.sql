-- Finds the next rows with a value of a column in extras. In the order in which merges lock them.
-- One row per record.
-- Reads the raw table.

SELECT ctid::text, file_id, record_no, (extras -> %(name)s)::text, {identity}
FROM {table}
WHERE extras ? %(name)s AND {field} IS NULL AND {is_after}
ORDER BY {identity}
LIMIT %(rows)s
