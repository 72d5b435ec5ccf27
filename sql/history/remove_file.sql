-- Deletes the superseded records of a file. What its records had superseded may count for longer now.
-- No rows.
-- Writes the superseded records.

DELETE FROM {history} WHERE file_id = {file_id};
UPDATE {history} SET {successor} = {no_file} WHERE {successor} = {file_id}
