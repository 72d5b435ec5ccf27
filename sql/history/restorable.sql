-- Finds the records that get their keys back when a file is removed: of each key that the file has, the one registered
-- last of all others. Makes a table of them, which lasts as long as the transaction.
-- One row per key.
-- Reads the raw table and the superseded records.

CREATE TEMPORARY TABLE {restored} ON COMMIT DROP AS
SELECT DISTINCT ON ({key}) older.* -- noqa: AM04
FROM {table} AS removed
INNER JOIN {history} AS older USING ({identity})
WHERE removed.file_id = {file_id} AND older.file_id <> {file_id}
ORDER BY {key}, older.file_id DESC, older.record_no DESC
