-- The staged rows of a range as the merge reads them: of two with the same key, the one registered last.
-- One row per key.
-- Reads the staged documents, inside the function that `isolate` makes.

SELECT DISTINCT ON ({given_key}) {columns}
FROM {documents} AS documents
CROSS JOIN LATERAL json_populate_record(null::{table}, documents.document) AS given
WHERE documents.ordinal BETWEEN {first_row} AND {last_row}
ORDER BY {given_key}, given.file_id DESC, given.record_no DESC
