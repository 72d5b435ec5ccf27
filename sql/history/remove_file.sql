-- Deletes the superseded records of a file.
-- No rows.
-- Writes the superseded records.

DELETE FROM {history} WHERE file_id = %(file_id)s
